//! The table, one message after the other.

use steading_wire::worker::{HEARTBEAT_MS, Primitive, RequestId};

use super::super::held::restarted;
use super::*;
use crate::spool::StepBegin;

const ONE: Attempt = Attempt { request: RequestId(1), epoch: 1 };

fn welcome() -> ToWorker {
    ToWorker::Welcome { slots: 1, drop: vec![], heartbeat_ms: HEARTBEAT_MS }
}

fn table() -> Table {
    let mut table = Table::new("now".into());
    table.on_message(welcome());
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
    assert_eq!(table.on_message(welcome()), [done(1), done(2)]);
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
    table.on_message(welcome());
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
    assert_eq!(table.on_message(welcome()), [done(2)]);
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
    // Whether a step was begun, nobody knows: the machine may have lost that it was.
    let mut table = Table::new("now".into());
    table.restore(earlier("then", 0, Known::Accepted));
    let report = restarted();
    let ended = Effect::Say(ToMaster::StepDone { attempt: ONE, number: 1, report });
    assert_eq!(table.on_message(run(1)), [Effect::Send(ONE, 1), ended]);
}
