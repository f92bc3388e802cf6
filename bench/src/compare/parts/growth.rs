//! What a build costs the master as the farm grows, in one direction at a time.

use std::io;

use super::reads::{is_at_hand, with_history};
use crate::compare::row::{Better, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::svg::Curve;
use crate::farm::{Farm, Size};
use crate::queue::{fill, round};

/// Builds of a round.
const BUILDS: usize = 300;
const OF: &str = "ms of the master for a build";

const NOTE: &str = "Processor time of the master for each of 300 builds of one step, ten workers, \
    ten builders and an empty queue unless said otherwise.";

/// A row for each point.
pub(super) fn run(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    let quick = bench.options.quick;
    let up_to = |points: &'static [usize]| if quick { &points[..2] } else { points };
    for builders in up_to(&[1, 10, 100, 1_000]) {
        let farm = Farm::start(&bench.steading, Size { workers: 10, builders: *builders })?;
        rows.push(point("builders", *builders, &farm, bench.options.rounds(2))?);
    }
    for workers in up_to(&[1, 4, 16, 64]) {
        let farm = Farm::start(&bench.steading, Size { workers: *workers, builders: 10 })?;
        rows.push(point("workers", *workers, &farm, bench.options.rounds(2))?);
    }
    for queued in up_to(&[100, 1_000, 10_000, 50_000]) {
        let farm = Farm::start(&bench.steading, Size { workers: 10, builders: 10 })?;
        fill(&farm, *queued)?;
        rows.push(point("queued requests", *queued, &farm, bench.options.rounds(2))?);
    }
    for builds in up_to(&[1_000, 10_000, 100_000, 1_000_000]) {
        if !is_at_hand(bench, *builds) {
            continue;
        }
        let farm = with_history(bench, "up", *builds)?;
        farm.workers("pause")?;
        rows.push(point("builds in history", *builds, &farm, bench.options.rounds(2))?);
    }
    Ok(())
}

fn point(against: &str, size: usize, farm: &Farm, rounds: usize) -> io::Result<Row> {
    let name = format!("{OF}, {size} {against}");
    let mut row = Row::new("growth", name, "ms", Better::Less).note(NOTE);
    round(farm, 50)?;
    for _ in 0..rounds {
        row.add(STEADING, round(farm, BUILDS)?.cost.master_s * 1e3);
    }
    Ok(row)
}

/// The rows as curves.
pub(crate) fn curves(rows: &[Row]) -> Vec<Curve> {
    let against = ["builders", "workers", "queued requests", "builds in history"];
    let curve = |against: &'static str| {
        let points = rows.iter().filter(|row| row.part == "growth").filter_map(|row| {
            let (of, rest) = row.work.rsplit_once(", ")?;
            let (size, what) = rest.split_once(' ')?;
            let is_ours = of == OF && what == against;
            is_ours.then_some((size.parse().ok()?, row.median(STEADING)?))
        });
        Curve { against, of: OF, points: points.collect() }
    };
    against.into_iter().map(curve).filter(|curve| !curve.points.is_empty()).collect()
}
