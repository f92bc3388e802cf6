//! Any sequence of operations, legal or not, leaves a sound history whose events fold to its rows.

use proptest::prelude::*;
use steading_core::farm::{Farm, Lock, LockCapacity};
use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

/// One operation: which, and what it is done to. Small numbers are ids, whether they exist or not;
/// greater ones pick something the operation makes sense for.
type Step = (u8, i64, i64);

const IDS: i64 = 5;

const WORKERS: [&str; 2] = ["barn", "shed"];
const BUILDERS: [&str; 2] = ["hello", "other"];
const OUTCOMES: [Outcome; 4] =
    [Outcome::Success, Outcome::Warnings, Outcome::Exception, Outcome::Cancelled];

fn pick<T: Copy>(from: &[T], at: i64) -> T {
    from[usize::try_from(at).unwrap() % from.len()]
}

/// The id `at`, or one of those given.
fn id_or(at: i64, sensible: Vec<i64>) -> i64 {
    if at < IDS || sensible.is_empty() { at } else { pick(&sensible, at) }
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
    let pending = w.pending()?.into_iter().map(|r| r.id.0).collect();
    let (request, worker) = (RequestId(id_or(a, pending)), pick(&WORKERS, b));
    let claim = ClaimId(id_or(a, w.offered_claims()?.into_iter().map(|c| c.id.0).collect()));
    let reason = Reason::new("test", "by the test");
    match what {
        0 => {
            let config = w.current_configuration()?.unwrap();
            let (one, two) = (pick(&BUILDERS, a), pick(&BUILDERS, b));
            w.submit_buildset(&buildset(config, &[one, two])).map(|_| ())
        }
        1 => {
            let mut new = claim_of(w, request, worker)?;
            new.locks = if b % 4 == 3 { vec![] } else { vec![need(b % 4)] };
            w.claim(&new).map(|_| ())
        }
        2 | 3 => {
            let locks = w.claim_locks(claim)?;
            w.accept(claim, &Acceptance { locks, ..acceptance() }).map(|_| ())
        }
        4 => {
            let answers = [ClaimState::Withdrawn, ClaimState::Refused, ClaimState::Expired];
            w.answer_claim(claim, pick(&answers, b), Some(&reason))
        }
        5 => w.cancel_request(request, "ann", "").map(|_| ()),
        6 => w.prioritize(request, b, "ada"),
        _ => w.collapse(request, RequestId(b)),
    }
}

fn builds(w: &mut Write<'_>, (what, a, b): Step) -> Result<(), Error> {
    let live = w.live_builds()?.into_iter().map(|b| b.id.0).collect();
    let (build, outcome) = (BuildId(id_or(a, live)), pick(&OUTCOMES, b));
    let steps = w.steps(build)?.into_iter().map(|s| s.id.0).collect();
    let logs = w.open_logs()?.into_iter().map(|l| l.id.0).collect();
    let (step_id, log) = (StepId(id_or(b, steps)), LogId(id_or(a, logs)));
    let reason = Reason::new("test", "by the test");
    match what {
        8 => {
            let locks = if b % 4 == 3 { vec![need(1)] } else { vec![] };
            w.start_step(build, &NewStep { locks, ..step(b, &format!("step {b}")) }).map(|_| ())
        }
        9 => w.skip_step(build, b, &format!("step {b}"), &reason).map(|_| ()),
        10 => w.finish_step(step_id, outcome, Some(&reason), None),
        11 => w.open_log(build, step_id, "stdout").map(|_| ()),
        12 => w.close_log(log, &ended(pick(&["h", "i"], b))),
        13 => w.end_steps(build),
        14 => w.cancel_build(build, "ann", "").map(|_| ()),
        15 => w.finish_build(build, outcome, Some(&reason), Next::Complete),
        16 => w.finish_build(build, Outcome::Retry, None, Next::Retry),
        _ => {
            let hash = "a".to_owned();
            let (step, path) = (step_id, "out".to_owned());
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
        22 => w.resume_worker(worker, "ann", ""),
        23 => w.drain_worker(worker, b % 4 == 0),
        24 => w.meet_worker(worker, 1 + b % 4, &[("os".to_owned(), Value::Int(b))].into()),
        _ => w.recover().map(|_| ()),
    }
}

/// The operations by how often they are drawn: what moves work along more often than what stops it.
fn any_operation() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => prop::sample::select(vec![0, 1, 1, 1, 2, 3, 3, 6, 7]),
        8 => 8u8..=17,
        3 => prop::sample::select(vec![19, 20, 20, 22, 22, 23]),
        1 => prop::sample::select(vec![4, 5, 18, 21, 24, 25]),
    ]
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
        let config = w.apply_configuration(&text("two"), &farm())?;
        let requests = w.submit_buildset(&buildset(config, &BUILDERS))?.requests;
        begin(w, requests[0], "barn")
    })
    .await;
    for (place, step) in steps.into_iter().enumerate() {
        // Refusals are fine: what counts is what they leave behind.
        match test.store.write("random", move |w| perform(w, step)).await {
            Err(error @ (Error::Panicked { .. } | Error::Database(_) | Error::Corrupt { .. })) => {
                panic!("{step:?}: {error}")
            }
            _ => test.pass(Duration::millis(1)),
        }
        if place % 20 == 0 {
            test.assert_sound().await;
        }
    }
    test.assert_sound().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_leaves_a_sound_history(
        steps in proptest::collection::vec((any_operation(), 1i64..20, 1i64..20), 1..200)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
