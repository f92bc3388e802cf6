//! Typed reads: what the farm's own logic asks of history. Pages for others are in `query/`.

mod blame;
mod build;
mod buildset;
mod change;
mod claim;
mod configuration;
mod event;
mod notification;
mod parse;
mod past;
mod paused;
mod request;
mod token;
mod unwanted;
mod usual;
mod worker;

pub use buildset::Buildset;
pub use event::Glimpse;
pub(crate) use event::newest_seq_of;
pub use notification::Notification;
pub use past::{Past, PastBuild, PastRequest};
pub use request::LastTry;
pub use token::{Remembered, Token};
pub use unwanted::Unwanted;

#[cfg(test)]
pub(crate) mod statements {
    //! Every statement of the typed reads, for the SQL lint.

    pub(crate) const ALL: &[&[(&str, &str)]] = &[
        super::blame::STATEMENTS,
        super::build::STATEMENTS,
        super::buildset::STATEMENTS,
        super::change::STATEMENTS,
        super::claim::STATEMENTS,
        super::configuration::STATEMENTS,
        super::event::STATEMENTS,
        super::notification::STATEMENTS,
        super::past::STATEMENTS,
        super::paused::STATEMENTS,
        super::request::STATEMENTS,
        super::token::STATEMENTS,
        super::unwanted::STATEMENTS,
        super::usual::STATEMENTS,
        super::worker::STATEMENTS,
    ];
}
