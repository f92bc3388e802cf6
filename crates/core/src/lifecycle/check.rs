//! Whether a move is legal.

use std::fmt::Display;

use super::moves::{BUILD, CLAIM, Move, REQUEST, STEP, WORKER};
use crate::words::{BuildState, ClaimState, RequestState, StepState, WorkerState};

/// A move that no table allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {noun} cannot go from `{from}` to `{to}`: from `{from}` {legal}")]
pub struct Illegal {
    /// What was to move.
    pub noun: &'static str,
    /// The state it is in.
    pub from: String,
    /// The state it was asked to take.
    pub to: String,
    /// Which moves are legal from where it is, as the second half of a sentence.
    pub legal: String,
}

/// Whether a request may go from `from` to `to`.
///
/// # Errors
/// When the table lists no such move.
pub fn request(from: RequestState, to: RequestState) -> Result<(), Illegal> {
    check("request", REQUEST, from, to)
}

/// Whether a claim may go from `from` to `to`.
///
/// # Errors
/// When the table lists no such move.
pub fn claim(from: ClaimState, to: ClaimState) -> Result<(), Illegal> {
    check("claim", CLAIM, from, to)
}

/// Whether a build may go from `from` to `to`.
///
/// # Errors
/// When the table lists no such move.
pub fn build(from: BuildState, to: BuildState) -> Result<(), Illegal> {
    check("build", BUILD, from, to)
}

/// Whether a step may go from `from` to `to`.
///
/// # Errors
/// When the table lists no such move.
pub fn step(from: StepState, to: StepState) -> Result<(), Illegal> {
    check("step", STEP, from, to)
}

/// Whether a worker may go from `from` to `to`.
///
/// # Errors
/// When the table lists no such move.
pub fn worker(from: WorkerState, to: WorkerState) -> Result<(), Illegal> {
    check("worker", WORKER, from, to)
}

fn check<S: Copy + PartialEq + Display>(
    noun: &'static str,
    table: &[Move<S>],
    from: S,
    to: S,
) -> Result<(), Illegal> {
    if table.iter().any(|m| m.from == from && m.to == to) {
        return Ok(());
    }
    let next: Vec<String> =
        table.iter().filter(|m| m.from == from).map(|m| format!("`{}`", m.to)).collect();
    let legal = if next.is_empty() {
        "it goes nowhere".to_owned()
    } else {
        format!("it goes to {}", next.join(" or "))
    };
    Err(Illegal { noun, from: from.to_string(), to: to.to_string(), legal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_illegal_move_names_both_states_and_what_is_legal() {
        let check = |result: Result<(), Illegal>, expected: &str| {
            assert_eq!(result.map_err(|e| e.to_string()), Err(expected.to_owned()));
        };
        check(
            request(RequestState::Complete, RequestState::Pending),
            "a request cannot go from `complete` to `pending`: from `complete` it goes nowhere",
        );
        check(
            build(BuildState::Gathering, BuildState::Cancelling),
            "a build cannot go from `gathering` to `cancelling`: from `gathering` it goes to \
             `lost` or `finished`",
        );
        check(
            claim(ClaimState::Expired, ClaimState::Accepted),
            "a claim cannot go from `expired` to `accepted`: from `expired` it goes nowhere",
        );
    }

    #[test]
    fn legal_moves_pass_and_standing_still_is_no_move() {
        assert_eq!(request(RequestState::Claimed, RequestState::Pending), Ok(()));
        assert_eq!(step(StepState::Running, StepState::Finished), Ok(()));
        assert_eq!(worker(WorkerState::Offline, WorkerState::Ready), Ok(()));
        for state in RequestState::ALL {
            assert!(request(*state, *state).is_err(), "{state}");
        }
    }

    #[test]
    fn every_state_is_reached_and_ends_are_ends() {
        fn reached<S: Copy + PartialEq + Display>(all: &[S], start: S, table: &[Move<S>]) {
            let mut seen = vec![start];
            for _ in all {
                let next = table.iter().filter(|m| seen.contains(&m.from)).map(|m| m.to);
                seen.extend(next.collect::<Vec<_>>());
            }
            for state in all {
                assert!(seen.contains(state), "{state} is never reached");
            }
        }
        reached(RequestState::ALL, RequestState::Pending, REQUEST);
        reached(ClaimState::ALL, ClaimState::Offered, CLAIM);
        reached(BuildState::ALL, BuildState::Running, BUILD);
        reached(StepState::ALL, StepState::Waiting, STEP);
        reached(WorkerState::ALL, WorkerState::Offline, WORKER);
        assert!(REQUEST.iter().all(|m| m.from != RequestState::Complete));
        assert!(BUILD.iter().all(|m| m.from != BuildState::Finished));
        assert!(CLAIM.iter().all(|m| m.from == ClaimState::Offered));
    }
}
