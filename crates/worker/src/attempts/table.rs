//! The attempts a worker holds, as a state machine without any I/O: messages in, effects out.
//!
//! ```text
//! offer ─▶ accepted ─run─▶ running ─ended─▶ between ─run─▶ running …
//!                              └──────── finish ─▶ finishing ─bytes safe─▶ gathered ─drop─▶ gone
//! ```
//!
//! Every message may come twice, also much later: what is known already is said again or ignored.
//! What must outlive this process is written down by [`Effect::Keep`] and by whoever carries out
//! [`Effect::Start`]; [`Table::restore`] begins from what is found there.

use std::collections::{BTreeMap, BTreeSet};

use steading_wire::worker::{
    Attempt, BuildId, ClaimId, Ending, Primitive, Reason, Report, ToMaster, ToWorker,
};

use crate::spool::{Begin, StepBegin};
use crate::workspace;

/// What the shell has to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
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
    /// Delete what is spooled.
    Forget(Attempt),
}

/// What was found of an attempt that an earlier daemon held.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// It was accepted, and nothing was begun.
    Accepted,
    /// A step runs on.
    Runs,
    /// A step was begun by the earlier daemon itself and must begin again.
    Again,
    /// Its newest step ended.
    Ended(Box<Report>),
}

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Accepted,
    /// `last`: the master wants no more steps after this one.
    Running {
        number: i64,
        last: bool,
    },
    Between {
        number: i64,
        report: Box<Report>,
    },
    Finishing,
    Gathered,
    /// Nobody wants it any more; its process is dying and still needs the workspace.
    Dropped,
}

#[derive(Debug, Clone, PartialEq)]
struct Held {
    claim: ClaimId,
    builder: String,
    slot: i64,
    /// The machine was started anew since: its workspace may lack what was written last.
    stale: bool,
    state: State,
}

/// All of them. Public for the simulation, where it is what a worker thinks with.
#[derive(Debug, Default)]
pub struct Table {
    boot: String,
    slots: i64,
    stopping: bool,
    held: BTreeMap<Attempt, Held>,
}

impl Table {
    /// Nothing held yet, on a machine that was started under this identifier.
    #[must_use]
    pub fn new(boot: String) -> Table {
        Table { boot, ..Table::default() }
    }

    /// Holds again what an earlier daemon held.
    pub fn restore(&mut self, begin: Begin, known: Known) -> Vec<Effect> {
        let number = begin.number();
        let state = match &known {
            Known::Accepted => State::Accepted,
            Known::Runs | Known::Again => State::Running { number, last: false },
            Known::Ended(report) => State::Between { number, report: report.clone() },
        };
        let held = Held {
            claim: begin.claim,
            builder: begin.builder.clone(),
            slot: begin.slot,
            stale: begin.boot != self.boot && number > 0,
            state,
        };
        let workspace = held.workspace();
        self.held.insert(begin.attempt, held);
        match known {
            Known::Again => vec![Effect::Start { begin, workspace }],
            Known::Accepted | Known::Runs | Known::Ended(_) => Vec::new(),
        }
    }

    /// What the master says, and what follows from it.
    pub fn on_message(&mut self, message: ToWorker) -> Vec<Effect> {
        match message {
            ToWorker::Welcome { slots, drop } => {
                self.slots = slots;
                let dropped: Vec<Effect> = drop.into_iter().flat_map(|a| self.forget(a)).collect();
                dropped.into_iter().chain(self.say_again()).collect()
            }
            ToWorker::Offer { claim, attempt, builder } => self.offer(claim, attempt, builder),
            ToWorker::Run { attempt, build, number, primitive, .. } => {
                self.run(attempt, build, number, primitive)
            }
            ToWorker::Cancel { attempt } => self.cancel(attempt),
            ToWorker::Finish { attempt } => self.finish(attempt),
            ToWorker::Drop { attempt } => self.forget(attempt),
            ToWorker::Rejected { .. } | ToWorker::Restarting | ToWorker::Stop => Vec::new(),
        }
    }

    /// What was accepted could not be written down: it is not held, and the offer goes back.
    pub fn on_unkept(&mut self, attempt: Attempt, why: &str) -> Vec<Effect> {
        let Some(held) = self.held.remove(&attempt) else { return Vec::new() };
        let reason = Reason::new("spool_failed", format!("the worker cannot write it down: {why}"));
        vec![Effect::Say(ToMaster::Refused { claim: held.claim, reason })]
    }

    /// A step ended.
    pub fn on_step_ended(&mut self, attempt: Attempt, number: i64, report: Report) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        match held.state {
            State::Running { number: runs, .. } if runs != number => {}
            State::Running { last: true, .. } => held.state = State::Finishing,
            State::Running { .. } => {
                held.state = State::Between { number, report: Box::new(report.clone()) };
                return vec![Effect::Say(ToMaster::StepDone { attempt, number, report })];
            }
            State::Dropped => {
                self.held.remove(&attempt);
                return vec![Effect::Forget(attempt)];
            }
            _ => {}
        }
        Vec::new()
    }

    /// Whose last bytes are safe is gathered; `has_bytes` says who still has some.
    pub fn gather(&mut self, has_bytes: impl Fn(Attempt) -> bool) -> Vec<Effect> {
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
    pub fn abandon(&mut self, attempt: Attempt) {
        self.held.remove(&attempt);
    }

    /// The worker takes nothing more.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// What it holds, for the master to compare.
    #[must_use]
    pub fn held(&self) -> Vec<Attempt> {
        let wanted = self.held.iter().filter(|(_, held)| held.state != State::Dropped);
        wanted.map(|(attempt, _)| *attempt).collect()
    }

    /// Whether anything is left that only this worker can bring to its end.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.held.values().all(|held| held.state == State::Gathered)
    }

    /// Whether bytes of ended builds are still on their way.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.held.values().any(|held| held.state == State::Finishing)
    }

    /// What the master may not have heard.
    fn say_again(&self) -> Vec<Effect> {
        let say = |(attempt, held): (&Attempt, &Held)| {
            let attempt = *attempt;
            Some(Effect::Say(match &held.state {
                State::Accepted => ToMaster::Accepted { claim: held.claim, attempt },
                State::Between { number, report } => {
                    let report = (**report).clone();
                    ToMaster::StepDone { attempt, number: *number, report }
                }
                State::Gathered => ToMaster::Gathered { attempt },
                State::Running { .. } | State::Finishing | State::Dropped => return None,
            }))
        };
        self.held.iter().filter_map(say).collect()
    }

    fn offer(&mut self, claim: ClaimId, attempt: Attempt, builder: String) -> Vec<Effect> {
        let refuse = |code: &str, text: &str| {
            vec![Effect::Say(ToMaster::Refused { claim, reason: Reason::new(code, text) })]
        };
        if let Some(held) = self.held.get(&attempt) {
            return match held.state {
                State::Dropped => refuse("dropped", "the worker was told to drop this attempt"),
                _ => vec![Effect::Say(ToMaster::Accepted { claim, attempt })],
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
        let held = Held { claim, builder, slot, stale: false, state: State::Accepted };
        self.held.insert(attempt, held);
        vec![Effect::Keep(begin), Effect::Say(ToMaster::Accepted { claim, attempt })]
    }

    /// The lowest slot whose workspace nobody uses.
    fn free_slot(&self) -> Option<i64> {
        let in_use = |held: &&Held| !matches!(held.state, State::Finishing | State::Gathered);
        let used: BTreeSet<i64> = self.held.values().filter(in_use).map(|h| h.slot).collect();
        (1..=self.slots).find(|slot| !used.contains(slot))
    }

    fn run(
        &mut self,
        attempt: Attempt,
        build: BuildId,
        number: i64,
        primitive: Primitive,
    ) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        match &held.state {
            State::Between { number: done, report } if *done == number => {
                let report = (**report).clone();
                return vec![Effect::Say(ToMaster::StepDone { attempt, number, report })];
            }
            State::Between { number: done, .. } if *done > number => return Vec::new(),
            State::Accepted | State::Between { .. } => {}
            _ => return Vec::new(),
        }
        if held.stale {
            let report = restarted();
            held.state = State::Between { number, report: Box::new(report.clone()) };
            return vec![Effect::Say(ToMaster::StepDone { attempt, number, report })];
        }
        held.state = State::Running { number, last: false };
        let begin = Begin {
            attempt,
            claim: held.claim,
            builder: held.builder.clone(),
            slot: held.slot,
            boot: self.boot.clone(),
            step: Some(StepBegin { build, number, primitive }),
        };
        vec![Effect::Start { begin, workspace: held.workspace() }]
    }

    fn cancel(&mut self, attempt: Attempt) -> Vec<Effect> {
        let runs = |held: &Held| matches!(held.state, State::Running { .. });
        let runs = self.held.get(&attempt).is_some_and(runs);
        if runs { vec![Effect::Kill(attempt)] } else { Vec::new() }
    }

    fn finish(&mut self, attempt: Attempt) -> Vec<Effect> {
        let Some(held) = self.held.get_mut(&attempt) else { return Vec::new() };
        match &mut held.state {
            State::Accepted | State::Between { .. } => held.state = State::Finishing,
            State::Running { last, .. } => {
                *last = true;
                return vec![Effect::Kill(attempt)];
            }
            State::Gathered => return vec![Effect::Say(ToMaster::Gathered { attempt })],
            State::Finishing | State::Dropped => {}
        }
        Vec::new()
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

impl Held {
    /// The name of its workspace.
    fn workspace(&self) -> String {
        workspace::name(&self.builder, self.slot)
    }
}

/// The end of a step for which there is no workspace to be trusted.
fn restarted() -> Report {
    let text = "the worker's machine was started anew: what the build left there is not safe";
    Report {
        ending: Ending::Infrastructure { code: "machine_restarted".into(), text: text.into() },
        exit: None,
        logs: Vec::new(),
        stderr_tail: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use steading_wire::worker::RequestId;

    use super::*;

    const ONE: Attempt = Attempt { request: RequestId(1), epoch: 1 };

    fn table() -> Table {
        let mut table = Table::new("now".into());
        table.on_message(ToWorker::Welcome { slots: 1, drop: vec![] });
        let (claim, builder) = (ClaimId(1), "hello".to_owned());
        table.on_message(ToWorker::Offer { claim, attempt: ONE, builder });
        table
    }

    fn run(number: i64) -> ToWorker {
        let primitive = Primitive::Upload { paths: vec![] };
        ToWorker::Run { attempt: ONE, build: BuildId(1), number, primitive, then: vec![] }
    }

    fn report() -> Report {
        let ending = Ending::Exited { code: 0 };
        Report { ending, exit: None, logs: vec![], stderr_tail: String::new() }
    }

    #[test]
    fn what_is_dropped_keeps_its_slot_until_it_is_dead() {
        let mut table = table();
        table.on_message(run(1));
        assert_eq!(table.on_message(ToWorker::Drop { attempt: ONE }), [Effect::Kill(ONE)]);
        assert!(table.held().is_empty() && table.free_slot().is_none());
        assert_eq!(table.on_step_ended(ONE, 1, report()), [Effect::Forget(ONE)]);
        assert_eq!(table.free_slot(), Some(1));
    }

    #[test]
    fn a_cancel_between_steps_has_nothing_to_end() {
        let mut table = table();
        assert!(table.on_message(ToWorker::Cancel { attempt: ONE }).is_empty());
        table.on_message(run(1));
        assert_eq!(table.on_message(ToWorker::Cancel { attempt: ONE }), [Effect::Kill(ONE)]);
        table.on_step_ended(ONE, 1, report());
        assert!(table.on_message(ToWorker::Cancel { attempt: ONE }).is_empty());
    }

    #[test]
    fn finishing_a_step_that_runs_ends_it_without_a_report() {
        let mut table = table();
        table.on_message(run(1));
        assert_eq!(table.on_message(ToWorker::Finish { attempt: ONE }), [Effect::Kill(ONE)]);
        assert!(table.on_step_ended(ONE, 1, report()).is_empty());
        assert!(table.is_sending());
        assert!(table.gather(|_| true).is_empty());
        let gathered = Effect::Say(ToMaster::Gathered { attempt: ONE });
        assert_eq!(table.gather(|_| false), [gathered]);
        assert!(table.is_idle());
    }

    #[test]
    fn old_numbers_are_ignored() {
        let mut table = table();
        for number in [1, 2] {
            assert!(matches!(table.on_message(run(number))[..], [Effect::Start { .. }]));
            assert!(table.on_message(run(number)).is_empty(), "it runs already");
            assert!(table.on_step_ended(ONE, 7, report()).is_empty(), "no step of that number");
            table.on_step_ended(ONE, number, report());
        }
        assert!(table.on_message(run(1)).is_empty());
        assert!(matches!(table.on_message(run(2))[..], [Effect::Say(_)]), "said again");
    }

    #[test]
    fn nothing_is_held_of_attempts_never_met() {
        let mut table = Table::new("now".into());
        for message in [
            run(1),
            ToWorker::Cancel { attempt: ONE },
            ToWorker::Finish { attempt: ONE },
            ToWorker::Drop { attempt: ONE },
        ] {
            assert!(table.on_message(message).is_empty());
        }
    }

    fn begin(boot: &str, number: i64) -> Begin {
        let primitive = Primitive::Upload { paths: vec![] };
        let step = StepBegin { build: BuildId(1), number, primitive };
        Begin {
            attempt: ONE,
            claim: ClaimId(1),
            builder: "hello".into(),
            slot: 1,
            boot: boot.into(),
            step: Some(step).filter(|_| number > 0),
        }
    }

    #[test]
    fn what_is_accepted_is_written_down_before_it_is_said() {
        let mut table = Table::new("now".into());
        table.on_message(ToWorker::Welcome { slots: 1, drop: vec![] });
        let (claim, builder) = (ClaimId(1), "hello".to_owned());
        let effects = table.on_message(ToWorker::Offer { claim, attempt: ONE, builder });
        let accepted = Effect::Say(ToMaster::Accepted { claim, attempt: ONE });
        assert_eq!(effects, [Effect::Keep(begin("now", 0)), accepted]);
        let refused = table.on_unkept(ONE, "no space");
        assert!(matches!(&refused[..], [Effect::Say(ToMaster::Refused { .. })]), "{refused:?}");
        assert!(table.held().is_empty());
    }

    #[test]
    fn a_restored_attempt_goes_on_where_it_was() {
        let restored = |known| {
            let mut table = Table::new("now".into());
            let effects = table.restore(begin("now", 2), known);
            assert_eq!(table.held(), [ONE]);
            (table, effects)
        };
        let (mut table, effects) = restored(Known::Runs);
        assert!(effects.is_empty() && table.on_message(run(2)).is_empty(), "it runs");
        assert!(matches!(table.on_step_ended(ONE, 2, report())[..], [Effect::Say(_)]));
        let (mut table, effects) = restored(Known::Again);
        assert!(matches!(effects[..], [Effect::Start { .. }]), "{effects:?}");
        assert!(table.on_message(run(2)).is_empty(), "it runs");
        let (mut table, _) = restored(Known::Ended(Box::new(report())));
        let done = ToMaster::StepDone { attempt: ONE, number: 2, report: report() };
        assert_eq!(table.on_message(run(2)), [Effect::Say(done.clone())]);
        let welcome = ToWorker::Welcome { slots: 1, drop: vec![] };
        assert_eq!(table.on_message(welcome), [Effect::Say(done)]);
        assert!(matches!(table.on_message(run(3))[..], [Effect::Start { .. }]));
    }

    #[test]
    fn no_step_begins_on_what_a_restarted_machine_left() {
        let mut table = Table::new("now".into());
        table.restore(begin("then", 2), Known::Ended(Box::new(report())));
        let effects = table.on_message(run(3));
        let [Effect::Say(ToMaster::StepDone { number: 3, report, .. })] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(*report, restarted());
        assert!(table.on_message(ToWorker::Finish { attempt: ONE }).is_empty());
        assert_eq!(table.gather(|_| false).len(), 1, "what ended before is whole");
        // Nothing was begun: any workspace will do.
        table.restore(begin("then", 0), Known::Accepted);
        assert!(matches!(table.on_message(run(1))[..], [Effect::Start { .. }]));
    }
}
