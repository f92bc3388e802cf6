//! Typed reads: what the farm's own logic asks of history. Pages for others are in `query/`.

mod build;
mod buildset;
mod change;
mod claim;
mod configuration;
mod event;
mod parse;
mod past;
mod paused;
mod request;
mod token;
mod usual;
mod worker;

pub use buildset::Buildset;
pub(crate) use event::newest_seq_of;
pub use past::{Past, PastBuild, PastRequest};
pub use request::LastTry;
pub use token::{Remembered, Token};

#[cfg(test)]
pub(crate) mod statements {
    //! Every statement of the typed reads, for the SQL lint.

    pub(crate) const ALL: &[&[(&str, &str)]] = &[
        super::build::STATEMENTS,
        super::buildset::STATEMENTS,
        super::change::STATEMENTS,
        super::claim::STATEMENTS,
        super::configuration::STATEMENTS,
        super::event::STATEMENTS,
        super::past::STATEMENTS,
        super::paused::STATEMENTS,
        super::request::STATEMENTS,
        super::token::STATEMENTS,
        super::usual::STATEMENTS,
        super::worker::STATEMENTS,
    ];
}
