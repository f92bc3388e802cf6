//! A snapshot that followed the events knows what a fresh one knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use steading_core::matcher::{Holding, Pace};
use steading_core::words::{
    BuildState, ClaimState, ConfigId, Decided, Duration, HeldLock, Micros, Outcome, Reason,
    RequestId,
};
use steading_store::archive::Archive;
use steading_store::{
    Acceptance, Error, LockNeed, NewBuildset, NewClaim, NewRequest, Next, Options, Store, Write,
};

use super::snapshot::Snapshot;
use crate::context::Context;
use crate::farms::Farms;
use crate::intake::Mirrors;
use crate::programs::Programs;
use crate::session::Sessions;

const FARM: &str = r#"
worker("oak", slots = 2)
worker("elm", labels = {"size": "small"})
gate = lock("gate", capacity = 2)
builder("plain", steps = [shell("true")])
builder("gated", steps = [shell("true")], locks = [gate.counting(1)])
builder("alone", steps = [shell("true")], locks = [gate.exclusive()])
policy(order = [highest(lambda request: request.priority),
                highest(lambda request, worker: worker.last_builder == request.builder),
                oldest()],
       backfill = True)
"#;

async fn context(directory: &Path) -> Context {
    std::fs::write(directory.join("farm.star"), FARM).expect("a file");
    let store = Store::open(Options::new(directory, || Micros(60_000_000))).expect("a store");
    let loaded = steading_config::load(directory).expect("a good farm");
    let farms = Farms::start(store.clone(), directory.to_owned(), loaded).await.expect("a farm");
    Context {
        store,
        archive: Archive::open(directory).expect("an archive"),
        data: directory.into(),
        mirrors: Mirrors::new(directory.join("mirrors")),
        programs: Programs::Processes,
        farms,
        sessions: Sessions::default(),
        explaining: Default::default(),
    }
}

/// What a snapshot knows, as far as decisions depend on it.
#[derive(Debug, PartialEq)]
struct Knows {
    order: Vec<RequestId>,
    first: Option<(RequestId, String)>,
    resting: BTreeMap<RequestId, Micros>,
    holdings: BTreeMap<String, Holding>,
    paces: [Option<Pace>; 3],
}

fn knows(snapshot: &Snapshot) -> Knows {
    let policy = snapshot.present.policy.as_ref();
    let best = snapshot.matcher.clone().next(policy, snapshot.decided.at);
    let holdings = snapshot.matcher.holdings().map(|held| (held.by.clone(), held.clone()));
    Knows {
        order: snapshot.matcher.order(policy),
        first: best.map(|found| (found.request, found.worker)),
        resting: snapshot.resting.clone(),
        holdings: holdings.collect(),
        paces: ["plain", "gated", "alone"].map(|builder| snapshot.matcher.pace(builder)),
    }
}

/// One step of a farm's life, chosen by a number. What is not possible just now is no step.
fn step(w: &mut Write<'_>, farm: ConfigId, dice: u64) -> Result<(), Error> {
    // Each choice has bits of its own.
    let pick = |bits: u32, n: usize| usize::try_from(dice >> bits & 31).unwrap_or(0) % n.max(1);
    let worker = ["oak", "elm"][pick(4, 2)];
    let pending = w.pending()?;
    let waiting = pending.get(pick(9, pending.len())).map(|request| request.id);
    let live = w.live_builds()?;
    let build = live.get(pick(14, live.len()));
    match dice % 9 {
        0 | 1 => submit(w, farm, ["plain", "gated", "alone"][pick(19, 3)]),
        2 => waiting.map_or(Ok(()), |id| claim(w, id, worker, pick(19, 3) > 0)),
        3 => build.map_or(Ok(()), |build| w.end_steps(build.id)),
        4 => build.map_or(Ok(()), |build| {
            let (outcome, next) = match pick(19, 3) {
                0 => (Outcome::Retry, Next::Retry),
                _ => (Outcome::Success, Next::Complete),
            };
            w.finish_build(build.id, outcome, None, next)
        }),
        5 => waiting.map_or(Ok(()), |id| w.prioritize(id, i64::from(dice as u8), "ada")),
        6 => waiting.map_or(Ok(()), |id| w.cancel_request(id, "ada", "").map(drop)),
        7 => build.map_or(Ok(()), |build| {
            let away = Reason::new("worker_lost", "away");
            match build.state {
                BuildState::Lost => w.give_up_build(build.id, &away, 5),
                _ => {
                    w.worker_lost(&build.worker)?;
                    w.lose_build(build.id, &away, 5).map(drop)
                }
            }
        }),
        _ => match pick(19, 4) {
            0 => w.worker_lost(worker),
            1 => w.pause_worker(worker, "ada", "lunch"),
            2 => w.resume_worker(worker, "ann", ""),
            _ => w.worker_connected(worker, "0.1.0", &serde_json::json!({})),
        },
    }
}

/// As many green builds as it takes to know how long they take.
fn green(w: &mut Write<'_>, farm: ConfigId) -> Result<(), Error> {
    w.worker_connected("oak", "0.1.0", &serde_json::json!({}))?;
    for _ in 0..5 {
        submit(w, farm, "plain")?;
        for request in w.pending()? {
            claim(w, request.id, "oak", true)?;
        }
        for build in w.live_builds()? {
            w.end_steps(build.id)?;
            w.finish_build(build.id, Outcome::Success, None, Next::Complete)?;
        }
    }
    Ok(())
}

fn submit(w: &mut Write<'_>, farm: ConfigId, builder: &str) -> Result<(), Error> {
    let request = NewRequest {
        builder: builder.to_owned(),
        priority: 0,
        properties: Default::default(),
        pinned_worker: None,
        start_within: None,
    };
    let buildset = NewBuildset {
        fail_fast: false,
        reason: "test".to_owned(),
        scheduler: None,
        owner: None,
        stamps: Vec::new(),
        changes: Vec::new(),
        configuration_id: farm,
        requests: vec![request],
    };
    w.submit_buildset(&buildset).map(drop)
}

fn claim(w: &mut Write<'_>, request: RequestId, worker: &str, taken: bool) -> Result<(), Error> {
    let builder = w.request(request)?.map(|request| request.builder).unwrap_or_default();
    let access = match builder.as_str() {
        "gated" => Some(steading_core::words::Access::Counting(1)),
        "alone" => Some(steading_core::words::Access::Exclusive),
        _ => None,
    };
    let need = |access| LockNeed { lock: "gate".to_owned(), access, units: 2, per_worker: false };
    let locks: Vec<LockNeed> = access.map(need).into_iter().collect();
    let held = locks.iter().map(|need| HeldLock { lock: need.lock.clone(), access: need.access });
    let acceptance = Acceptance {
        rerun: Default::default(),
        plan: Default::default(),
        locks: held.collect(),
        properties: Default::default(),
    };
    let decided = Decided { seq: w.newest_seq()?, at: w.now() };
    let deadline = w.now().plus(Duration::seconds(15));
    let worker = worker.to_owned();
    let claim = w.claim(&NewClaim { request, worker, decided, locks, deadline })?;
    match taken {
        true => w.accept(claim.id, &acceptance).map(drop),
        false => w.answer_claim(claim.id, ClaimState::Refused, None),
    }
}

/// A small deterministic source of numbers; any will do.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed), |x| {
        Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|x| x >> 33)
}

#[tokio::test]
async fn following_events_is_as_good_as_reading_all() {
    for seed in 1..=4 {
        let directory = tempfile::tempdir().expect("a directory");
        let context = context(directory.path()).await;
        let farm = context.farms.present().id;
        let mut followed = Snapshot::take(&context).await.expect("a snapshot");
        let green = context.store.write("test.green", move |w| green(w, farm));
        green.await.expect("builds of which a duration is learned");
        for (number, dice) in numbers(seed).take(150).enumerate() {
            let section = context.store.write("test.step", move |w| match step(w, farm, dice) {
                Err(Error::Stale(_) | Error::Illegal(_)) => Ok(()),
                other => other,
            });
            section.await.expect("a step");
            assert!(followed.follow(&context, BTreeSet::new()).await.expect("it follows"));
            let fresh = Snapshot::take(&context).await.expect("a snapshot");
            assert_eq!(knows(&followed), knows(&fresh), "seed {seed}, step {number}");
        }
        assert!(knows(&followed).paces[0].is_some(), "seed {seed}: it ended green often enough");
    }
}
