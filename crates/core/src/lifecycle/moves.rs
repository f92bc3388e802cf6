//! The transition tables.

use crate::words::{BuildState, ClaimState, RequestState, StepState, WorkerState};

/// One legal move and what causes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move<S: 'static> {
    /// The state before.
    pub from: S,
    /// The state after.
    pub to: S,
    /// What brings it about, in words.
    pub cause: &'static str,
}

const fn from<S: Copy>(from: S, to: S, cause: &'static str) -> Move<S> {
    Move { from, to, cause }
}

/// A request begins `pending`.
pub static REQUEST: &[Move<RequestState>] = {
    use RequestState::{Claimed, Collapsed, Complete, Pending};
    &[
        from(
            Pending,
            Claimed,
            "matched with a worker and offered to it; or its lost build came back",
        ),
        from(Pending, Collapsed, "folded into a newer request that builds the same"),
        from(Pending, Complete, "cancelled while it waited"),
        from(
            Claimed,
            Pending,
            "the offer was refused, withdrawn or timed out; or its build was lost or is retried",
        ),
        from(Claimed, Complete, "its build finished, or it was cancelled"),
        from(Collapsed, Complete, "the request it was folded into completed"),
        from(Collapsed, Pending, "the request it was folded into was cancelled alone"),
    ]
};

/// A claim begins `offered`; its first answer is its last.
pub static CLAIM: &[Move<ClaimState>] = {
    use ClaimState::{Accepted, Expired, Offered, Refused, Withdrawn};
    &[
        from(Offered, Accepted, "the worker took it: the build is created and numbered"),
        from(
            Offered,
            Withdrawn,
            "the farm took it back: cancelled, or the old attempt's worker returned",
        ),
        from(Offered, Refused, "the worker said no"),
        from(Offered, Expired, "nobody answered before its deadline"),
    ]
};

/// A build begins `running`, when its worker accepts it.
pub static BUILD: &[Move<BuildState>] = {
    use BuildState::{Cancelling, Finished, Gathering, Lost, Running};
    &[
        from(Running, Cancelling, "somebody said stop"),
        from(Running, Gathering, "its last step ended; locks are free, bytes still come in"),
        from(Running, Lost, "its worker stayed away for longer than its grace"),
        from(Running, Finished, "its worker came back without it, or a deadline passed"),
        from(Cancelling, Gathering, "its processes are dead and its `always` steps ended"),
        from(Cancelling, Finished, "its worker does not have it, or the deadline passed"),
        from(Gathering, Lost, "its worker stayed away for longer than its grace"),
        from(Gathering, Finished, "its bytes are stored; or it was cancelled, or they never came"),
        from(Lost, Running, "its worker came back with it before a retry was accepted"),
        from(Lost, Gathering, "the same, and its steps had ended"),
        from(
            Lost,
            Finished,
            "a retry was accepted, its worker came back without it, somebody gave it up, or the \
             deadline passed",
        ),
    ]
};

/// A step begins `running`; a skipped one begins, and stays, `finished`.
pub static STEP: &[Move<StepState>] = {
    use StepState::{Finished, Running, Waiting};
    &[
        from(Waiting, Running, "it got the locks it takes, and is sent to the worker"),
        from(Waiting, Finished, "it got none in time, or its build ended"),
        from(Running, Finished, "it ended, or its worker was lost"),
    ]
};

/// A worker begins `offline`, when the farm first meets it.
pub static WORKER: &[Move<WorkerState>] = {
    use WorkerState::{Offline, Ready, Resetting};
    &[
        from(Offline, Ready, "its session began"),
        from(Ready, Offline, "its session ended"),
        from(Ready, Resetting, "all its slots are empty and it is to be reset"),
        from(Offline, Resetting, "it went away before it could be reset"),
        from(Resetting, Offline, "the reset ended; one that succeeded lets a new session begin"),
    ]
};
