//! A deep queue against an almost empty one; what a build costs; how soon the next one starts.

use std::io;

use std::time::Duration;

use crate::compare::peers::{Buildbot, BuildbotFarm};
use crate::compare::row::{Better, Goal, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::system::{Work, idle, now_ns, until};
use crate::farm::{Farm, Size};
use crate::queue::{Round, fill, round};

/// Builds of a round.
const BUILDS: usize = 500;
/// The depth a peer is measured at, too.
const PEER_DEPTH: usize = 10_000;
/// How long a peer is watched.
const PEER_WATCHED: Duration = Duration::from_secs(30);

const DEEP: &str = "Two farms in turn, 100 builders and ten workers, one of them with a queue that \
    stays as deep as it is: `bench queue`. The ratio is taken round by round. Buildbot: ends of \
    builds in 30 s with a queue of 100 requests and, its master started anew, with 10,000 more.";
const COST: &str =
    "What `/metrics` counts, submission and claim included, with rounds of 500 builds.";
const GAP: &str = "One worker of one slot, so that nobody else has the processor; from the exit \
    record of one process to that of the next. Pooled over a round.";

pub(super) fn deep(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let depths = bench.options.size(&[1_000][..], &[10_000, 100_000]);
    for depth in depths {
        rows.extend(one(bench, *depth)?);
    }
    Ok(())
}

fn one(bench: &Bench, depth: usize) -> io::Result<[Row; 2]> {
    let name = format!("builds/s with {depth} queued ÷ with an empty queue");
    let mut row = Row::new("deep", name, "ratio", Better::More).goal(Goal::Value(0.9)).note(DEEP);
    let name = format!("no-op builds with {depth} queued, 100 builders × 10 workers");
    let mut rate = Row::new("deep", name, "builds/s", Better::More).note(DEEP);
    let size = Size { workers: 10, builders: 100 };
    let (empty, full) = (Farm::start(&bench.steading, size)?, Farm::start(&bench.steading, size)?);
    fill(&full, depth)?;
    for farm in [&empty, &full] {
        round(farm, 100)?;
    }
    for number in 0..bench.options.rounds(3) {
        let [first, second] = if number % 2 == 0 { [&empty, &full] } else { [&full, &empty] };
        let (first, second) = (round(first, BUILDS)?, round(second, BUILDS)?);
        let [shallow, deep] = match number % 2 {
            0 => [first.per_second, second.per_second],
            _ => [second.per_second, first.per_second],
        };
        row.add(STEADING, deep / shallow);
        rate.add(STEADING, deep);
    }
    for farm in [empty, full] {
        farm.stop_and_audit()?.map(drop).map_err(io::Error::other)?;
    }
    if let (PEER_DEPTH, Ok(buildbot)) = (depth, &bench.peers.buildbot) {
        match theirs(buildbot, size, depth) {
            Ok(Some([shallow, deep])) => {
                row.add("Buildbot", deep / shallow);
                rate.add("Buildbot", deep);
            }
            Ok(None) => {}
            Err(error) => row.say("Buildbot", format!("broke off: {error}")),
        }
    }
    Ok([row, rate])
}

/// Builds per second of Buildbot with a short queue and with a deep one; none without PostgreSQL,
/// where its queue is written to.
fn theirs(buildbot: &Buildbot, size: Size, depth: usize) -> io::Result<Option<[f64; 2]>> {
    let mut farm = buildbot.start(&Work::no_op(size.builders, size.workers, 1))?;
    if !farm.queue(100)? {
        return Ok(None);
    }
    let shallow = ended_per_second(&farm)?;
    farm.queue(depth)?;
    Ok(Some([shallow, ended_per_second(&farm)?]))
}

/// How many of Buildbot's builds end in a second, once the first has ended.
fn ended_per_second(farm: &BuildbotFarm<'_>) -> io::Result<f64> {
    let ends = |since| {
        let said = farm.said(since).into_iter().filter(|said| said.what == "builds.finished");
        said.map(|said| said.at_ns).collect::<Vec<_>>()
    };
    let since = farm.diary();
    until("Buildbot begins with its queue", Duration::from_millis(50), || {
        Ok((!ends(since).is_empty()).then_some(()))
    })?;
    let began = now_ns();
    idle(PEER_WATCHED);
    // A short queue is empty before the time is over.
    let ended: Vec<i64> = ends(since).into_iter().filter(|at| *at > began).collect();
    let last = ended.iter().max().copied().ok_or_else(|| io::Error::other("no build ended"))?;
    Ok(ended.len() as f64 * 1e9 / (last - began) as f64)
}

/// Write sections of a build, on a small farm and a large one, with one step and eleven.
pub(super) fn cost(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let sizes = [(1, 10, 1), (100, 10, 1), (1, 10, 11)];
    for (builders, workers, steps) in sizes {
        let name = |what: &str| format!("{what} of a build, {steps} steps, {builders} builders");
        let limit = if steps == 1 { 8.0 } else { 18.0 };
        let new = |what: &str, unit| Row::new("cost", name(what), unit, Better::Less).note(COST);
        let mut sections = new("write sections", "sections").goal(Goal::Value(limit + 0.05));
        let mut commits = new("commits", "commits");
        let mut master = new("processor time of the master", "ms");
        let mut workers_ms = new("processor time of the workers' daemons", "ms");
        let size = Size { workers, builders };
        let farm = Farm::steps(&bench.steading, size, steps)?;
        farm.workers("pause")?;
        round(&farm, 50)?;
        for _ in 0..bench.options.rounds(2) {
            let Round { cost, .. } = round(&farm, BUILDS / steps)?;
            sections.add(STEADING, cost.sections);
            commits.add(STEADING, cost.commits);
            master.add(STEADING, cost.master_s * 1e3);
            workers_ms.add(STEADING, cost.workers_s * 1e3);
        }
        farm.stop_and_audit()?.map(drop).map_err(io::Error::other)?;
        rows.extend([sections, commits, master, workers_ms]);
    }
    Ok(())
}

/// From one process to the next on the same worker.
pub(super) fn gap(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let row = |what: &str| {
        let name = format!("finish → next process on the same worker, queue not empty, {what}");
        Row::new("gap", name, "ms", Better::Less).note(GAP)
    };
    let (mut p50, mut p99) = (row("p50"), row("p99").goal(Goal::Value(10.0)));
    let farm = Farm::start(&bench.steading, Size { workers: 1, builders: 1 })?;
    round(&farm, 50)?;
    for _ in 0..bench.options.rounds(3) {
        let mut measured = round(&farm, bench.options.size(200, BUILDS))?;
        p50.add(STEADING, measured.gaps.micros(500) / 1e3);
        p99.add(STEADING, measured.gaps.micros(990) / 1e3);
    }
    farm.stop_and_audit()?.map(drop).map_err(io::Error::other)?;
    rows.extend([p50, p99]);
    Ok(())
}
