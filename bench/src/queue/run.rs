//! The measurement: two farms side by side, one with a deep queue, rounds in turn.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::report;
use super::round::{Round, fill, round};
use crate::farm::{Farm, Size, resident_mb, steading};
use crate::process::clock;

/// What the deep queue may cost: a tenth.
const RATIO_MIN: f64 = 0.9;

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Requests in the deep queue.
    pub(crate) queued: u64,
    /// Builders they are for.
    pub(crate) builders: u64,
    /// Workers, of one slot each, of either farm.
    pub(crate) workers: u64,
    /// Rounds on either farm.
    pub(crate) rounds: u64,
    /// Builds of a round.
    pub(crate) builds: u64,
    /// The binary; beside this one unless given.
    pub(crate) steading: Option<PathBuf>,
}

/// Measures and prints; false when the deep queue costs more than a tenth, or a farm is not sound.
pub(crate) fn run(options: &Options) -> bool {
    match measure(options) {
        Ok(good) => good,
        Err(error) => {
            println!("the measurement broke off: {error}");
            false
        }
    }
}

fn measure(options: &Options) -> io::Result<bool> {
    let steading = steading(options.steading.as_deref())?;
    let number = |n: u64| usize::try_from(n).map_err(io::Error::other);
    let (queued, rounds, builds) =
        (number(options.queued)?, number(options.rounds)?, number(options.builds)?);
    let size = Size { workers: number(options.workers)?, builders: number(options.builders)? };
    let (empty, deep) = (Farm::start(&steading, size)?, Farm::start(&steading, size)?);
    let before = resident_mb(deep.master());
    let filled = fill(&deep, queued)?;
    println!(
        "{queued} requests queued over {} builders, {filled:.0} a second; the master has {} MB, \
         {before} MB before\n{} workers of one slot; {builds} builds of `true` a round; gaps in \
         ms, the rest for each build",
        size.builders,
        resident_mb(deep.master()),
        size.workers
    );
    // What is done for the first time is done before anything is measured.
    for farm in [&empty, &deep] {
        round(farm, builds.min(100))?;
    }
    let done = rounds_in_turn((&empty, &deep), rounds, builds)?;
    let good = conclude(&done);
    let sound = [("empty", empty), ("deep", deep)].into_iter().map(|(queue, farm)| {
        let (good, said) = match farm.stop_and_audit()? {
            Ok(said) => (true, said),
            Err(said) => (false, said),
        };
        println!("audit of the farm with the {queue} queue: {said}");
        Ok(good)
    });
    let sound: io::Result<Vec<bool>> = sound.collect();
    Ok(good & sound?.into_iter().all(|good| good))
}

/// What was measured, round by round.
#[derive(Default)]
struct Done {
    empty: Vec<Round>,
    deep: Vec<Round>,
    /// Processes per second with `xargs -P2`.
    bare: Vec<f64>,
}

fn rounds_in_turn((empty, deep): (&Farm, &Farm), rounds: usize, builds: usize) -> io::Result<Done> {
    let mut done = Done::default();
    report::head();
    for number in 1..=rounds {
        // Neither is always the first.
        let mut order = [("empty", empty), ("deep", deep)];
        order.rotate_left(number % 2);
        for (queue, farm) in order {
            let mut measured = round(farm, builds)?;
            report::line(number, queue, &mut measured);
            match queue {
                "empty" => done.empty.push(measured),
                _ => done.deep.push(measured),
            }
        }
        done.bare.push(xargs(builds)?);
    }
    Ok(done)
}

fn conclude(done: &Done) -> bool {
    report::summary("empty queue", &done.empty);
    report::summary("deep queue", &done.deep);
    let pairs = done.deep.iter().zip(&done.empty);
    let ratios: Vec<f64> = pairs.map(|(deep, empty)| deep.per_second / empty.per_second).collect();
    let median = report::median(&ratios);
    let good = median >= RATIO_MIN;
    let verdict = if good { "reached" } else { "NOT reached" };
    println!(
        "deep / empty, round by round: {}; at least {RATIO_MIN} is {verdict}",
        report::spread(&ratios, 3)
    );
    let pairs = done.empty.iter().zip(&done.bare);
    let of_bare: Vec<f64> = pairs.map(|(empty, bare)| empty.per_second / bare).collect();
    println!(
        "`xargs -P2` starts {} processes/s of the same command; empty / xargs: {}",
        report::spread(&done.bare, 0),
        report::spread(&of_bare, 3)
    );
    good
}

/// How many processes per second the machine starts with nobody in the way.
#[expect(clippy::disallowed_methods, reason = "what is measured is a process")]
fn xargs(processes: usize) -> io::Result<f64> {
    let words = "x\n".repeat(processes);
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), words)?;
    let began = clock();
    let status = Command::new("xargs")
        .args(["-P2", "-n1", "true"])
        .stdin(std::fs::File::open(file.path())?)
        .stdout(Stdio::null())
        .status()?;
    match status.success() {
        true => Ok(processes as f64 / began.elapsed().as_secs_f64()),
        false => Err(io::Error::other("xargs failed")),
    }
}
