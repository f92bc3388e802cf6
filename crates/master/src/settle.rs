//! Ends of builds: the verdict is the core's, here it is carried out.

use std::collections::BTreeSet;

use steading_core::farm::Builder;
use steading_core::words::{Build, BuildId, BuildState, LogId, Outcome, Reason};
use steading_store::archive::{self, Summary};
use steading_store::{LogEnd, Lost, Next, Write};

use crate::context::Context;

/// Why an end could not be written down. Nothing of it was: it is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// History.
    #[error(transparent)]
    Store(#[from] steading_store::Error),
    /// A log takes no end at the moment.
    #[error("log {log} cannot be closed yet: {source}")]
    Log {
        /// Which.
        log: LogId,
        /// What is in the way.
        source: archive::Error,
    },
}

/// A build whose steps are over and whose bytes are stored gets its outcome. How those of its logs
/// ended is said with it that history does not know of.
pub(crate) async fn finish(
    context: &Context,
    build: &Build,
    (outcome, reason): (Outcome, Option<Reason>),
    closed: Vec<(LogId, LogEnd)>,
) -> Result<(), Error> {
    if outcome == Outcome::Retry {
        let cause = reason.unwrap_or_else(|| Reason::new("retry", "no verdict"));
        return give_up(context, build, cause).await;
    }
    let id = build.id;
    let finish =
        move |w: &mut Write<'_>| w.finish_build(id, outcome, reason.as_ref(), Next::Complete);
    end(context, id, closed, finish).await
}

/// A build whose worker stayed away for too long: lost, and taken back if its worker comes back
/// with it before a retry is accepted.
pub(crate) async fn lose(context: &Context, build: &Build, cause: Reason) -> Result<(), Error> {
    let (id, budget, why) = (build.id, budget(context, build).await, cause.clone());
    let section = context.store.write("build.lose", move |w| w.lose_build(id, &why, budget));
    match section.await? {
        Lost::Nothing => Ok(()),
        Lost::Waits => {
            context.sessions.parked(id);
            Ok(())
        }
        Lost::Ends => give_up(context, build, cause).await,
    }
}

/// A build that cannot go on, through no fault of its own, and will not come back: judged, and
/// tried again unless that says otherwise.
pub(crate) async fn give_up(context: &Context, build: &Build, cause: Reason) -> Result<(), Error> {
    if build.state == BuildState::Finished {
        return Ok(());
    }
    if build.state == BuildState::Lost {
        forsake(context, build.id).await?;
    }
    let (id, budget) = (build.id, budget(context, build).await);
    end(context, id, Vec::new(), move |w| w.give_up_build(id, &cause, budget)).await
}

/// A cancelled build ends, whatever its worker still does.
pub(crate) async fn end_cancelled(context: &Context, id: BuildId) -> Result<(), Error> {
    let finish =
        move |w: &mut Write<'_>| w.finish_build(id, Outcome::Cancelled, None, Next::Complete);
    end(context, id, Vec::new(), finish).await
}

/// Nobody takes the lost builds of a request back any more, since its retry is being accepted:
/// their logs are closed in the archive, and how they end is to be written in the same section.
pub(crate) async fn close_lost(
    context: &Context,
    lost: &[Build],
) -> Result<Vec<(LogId, LogEnd)>, Error> {
    let mut ends = Vec::new();
    for build in lost {
        forsake(context, build.id).await?;
        ends.extend(close_logs(context, build.id, Vec::new()).await?);
    }
    Ok(ends)
}

async fn forsake(context: &Context, id: BuildId) -> Result<(), Error> {
    let section = context.store.write("build.forsake", move |w| match w.forsake_build(id) {
        // It came back, or ended, meanwhile: its logs are somebody else's to close.
        Err(steading_store::Error::Stale(_)) => Ok(false),
        other => other.map(|()| true),
    });
    match section.await? {
        true => Ok(()),
        false => Err(steading_store::Error::Stale(format!("build {id} is lost no more")).into()),
    }
}

/// How many builds a request of its builder may have.
async fn budget(context: &Context, build: &Build) -> i64 {
    let builder = context.farms.builder(build.configuration_id, &build.builder).await;
    builder.ok().flatten().map_or(Builder::RETRIES, |builder| builder.budget())
}

/// Logs are closed in the archive already: history says so too.
pub(crate) async fn closed(
    context: &Context,
    ends: Vec<(LogId, LogEnd)>,
) -> Result<(), steading_store::Error> {
    if ends.is_empty() {
        return Ok(());
    }
    let close =
        move |w: &mut Write<'_>| ends.iter().try_for_each(|(log, end)| w.close_log(*log, end));
    context.store.write("log.close", close).await
}

/// Logs that were never closed are closed as they stand, then the build is finished, in one
/// section.
async fn end(
    context: &Context,
    id: BuildId,
    closed: Vec<(LogId, LogEnd)>,
    finish: impl Fn(&mut Write<'_>) -> Result<(), steading_store::Error> + Send + 'static,
) -> Result<(), Error> {
    let ends = close_logs(context, id, closed).await?;
    let section = context.store.write("build.finish", move |w| {
        for (log, end) in &ends {
            w.close_log(*log, end)?;
        }
        finish(w)
    });
    section.await?;
    context.sessions.parked(id);
    Ok(())
}

/// How the logs of a build end of which history does not say so; `ends` of some is known.
async fn close_logs(
    context: &Context,
    id: BuildId,
    mut ends: Vec<(LogId, LogEnd)>,
) -> Result<Vec<(LogId, LogEnd)>, Error> {
    let logs = context.store.glance(move |r| r.logs(id)).await?;
    let known: BTreeSet<LogId> = ends.iter().map(|(log, _)| *log).collect();
    for log in logs.iter().filter(|log| !log.closed && !known.contains(&log.id)) {
        ends.push((log.id, told(log.id, context.archive.close_as_is(log.id).await)?));
    }
    Ok(ends)
}

/// Closes a log that its worker never wrote to.
///
/// # Errors
/// As the archive takes nothing at the moment.
pub(crate) async fn close_unwritten(context: &Context, log: LogId) -> Result<LogEnd, Error> {
    told(log, context.archive.close_unwritten(log).await)
}

/// What history says of a log that was closed. One that cannot be read any more is closed as empty,
/// and `audit` says so; but a full disk is no reason to call a log empty.
fn told(log: LogId, closed: Result<Summary, archive::Error>) -> Result<LogEnd, Error> {
    match closed {
        Ok(summary) => Ok(LogEnd::from(&summary)),
        Err(source @ (archive::Error::DiskFull(_) | archive::Error::Stopped(_))) => {
            Err(Error::Log { log, source })
        }
        Err(error) => {
            tracing::error!(log = log.0, "cannot be closed: {error}");
            Ok(LogEnd::empty())
        }
    }
}
