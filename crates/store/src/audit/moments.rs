//! What must hold at each moment of the past: every check sees the farm just before an event, and
//! the event.

use std::fmt::Display;

use steading_core::farm::{Lock, LockCapacity};
use steading_core::lifecycle::{self, Illegal};
use steading_core::words::{
    Access, BuildState, ClaimState, Delta, Event, HeldLock, RequestState, StepState, WorkerState,
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
    free_slot,
    locks_fit,
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

/// I3: an offer goes to a worker that is ready, not draining and not paused.
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
    let flagged = int(worker, "draining") == Some(1) || text(worker, "paused_by").is_some();
    if ready && !flagged {
        return None;
    }
    let what = format!("claim {} went to worker {name}, which took nothing new", event.noun_id);
    violation("I3", event, what)
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

/// I5: the builder locks of live builds never exceed a lock's units, whenever they began.
fn locks_fit(world: &World, event: &Event) -> Option<Violation> {
    if !makes(world, event, "build") {
        return None;
    }
    let wanted: Vec<HeldLock> = json(&event.delta, "locks")?;
    let worker = text(&event.delta, "worker")?;
    wanted.iter().find_map(|want| {
        let lock = declared(world, &want.lock)?;
        let mut holders: Vec<(&Delta, Access)> = vec![(&event.delta, want.access)];
        for build in world.live.iter().filter_map(|id| world.row("build", *id)) {
            let near = !lock.per_worker || text(build, "worker") == Some(worker);
            if near && int(build, "steps_ended_at").is_none() {
                let held: Vec<HeldLock> = json(build, "locks")?;
                let same = held.into_iter().filter(|h| h.lock == want.lock);
                holders.extend(same.map(|h| (build, h.access)));
            }
        }
        let changed = world.lock_changed.get(&want.lock).copied().unwrap_or(0);
        let before_change = |row: &Delta| {
            attempt(row).and_then(|a| world.offered_seq.get(&a)).is_none_or(|seq| *seq < changed)
        };
        // A lock that shrank under its holders is not their fault.
        if holders.iter().any(|(row, _)| before_change(row)) || fits(&holders, lock.units(worker)) {
            return None;
        }
        let what = format!("build {} took lock {} beyond its units", event.noun_id, want.lock);
        violation("I5", event, what)
    })
}

fn declared(world: &World, name: &str) -> Option<Lock> {
    let row = world.named("lock", name)?;
    let capacity: LockCapacity = json(row, "capacity")?;
    let per_worker = int(row, "per_worker") == Some(1);
    Some(Lock { name: name.to_owned(), per_worker, capacity })
}

fn fits(holders: &[(&Delta, Access)], units: i64) -> bool {
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
