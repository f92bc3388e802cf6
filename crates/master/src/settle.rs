//! Ends of builds: the verdict is the core's, here it is carried out.

use steading_core::settle::{ATTEMPTS_MAX, AfterLoss, after_loss};
use steading_core::words::{Build, BuildId, BuildState, LogId, Outcome, Reason};
use steading_store::{LogEnd, Next, archive};

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

/// A build whose steps are over and whose bytes are stored gets its outcome.
pub(crate) async fn finish(
    context: &Context,
    build: &Build,
    outcome: Outcome,
    reason: Option<Reason>,
) -> Result<(), Error> {
    match outcome {
        Outcome::Retry => {
            let cause = reason.unwrap_or_else(|| Reason::new("retry", "no verdict"));
            without_verdict(context, build, cause).await
        }
        outcome => end(context, build.id, outcome, reason, Next::Complete).await,
    }
}

/// A build that cannot go on, through no fault of its own: tried again while the budget lasts.
pub(crate) async fn lost(context: &Context, id: BuildId, cause: Reason) -> Result<(), Error> {
    let build = context.store.read(move |r| r.build(id)).await?;
    match build {
        Some(build) if build.state != BuildState::Finished => {
            without_verdict(context, &build, cause).await
        }
        _ => Ok(()),
    }
}

async fn without_verdict(context: &Context, build: &Build, cause: Reason) -> Result<(), Error> {
    let request = build.attempt.request;
    let builds = context.store.read(move |r| r.builds_of(request)).await?;
    let (outcome, reason, next) = match after_loss(builds, ATTEMPTS_MAX, &cause) {
        AfterLoss::Retry => (Outcome::Retry, cause, Next::Retry),
        AfterLoss::Complete(reason) => (Outcome::Exception, reason, Next::Complete),
    };
    end(context, build.id, outcome, Some(reason), next).await
}

/// Logs that were never closed are closed as they stand, then the build is finished, in one
/// section.
async fn end(
    context: &Context,
    id: BuildId,
    outcome: Outcome,
    reason: Option<Reason>,
    next: Next,
) -> Result<(), Error> {
    let logs = context.store.read(move |r| r.logs(id)).await?;
    let mut ends = Vec::new();
    for log in logs.iter().filter(|log| !log.closed) {
        ends.push((log.id, close_as_is(context, log.id).await?));
    }
    let section = context.store.write("build.finish", move |w| {
        for (log, end) in &ends {
            w.close_log(*log, end)?;
        }
        w.finish_build(id, outcome, reason.as_ref(), next)
    });
    section.await?;
    context.sessions.parked(id);
    Ok(())
}

/// Closes a log as it stands in the archive. One that cannot be read any more is closed as empty,
/// and `audit` says so.
///
/// # Errors
/// When the archive takes nothing at the moment: a full disk is no reason to call a log empty.
pub(crate) async fn close_as_is(context: &Context, log: LogId) -> Result<LogEnd, Error> {
    match context.archive.close_as_is(log).await {
        Ok(summary) => Ok(LogEnd::from(&summary)),
        Err(source @ (archive::Error::DiskFull(_) | archive::Error::Stopped(_))) => {
            Err(Error::Log { log, source })
        }
        Err(error) => {
            tracing::error!(log = log.0, "cannot be closed: {error}");
            Ok(LogEnd { bytes: 0, lines: 0, hash: blake3::hash(b"").to_hex().to_string() })
        }
    }
}
