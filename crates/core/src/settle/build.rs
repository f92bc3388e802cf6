//! Which step a build takes next, and what its steps make of it.

use super::worst;
use crate::farm::{Fault, OnFailure, Plan, PlanStep, StepKind};
use crate::words::{Outcome, Reason};

/// How a step of the plan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepResult {
    /// Its own outcome.
    pub outcome: Outcome,
    /// Why, when it is not green.
    pub reason: Option<Reason>,
}

/// Whether somebody said stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cancel {
    /// Nobody did.
    #[default]
    No,
    /// The build ends; its `always` steps still run.
    Once,
    /// The build ends; its `always` steps are skipped too.
    Twice,
}

/// What a build does next. Steps are named by their place in the plan, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Ask this step's `when`, then `after_condition`.
    Evaluate {
        /// The step.
        index: usize,
    },
    /// Run this step.
    Run {
        /// The step.
        index: usize,
    },
    /// Ask the worker how many steps it has begun: those it ran ahead are not skipped.
    Halt,
    /// Record this step as `skipped`.
    Skip {
        /// The step.
        index: usize,
        /// Why.
        reason: Reason,
    },
    /// Record this step as `exception` without running it.
    Fail {
        /// The step.
        index: usize,
        /// Why.
        reason: Reason,
    },
    /// The steps are over.
    End {
        /// The build's outcome.
        outcome: Outcome,
        /// The step that determined it, and how; absent when all went well.
        reason: Option<Reason>,
    },
}

/// What comes after the steps done so far: one result per step, in the order of the plan. Of a
/// cancelled build it matters how many steps its worker has begun, `None` while it was not heard:
/// what it ran ahead is recorded as it went, also where nobody would begin it now.
#[must_use]
pub fn next(plan: &Plan, done: &[StepResult], cancel: Cancel, begun: Option<usize>) -> Next {
    let index = done.len();
    let Some(step) = plan.steps.get(index) else { return end(plan, done, cancel) };
    match begun {
        _ if cancel == Cancel::No => {}
        None => return Next::Halt,
        Some(begun) if index < begun => return Next::Run { index },
        Some(_) => {}
    }
    if let Some(reason) = skipped(plan, done, cancel, step) {
        return Next::Skip { index, reason };
    }
    if step.when.is_some() { Next::Evaluate { index } } else { Next::Run { index } }
}

/// The steps that follow the present one, which comes after those done, without any decision as
/// long as all goes well: no condition, no lock, nothing that runs whatever happens, and no upload,
/// for which the master must be there anyway. A worker may run ahead through them.
#[must_use]
pub fn ahead(plan: &Plan, done: &[StepResult]) -> Vec<usize> {
    let mut done = done.to_vec();
    let mut ahead = Vec::new();
    loop {
        done.push(StepResult { outcome: Outcome::Success, reason: None });
        match next(plan, &done, Cancel::No, None) {
            Next::Run { index } if is_plain(&plan.steps[index]) => ahead.push(index),
            _ => return ahead,
        }
    }
}

fn is_plain(step: &PlanStep) -> bool {
    let is_upload = matches!(step.kind, StepKind::Upload { .. });
    step.locks.is_empty() && !step.always && !is_upload
}

/// What the answer of a step's `when` makes of it.
#[must_use]
pub fn after_condition(index: usize, answer: Result<bool, Fault>) -> Next {
    match answer {
        Ok(true) => Next::Run { index },
        Ok(false) => {
            let reason = Reason::new("condition", "its `when` says no");
            Next::Skip { index, reason }
        }
        Err(fault) => {
            let text = format!("its `when` failed: {}", fault.message);
            Next::Fail { index, reason: Reason::new("condition_fault", text) }
        }
    }
}

/// The outcome of the steps so far: what a condition sees as `build.outcome`.
#[must_use]
pub fn outcome_so_far(plan: &Plan, done: &[StepResult]) -> Outcome {
    contributions(plan, done)
        .map(|(_, _, outcome)| outcome)
        .reduce(worst)
        .unwrap_or(Outcome::Success)
}

/// Why the step is not to run at all, if so.
fn skipped(plan: &Plan, done: &[StepResult], cancel: Cancel, step: &PlanStep) -> Option<Reason> {
    if cancel == Cancel::Twice || (cancel == Cancel::Once && !step.always) {
        return Some(Reason::new("cancelled", "not run: the build was cancelled"));
    }
    if step.always {
        return None;
    }
    let (ended, _, outcome) = contributions(plan, done).find(|(.., outcome)| halts(*outcome))?;
    let text = format!("not run: step `{}` ended with {outcome}", ended.name);
    Some(Reason::new("earlier_step", text))
}

fn end(plan: &Plan, done: &[StepResult], cancel: Cancel) -> Next {
    let steps = outcome_so_far(plan, done);
    let cancelled = if cancel == Cancel::No { Outcome::Skipped } else { Outcome::Cancelled };
    let outcome = worst(steps, cancelled);
    Next::End { outcome, reason: reason(plan, done, outcome) }
}

/// The first step that determined the outcome, and how.
fn reason(plan: &Plan, done: &[StepResult], outcome: Outcome) -> Option<Reason> {
    match outcome {
        Outcome::Success => return None,
        Outcome::Cancelled => return Some(Reason::new("cancelled", "cancelled")),
        _ => {}
    }
    let (step, result, _) = contributions(plan, done).find(|(.., found)| *found == outcome)?;
    let name = &step.name;
    Some(match &result.reason {
        Some(reason) => Reason::new(&reason.code, format!("step `{name}`: {reason}")),
        None => Reason::new("step", format!("step `{name}` ended with {}", result.outcome)),
    })
}

/// What each step contributes to its build.
fn contributions<'a>(
    plan: &'a Plan,
    done: &'a [StepResult],
) -> impl Iterator<Item = (&'a PlanStep, &'a StepResult, Outcome)> {
    plan.steps.iter().zip(done).map(|(step, result)| {
        let outcome = match (result.outcome, step.on_failure) {
            (Outcome::Failure, OnFailure::Warn) => Outcome::Warnings,
            (Outcome::Failure, OnFailure::Ignore) => Outcome::Success,
            (outcome, _) => outcome,
        };
        (step, result, outcome)
    })
}

/// Whether later steps are skipped after a step that contributed this.
fn halts(outcome: Outcome) -> bool {
    !outcome.is_green()
}

#[cfg(test)]
mod tests;
