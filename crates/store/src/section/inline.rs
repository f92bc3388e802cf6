//! Sections on the runtime that opened the store instead of threads of its own: then one seed
//! decides the order of everything. For simulations; a farm runs on threads.

use std::sync::Arc;
use std::time::Duration;

use crate::Error;

/// Where the sections of a store run.
#[derive(Clone, Default)]
pub enum Run {
    /// On threads of the store's own.
    #[default]
    Threads,
    /// In turn with the other tasks of the runtime; at each place the hook says what happens.
    Inline(Hook),
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Run::Threads => "Threads",
            Run::Inline(_) => "Inline",
        })
    }
}

/// Asked at each place what happens there.
pub type Hook = Arc<dyn Fn(Place<'_>) -> Fate + Send + Sync>;

/// Where something may happen to a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// A read section is about to run.
    Read,
    /// Sections wait, and the writer is about to take all of them up.
    Waiting,
    /// The section at this index of its group is about to run.
    Section(&'a [&'static str], usize),
    /// Every section of the group has run, and none is committed.
    Commit(&'a [&'static str]),
    /// The group is committed, and nobody knows.
    Reply(&'a [&'static str]),
}

/// What happens there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Go,
    /// It goes on later (while a read or the writer waits only).
    Later(Duration),
    /// The process dies here: nothing of this store ever goes on.
    Die,
    /// The engine refuses the commit (before it only).
    Fail(Error),
}

/// Waits as the hook says. A process that died waits for ever.
pub(super) async fn pass(hook: &Hook, place: Place<'_>) {
    match hook(place) {
        Fate::Go | Fate::Fail(_) => {}
        Fate::Later(wait) => tokio::time::sleep(wait).await,
        Fate::Die => std::future::pending().await,
    }
}
