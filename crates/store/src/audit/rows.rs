//! What must hold of the tables as they are.

use rusqlite::Row;
use steading_core::lifecycle::deadlines;
use steading_core::words::Duration;

use super::Violation;
use crate::sql::statements;
use crate::{Error, Read};

/// How long after its deadline an unanswered offer may still stand, in microseconds.
const OFFER_GRACE_US: i64 = 60_000_000;
/// The same of any other state: a master may have been away.
const DEADLINE_GRACE_US: i64 = 300_000_000;

statements! {
    ACCEPTED_TWICE = "SELECT request_id, epoch, COUNT(*) FROM claim WHERE state = 'accepted' \
        GROUP BY request_id, epoch HAVING COUNT(*) > 1 ORDER BY request_id, epoch";
    UNLIKE_CLAIM = "SELECT build.id, build.request_id, build.epoch FROM build \
        LEFT JOIN claim ON claim.request_id = build.request_id AND claim.epoch = build.epoch \
        AND claim.state = 'accepted' AND claim.worker = build.worker \
        WHERE claim.id IS NULL ORDER BY build.id";
    ACCEPTED_FOR_NOTHING = "SELECT claim.id, claim.request_id, claim.epoch FROM claim \
        LEFT JOIN build ON build.request_id = claim.request_id AND build.epoch = claim.epoch \
        WHERE claim.state = 'accepted' AND build.id IS NULL ORDER BY claim.id";
    LIVE_TWICE = "SELECT request_id, COUNT(*) FROM build WHERE finished_at IS NULL \
        GROUP BY request_id HAVING COUNT(*) > 1 ORDER BY request_id";
    NUMBER_GAPS = "SELECT builder, COUNT(*), MIN(number), MAX(number) FROM build GROUP BY builder \
        HAVING MIN(number) <> 1 OR MAX(number) <> COUNT(*) ORDER BY builder";
    OVERDUE = "SELECT id, worker FROM claim WHERE state = 'offered' AND deadline_at < \
        (SELECT at FROM event ORDER BY seq DESC LIMIT 1) - ?1 ORDER BY id";
    BLAMELESS_FAILURE = "SELECT id, builder, number FROM build WHERE outcome = 'failure' \
        AND NOT EXISTS (SELECT 1 FROM step WHERE step.build_id = build.id \
        AND step.outcome = 'failure') ORDER BY id";
    ORPHANED = "SELECT id FROM request WHERE state = 'claimed' \
        AND NOT EXISTS (SELECT 1 FROM claim WHERE claim.request_id = request.id \
        AND claim.state = 'offered') \
        AND NOT EXISTS (SELECT 1 FROM build WHERE build.request_id = request.id \
        AND build.finished_at IS NULL) ORDER BY id";
    WORKED_ON = "SELECT id, state FROM request WHERE state <> 'claimed' \
        AND (EXISTS (SELECT 1 FROM claim WHERE claim.request_id = request.id \
        AND claim.state = 'offered') \
        OR EXISTS (SELECT 1 FROM build WHERE build.request_id = request.id \
        AND build.finished_at IS NULL AND build.state <> 'lost')) ORDER BY id";
    LATE_BUILDS = "SELECT id, state FROM build WHERE finished_at IS NULL AND (\
        (state = 'cancelling' AND cancelled_at < \
        (SELECT at FROM event ORDER BY seq DESC LIMIT 1) - ?1) \
        OR (state = 'gathering' AND steps_ended_at < \
        (SELECT at FROM event ORDER BY seq DESC LIMIT 1) - ?2) \
        OR (state = 'lost' AND lost_at < \
        (SELECT at FROM event ORDER BY seq DESC LIMIT 1) - ?3)) \
        ORDER BY id";
    LATE_STEPS = "SELECT step.id, build.id FROM step JOIN build ON build.id = step.build_id \
        WHERE step.state = 'running' AND build.finished_at IS NULL AND build.state <> 'lost' \
        AND step.started_at < (SELECT at FROM event ORDER BY seq DESC LIMIT 1) - ?1 \
        ORDER BY step.id";
    UNFINISHED_STEPS = "SELECT step.id, build.id FROM step JOIN build ON build.id = step.build_id \
        WHERE build.state = 'finished' AND step.state <> 'finished' ORDER BY step.id";
    OPEN_LOGS = "SELECT log.id, build.id FROM log JOIN build ON build.id = log.build_id \
        WHERE build.state = 'finished' AND log.closed = 0 ORDER BY log.id";
    UNHASHED_LOGS = "SELECT id FROM log WHERE closed = 1 \
        AND (hash IS NULL OR bytes IS NULL OR lines IS NULL) ORDER BY id";
    HALF_FINISHED_BUILDS = "SELECT id, state FROM build WHERE \
        (state = 'finished' AND (outcome IS NULL OR finished_at IS NULL \
        OR steps_ended_at IS NULL)) \
        OR (state <> 'finished' AND (outcome IS NOT NULL OR finished_at IS NOT NULL)) \
        OR (state = 'gathering' AND steps_ended_at IS NULL) ORDER BY id";
    HALF_FINISHED_STEPS = "SELECT id, state FROM step WHERE \
        (state = 'finished') <> (outcome IS NOT NULL) \
        OR (state = 'finished') <> (finished_at IS NOT NULL) ORDER BY id";
    HALF_COMPLETE_REQUESTS = "SELECT id, state FROM request WHERE \
        (state = 'complete') <> (outcome IS NOT NULL) \
        OR (state = 'complete') <> (complete_at IS NOT NULL) ORDER BY id";
    BUILDSETS_BEHIND = "SELECT id FROM buildset WHERE \
        (complete_at IS NULL) <> (outcome IS NULL) \
        OR (complete_at IS NULL) <> EXISTS (SELECT 1 FROM request \
        WHERE request.buildset_id = buildset.id AND request.complete_at IS NULL) ORDER BY id";
    COLLAPSED_INTO_NOTHING = "SELECT folded.id FROM request AS folded \
        LEFT JOIN request AS kept ON kept.id = folded.collapsed_into \
        WHERE folded.state = 'collapsed' \
        AND (kept.id IS NULL OR kept.state = 'complete' OR kept.state = 'collapsed') \
        ORDER BY folded.id";
}

type Check = fn(&Read<'_>) -> Result<Vec<Violation>, Error>;

/// Every check of the present rows.
pub(super) const CHECKS: &[Check] = &[
    one_answer_per_attempt,
    builds_are_accepted_claims,
    one_live_build_per_request,
    numbers_without_gaps,
    offers_are_answered,
    failures_have_a_failed_step,
    claimed_requests_are_worked_on,
    finished_builds_are_whole,
    logs_are_closed,
    requests_have_outcomes,
    buildsets_follow_their_requests,
    collapsed_requests_have_survivors,
    nothing_lasts_for_ever,
];

/// Runs a statement; each row it yields is a violation, put into a sentence.
fn each(
    r: &Read<'_>,
    invariant: &'static str,
    sql: &str,
    sentence: impl Fn(&Row<'_>) -> rusqlite::Result<String>,
) -> Result<Vec<Violation>, Error> {
    r.rows(sql, [], |row| Ok(Violation::new(invariant, sentence(row)?)))
}

fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    row.get(column)
}

fn word(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get(column)
}

/// I1: an attempt is accepted once.
fn one_answer_per_attempt(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    each(r, "I1", ACCEPTED_TWICE, |row| {
        Ok(format!("request {} attempt {} was accepted more than once", id(row, 0)?, id(row, 1)?))
    })
}

/// I1: builds and accepted claims are the same attempts on the same workers.
fn builds_are_accepted_claims(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    let mut found = each(r, "I1", UNLIKE_CLAIM, |row| {
        let (build, request, epoch) = (id(row, 0)?, id(row, 1)?, id(row, 2)?);
        Ok(format!("build {build}: no accepted claim for request {request} attempt {epoch}"))
    })?;
    found.extend(each(r, "I1", ACCEPTED_FOR_NOTHING, |row| {
        let (claim, request, epoch) = (id(row, 0)?, id(row, 1)?, id(row, 2)?);
        Ok(format!("claim {claim}: accepted, but request {request} attempt {epoch} has no build"))
    })?);
    Ok(found)
}

/// I1: a request is built in one place at a time.
fn one_live_build_per_request(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    each(r, "I1", LIVE_TWICE, |row| {
        Ok(format!("request {} has {} live builds", id(row, 0)?, id(row, 1)?))
    })
}

/// Builds are numbered per builder from 1, without gaps.
fn numbers_without_gaps(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    each(r, "I1", NUMBER_GAPS, |row| {
        let (builder, count, first, last) = (word(row, 0)?, id(row, 1)?, id(row, 2)?, id(row, 3)?);
        Ok(format!("builder {builder} has {count} builds, numbered {first} to {last}"))
    })
}

/// I2: no offer stands long after its deadline, by the time of the newest event.
fn offers_are_answered(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    r.rows(OVERDUE, [OFFER_GRACE_US], |row| {
        let text = format!("claim {} on worker {} is overdue", id(row, 0)?, word(row, 1)?);
        Ok(Violation::new("I2", text))
    })
}

/// I6: a build fails because a step of it failed, never because the farm did.
fn failures_have_a_failed_step(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    each(r, "I6", BLAMELESS_FAILURE, |row| {
        let (build, builder, number) = (id(row, 0)?, word(row, 1)?, id(row, 2)?);
        Ok(format!("build {build} ({builder}/{number}) failed without a failed step"))
    })
}

/// I7: a request is claimed exactly while it is offered or built.
fn claimed_requests_are_worked_on(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    let mut found = each(r, "I7", ORPHANED, |row| {
        Ok(format!("request {} is claimed, but neither offered nor built", id(row, 0)?))
    })?;
    found.extend(each(r, "I7", WORKED_ON, |row| {
        Ok(format!("request {} is {}, but offered or built", id(row, 0)?, word(row, 1)?))
    })?);
    Ok(found)
}

/// I12: what is finished says when and how, and all its steps are.
fn finished_builds_are_whole(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    let mut found = each(r, "I12", HALF_FINISHED_BUILDS, |row| {
        let (build, state) = (id(row, 0)?, word(row, 1)?);
        Ok(format!("build {build} is {state}, but its outcome and times say otherwise"))
    })?;
    found.extend(each(r, "I12", HALF_FINISHED_STEPS, |row| {
        let (step, state) = (id(row, 0)?, word(row, 1)?);
        Ok(format!("step {step} is {state}, but its outcome and times say otherwise"))
    })?);
    found.extend(each(r, "I12", UNFINISHED_STEPS, |row| {
        Ok(format!("step {} of finished build {} is not finished", id(row, 0)?, id(row, 1)?))
    })?);
    Ok(found)
}

/// I12: logs of finished builds are closed, closed logs are hashed and measured.
fn logs_are_closed(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    let mut found = each(r, "I12", OPEN_LOGS, |row| {
        Ok(format!("log {} of finished build {} is open", id(row, 0)?, id(row, 1)?))
    })?;
    found.extend(each(r, "I12", UNHASHED_LOGS, |row| {
        Ok(format!("log {} is closed without hash, bytes and lines", id(row, 0)?))
    })?);
    Ok(found)
}

/// I12: a request is complete exactly when it has an outcome.
fn requests_have_outcomes(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    each(r, "I12", HALF_COMPLETE_REQUESTS, |row| {
        let (request, state) = (id(row, 0)?, word(row, 1)?);
        Ok(format!("request {request} is {state}, but its outcome and times say otherwise"))
    })
}

/// I12: a buildset is complete exactly when all its requests are.
fn buildsets_follow_their_requests(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    each(r, "I12", BUILDSETS_BEHIND, |row| {
        Ok(format!("buildset {} does not follow its requests", id(row, 0)?))
    })
}

/// I12: a collapsed request will complete with one that still can.
fn collapsed_requests_have_survivors(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    each(r, "I12", COLLAPSED_INTO_NOTHING, |row| {
        Ok(format!("request {} is collapsed into one that cannot complete it", id(row, 0)?))
    })
}

/// I12: nothing is past its deadline (`core::lifecycle::deadlines`), by the time of the newest
/// event. A build that may not be run again is listed too: somebody has to release it.
fn nothing_lasts_for_ever(r: &Read<'_>) -> Result<Vec<Violation>, Error> {
    let after = |limit: Duration| limit.0 * 1000 + DEADLINE_GRACE_US;
    // How many `always` steps a build has is in its plan: an hour is enough for all of them.
    let cancelling = after(Duration::seconds(3600));
    let limits = (cancelling, after(deadlines::GATHERING), after(deadlines::LOST));
    let mut found = r.rows(LATE_BUILDS, limits, |row| {
        let text = format!("build {} is {} for longer than it may", id(row, 0)?, word(row, 1)?);
        Ok(Violation::new("I12", text))
    })?;
    let step = after(deadlines::STEP);
    found.extend(r.rows(LATE_STEPS, [step], |row| {
        let text = format!("step {} of build {} runs for over a day", id(row, 0)?, id(row, 1)?);
        Ok(Violation::new("I12", text))
    })?);
    Ok(found)
}
