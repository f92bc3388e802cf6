//! Builds as tables: a plan in short, the results of its steps, and what it makes of them.

use super::*;
use crate::farm::{FunctionId, StepKind};
use crate::words::{Access, HeldLock};
use proptest::prelude::*;

/// A plan in short: `build test! lint~ notes? docs- clean+`, with `~` warn, `-` ignore, `+` always,
/// `?` a condition; flags may be combined.
fn plan(text: &str) -> Plan {
    let step = |word: &str| PlanStep {
        name: word.trim_end_matches(['~', '-', '+', '?']).to_owned(),
        kind: StepKind::Checkout { repository: "r".to_owned(), submodules: false },
        locks: Vec::new(),
        when: word.contains('?').then_some(FunctionId(1)),
        on_failure: match word {
            _ if word.contains('~') => OnFailure::Warn,
            _ if word.contains('-') => OnFailure::Ignore,
            _ => OnFailure::Fail,
        },
        always: word.contains('+'),
    };
    Plan { steps: text.split_whitespace().map(step).collect() }
}

fn results(outcomes: &str) -> Vec<StepResult> {
    let result = |word: &str| {
        let outcome = Outcome::from_word(word).expect("an outcome");
        let reason = (!outcome.is_green()).then(|| Reason::new("why", format!("it {word}ed")));
        StepResult { outcome, reason }
    };
    outcomes.split_whitespace().map(result).collect()
}

fn told(next: Next) -> String {
    match next {
        Next::Evaluate { index } => format!("evaluate {index}"),
        Next::Run { index } => format!("run {index}"),
        Next::Halt => "halt".to_owned(),
        Next::Skip { index, reason } => format!("skip {index}: {reason}"),
        Next::Fail { index, reason } => format!("fail {index}: {reason}"),
        Next::End { outcome, reason: None } => format!("end {outcome}"),
        Next::End { outcome, reason: Some(reason) } => format!("end {outcome}: {reason}"),
    }
}

#[test]
fn a_build_goes_from_step_to_step() {
    let check = |steps: &str, done: &str, cancel, expected: &str| {
        let begun = Some(results(done).len());
        let next = told(next(&plan(steps), &results(done), cancel, begun));
        assert_eq!(next, expected, "{steps} after {done}, {cancel:?}");
    };
    use Cancel::{No, Once, Twice};
    check("a b", "", No, "run 0");
    check("a b", "success", No, "run 1");
    check("a b", "success success", No, "end success");
    check("a b?", "success", No, "evaluate 1");
    check("", "", No, "end success");

    check("a b", "failure", No, "skip 1: not run: step `a` ended with failure");
    check("a b", "failure skipped", No, "end failure: step `a`: it failureed");
    check("a~ b", "failure", No, "run 1");
    check("a~ b", "failure success", No, "end warnings: step `a`: it failureed");
    check("a- b", "failure success", No, "end success");
    check("a- b", "failure skipped", No, "end success");
    check("a~ b", "exception", No, "skip 1: not run: step `a` ended with exception");
    check("a- b", "retry", No, "skip 1: not run: step `a` ended with retry");
    check("a b", "warnings", No, "run 1");

    check("a b clean+", "failure skipped", No, "run 2");
    check("a b clean+?", "failure skipped", No, "evaluate 2");
    check("a clean+ b", "failure success", No, "skip 2: not run: step `a` ended with failure");
    check("a clean+", "failure exception", No, "end exception: step `clean`: it exceptioned");
    check("a b clean+", "exception skipped failure", No, "end exception: step `a`: it exceptioned");
    check("a~ b", "failure failure", No, "end failure: step `b`: it failureed");
    check("a? b?", "skipped skipped", No, "end skipped: step `a` ended with skipped");

    check("a b c+", "success", Once, "skip 1: not run: the build was cancelled");
    check("a b c+", "success skipped", Once, "run 2");
    check("a b c+", "success skipped", Twice, "skip 2: not run: the build was cancelled");
    check("a b?", "cancelled", Once, "skip 1: not run: the build was cancelled");
    check("a", "success", Once, "end cancelled: cancelled");
    check("a c+", "failure exception", Once, "end cancelled: cancelled");
}

#[test]
fn what_a_worker_ran_ahead_of_a_cancel_is_not_skipped() {
    let check = |steps: &str, done: &str, cancel, begun, expected: &str| {
        let next = told(next(&plan(steps), &results(done), cancel, begun));
        assert_eq!(next, expected, "{steps} after {done}, {cancel:?}, {begun:?} begun");
    };
    use Cancel::{No, Once, Twice};
    let cancelled = "skip 2: not run: the build was cancelled";
    check("a b c", "success", Once, None, "halt");
    check("a b c", "success", Twice, None, "halt");
    check("a b c+", "success cancelled", Once, None, "halt");
    check("a b c", "success", No, None, "run 1");
    check("a b c", "success", Once, Some(2), "run 1");
    check("a b c", "success", Twice, Some(3), "run 1");
    check("a b c", "success success", Once, Some(2), cancelled);
    check("a b c+", "success success", Once, Some(2), "run 2");
    check("a b c+", "success success", Twice, Some(2), cancelled);
    // Nothing is left to be asked about.
    check("a b", "success cancelled", Once, None, "end cancelled: cancelled");
}

#[test]
fn a_condition_says_run_or_skip_and_its_fault_is_an_exception() {
    let check = |answer, expected: &str| assert_eq!(told(after_condition(3, answer)), expected);
    check(Ok(true), "run 3");
    check(Ok(false), "skip 3: its `when` says no");
    check(Err(Fault { message: "boom".into() }), "fail 3: its `when` failed: boom");
}

fn steps() -> impl Strategy<Value = Plan> {
    let flags = prop::sample::select(vec!["", "~", "-", "+", "?", "+?", "~+"]);
    prop::collection::vec(flags, 0..6).prop_map(|flags| {
        let words: Vec<String> =
            flags.iter().enumerate().map(|(i, flags)| format!("s{i}{flags}")).collect();
        plan(&words.join(" "))
    })
}

proptest! {
    /// Every build ends after one answer per step, whatever happens; nothing but an `always` step
    /// runs after a halt; the outcome is the worst contribution, with a reason unless all is well.
    #[test]
    fn every_build_ends(plan in steps(), rolls in prop::collection::vec(0..7_usize, 6),
                        stop in 0..12_usize, ahead in 0..3_usize) {
        let mut done: Vec<StepResult> = Vec::new();
        let mut halted = false;
        loop {
            let cancel = if done.len() >= stop { Cancel::Once } else { Cancel::No };
            let index = done.len();
            let roll = rolls.get(index).copied().unwrap_or_default();
            let mut what = next(&plan, &done, cancel, Some(ahead));
            if matches!(what, Next::Evaluate { .. }) {
                what = after_condition(index, Ok(roll % 2 == 0));
            }
            match what {
                Next::Run { index: at } => {
                    prop_assert_eq!(at, index);
                    let stopped = halted || cancel != Cancel::No;
                    prop_assert!(plan.steps[at].always || !stopped || at < ahead);
                    let outcome = Outcome::ALL[roll];
                    let green = outcome.is_green();
                    let reason = (!green).then(|| Reason::new("r", "r"));
                    let failed = outcome == Outcome::Failure;
                    let forgiven = failed && plan.steps[at].on_failure != OnFailure::Fail;
                    halted |= !green && !forgiven;
                    done.push(StepResult { outcome, reason });
                }
                Next::Skip { index: at, reason } => {
                    prop_assert_eq!(at, index);
                    done.push(StepResult { outcome: Outcome::Skipped, reason: Some(reason) });
                }
                Next::End { outcome, reason } => {
                    prop_assert_eq!(done.len(), plan.steps.len());
                    prop_assert_eq!(reason.is_none(), outcome == Outcome::Success);
                    prop_assert!(!halted || !outcome.is_green());
                    prop_assert!(cancel == Cancel::No || outcome == Outcome::Cancelled);
                    break;
                }
                Next::Halt | Next::Evaluate { .. } | Next::Fail { .. } => unreachable!("answered above"),
            }
        }
    }
}

#[test]
fn a_worker_runs_ahead_up_to_the_next_decision() {
    let check = |text: &str, done: &str, expected: &[usize]| {
        assert_eq!(ahead(&plan(text), &results(done)), expected, "{text} after {done}");
    };
    check("a b c", "", &[1, 2]);
    check("a b c", "success", &[2]);
    check("a b c", "success success", &[]);
    check("a b? c", "", &[]);
    check("a b c? d", "", &[1]);
    // What runs whatever happens is begun by whoever knows what happened.
    check("a b clean+ c", "", &[1]);
    // What was forgiven holds nothing up; what was not leaves nothing but the end.
    check("a~ b c", "failure", &[2]);
    check("a b+ c d", "failure", &[]);
    let mut locked = plan("a b c");
    let lock = HeldLock { lock: "disk".to_owned(), access: Access::Exclusive };
    locked.steps[1].locks = vec![lock];
    assert_eq!(ahead(&locked, &[]), [0usize; 0]);
    let mut sending = plan("a b c");
    sending.steps[2].kind = StepKind::Upload { paths: Vec::new() };
    assert_eq!(ahead(&sending, &[]), [1]);
}
