//! Any sequence of operations, legal or not, leaves a sound history whose events fold to its rows.

use proptest::prelude::*;
use steading_core::farm::{Farm, Lock, LockCapacity};
use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

/// One operation: which, and what it is done to (ids are small, so that they often exist).
type Step = (u8, i64, i64);

const WORKERS: [&str; 2] = ["barn", "shed"];
const BUILDERS: [&str; 2] = ["hello", "other"];
const OUTCOMES: [Outcome; 4] =
    [Outcome::Success, Outcome::Warnings, Outcome::Exception, Outcome::Cancelled];

fn pick<T: Copy>(from: &[T], at: i64) -> T {
    from[usize::try_from(at).unwrap() % from.len()]
}

fn need(units: i64) -> LockNeed {
    let access = if units == 0 { Access::Exclusive } else { Access::Counting(units) };
    LockNeed { lock: "gpu".to_owned(), access, units: 2, per_worker: false }
}

fn farm() -> Farm {
    let capacity = LockCapacity::Units(2);
    let lock = Lock { name: "gpu".to_owned(), per_worker: false, capacity };
    Farm { locks: [("gpu".to_owned(), lock)].into(), ..Farm::default() }
}

fn requests(w: &mut Write<'_>, (what, a, b): Step) -> Result<(), Error> {
    let (request, worker) = (RequestId(a), pick(&WORKERS, b));
    let reason = Reason::new("test", "by the test");
    match what {
        0 => {
            let config = w.current_configuration()?.unwrap();
            let (one, two) = (pick(&BUILDERS, a), pick(&BUILDERS, b));
            w.submit_buildset(&buildset(config, &[one, two])).map(|_| ())
        }
        1 => {
            let mut new = claim_of(w, request, worker)?;
            new.locks = vec![need(b % 3)];
            w.claim(&new).map(|_| ())
        }
        2 | 3 => {
            let locks = w.claim_locks(ClaimId(a))?;
            w.accept(ClaimId(a), &Acceptance { locks, ..acceptance() }).map(|_| ())
        }
        4 => {
            let answers = [ClaimState::Withdrawn, ClaimState::Refused, ClaimState::Expired];
            w.answer_claim(ClaimId(a), pick(&answers, b), Some(&reason))
        }
        5 => w.cancel_request(request, "ann", "").map(|_| ()),
        6 => w.prioritize(request, b),
        _ => w.collapse(request, RequestId(b)),
    }
}

fn builds(w: &mut Write<'_>, (what, a, b): Step) -> Result<(), Error> {
    let (build, outcome) = (BuildId(a), pick(&OUTCOMES, b));
    let reason = Reason::new("test", "by the test");
    match what {
        8 => {
            let locks = if b == 3 { vec![need(1)] } else { vec![] };
            w.start_step(build, &NewStep { locks, ..step(b, &format!("step {b}")) }).map(|_| ())
        }
        9 => w.skip_step(build, b, &format!("step {b}"), &reason).map(|_| ()),
        10 => w.finish_step(StepId(a), outcome, Some(&reason), None),
        11 => w.open_log(build, StepId(b), "stdout").map(|_| ()),
        12 => w.close_log(LogId(a), &ended(pick(&["h", "i"], b))),
        13 => w.end_steps(build),
        14 => w.cancel_build(build, "ann", "").map(|_| ()),
        15 => w.finish_build(build, outcome, Some(&reason), Next::Complete),
        16 => w.finish_build(build, Outcome::Retry, None, Next::Retry),
        _ => {
            let hash = "a".to_owned();
            let (step, path) = (StepId(b), "out".to_owned());
            w.add_artifact(&NewArtifact { build, step, path, size: 1, hash }).map(|_| ())
        }
    }
}

fn workers(w: &mut Write<'_>, (what, a, b): Step) -> Result<(), Error> {
    let worker = pick(&WORKERS, a);
    match what {
        18 => w.worker_lost(worker),
        19 | 20 => w.worker_connected(worker, "0.1.0", &serde_json::json!({})),
        21 => w.pause_worker(worker, "ann", "dusty"),
        22 => w.resume_worker(worker),
        23 => w.drain_worker(worker, b % 2 == 0),
        24 => w.meet_worker(worker, b, &[("os".to_owned(), Value::Int(b))].into()),
        _ => w.recover().map(|_| ()),
    }
}

fn perform(w: &mut Write<'_>, step: Step) -> Result<(), Error> {
    match step.0 {
        0..=7 => requests(w, step),
        8..=17 => builds(w, step),
        _ => workers(w, step),
    }
}

async fn run(steps: Vec<Step>) {
    let test = TestFarm::new();
    test.write(|w| {
        set_up(w, &[("barn", 2), ("shed", 1)])?;
        w.apply_configuration(&text("two"), &farm())
    })
    .await;
    for step in steps {
        // Refusals are fine: what counts is what they leave behind.
        match test.store.write("random", move |w| perform(w, step)).await {
            Err(error @ (Error::Panicked { .. } | Error::Database(_) | Error::Corrupt { .. })) => {
                panic!("{step:?}: {error}")
            }
            _ => test.pass(Duration::millis(1)),
        }
    }
    test.assert_sound().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_leaves_a_sound_history(
        steps in proptest::collection::vec((0u8..=25, 1i64..6, 1i64..6), 1..150)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
