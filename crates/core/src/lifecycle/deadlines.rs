//! How long each state may last, and what happens then. Every state that is not an end has a line:
//! what waits is noticed by `master/src/janitor.rs`, and what is past its line by `steading audit`.

use crate::farm::{Plan, PlanStep, StepKind};
use crate::words::Duration;

/// How long a worker may take to answer an offer.
pub const OFFER: Duration = Duration::seconds(15);
/// How long a step may run that declares no `timeout`.
pub const STEP: Duration = Duration::seconds(24 * 3600);
/// How much later than its limit the end of a step may be reported: its processes are ended by
/// TERM, then KILL, and its last bytes leave.
pub const STEP_SLACK: Duration = Duration::seconds(90);
/// How long the processes of a cancelled build may take to die.
pub const KILL: Duration = Duration::seconds(20);
/// How long an `always` step of a cancelled build may run.
pub const ALWAYS: Duration = Duration::seconds(60);
/// How long the last bytes of a build may take: its verdict waits for them, and its slot.
pub const GATHERING: Duration = Duration::seconds(6 * 3600);
/// How long a lost build may be taken back, if no retry was accepted before.
pub const LOST: Duration = Duration::seconds(24 * 3600);

/// How long a build with that plan may be `cancelling`.
#[must_use]
pub fn cancelling(plan: &Plan) -> Duration {
    let always = plan.steps.iter().filter(|step| step.always).count();
    let always = ALWAYS.times(i64::try_from(always).unwrap_or(i64::MAX));
    Duration(KILL.0.saturating_add(always.0))
}

/// How long a step may be `running`, as its master sees it.
#[must_use]
pub fn step(step: &PlanStep) -> Duration {
    let limit = match &step.kind {
        StepKind::Shell { timeout: Some(timeout), .. } => *timeout,
        _ => STEP,
    };
    Duration(limit.0.saturating_add(STEP_SLACK.0))
}

/// The deadline of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Deadline {
    /// Whose state.
    #[serde(skip)]
    pub noun: &'static str,
    /// Which.
    pub state: &'static str,
    /// How long it may last.
    pub limit: &'static str,
    /// What happens then.
    pub then: &'static str,
}

const fn at(
    noun: &'static str,
    state: &'static str,
    limit: &'static str,
    then: &'static str,
) -> Deadline {
    Deadline { noun, state, limit, then }
}

/// Every state that is not an end.
pub static DEADLINES: &[Deadline] = &[
    at("request", "pending", "none: it waits for a worker", "`steading explain` says for what"),
    at("request", "claimed", "its claim's, then its build's", "as theirs"),
    at("request", "collapsed", "that of the request it was folded into", "it ends with it"),
    at("claim", "offered", "15 s", "expired: the request is offered again"),
    at("build", "running", "its steps'", "retry; past its worker's grace: lost"),
    at("build", "cancelling", "20 s, and 1 min for each `always` step", "finished: cancelled"),
    at("build", "lost", "24 h; `rerun = \"never\"`: until it is released", "finished: retry"),
    at("build", "gathering", "6 h", "finished: retry"),
    at("step", "waiting", "its longest wait for locks", "finished: exception"),
    at("step", "running", "its `timeout`, else 24 h; and 90 s", "its build is given up: retry"),
    at("worker", "offline", "none: its builds have its grace", "`steading list workers` shows it"),
    at("worker", "resetting", "its reset's", "offline: the reset is tried again"),
    at("worker", "ready", "10 s without a word", "offline"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::tables;

    #[test]
    fn every_state_that_is_left_has_a_deadline_and_no_other() {
        for table in tables() {
            let mut left: Vec<&str> = table.moves.iter().map(|m| m.from.as_str()).collect();
            left.sort_unstable();
            left.dedup();
            let mut named: Vec<&str> =
                DEADLINES.iter().filter(|d| d.noun == table.noun).map(|d| d.state).collect();
            named.sort_unstable();
            assert_eq!(named, left, "{}", table.noun);
        }
    }

    #[test]
    fn the_words_say_the_numbers() {
        let says = |noun: &str, state: &str, limit: &str| {
            let found = DEADLINES.iter().find(|d| (d.noun, d.state) == (noun, state));
            assert!(found.is_some_and(|d| d.limit.contains(limit)), "{noun} {state}: {limit}");
        };
        says("claim", "offered", &format!("{} s", OFFER.0 / 1000));
        says("build", "cancelling", &format!("{} s", KILL.0 / 1000));
        says("build", "cancelling", &format!("{} min", ALWAYS.0 / 60_000));
        says("build", "lost", &format!("{} h", LOST.0 / 3_600_000));
        says("build", "gathering", &format!("{} h", GATHERING.0 / 3_600_000));
        says("step", "running", &format!("{} h", STEP.0 / 3_600_000));
        says("step", "running", &format!("{} s", STEP_SLACK.0 / 1000));
    }
}
