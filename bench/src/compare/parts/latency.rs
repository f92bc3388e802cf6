//! From the submission to the first instruction of the process, on an idle farm.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::compare::row::{Better, Goal, MACHINE, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::system::{System, Work, command, idle, now_ns, output, scratch, until};

/// How long one start may take, in nanoseconds.
const START_MAX_NS: i64 = 20_000_000_000;
/// How long the farm is left alone between two.
const PAUSE: Duration = Duration::from_millis(60);

const NOTE: &str = "The command is `sh -c 'date +%s%N >> FILE'`: the process itself writes when it \
    runs, and the start of `sh` and `date` is part of it – that alone is the machine's column. Ten \
    workers, nothing else to do; the clock begins before the request is sent. Medians and spread \
    are of the rounds' percentiles.";

pub(super) fn run(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let dir = scratch()?;
    let file = dir.path().join("started");
    let work = Work::stamp(10, &file);
    let row = |what: &str| {
        let name = format!("submitted → process started, idle farm, {what}");
        Row::new("latency", name, "ms", Better::Less).note(NOTE)
    };
    let (mut p50, mut p99) = (row("p50"), row("p99").goal(Goal::Value(15.0)));
    let mut systems = bench.peers.start(&bench.steading, &work)?;
    idle(Duration::from_secs(2));
    for _ in 0..bench.options.rounds(3) {
        for at in (0..systems.len()).rev() {
            let system = &mut systems[at];
            let few = match system.name() {
                STEADING => 200,
                "Slurm" => 8,
                _ => 20,
            };
            let count = bench.options.size(few.min(20), few);
            let mut spans = match measure(system.as_mut(), &file, count) {
                Ok(spans) => spans,
                Err(error) if system.name() == STEADING => return Err(error),
                Err(error) => {
                    // As in `throughput`: told of, left out, and what it came to before stays.
                    for row in [&mut p50, &mut p99] {
                        row.say(system.name(), error.to_string());
                    }
                    drop(systems.remove(at));
                    continue;
                }
            };
            p50.add(system.name(), percentile(&mut spans, 50));
            p99.add(system.name(), percentile(&mut spans, 99));
            system.audit()?;
        }
        let mut bare = alone(&work, &file, 50)?;
        p50.add(MACHINE, percentile(&mut bare, 50));
        p99.add(MACHINE, percentile(&mut bare, 99));
    }
    rows.extend([p50, p99]);
    Ok(())
}

/// Milliseconds of each.
fn measure(system: &mut dyn System, file: &Path, count: usize) -> io::Result<Vec<f64>> {
    let mut spans = Vec::new();
    for _ in 0..count {
        std::fs::write(file, "")?;
        let began = now_ns();
        system.submit()?;
        let what = format!("{}'s process was awaited", system.name());
        let gave_up = began + START_MAX_NS;
        let started = until(&what, Duration::from_micros(500), || {
            if now_ns() > gave_up {
                return Err(io::Error::other(format!("{what} in vain")));
            }
            stamp(file)
        })?;
        spans.push((started - began) as f64 / 1e6);
        system.quiet()?;
        idle(PAUSE);
    }
    Ok(spans)
}

/// The same command with nobody in between.
fn alone(work: &Work, file: &Path, count: usize) -> io::Result<Vec<f64>> {
    let mut spans = Vec::new();
    for _ in 0..count {
        std::fs::write(file, "")?;
        let began = now_ns();
        output(command(&work.command))?;
        let started = stamp(file)?.ok_or_else(|| io::Error::other("it wrote nothing"))?;
        spans.push((started - began) as f64 / 1e6);
    }
    Ok(spans)
}

fn stamp(file: &Path) -> io::Result<Option<i64>> {
    let text = std::fs::read_to_string(file)?;
    Ok(text.strip_suffix('\n').and_then(|line| line.parse().ok()))
}

/// The value that this many percent stay within.
pub(super) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or(f64::NAN)
}
