//! What follows from what a worker hears, as values; and what it finds of its past.

use std::collections::BTreeMap;

use steading_wire::worker::{Attempt, Report, ToMaster};

use crate::spool::Begin;

/// What the shell has to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Write down that an attempt was accepted, before anybody is told.
    Keep(Begin),
    /// Tell the master.
    Say(ToMaster),
    /// Carry a step out: a process by the slot's shepherd, anything else here.
    Start {
        /// Whose step, on which slot, and what to do.
        begin: Begin,
        /// Where: the name of the workspace.
        workspace: String,
    },
    /// End the step that runs.
    Kill(Attempt),
    /// The master knows of the attempt's steps up to this one: their logs may be sent, and what is
    /// before it is not needed any more.
    Send(Attempt, i64),
    /// Delete what is spooled.
    Forget(Attempt),
}

/// What was found of an attempt that an earlier daemon held.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Known {
    /// It was accepted, and nothing was begun.
    Accepted,
    /// A step runs on.
    Runs,
    /// A step was begun by the earlier daemon itself and must begin again.
    Again,
    /// Its newest step ended.
    Ended(Box<Report>),
}

/// An attempt that an earlier daemon held.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Earlier {
    /// Its newest step.
    pub(crate) begin: Begin,
    /// How far that is.
    pub(crate) known: Known,
    /// How steps before it ended, those that are still on disk.
    pub(crate) reports: BTreeMap<i64, Report>,
    /// The newest step that the master asked for, rather than one that was run ahead.
    pub(crate) asked: i64,
}
