//! Every write of the farm, one file per noun. Each operation writes its events in the same
//! section.
//!
//! An operation checks what it relies on against the tables of `core::lifecycle` and against stored
//! facts; when those have moved on it answers `Error::Stale` and changes nothing worth keeping (the
//! section is undone).

mod artifact;
mod blame;
mod build;
mod buildset;
mod change;
mod claim;
mod configuration;
mod fault;
mod finish;
mod idempotency;
mod limits;
mod log;
mod lost;
mod notification;
mod pause;
mod recover;
mod request;
mod reset;
mod row;
mod step;
mod timer;
mod token;
mod worker;

pub use artifact::NewArtifact;
pub use blame::TOGETHER_CODE;
pub use build::{Acceptance, CancelBuild};
pub use buildset::{NewBuildset, NewRequest, Submitted};
pub use change::NewChange;
pub use claim::{LockNeed, NewClaim};
pub use configuration::ConfigurationText;
pub use fault::{FAULTS_MAX, NewFault};
pub use finish::Next;
pub use log::LogEnd;
pub use lost::{Lost, Returned};
pub use notification::NewNotification;
pub use recover::Recovered;
pub use request::CancelRequest;
pub(crate) use row::Param;
pub use step::NewStep;
pub use token::NewToken;

#[cfg(test)]
pub(crate) mod statements {
    //! Every statement of the operations, for the SQL lint.

    pub(crate) use super::row::generated;

    pub(crate) const ALL: &[&[(&str, &str)]] = &[
        super::artifact::STATEMENTS,
        super::blame::STATEMENTS,
        super::build::STATEMENTS,
        super::change::STATEMENTS,
        super::claim::STATEMENTS,
        super::configuration::STATEMENTS,
        super::fault::STATEMENTS,
        super::finish::STATEMENTS,
        super::idempotency::STATEMENTS,
        super::limits::STATEMENTS,
        super::log::STATEMENTS,
        super::lost::STATEMENTS,
        super::notification::STATEMENTS,
        super::pause::STATEMENTS,
        super::recover::STATEMENTS,
        super::request::STATEMENTS,
        super::reset::STATEMENTS,
        super::row::STATEMENTS,
        super::step::STATEMENTS,
        super::timer::STATEMENTS,
        super::token::STATEMENTS,
        super::worker::STATEMENTS,
    ];
}
