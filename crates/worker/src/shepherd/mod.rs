//! The shepherd: a process per slot that runs what steps run, and outlives the worker's daemon.
//!
//! The worker starts its own program under the name `steading-shepherd`, which is decided before
//! anything else. Such a process is one of two:
//!
//! * `steading-shepherd slot DIR` tends one slot, as long as it has a step or a daemon that is
//!   connected. It captures output into the spool, keeps limits, and answers [`ToShepherd`] with
//!   [`FromShepherd`] on a socket in its directory.
//! * `steading-shepherd` alone, an errand, runs one command after another for whoever started it (a
//!   slot's shepherd, or the daemon for git): it adopts every process a command leaves behind, ends
//!   the whole tree when told to, *or when whoever started it dies*, and says how the command
//!   ended.
//!
//! So a command dies with its slot's shepherd, whatever session or environment it moved to; what
//! an errand itself leaves when it is killed falls to its shepherd; and what both leave carries a
//! mark in its environment, by which the daemon finds it.

mod aside;
mod ending;
mod environ;
mod errand;
mod hand;
mod job;
mod kernel;
mod ladder;
mod link;
mod lock;
mod message;
mod names;
mod program;
mod reaper;
mod run;
mod running;
mod slot;
mod sweep;
mod tree;

pub(crate) use ending::{LADDER_MAX, Why, judge};
pub(crate) use job::{Answer, END, Job, Verdict, read_frame, to_frame};
pub(crate) use kernel::send_with;
pub(crate) use link::{connect, take, to_bytes};
pub(crate) use lock::{holder, is_free};
pub use message::{FromShepherd, SHEPHERD_PROTOCOL, StepJob, ToShepherd};
pub(crate) use program::identity;
pub use run::main;
pub(crate) use sweep::{MARK, sweep};
pub(crate) use tree::end_session;

/// What the shepherd of a slot holds for itself, in the slot's directory.
pub(crate) const LOCK: &str = "lock";
/// What errands share while anything of theirs may live.
pub(crate) const ERRANDS: &str = "errands";
