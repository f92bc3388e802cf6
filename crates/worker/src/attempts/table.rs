//! The attempts a worker holds, as a state machine without any I/O: messages in, effects out.
//!
//! ```text
//! offer ─▶ accepted ─run─▶ running ─ended─▶ between ─run─▶ running …
//!                              └──────── finish ─▶ finishing ─bytes safe─▶ gathered ─drop─▶ gone
//! ```
//!
//! A step that goes well is followed at once by the next one the master named with it, also while
//! the master is away: the worker *runs ahead*. The master hears the ends in its own time; the logs
//! of a step are sent once it has asked for that step.
//!
//! Every message may come twice, also much later: what is known already is said again or ignored.
//! What must outlive this process is written down by [`Effect::Keep`] and by whoever carries out
//! [`Effect::Start`]; [`Table::restore`] begins from what is found there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use steading_wire::worker::{
    Attempt, BuildId, ClaimId, Ending, Next, Reason, Report, ToMaster, ToWorker,
};

use super::effect::{Earlier, Effect, Known};
use super::held::{Held, State};
use crate::spool::Begin;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    boot: String,
    slots: i64,
    stopping: bool,
    held: BTreeMap<Attempt, Held>,
}

impl Table {
    /// Nothing held yet, on a machine that was started under this identifier.
    #[must_use]
    pub(crate) fn new(boot: String) -> Table {
        Table { boot, ..Table::default() }
    }

    /// Holds again what an earlier daemon held.
    pub(crate) fn restore(&mut self, earlier: Earlier) -> Vec<Effect> {
        let Earlier { begin, known, mut reports, asked } = earlier;
        let number = begin.number();
        let state = match &known {
            Known::Accepted => State::Accepted,
            Known::Runs | Known::Again => State::Running { number, last: false },
            Known::Ended(_) => State::Between { number },
        };
        if let Known::Ended(report) = &known {
            reports.insert(number, (**report).clone());
        }
        let step = begin.step.as_ref().filter(|_| !matches!(known, Known::Ended(_)));
        let held = Held {
            claim: begin.claim,
            builder: begin.builder.clone(),
            slot: begin.slot,
            // Also one that was only accepted, as far as is known: that a step began is on disk
            // only once it ended.
            stale: begin.boot != self.boot,
            build: begin.step.as_ref().map_or(BuildId(0), |step| step.build),
            asked,
            reports: reports.split_off(&asked),
            then: step.map(|step| step.then.clone().into()).unwrap_or_default(),
            state,
        };
        let (attempt, workspace) = (begin.attempt, held.workspace());
        self.held.insert(attempt, held);
        let mut effects = vec![Effect::Send(attempt, asked)];
        if known == Known::Again {
            effects.push(Effect::Start { begin, workspace });
        }
        effects
    }

    /// What the master says, and what follows from it.
    pub(crate) fn on_message(&mut self, message: ToWorker) -> Vec<Effect> {
        match message {
            ToWorker::Welcome { slots, drop, .. } => {
                self.slots = slots;
                let dropped: Vec<Effect> = drop.into_iter().flat_map(|a| self.forget(a)).collect();
                dropped.into_iter().chain(self.say_again()).collect()
            }
            ToWorker::Offer { claim, attempt, builder } => self.offer(claim, attempt, builder),
            ToWorker::Run { attempt, build, number, primitive, then } => {
                self.run(attempt, build, Next { number, primitive }, then)
            }
            ToWorker::Halt { attempt } => self.halt(attempt),
            ToWorker::Cancel { attempt } => self.cancel(attempt),
            ToWorker::Finish { attempt } => self.finish(attempt),
            ToWorker::Drop { attempt } => self.forget(attempt),
            ToWorker::Rejected { .. } | ToWorker::Restarting | ToWorker::Stop => Vec::new(),
        }
    }

    /// What was accepted could not be written down: it is not held, and the offer goes back.
    pub(crate) fn on_unkept(&mut self, attempt: Attempt, why: &str) -> Vec<Effect> {
        let Some(held) = self.held.remove(&attempt) else { return Vec::new() };
        let reason = Reason::new("spool_failed", format!("the worker cannot write it down: {why}"));
        vec![Effect::Say(ToMaster::Refused { claim: held.claim, reason })]
    }

    /// A step ended. One that went well is followed by what the master said comes then.
    pub(crate) fn on_step_ended(
        &mut self,
        attempt: Attempt,
        number: i64,
        report: Report,
    ) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        match held.state {
            State::Running { number: runs, .. } if runs != number => Vec::new(),
            State::Running { last: true, .. } => {
                held.state = State::Finishing;
                Vec::new()
            }
            State::Running { .. } => {
                held.state = State::Between { number };
                held.reports.insert(number, report.clone());
                let went_well = report.ending == Ending::Exited { code: 0 };
                let mut effects = vec![Effect::Say(ToMaster::StepDone { attempt, number, report })];
                match held.then.pop_front().filter(|_| went_well) {
                    Some(next) => effects.push(held.start(attempt, next, &self.boot)),
                    None => held.then.clear(),
                }
                effects
            }
            State::Dropped => {
                self.held.remove(&attempt);
                vec![Effect::Forget(attempt)]
            }
            _ => Vec::new(),
        }
    }

    /// Whose last bytes are safe is gathered; `has_bytes` says who still has some.
    pub(crate) fn gather(&mut self, has_bytes: impl Fn(Attempt) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (attempt, held) in &mut self.held {
            if held.state == State::Finishing && !has_bytes(*attempt) {
                held.state = State::Gathered;
                effects.push(Effect::Say(ToMaster::Gathered { attempt: *attempt }));
            }
        }
        effects
    }

    /// An attempt is given up without a word: its processes were ended with the worker.
    pub(crate) fn abandon(&mut self, attempt: Attempt) {
        self.held.remove(&attempt);
    }

    /// The worker takes nothing more.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }

    /// What it holds, for the master to compare.
    #[must_use]
    pub(crate) fn held(&self) -> Vec<Attempt> {
        let wanted = self.held.iter().filter(|(_, held)| held.state != State::Dropped);
        wanted.map(|(attempt, _)| *attempt).collect()
    }

    /// The workspaces that are in use, or will be.
    #[must_use]
    pub(crate) fn workspaces(&self) -> BTreeSet<String> {
        self.held.values().filter(|held| held.needs_slot()).map(Held::workspace).collect()
    }

    /// Whether anything is left that only this worker can bring to its end.
    #[must_use]
    pub(crate) fn is_idle(&self) -> bool {
        self.held.values().all(|held| held.state == State::Gathered)
    }

    /// Whether bytes of ended builds are still on their way.
    #[must_use]
    pub(crate) fn is_sending(&self) -> bool {
        self.held.values().any(|held| held.state == State::Finishing)
    }

    /// What the master may not have heard.
    fn say_again(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (&attempt, held) in &self.held {
            let done = |(number, report): (&i64, &Report)| {
                let (number, report) = (*number, report.clone());
                Effect::Say(ToMaster::StepDone { attempt, number, report })
            };
            match &held.state {
                State::Accepted => {
                    let claim = held.claim;
                    effects.push(Effect::Say(ToMaster::Accepted { number: 0, claim, attempt }));
                }
                State::Between { .. } | State::Running { last: false, .. } => {
                    effects.extend(held.reports.iter().map(done));
                }
                State::Gathered => effects.push(Effect::Say(ToMaster::Gathered { attempt })),
                State::Running { .. } | State::Finishing | State::Dropped => {}
            }
        }
        effects
    }

    fn offer(&mut self, claim: ClaimId, attempt: Attempt, builder: String) -> Vec<Effect> {
        let refuse = |code: &str, text: &str| {
            vec![Effect::Say(ToMaster::Refused { claim, reason: Reason::new(code, text) })]
        };
        if let Some(held) = self.held.get(&attempt) {
            return match held.state {
                State::Dropped => refuse("dropped", "the worker was told to drop this attempt"),
                _ => vec![Effect::Say(ToMaster::Accepted { number: 0, claim, attempt })],
            };
        }
        if self.stopping {
            return refuse("stopping", "the worker stops and takes nothing more");
        }
        let Some(slot) = self.free_slot() else {
            return refuse("no_slot", "every slot of the worker is in use");
        };
        let boot = self.boot.clone();
        let begin = Begin { attempt, claim, builder: builder.clone(), slot, boot, step: None };
        let held = Held {
            claim,
            builder,
            slot,
            stale: false,
            build: BuildId(0),
            asked: 0,
            reports: BTreeMap::new(),
            then: VecDeque::new(),
            state: State::Accepted,
        };
        self.held.insert(attempt, held);
        vec![Effect::Keep(begin), Effect::Say(ToMaster::Accepted { number: 0, claim, attempt })]
    }

    /// The lowest slot whose workspace nobody uses.
    fn free_slot(&self) -> Option<i64> {
        let in_use = self.held.values().filter(|held| held.needs_slot());
        let used: BTreeSet<i64> = in_use.map(|held| held.slot).collect();
        (1..=self.slots).find(|slot| !used.contains(slot))
    }

    /// The master asks for a step, and knows how all before it ended.
    fn run(
        &mut self,
        attempt: Attempt,
        build: BuildId,
        next: Next,
        then: Vec<Next>,
    ) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        let number = next.number;
        let Some(newest) = held.newest().filter(|_| number >= held.asked) else {
            return Vec::new();
        };
        if then.is_empty() {
            // Perhaps it was cancelled since the worker was told what follows.
            held.then.clear();
        }
        held.build = build;
        held.asked = number;
        held.reports = held.reports.split_off(&number);
        let mut effects = vec![Effect::Send(attempt, number)];
        if let Some(report) = held.reports.get(&number).cloned() {
            effects.push(Effect::Say(ToMaster::StepDone { attempt, number, report }));
        } else if number > newest && matches!(held.state, State::Accepted | State::Between { .. }) {
            held.then = then.into();
            effects.push(held.start(attempt, next, &self.boot));
        }
        effects
    }

    /// What it began is the master's to record; it begins nothing more by itself.
    fn halt(&mut self, attempt: Attempt) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        held.then.clear();
        let newest = held.newest().unwrap_or(held.asked);
        vec![Effect::Say(ToMaster::Halted { attempt, newest })]
    }

    fn cancel(&mut self, attempt: Attempt) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        held.then.clear();
        let runs = matches!(held.state, State::Running { .. });
        if runs { vec![Effect::Kill(attempt)] } else { Vec::new() }
    }

    fn finish(&mut self, attempt: Attempt) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        held.then.clear();
        let mut effects = vec![Effect::Send(attempt, i64::MAX)];
        match &mut held.state {
            State::Accepted | State::Between { .. } => held.state = State::Finishing,
            State::Running { last, .. } => {
                *last = true;
                effects.push(Effect::Kill(attempt));
            }
            State::Gathered => effects.push(Effect::Say(ToMaster::Gathered { attempt })),
            State::Finishing | State::Dropped => {}
        }
        effects
    }

    fn forget(&mut self, attempt: Attempt) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        match held.state {
            State::Running { .. } | State::Dropped => {
                held.state = State::Dropped;
                vec![Effect::Kill(attempt)]
            }
            _ => {
                self.held.remove(&attempt);
                vec![Effect::Forget(attempt)]
            }
        }
    }
}

#[cfg(test)]
mod tests;
