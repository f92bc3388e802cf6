//! Changes come in: one poller per repository, over mirrors kept with the `git` command, and what
//! people tell by `steading change`. A name is made a full revision here, before any buildset
//! exists.

mod commit;
mod git;
mod mirror;
mod poll;
mod poller;
mod resolve;

pub use commit::Commit;
pub use git::GitError;
pub use mirror::{Heads, Mirror, Mirrors};
pub use poller::run;
pub use resolve::{ResolveError, resolve};

pub(crate) use poll::{poll, tell};

#[cfg(test)]
mod tests;
