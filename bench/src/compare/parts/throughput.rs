//! Builds that do nothing, end to end: from the first submitted to the last complete.

use std::io;

use crate::compare::machine::settle;
use crate::compare::row::{Better, Goal, MACHINE, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::system::{System, Work, command, output};
use crate::process::clock;

/// Builders, workers and steps; builds a round of Steading, and of a slow peer.
const SHAPES: &[(usize, usize, usize, usize, usize)] = &[
    (1, 10, 1, 1_500, 40),
    (20, 50, 1, 1_500, 30),
    (100, 10, 1, 1_500, 30),
    (1, 10, 10, 300, 10),
    (20, 50, 10, 300, 10),
    (100, 10, 10, 300, 10),
];

const NOTE: &str = "The step is `true`. Four connections submit at once; the time is from before \
    the first submission to the end of the last build. Builds a round differ: a slow system gets \
    fewer. A turn begins when what the one before left behind is done, or after five seconds.";

pub(super) fn run(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let shapes = bench.options.size(&SHAPES[..1], SHAPES);
    shapes.iter().try_for_each(|shape| {
        rows.push(one(bench, *shape)?);
        Ok(())
    })
}

fn one(
    bench: &Bench,
    (builders, workers, steps, builds, few): (usize, usize, usize, usize, usize),
) -> io::Result<Row> {
    let work = Work::no_op(builders, workers, steps);
    let name = format!("no-op builds, {builders} builders × {workers} workers, {steps} steps");
    let mut row = Row::new("throughput", name, "builds/s", Better::More)
        .goal(Goal::Times("Buildbot", 100.0))
        .goal(Goal::Times("Laminar", 3.0))
        .goal(Goal::Times(MACHINE, 0.5))
        .note(NOTE);
    let mut systems = bench.peers.start(&bench.steading, &work)?;
    // What is done for the first time is done before anything is measured.
    for system in &mut systems {
        system.through(workers)?;
    }
    // Ten steps take ten times as long.
    for round in 0..bench.options.rounds(if steps == 1 { 3 } else { 2 }) {
        // Nobody is always the first.
        let count = systems.len();
        systems.rotate_left(round % count);
        let mut broken = Vec::new();
        for system in &mut systems {
            let builds = match system.name() {
                "Buildbot" => few,
                "Slurm" => 2 * few,
                "Laminar" => 4 * few,
                _ => builds,
            };
            match measured(system.as_mut(), builds) {
                Ok(rate) => row.add(system.name(), rate),
                Err(error) if system.name() == STEADING => return Err(error),
                Err(error) => broken.push((system.name(), error.to_string())),
            }
        }
        // A peer that breaks is told of and left out; what it came to before stays.
        systems.retain(|system| broken.iter().all(|(name, _)| *name != system.name()));
        broken.into_iter().for_each(|(name, why)| row.say(name, why));
        settle();
        row.add(MACHINE, bare(builds * steps)? / steps as f64);
    }
    Ok(row)
}

/// Builds a second of one system, which is sound afterwards.
fn measured(system: &mut dyn System, builds: usize) -> io::Result<f64> {
    let name = system.name();
    let named = |error: io::Error| io::Error::other(format!("{name}: {error}"));
    settle();
    let seconds = system.through(builds).map_err(named)?;
    system.audit()?;
    Ok(builds as f64 / seconds)
}

/// How many processes per second `xargs -P2` starts.
pub(crate) fn bare(processes: usize) -> io::Result<f64> {
    let words = tempfile::NamedTempFile::new()?;
    std::fs::write(words.path(), "x\n".repeat(processes))?;
    let mut xargs = command(&["xargs", "-P2", "-n1", "true"]);
    xargs.stdin(std::fs::File::open(words.path())?);
    let began = clock();
    output(xargs)?;
    Ok(processes as f64 / began.elapsed().as_secs_f64())
}
