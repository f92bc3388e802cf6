//! A master that is killed while builds run, and a worker that freezes.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::idle::connected;
use crate::compare::row::{Better, Goal, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::system::{System as _, Work, until};
use crate::process::clock;

/// Builds of a worker.
const SLOTS: usize = 10;
/// Builds of the peer that run when its master is killed.
const PEER_BUILDS: usize = 20;

const NOTE: &str = "`kill -9` of the master, the next one at once. Steading: 100 simulated workers \
    of ten slots, until the last one is welcome again with all its builds, none of which is lost \
    or run again. Buildbot: 20 builds on 20 real workers, until all of them run again (from their \
    beginning: the commands die with the master).";

pub(super) fn run(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let workers = bench.options.size(20, 100);
    let builds = workers * SLOTS;
    let mut row = Row::new(
        "recovery",
        format!("kill -9 of the master: {builds} running builds are adopted"),
        "s",
        Better::Less,
    )
    .goal(Goal::Value(5.0))
    .note(NOTE);
    for _ in 0..bench.options.rounds(3) {
        row.add(STEADING, ours(bench, workers, builds)?);
    }
    if !bench.options.quick {
        row.figures.extend(theirs(bench)?.map(|seconds| crate::compare::row::Figure {
            system: "Buildbot",
            values: vec![seconds],
        }));
    }
    rows.push(row);
    Ok(())
}

fn ours(bench: &Bench, workers: usize, builds: usize) -> io::Result<f64> {
    let (mut farm, shams) = connected(&bench.steading, workers, SLOTS)?;
    let mut http = farm.connect()?;
    (0..builds).try_for_each(|_| http.post("/builders/long/force", "{}"))?;
    let seen = &shams.seen;
    until("every build runs", Duration::from_millis(50), || {
        Ok((seen.running.load(Ordering::Relaxed) >= builds).then_some(()))
    })?;
    let welcomes = seen.welcomes.load(Ordering::Relaxed);
    seen.brought.store(0, Ordering::Relaxed);
    farm.kill()?;
    let began = clock();
    farm.again()?;
    until("every worker is welcome again", Duration::from_millis(5), || {
        Ok((seen.welcomes.load(Ordering::Relaxed) >= welcomes + workers).then_some(()))
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let (brought, dropped) =
        (seen.brought.load(Ordering::Relaxed), seen.dropped.load(Ordering::Relaxed));
    let ran = farm.connect()?.list("/builds?state__ne=finished&fields=id,epoch")?.len();
    if (brought, dropped, ran) != (builds, 0, builds) {
        let text = format!("{brought} of {builds} came back, {dropped} dropped, {ran} live");
        return Err(io::Error::other(text));
    }
    Ok(seconds)
}

/// From the start of Buildbot's next master until as many builds run as before.
fn theirs(bench: &Bench) -> io::Result<Option<f64>> {
    let Ok(buildbot) = &bench.peers.buildbot else { return Ok(None) };
    let command = ["sleep", "60"].map(str::to_owned).to_vec();
    let work = Work { builders: 1, workers: PEER_BUILDS, steps: 1, command };
    let mut farm = buildbot.start(&work)?;
    let since = farm.diary();
    (0..PEER_BUILDS).try_for_each(|_| farm.submit())?;
    let run = |farm: &crate::compare::peers::BuildbotFarm<'_>, since: usize| {
        until("Buildbot's builds run", Duration::from_millis(20), || {
            let new = farm.said(since).iter().filter(|said| said.what == "builds.new").count();
            Ok((new >= PEER_BUILDS).then_some(()))
        })
    };
    run(&farm, since)?;
    let since = farm.diary();
    farm.kill()?;
    let began = clock();
    farm.again()?;
    run(&farm, since)?;
    Ok(Some(began.elapsed().as_secs_f64()))
}
