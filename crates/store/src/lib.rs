//! History and archive: everything the farm knows, and the only place that may write it.
//!
//! Reading happens in read sections (`Store::read`) over connections the engine itself holds
//! read-only. Writing happens in write sections (`Store::write`): short synchronous closures over a
//! `Write`, run one after the other by a single thread, all or nothing, answered after the commit.
//! What a section can do is the list of operations in `ops/`; each writes its events in the same
//! section, so no state changes without its event.
//!
//! What is deliberately absent: SQL in any public signature, and any way to write a table of
//! history other than the two primitives in `ops/row.rs`.

pub mod archive;
pub mod audit;
mod error;
mod follow;
#[cfg(test)]
mod lint;
mod migrations;
mod off_thread;
mod ops;
mod query;
mod reads;
mod section;
mod sql;

pub use error::{BadQuery, Error, OpenError};
pub use follow::{Ended, Follow, Followed, Present};
pub use off_thread::off_thread;
pub use ops::{
    Acceptance, CancelBuild, CancelRequest, ConfigurationText, FAULTS_MAX, LockNeed, LogEnd, Lost,
    NewArtifact, NewBuildset, NewChange, NewClaim, NewFault, NewNotification, NewRequest, NewStep,
    NewToken, Next, Recovered, Returned, Submitted, TOGETHER_CODE,
};
pub use query::{Filter, LIMIT_DEFAULT, LIMIT_MAX, Lent, Op, Order, Page, Query, Row};
pub use reads::{
    Buildset, Glimpse, LastTry, Notification, Past, PastBuild, PastRequest, Remembered, Token,
    Unwanted,
};
pub use section::{
    Clock, Fate, Hook, Options, Place, Read, Reader, Run, SectionStats, Stats, Store, Write,
};
