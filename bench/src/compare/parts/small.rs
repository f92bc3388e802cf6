//! What needs one number each: memory of an idle master, a frozen worker, the machine's limits,
//! one decision.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::compare::peers::SteadingFarm;
use crate::compare::row::{Better, Goal, MACHINE, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::system::{System as _, Work, idle, scratch, until};
use crate::farm::{Farm, Size, resident_mb};
use crate::process::clock;

/// What a commit of the machine's own writes, in bytes: a page.
const COMMIT_BYTES: usize = 4_096;
/// How many of them lie side by side.
const COMMITS_APART: usize = 1_024;

/// How long a peer has to notice a frozen worker.
const PEER_FROZEN: Duration = Duration::from_secs(40);
const FROZEN: &str = "The process is stopped, its connections stay open. Everybody with the \
    default keepalive: Buildbot's is an hour.";

/// Memory of a master that has nothing to do.
pub(super) fn memory(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let name = "memory of an idle master, no workers";
    let mut row = Row::new("memory", name, "MB", Better::Less).goal(Goal::Value(40.0));
    let text = "workers(\"w*\")\nbuilder(\"b0\", steps = [shell(\"true\")])\n";
    let size = Size { workers: 0, builders: 1 };
    let farm = Farm::declared(&bench.steading, "master", size, text)?;
    idle(Duration::from_secs(2));
    row.add(STEADING, resident_mb(farm.master()) as f64);
    drop(farm);
    let work = Work::no_op(1, 1, 1);
    if let Ok(buildbot) = &bench.peers.buildbot {
        row.add("Buildbot", buildbot.master(&work)?.memory_mb());
    }
    if let Ok(slurm) = &bench.peers.slurm {
        row.add("Slurm", slurm.start(&work)?.memory_mb());
    }
    if let Ok(laminar) = &bench.peers.laminar {
        row.add("Laminar", laminar.start(&work)?.memory_mb());
    }
    rows.push(row);
    Ok(())
}

/// A worker whose daemon is stopped: until the farm says that it is away.
pub(super) fn frozen(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let mut row = Row::new("frozen", "frozen worker (SIGSTOP) is noticed", "s", Better::Less)
        .goal(Goal::Value(15.0))
        .note(FROZEN);
    let mut system = SteadingFarm::start(&bench.steading, &Work::no_op(1, 2, 1))?;
    for _ in 0..bench.options.rounds(2) {
        let frozen = worker_of(system.farm.master())?;
        kill_process(frozen, Signal::STOP)?;
        let began = clock();
        until("the frozen worker is away", Duration::from_millis(50), || {
            let away = system.http.get("/workers?state=offline&fields=name")?;
            Ok(away["items"].as_array().is_some_and(|away| !away.is_empty()).then_some(()))
        })?;
        row.add(STEADING, began.elapsed().as_secs_f64());
        kill_process(frozen, Signal::CONT)?;
        until("it is back", Duration::from_millis(50), || {
            let back = system.http.get("/workers?state=ready&fields=name")?;
            Ok(back["items"].as_array().is_some_and(|back| back.len() == 2).then_some(()))
        })?;
    }
    if let Ok(buildbot) = &bench.peers.buildbot {
        let (farm, began) = (buildbot.start(&Work::no_op(1, 2, 1))?, clock());
        let since = farm.diary();
        farm.freeze()?;
        let noticed = || farm.said(since).iter().any(|said| said.what == "workers.disconnected");
        while !noticed() && began.elapsed() < PEER_FROZEN {
            idle(Duration::from_millis(50));
        }
        match noticed() {
            true => row.add("Buildbot", began.elapsed().as_secs_f64()),
            false => row.say("Buildbot", format!("not within {} s", PEER_FROZEN.as_secs())),
        }
    }
    rows.push(row);
    Ok(())
}

/// A process that a master started.
fn worker_of(master: u32) -> io::Result<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children"));
    let mut found: Vec<i32> = Vec::new();
    let everyone = std::fs::read_dir(format!("/proc/{master}/task"))?.flatten();
    let of_threads =
        everyone.filter_map(|t| std::fs::read_to_string(t.path().join("children")).ok());
    for text in of_threads.chain(children) {
        found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    let pid = found.first().copied().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::other("the master started no worker"))
}

/// What the machine can do with nobody in the way.
pub(super) fn limits(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let mut spawn = Row::new("limits", "`xargs -P2 -n1 true`", "processes/s", Better::More);
    let mut commit =
        Row::new("limits", "overwrite 4 KiB of a file and fdatasync", "commits/s", Better::More);
    for _ in 0..bench.options.rounds(3) {
        spawn.add(MACHINE, super::throughput::bare(2_000)?);
        commit.add(MACHINE, commits()?);
    }
    rows.extend([spawn, commit]);
    Ok(())
}

/// In place, as a journal that is used again and again is written.
fn commits() -> io::Result<f64> {
    let dir = scratch()?;
    let file =
        File::options().create(true).truncate(true).write(true).open(dir.path().join("file"))?;
    file.write_all_at(&vec![0; COMMIT_BYTES * COMMITS_APART], 0)?;
    file.sync_all()?;
    let (began, mut count) = (clock(), 0_usize);
    while began.elapsed() < Duration::from_secs(1) {
        let place = (count % COMMITS_APART) * COMMIT_BYTES;
        file.write_all_at(&[1; COMMIT_BYTES], u64::try_from(place).map_err(io::Error::other)?)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// One decision of the matcher, in this process.
pub(super) fn decision(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let (pending, workers) = bench.options.size((10_000, 1_000), (100_000, 10_000));
    let name = format!("one decision, {pending} pending × {workers} workers, exact, p99");
    let mut row = Row::new("decision", name, "µs", Better::Less)
        .goal(Goal::Value(50.0))
        .note("The `typical` shape of `bench matcher`; `bench oracle` compares with brute force.");
    for _ in 0..bench.options.rounds(3) {
        let events = bench.options.size(5_000, 20_000);
        let measured = crate::measure::typical(events, (pending, workers));
        row.add(STEADING, measured.ok_or_else(|| io::Error::other("no such shape"))?.1);
    }
    rows.push(row);
    Ok(())
}
