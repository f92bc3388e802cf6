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
    /// The master knows of the attempt's steps up to this one: their logs may be sent, and what is
    /// before it is not needed any more.
    Send(Attempt, i64),
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

/// An attempt that an earlier daemon held.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// Its newest step.
    pub begin: Begin,
    /// How far that is.
    pub known: Known,
    /// How steps before it ended, those that are still on disk.
    pub reports: BTreeMap<i64, Report>,
    /// The newest step that the master asked for, rather than one that was run ahead.
    pub asked: i64,
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
    build: BuildId,
    /// The newest step the master asked for.
    asked: i64,
    /// How steps ended that the master may not have heard of.
    reports: BTreeMap<i64, Report>,
    /// What follows when the step that runs goes well.
    then: VecDeque<Next>,
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
    pub fn restore(&mut self, earlier: Earlier) -> Vec<Effect> {
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
            stale: begin.boot != self.boot && number > 0,
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
    pub fn on_message(&mut self, message: ToWorker) -> Vec<Effect> {
        match message {
            ToWorker::Welcome { slots, drop } => {
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
    pub fn on_unkept(&mut self, attempt: Attempt, why: &str) -> Vec<Effect> {
        let Some(held) = self.held.remove(&attempt) else { return Vec::new() };
        let reason = Reason::new("spool_failed", format!("the worker cannot write it down: {why}"));
        vec![Effect::Say(ToMaster::Refused { claim: held.claim, reason })]
    }

    /// A step ended. One that went well is followed by what the master said comes then.
    pub fn on_step_ended(&mut self, attempt: Attempt, number: i64, report: Report) -> Vec<Effect> {
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

    /// The workspaces that are in use, or will be.
    #[must_use]
    pub fn workspaces(&self) -> BTreeSet<String> {
        self.held.values().filter(|held| held.needs_slot()).map(Held::workspace).collect()
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

impl Held {
    /// Begins a step; on a machine that was started anew it ends at once.
    fn start(&mut self, attempt: Attempt, next: Next, boot: &str) -> Effect {
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
    fn newest(&self) -> Option<i64> {
        match self.state {
            State::Accepted => Some(0),
            State::Between { number } | State::Running { number, last: false } => Some(number),
            _ => None,
        }
    }

    /// Whether its workspace is still needed.
    fn needs_slot(&self) -> bool {
        !matches!(self.state, State::Finishing | State::Gathered)
    }

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
    use steading_wire::worker::{Primitive, RequestId};

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

    fn done(number: i64) -> Effect {
        Effect::Say(ToMaster::StepDone { attempt: ONE, number, report: report() })
    }

    /// The number of the step that begins, if one does.
    fn begins(effects: &[Effect]) -> Option<i64> {
        effects.iter().find_map(|effect| match effect {
            Effect::Start { begin, .. } => Some(begin.number()),
            _ => None,
        })
    }

    #[test]
    fn what_is_dropped_keeps_its_slot_until_it_is_dead() {
        let mut table = table();
        table.on_message(run(1));
        assert_eq!(table.on_message(ToWorker::Drop { attempt: ONE }), [Effect::Kill(ONE)]);
        assert!(table.held().is_empty() && table.free_slot().is_none());
        assert!(table.workspaces().contains("hello-1"));
        assert_eq!(table.on_step_ended(ONE, 1, report()), [Effect::Forget(ONE)]);
        assert_eq!(table.free_slot(), Some(1));
        assert!(table.workspaces().is_empty());
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
        let effects = table.on_message(ToWorker::Finish { attempt: ONE });
        assert_eq!(effects, [Effect::Send(ONE, i64::MAX), Effect::Kill(ONE)]);
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
            assert_eq!(begins(&table.on_message(run(number))), Some(number));
            assert_eq!(table.on_message(run(number)), [Effect::Send(ONE, number)], "it runs");
            assert!(table.on_step_ended(ONE, 7, report()).is_empty(), "no step of that number");
            assert_eq!(table.on_step_ended(ONE, number, report()), [done(number)]);
        }
        assert!(table.on_message(run(1)).is_empty());
        assert_eq!(table.on_message(run(2)), [Effect::Send(ONE, 2), done(2)], "said again");
    }

    #[test]
    fn nothing_is_held_of_attempts_never_met() {
        let mut table = Table::default();
        for message in [
            run(1),
            ToWorker::Halt { attempt: ONE },
            ToWorker::Cancel { attempt: ONE },
            ToWorker::Finish { attempt: ONE },
            ToWorker::Drop { attempt: ONE },
        ] {
            assert!(table.on_message(message).is_empty());
        }
    }

    fn step(number: i64) -> Next {
        Next { number, primitive: Primitive::Upload { paths: vec![] } }
    }

    fn run_with(number: i64, then: &[i64]) -> ToWorker {
        let ToWorker::Run { attempt, build, primitive, .. } = run(number) else { unreachable!() };
        let then = then.iter().map(|number| step(*number)).collect();
        ToWorker::Run { attempt, build, number, primitive, then }
    }

    #[test]
    fn what_goes_well_runs_ahead_and_is_told_when_the_master_is_back() {
        let mut table = table();
        table.on_message(run_with(1, &[2, 3]));
        let effects = table.on_step_ended(ONE, 1, report());
        assert_eq!((effects[0].clone(), begins(&effects)), (done(1), Some(2)));
        let Effect::Start { begin, .. } = &effects[1] else { panic!("{effects:?}") };
        let begun = begin.step.as_ref().expect("a step");
        assert!(begun.ahead && begun.then == [step(3)]);
        assert_eq!(begins(&table.on_step_ended(ONE, 2, report())), Some(3));
        // The master was away all the time.
        let welcome = ToWorker::Welcome { slots: 1, drop: vec![] };
        assert_eq!(table.on_message(welcome), [done(1), done(2)]);
        assert_eq!(table.on_message(run_with(1, &[2, 3])), [Effect::Send(ONE, 1), done(1)]);
        assert_eq!(table.on_message(run_with(2, &[3])), [Effect::Send(ONE, 2), done(2)]);
        assert_eq!(table.on_message(run(3)), [Effect::Send(ONE, 3)], "it runs already");
        assert_eq!(table.on_step_ended(ONE, 3, report()), [done(3)]);
    }

    #[test]
    fn what_fails_is_the_masters_to_judge() {
        let mut table = table();
        table.on_message(run_with(1, &[2]));
        let failed = Report { ending: Ending::Exited { code: 1 }, ..report() };
        assert_eq!(begins(&table.on_step_ended(ONE, 1, failed)), None);
        assert_eq!(begins(&table.on_message(run(2))), Some(2), "the master says so");
    }

    #[test]
    fn a_cancelled_build_does_not_run_ahead() {
        let mut table = table();
        table.on_message(run_with(1, &[2]));
        assert_eq!(table.on_message(ToWorker::Cancel { attempt: ONE }), [Effect::Kill(ONE)]);
        assert_eq!(table.on_step_ended(ONE, 1, report()), [done(1)], "although it went well");
    }

    #[test]
    fn a_build_that_halts_says_how_far_it_is_and_begins_nothing_more() {
        let halt = ToWorker::Halt { attempt: ONE };
        let halted = |newest| [Effect::Say(ToMaster::Halted { attempt: ONE, newest })];
        let mut table = table();
        assert_eq!(table.on_message(halt.clone()), halted(0));
        table.on_message(run_with(1, &[2, 3]));
        table.on_step_ended(ONE, 1, report());
        assert_eq!(table.on_message(halt.clone()), halted(2));
        assert_eq!(table.on_step_ended(ONE, 2, report()), [done(2)], "the third is not begun");
        assert_eq!(table.on_message(halt), halted(2), "said again");
        // What it ran is told step by step; then comes what the master wants whatever happens.
        assert_eq!(table.on_message(run(1)), [Effect::Send(ONE, 1), done(1)]);
        assert_eq!(table.on_message(run(2)), [Effect::Send(ONE, 2), done(2)]);
        assert_eq!(begins(&table.on_message(run(3))), Some(3));
    }

    #[test]
    fn a_step_asked_for_again_with_nothing_to_follow_is_not_followed() {
        let mut table = table();
        table.on_message(run_with(1, &[2]));
        assert_eq!(table.on_message(run(1)), [Effect::Send(ONE, 1)], "it runs");
        assert_eq!(table.on_step_ended(ONE, 1, report()), [done(1)]);
    }

    fn begin(boot: &str, number: i64) -> Begin {
        let primitive = Primitive::Upload { paths: vec![] };
        let (then, ahead) = (vec![step(number + 1)], false);
        let step = StepBegin { build: BuildId(1), number, primitive, then, ahead };
        Begin {
            attempt: ONE,
            claim: ClaimId(1),
            builder: "hello".into(),
            slot: 1,
            boot: boot.into(),
            step: Some(step).filter(|_| number > 0),
        }
    }

    fn earlier(boot: &str, number: i64, known: Known) -> Earlier {
        Earlier { begin: begin(boot, number), known, reports: BTreeMap::new(), asked: number }
    }

    #[test]
    fn what_is_accepted_is_written_down_before_it_is_said() {
        let mut table = Table::new("now".into());
        table.on_message(ToWorker::Welcome { slots: 1, drop: vec![] });
        let (claim, builder) = (ClaimId(1), "hello".to_owned());
        let effects = table.on_message(ToWorker::Offer { claim, attempt: ONE, builder });
        let accepted = Effect::Say(ToMaster::Accepted { number: 0, claim, attempt: ONE });
        assert_eq!(effects, [Effect::Keep(begin("now", 0)), accepted]);
        let refused = table.on_unkept(ONE, "no space");
        assert!(matches!(&refused[..], [Effect::Say(ToMaster::Refused { .. })]), "{refused:?}");
        assert!(table.held().is_empty());
    }

    #[test]
    fn a_restored_attempt_goes_on_where_it_was() {
        let restored = |known| {
            let mut table = Table::new("now".into());
            let effects = table.restore(earlier("now", 2, known));
            assert_eq!(effects[0], Effect::Send(ONE, 2));
            assert_eq!(table.held(), [ONE]);
            (table, effects)
        };
        let (mut table, effects) = restored(Known::Runs);
        assert_eq!(begins(&effects), None);
        assert_eq!(begins(&table.on_message(run_with(2, &[3]))), None, "it runs");
        let effects = table.on_step_ended(ONE, 2, report());
        assert_eq!((effects[0].clone(), begins(&effects)), (done(2), Some(3)), "it runs ahead");
        let (mut table, effects) = restored(Known::Again);
        assert_eq!(begins(&effects), Some(2));
        assert_eq!(begins(&table.on_message(run(2))), None, "it runs");
        let (mut table, _) = restored(Known::Ended(Box::new(report())));
        assert_eq!(table.on_message(run(2)), [Effect::Send(ONE, 2), done(2)]);
        let welcome = ToWorker::Welcome { slots: 1, drop: vec![] };
        assert_eq!(table.on_message(welcome), [done(2)]);
        assert_eq!(begins(&table.on_message(run(3))), Some(3));
    }

    #[test]
    fn no_step_begins_on_what_a_restarted_machine_left() {
        let mut table = Table::new("now".into());
        table.restore(earlier("then", 2, Known::Ended(Box::new(report()))));
        let effects = table.on_message(run(3));
        let [_, Effect::Say(ToMaster::StepDone { number: 3, report, .. })] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(*report, restarted());
        assert_eq!(begins(&table.on_message(ToWorker::Finish { attempt: ONE })), None);
        assert_eq!(table.gather(|_| false).len(), 1, "what ended before is whole");
        // Nothing was begun: any workspace will do.
        table.restore(earlier("then", 0, Known::Accepted));
        assert_eq!(begins(&table.on_message(run(1))), Some(1));
    }
}
