//! What it costs that workers are connected and nothing happens; and a master alone.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::compare::row::{Better, Goal, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::sham::Shams;
use crate::compare::system::{Work, idle, until};
use crate::farm::{Farm, Size, cpu_s, resident_mb};
use crate::process::clock;

/// How long nothing happens.
const QUIET: Duration = Duration::from_secs(12);
/// Open files besides connections.
const OTHER_FILES: usize = 200;
/// A peer's workers.
const PEER_WORKERS: usize = 100;

const NOTE: &str = "Steading's workers are simulated: a connection each that says and hears what \
    that of an idle worker does; Buildbot's are real, in ten processes. Processor time of the \
    master (and Buildbot's database) over twelve seconds in which nothing is built.";

pub(super) fn run(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    for workers in bench.options.size(&[100, 1_000][..], &[100, 1_000, 10_000]) {
        rows.extend(one(bench, room(*workers)?)?);
    }
    Ok(())
}

fn one(bench: &Bench, workers: usize) -> io::Result<[Row; 2]> {
    let name = |what: &str| format!("{what} with {workers} idle workers");
    let mut cpu = Row::new("idle", name("processor"), "% of a core", Better::Less).note(NOTE);
    let mut memory = Row::new("idle", name("memory of the master"), "MB", Better::Less).note(NOTE);
    if workers > 5_000 {
        cpu = cpu.goal(Goal::Value(10.0));
        memory = memory.goal(Goal::Value(2_048.0));
    }
    let (farm, shams) = connected(&bench.steading, workers, 1)?;
    let spent = percent(|| cpu_s(farm.master()));
    cpu.add(STEADING, spent);
    memory.add(STEADING, resident_mb(farm.master()) as f64);
    drop(shams);
    drop(farm);
    if workers == PEER_WORKERS
        && let Ok(buildbot) = &bench.peers.buildbot
    {
        let farm = buildbot.start(&Work::no_op(1, workers, 1))?;
        idle(Duration::from_secs(2));
        cpu.add("Buildbot", percent(|| crate::compare::system::System::master_s(&farm)));
        memory.add("Buildbot", crate::compare::system::System::memory_mb(&farm));
    }
    Ok([cpu, memory])
}

/// Percent of a core that are spent while nothing happens.
fn percent(spent_s: impl Fn() -> f64) -> f64 {
    let (before, began) = (spent_s(), clock());
    idle(QUIET);
    (spent_s() - before) / began.elapsed().as_secs_f64() * 100.0
}

/// As many of these workers as there is room for: a connection each, here and in the master, which
/// inherits the limit.
fn room(workers: usize) -> io::Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let files = usize::try_from(limit.maximum.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    Ok(workers.min(files.saturating_sub(OTHER_FILES)))
}

/// A master with so many simulated workers, all of them welcome.
pub(super) fn connected(
    steading: &Path,
    workers: usize,
    slots: usize,
) -> io::Result<(Farm, Shams)> {
    let text = format!(
        "workers(\"sham-*\", slots = {slots})\n\
         builder(\"long\", steps = [shell(\"sleep 1000\")])\n"
    );
    let farm = Farm::declared(steading, "master", Size { workers: 0, builders: 1 }, &text)?;
    let body = json!({ "name": "shams", "scope": "worker", "worker": "sham-*" });
    let made = farm.connect()?.answer("/tokens", &body.to_string())?;
    let token = made["token"].as_str().ok_or_else(|| io::Error::other("no token"))?;
    let shams = Shams::start(farm.host(), token, workers)?;
    until("every simulated worker is welcome", Duration::from_millis(100), || {
        Ok((shams.seen.welcomes.load(Ordering::Relaxed) >= workers).then_some(()))
    })?;
    // What a welcome sets off is over, too.
    idle(Duration::from_secs(4));
    Ok((farm, shams))
}
