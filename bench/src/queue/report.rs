//! The tables: rounds as they come, then medians with their spread.

use super::round::Round;
use crate::process::Spans;

/// The head of the table of rounds.
pub(super) fn head() {
    println!(
        "{:<7} {:<6} {:>9} {:>8} {:>8} {:>9} {:>11} {:>8} {:>6} {:>10} {:>11}",
        "round",
        "queue",
        "builds/s",
        "gap p50",
        "gap p99",
        "sections",
        "statements",
        "commits",
        "syncs",
        "master ms",
        "workers ms"
    );
}

/// One round's line.
pub(super) fn line(number: usize, queue: &str, round: &mut Round) {
    let cost = round.cost;
    println!(
        "{number:<7} {queue:<6} {:>9.1} {:>8.1} {:>8.1} {:>9.2} {:>11.1} {:>8.2} {:>6.2} {:>10.2} \
         {:>11.2}",
        round.per_second,
        round.gaps.micros(500) / 1e3,
        round.gaps.micros(990) / 1e3,
        cost.sections,
        cost.statements,
        cost.commits,
        cost.syncs,
        cost.master_s * 1e3,
        cost.workers_s * 1e3,
    );
}

/// `median (least to most)`.
pub(super) fn spread(values: &[f64], digits: usize) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return "-".into() };
    format!("{:.digits$} ({least:.digits$} to {most:.digits$})", median(&sorted))
}

/// The value in the middle, or between the two that are.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// What all rounds of one queue came to.
pub(super) fn summary(queue: &str, rounds: &[Round]) {
    let rates: Vec<f64> = rounds.iter().map(|round| round.per_second).collect();
    let mut gaps = Spans::default();
    rounds.iter().for_each(|round| gaps.extend(&round.gaps));
    println!(
        "{queue}: {} builds/s; finish → next process on the same worker p50 {:.1} ms, p99 {:.1} ms",
        spread(&rates, 1),
        gaps.micros(500) / 1e3,
        gaps.micros(990) / 1e3
    );
}
