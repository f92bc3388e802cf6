//! The shortest way to the same violation: faults are taken away as long as it stays.

use crate::fault::Fault;
use crate::run::{Plan, Report, run};

/// How many runs may be spent.
const RUNS_MAX: usize = 60;

/// Gives the plan with the fewest faults that still fails, and what came of it, with its trace.
#[must_use]
pub fn shrink(plan: &Plan, failed: &Report) -> (Plan, Report) {
    let mut faults = failed.faults.clone();
    let mut runs = 0;
    let mut length = faults.len().div_ceil(2);
    while length > 0 && runs < RUNS_MAX {
        let mut from = 0;
        while from < faults.len() && runs < RUNS_MAX {
            let mut fewer: Vec<Fault> = faults.clone();
            fewer.drain(from..(from + length).min(faults.len()));
            runs += 1;
            if run(&with(plan, &fewer, false)).violations.is_empty() {
                from += length;
            } else {
                faults = fewer;
            }
        }
        length /= 2;
    }
    let shortest = with(plan, &faults, true);
    let report = run(&shortest);
    (shortest, report)
}

fn with(plan: &Plan, faults: &[Fault], trace: bool) -> Plan {
    Plan { only: Some(faults.to_vec()), trace, ..plan.clone() }
}
