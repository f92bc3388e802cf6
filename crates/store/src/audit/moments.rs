//! What must hold at each moment of the past: every check sees the farm just before an event, and
//! the event.

use std::collections::BTreeSet;
use std::fmt::Display;

use steading_core::farm::{Lock, LockCapacity};
use steading_core::lifecycle::{self, Illegal};
use steading_core::words::{
    Access, BuildState, ClaimState, Delta, Event, HeldLock, Reason, RequestState, StepState,
    WorkerState,
};

use super::Violation;
use super::world::{World, int, json, text};

type Check = fn(&World, &Event) -> Option<Violation>;

/// Every check of a moment.
pub(super) const CHECKS: &[Check] = &[
    legal_move,
    one_live_build,
    accepted_claim,
    nothing_after_the_end,
    offered_to_the_willing,
    offered_while_nothing_is_held_back,
    offered_to_the_trusted,
    failing_workers_are_quarantined,
    poison_is_proven,
    free_slot,
    locks_fit,
    limits_kept,
    decided_on_the_past,
];

fn violation(invariant: &'static str, event: &Event, what: impl Display) -> Option<Violation> {
    Some(Violation::new(invariant, format!("at event {}: {what}", event.seq)))
}

/// Whether the event made a row of that noun.
fn makes(world: &World, event: &Event, noun: &str) -> bool {
    event.noun == noun && world.row(noun, event.noun_id).is_none()
}

/// Every state follows the tables of `lifecycle`.
fn legal_move(world: &World, event: &Event) -> Option<Violation> {
    let to = text(&event.delta, "state")?;
    let from = world.row(&event.noun, event.noun_id).and_then(|row| text(row, "state"));
    let legal = match event.noun.as_str() {
        "request" => moved(from, to, RequestState::from_word, lifecycle::request),
        "claim" => moved(from, to, ClaimState::from_word, lifecycle::claim),
        "build" => moved(from, to, BuildState::from_word, lifecycle::build),
        "step" => moved(from, to, StepState::from_word, lifecycle::step),
        "worker" => moved(from, to, WorkerState::from_word, lifecycle::worker),
        _ => Ok(()),
    };
    legal
        .err()
        .and_then(|why| violation("I12", event, format!("{} {}: {why}", event.noun, event.noun_id)))
}

fn moved<S: Copy + PartialEq>(
    from: Option<&str>,
    to: &str,
    parse: impl Fn(&str) -> Option<S>,
    legal: impl FnOnce(S, S) -> Result<(), Illegal>,
) -> Result<(), String> {
    let state = |word: &str| parse(word).ok_or_else(|| format!("`{word}` is no state"));
    let to = state(to)?;
    let Some(from) = from else { return Ok(()) };
    let from = state(from)?;
    if from == to { Ok(()) } else { legal(from, to).map_err(|illegal| illegal.to_string()) }
}

/// I1: at most one live build per request, and epochs only rise.
fn one_live_build(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "build") {
        return None;
    }
    let (request, epoch) = attempt(&event.delta)?;
    let live = world.live_attempts.range((request, i64::MIN)..=(request, i64::MAX)).next();
    if let Some((_, other)) = live {
        let what =
            format!("build {} and build {other} of request {request} both live", event.noun_id);
        return violation("I1", event, what);
    }
    match world.accepted.get(&request) {
        Some(highest) if *highest >= epoch => {
            let what = format!("request {request}: epoch {epoch} accepted after epoch {highest}");
            violation("I1", event, what)
        }
        _ => None,
    }
}

/// I1: a build is what an accepted claim became.
fn accepted_claim(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "build") {
        return None;
    }
    let (request, epoch) = attempt(&event.delta)?;
    if world.offered_seq.contains_key(&(request, epoch)) {
        return None;
    }
    violation("I1", event, format!("build {} was never offered to its worker", event.noun_id))
}

/// I1, I12: once a build is finished nothing of it changes, deletion apart.
fn nothing_after_the_end(world: &World, event: &Event) -> Option<Violation> {
    if !matches!(event.noun.as_str(), "step" | "log" | "artifact")
        || event.kind.ends_with("deleted")
    {
        return None;
    }
    let known = world.row(&event.noun, event.noun_id).unwrap_or(&event.delta);
    let build = int(known, "build_id")?;
    if world.live.contains(&build) {
        return None;
    }
    let what = format!("{} {} changed after build {build} had ended", event.noun, event.noun_id);
    violation("I1", event, what)
}

/// I3: an offer goes to a worker that is ready, not draining, not paused and without a trouble of
/// its own.
fn offered_to_the_willing(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "claim") {
        return None;
    }
    let name = text(&event.delta, "worker")?;
    let Some(worker) = world.named("worker", name) else {
        return violation(
            "I3",
            event,
            format!("claim {} went to an unknown worker", event.noun_id),
        );
    };
    let ready = text(worker, "state") == Some(WorkerState::Ready.word());
    let said = |field: &str| text(worker, field).is_some();
    let flagged = int(worker, "draining") == Some(1) || said("paused_by") || said("troubles");
    if ready && !flagged {
        return None;
    }
    let what = format!("claim {} went to worker {name}, which took nothing new", event.noun_id);
    violation("I3", event, what)
}

/// I3: nothing is offered while the farm or the request's builder is held back.
fn offered_while_nothing_is_held_back(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "claim") {
        return None;
    }
    let paused = |row: &Delta| text(row, "paused_by").is_some();
    let troubled = |row: &Delta| text(row, "troubles").is_some_and(|troubles| troubles != "[]");
    if world.all("farm").any(|(_, farm)| paused(farm) || troubled(farm)) {
        let what = format!("claim {} was made while the farm started nothing", event.noun_id);
        return violation("I3", event, what);
    }
    let request = world.row("request", int(&event.delta, "request_id")?)?;
    let builder = text(request, "builder")?;
    let what = format!("claim {} was made while builder {builder} was paused", event.noun_id);
    let held = world.named("builder", builder).is_some_and(paused);
    if held { violation("I3", event, what) } else { None }
}

/// I3: an offer goes to no worker in quarantine, and only one at a time to a canary.
fn offered_to_the_trusted(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "claim") {
        return None;
    }
    let name = text(&event.delta, "worker")?;
    let until = int(world.named("worker", name)?, "quarantined_until")?;
    if until > event.at.0 {
        let what = format!("claim {} went to worker {name}, which is in quarantine", event.noun_id);
        return violation("I3", event, what);
    }
    let on_it = |noun: &str, id: &i64| {
        world.row(noun, *id).and_then(|row| text(row, "worker")) == Some(name)
    };
    let busy = world.live.iter().any(|id| on_it("build", id))
        || world.offers.iter().any(|id| on_it("claim", id));
    let what = format!("claim {} is the second of worker {name}, a canary", event.noun_id);
    if busy { violation("I3", event, what) } else { None }
}

/// I8: a worker that fails whatever it is given is not trusted any more.
fn failing_workers_are_quarantined(world: &World, event: &Event) -> Option<Violation> {
    const NEVER_MORE: i64 = 25;
    if !makes(world, event, "claim") {
        return None;
    }
    let name = text(&event.delta, "worker")?;
    let worker = world.named("worker", name)?;
    let failures = int(worker, "failures")?;
    if failures < NEVER_MORE || int(worker, "quarantined_until").is_some() {
        return None;
    }
    let what = format!("worker {name} failed {failures} times in a row and is trusted still");
    violation("I8", event, what)
}

/// I8: a request is stopped as poison only where it failed on two workers at least.
fn poison_is_proven(_: &World, event: &Event) -> Option<Violation> {
    let reason: Reason =
        (event.noun == "request").then(|| json(&event.delta, "outcome_reason"))??;
    let workers: BTreeSet<&str> = reason.causes.iter().map(|cause| cause.worker.as_str()).collect();
    if reason.code != "poison" || workers.len() >= 2 {
        return None;
    }
    violation("I8", event, format!("request {} was stopped without proof", event.noun_id))
}

/// I4: an offer fits into the slots left by live builds and other offers.
fn free_slot(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "claim") {
        return None;
    }
    let name = text(&event.delta, "worker")?;
    let slots = int(world.named("worker", name)?, "slots")?;
    let on_it = |noun: &str, id: &i64| {
        world.row(noun, *id).and_then(|row| text(row, "worker")) == Some(name)
    };
    let builds = world.live.iter().filter(|id| on_it("build", id)).count();
    let offers = world.offers.iter().filter(|id| on_it("claim", id)).count();
    let used = i64::try_from(builds + offers).unwrap_or(i64::MAX);
    if used < slots {
        return None;
    }
    let what =
        format!("worker {name} has {slots} slots, {used} were in use, and one more was offered");
    violation("I4", event, what)
}

/// I5: what live builds and running steps hold never exceeds a lock's units, whenever they began.
fn locks_fit(world: &World, event: &Event) -> Option<Violation> {
    let (wanted, worker) = begins(world, event)?;
    wanted.iter().find_map(|want| {
        let lock = declared(world, &want.lock)?;
        let since = match event.noun.as_str() {
            "build" => offered(world, &event.delta),
            _ => event.seq.0,
        };
        let mut holders = vec![(since, want.access)];
        holders.extend(holders_of(world, &lock, worker));
        let changed = world.lock_changed.get(&want.lock).copied().unwrap_or(0);
        // A lock that shrank under its holders is not their fault.
        if holders.iter().any(|(since, _)| *since < changed) || fits(&holders, lock.units(worker)) {
            return None;
        }
        let (noun, id) = (&event.noun, event.noun_id);
        violation("I5", event, format!("{noun} {id} took lock {} beyond its units", want.lock))
    })
}

/// The locks that somebody begins to hold with an event, and where.
fn begins<'a>(world: &'a World, event: &'a Event) -> Option<(Vec<HeldLock>, &'a str)> {
    if makes(world, event, "build") {
        return Some((json(&event.delta, "locks")?, text(&event.delta, "worker")?));
    }
    if event.noun != "step" || text(&event.delta, "state") != Some(StepState::Running.word()) {
        return None;
    }
    let row = world.row("step", event.noun_id).unwrap_or(&event.delta);
    let build = world.row("build", int(row, "build_id")?)?;
    Some((json(row, "takes")?, text(build, "worker")?))
}

/// Who holds how much of a lock there, and since which event.
fn holders_of(world: &World, lock: &Lock, worker: &str) -> Vec<(i64, Access)> {
    let near = |build: &Delta| !lock.per_worker || text(build, "worker") == Some(worker);
    let of_lock = |held: Vec<HeldLock>, since: i64| {
        held.into_iter().filter(|h| h.lock == lock.name).map(move |h| (since, h.access))
    };
    let mut holders = Vec::new();
    for build in world.live.iter().filter_map(|id| world.row("build", *id)) {
        if near(build) && runs(build) {
            let held = json(build, "locks").unwrap_or_default();
            holders.extend(of_lock(held, offered(world, build)));
        }
    }
    for (step, since) in &world.running_steps {
        let Some(step) = world.row("step", *step) else { continue };
        let build = int(step, "build_id").filter(|id| world.live.contains(id));
        if build.and_then(|id| world.row("build", id)).is_some_and(|b| runs(b) && near(b)) {
            holders.extend(of_lock(json(step, "takes").unwrap_or_default(), *since));
        }
    }
    holders
}

/// Whether a build runs steps, and holds what they need: one that was lost does not, if it may be
/// run again.
fn runs(build: &Delta) -> bool {
    let lost = text(build, "state") == Some(BuildState::Lost.word());
    let never = text(build, "rerun") == Some("never");
    int(build, "steps_ended_at").is_none() && (never || !lost)
}

/// The event by which a build was offered.
fn offered(world: &World, build: &Delta) -> i64 {
    attempt(build).and_then(|it| world.offered_seq.get(&it)).copied().unwrap_or(0)
}

/// I5: no more builds of a builder, or on a worker, run steps than its `max_builds` says.
fn limits_kept(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "build") {
        return None;
    }
    ["builder", "worker"].into_iter().find_map(|noun| {
        let name = text(&event.delta, noun)?;
        let most = int(world.named(noun, name)?, "max_builds")?;
        let key = (noun.to_owned(), name.to_owned());
        let changed = world.limit_changed.get(&key).copied().unwrap_or(0);
        let live = world.live.iter().filter_map(|id| world.row("build", *id));
        let run = live.filter(|build| text(build, noun) == Some(name) && runs(build));
        let since: Vec<i64> =
            run.chain([&event.delta]).map(|build| offered(world, build)).collect();
        let fewer = i64::try_from(since.len()).is_ok_and(|running| running <= most);
        // One that was lowered under its builds is not their fault.
        if fewer || since.iter().any(|since| *since < changed) {
            return None;
        }
        let what = format!("{noun} {name} runs {} builds, {most} at most", since.len());
        violation("I5", event, what)
    })
}

fn declared(world: &World, name: &str) -> Option<Lock> {
    let row = world.named("lock", name)?;
    let capacity: LockCapacity = json(row, "capacity")?;
    let per_worker = int(row, "per_worker") == Some(1);
    Some(Lock { name: name.to_owned(), per_worker, capacity })
}

fn fits(holders: &[(i64, Access)], units: i64) -> bool {
    if holders.iter().any(|(_, access)| *access == Access::Exclusive) {
        return holders.len() == 1;
    }
    let used: i64 = holders
        .iter()
        .map(|(_, access)| match access {
            Access::Counting(n) => *n,
            Access::Exclusive => 0,
        })
        .sum();
    used <= units
}

/// I11: a match was decided on events that had happened.
fn decided_on_the_past(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "claim") {
        return None;
    }
    let decided = int(&event.delta, "match_seq")?;
    if decided < event.seq.0 {
        return None;
    }
    violation("I11", event, format!("claim {} was decided on event {decided}", event.noun_id))
}

fn attempt(row: &Delta) -> Option<(i64, i64)> {
    Some((int(row, "request_id")?, int(row, "epoch")?))
}
