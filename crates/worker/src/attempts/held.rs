//! One attempt that a worker holds, and how far it is.

use std::collections::{BTreeMap, VecDeque};

use steading_wire::worker::{Attempt, BuildId, ClaimId, Ending, Next, Report, ToMaster};

use super::effect::Effect;
use crate::spool::{Begin, StepBegin};
use crate::workspace;

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    Accepted,
    /// `last`: the master wants no more steps after this one.
    Running {
        number: i64,
        last: bool,
    },
    Between {
        number: i64,
    },
    Finishing,
    Gathered,
    /// Nobody wants it any more; its process is dying and still needs the workspace.
    Dropped,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub(super) claim: ClaimId,
    pub(super) builder: String,
    pub(super) slot: i64,
    /// The machine was started anew since: its workspace may lack what was written last.
    pub(super) stale: bool,
    pub(super) build: BuildId,
    /// The newest step the master asked for.
    pub(super) asked: i64,
    /// How steps ended that the master may not have heard of.
    pub(super) reports: BTreeMap<i64, Report>,
    /// What follows when the step that runs goes well.
    pub(super) then: VecDeque<Next>,
    pub(super) state: State,
}

impl Held {
    /// Begins a step; on a machine that was started anew it ends at once.
    pub(super) fn start(&mut self, attempt: Attempt, next: Next, boot: &str) -> Effect {
        let Next { number, primitive } = next;
        if self.stale {
            let report = restarted();
            self.state = State::Between { number };
            self.then.clear();
            self.reports.insert(number, report.clone());
            return Effect::Say(ToMaster::StepDone { attempt, number, report });
        }
        self.state = State::Running { number, last: false };
        let then = self.then.iter().cloned().collect();
        let (build, ahead) = (self.build, number > self.asked);
        let begin = Begin {
            attempt,
            claim: self.claim,
            builder: self.builder.clone(),
            slot: self.slot,
            boot: boot.to_owned(),
            step: Some(StepBegin { build, number, primitive, then, ahead }),
        };
        Effect::Start { begin, workspace: self.workspace() }
    }

    /// The newest step that was begun, 0 before the first; absent when no more are wanted.
    pub(super) fn newest(&self) -> Option<i64> {
        match self.state {
            State::Accepted => Some(0),
            State::Between { number } | State::Running { number, last: false } => Some(number),
            _ => None,
        }
    }

    /// Whether its workspace is still needed.
    pub(super) fn needs_slot(&self) -> bool {
        !matches!(self.state, State::Finishing | State::Gathered)
    }

    /// The name of its workspace.
    pub(super) fn workspace(&self) -> String {
        workspace::name(&self.builder, self.slot)
    }
}

/// The end of a step for which there is no workspace to be trusted.
pub(super) fn restarted() -> Report {
    let text = "the worker's machine was started anew: what the build left there is not safe";
    Report {
        ending: Ending::Infrastructure { code: "machine_restarted".into(), text: text.into() },
        exit: None,
        logs: Vec::new(),
        stderr_tail: String::new(),
    }
}
