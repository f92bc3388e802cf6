//! How a run ends, and what must hold then: nothing lost, nothing doubled, nothing left over.

use std::collections::BTreeMap;

use steading_store::Read;
use steading_store::audit::{self, Violation};
use steading_wire::worker::LogKey;

use crate::check::Kept;
use crate::content;
use crate::farm::SOURCE;
use crate::world::World;

/// Whether everything that was wanted is done and the last messages have arrived, or it takes too
/// long.
pub(crate) fn is_over(world: &mut World, patience_ms: u64, settle_ms: u64) -> bool {
    if !world.is_quiet() {
        world.quiet_since = None;
        if world.peace && world.now > world.peace_ms + patience_ms {
            let open = world.checker.open();
            let text = format!("I7: {open} requests are not complete {patience_ms} ms after peace");
            world.checker.found.push(text);
            world.checker.found.extend(world.checker.stuck());
            return true;
        }
        return false;
    }
    let since = *world.quiet_since.get_or_insert(world.now);
    world.now >= since + settle_ms
}

/// Every lost build is explained by something that went wrong with its worker.
pub(crate) fn explain_losses(world: &mut World) {
    for loss in std::mem::take(&mut world.checker.lost) {
        let place = world.machines.iter().position(|machine| machine.name == loss.build.worker);
        let explained = place.is_some_and(|it| world.troubles.explain(&loss, it, world.now));
        if !explained {
            let (attempt, reason) = (loss.build.attempt, loss.reason);
            let text = format!("{attempt} was lost though nothing explains it: {reason}");
            world.checker.found.push(text);
        }
    }
}

/// Judges the end of a run.
pub(crate) async fn judge(world: &mut World) {
    let (Some(reader), Some(life)) = (world.reader.take(), world.life.as_ref()) else { return };
    let read = reader.read(|r: &Read<'_>| Ok((audit::history(r)?, audit::kept(r)?)));
    let mut found = Vec::new();
    match read.await {
        Ok((history, kept)) => {
            let kept = kept.verify(life.archive());
            found.extend(history.iter().chain(&kept).map(Violation::to_string));
        }
        Err(error) => found.push(format!("history cannot be audited: {error}")),
    }
    let logs = world.checker.logs.iter();
    found.extend(logs.filter_map(|(id, log)| log_differs(world, *id, log)));
    let artifacts = world.checker.artifacts.values();
    found.extend(artifacts.filter_map(|artifact| artifact_differs(world, artifact)));
    found.extend(leftovers(world));
    let promised = world.broken_promises().into_iter();
    found.extend(promised.map(|id| format!("request {id} was promised, and is not in history")));
    found.extend(doubled(world));
    found.extend(world.checker.changes.judge());
    world.checker.found.extend(found);
}

/// A log holds what its process printed: all of it where the build has a verdict, else the
/// beginning.
fn log_differs(world: &World, id: i64, log: &Kept) -> Option<String> {
    let Kept { build, step, name, bytes, hash } = log;
    let build = world.checker.builds.get(build)?;
    let (_, number) = world.checker.steps.get(step)?;
    let key = LogKey { attempt: build.attempt, step: *number, name: name.clone() };
    let length = usize::try_from(*bytes).unwrap_or_default();
    if content::hash(&content::printed(&key, length)) != *hash {
        return Some(format!("I10: log {id} ({key:?}) does not hold what was printed"));
    }
    let machine = world.machines.iter().find(|machine| machine.name == build.worker)?;
    let truth = machine.truth.get(&(build.attempt, *number));
    let printed = truth.and_then(|truth| truth.logs.get(name)).copied().unwrap_or_default();
    let verdict = ["success", "warnings", "failure"].contains(&build.outcome.as_str());
    (verdict && printed != length)
        .then(|| format!("I10: log {id} ({key:?}) has {length} bytes, {printed} were printed"))
}

fn artifact_differs(world: &World, artifact: &Kept) -> Option<String> {
    let Kept { build, step, name: path, hash, .. } = artifact;
    let build = world.checker.builds.get(build)?;
    let (_, number) = world.checker.steps.get(step)?;
    let left = content::hash(&content::left(build.attempt, *number));
    (left != *hash).then(|| format!("I12: `{path}` of {} holds other bytes", build.attempt))
}

/// Nobody holds anything any more.
fn leftovers(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for machine in &world.machines {
        let (held, running, files) = machine.holds();
        if !held.is_empty() || running + files > 0 {
            let name = &machine.name;
            found.push(format!(
                "I1: {name} still holds {held:?}, {running} processes run, {files} files are spooled"
            ));
        }
    }
    let troubled = world.checker.judge.troubled();
    let told = |name| format!("I7: {name} has room again, and history does not say so");
    found.extend(troubled.map(told));
    found
}

/// Each wish became exactly one request.
fn doubled(world: &World) -> Vec<String> {
    let mut owners: BTreeMap<i64, usize> = BTreeMap::new();
    for wish in world.people.wishes.iter().filter_map(|wish| wish.request) {
        *owners.entry(wish.0).or_default() += 1;
    }
    let wishes = world.people.wishes.len();
    let requests = world.checker.requests.values().filter(|it| it.builder != SOURCE).count();
    let mut found: Vec<String> = owners
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(id, count)| format!("request {id} answers {count} wishes"))
        .collect();
    if world.people.content() && wishes != requests {
        found.push(format!("{wishes} wishes became {requests} requests"));
    }
    found
}
