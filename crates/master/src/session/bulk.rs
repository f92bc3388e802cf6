//! The bulk link of one worker: log blocks, the live tail, closings. Never in the way of control.

use std::collections::BTreeMap;

use steading_core::words::{BuildId, BuildState, LogId};
use steading_store::{LogEnd, Token, archive};
use steading_wire::worker::{BulkToMaster, BulkToWorker, LogKey};
use tokio_util::sync::CancellationToken;

use super::identity::admits;
use super::registry::Mail;
use super::socket::{Ended, Hearing, Socket, send};
use crate::context::Context;
use crate::settle;

/// One worker's bulk link.
struct Bulk {
    context: Context,
    token: Token,
    /// The logs that are being written on this link: a link may live for months.
    logs: BTreeMap<LogKey, (BuildId, LogId)>,
}

/// Serves a bulk link until it ends; the worker sends again whatever was not acknowledged.
pub(super) async fn serve(
    context: Context,
    shutdown: CancellationToken,
    token: Token,
    mut socket: impl Socket,
) {
    let mut hearing = Hearing::default();
    let mut bulk = Bulk { context, token, logs: BTreeMap::new() };
    loop {
        let heard = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            heard = hearing.receive(&mut socket) => heard,
        };
        let answered = match heard {
            Ok(message) => bulk.answer(&mut socket, message).await,
            Err(ended) => Err(ended),
        };
        if let Err(why) = answered {
            tracing::debug!("bulk link ended: {why}");
            return;
        }
    }
}

impl Bulk {
    async fn answer(
        &mut self,
        socket: &mut impl Socket,
        message: BulkToMaster,
    ) -> Result<(), Ended> {
        let key = match &message {
            BulkToMaster::Block { log, .. }
            | BulkToMaster::Tail { log, .. }
            | BulkToMaster::Close { log, .. } => log.clone(),
        };
        let Some((build, log)) = self.log(&key).await? else {
            return send(socket, &BulkToWorker::Unwanted { log: key }).await;
        };
        let answer = match message {
            BulkToMaster::Tail { raw_offset, at, bytes, .. } => {
                self.context.archive.tail(log, raw_offset, at, &bytes);
                return Ok(());
            }
            BulkToMaster::Block { raw_offset, encoded, .. } => {
                self.block(log, key, raw_offset, encoded).await
            }
            BulkToMaster::Close { trailer, .. } => self.close(build, log, key, trailer).await?,
        };
        send(socket, &answer).await
    }

    /// Which log a key means: it exists since its step started.
    async fn log(&mut self, key: &LogKey) -> Result<Option<(BuildId, LogId)>, Ended> {
        if let Some(known) = self.logs.get(key) {
            return Ok(Some(*known));
        }
        let (wanted, token) = (key.clone(), self.token.clone());
        let found = self
            .context
            .store
            .glance(move |r| {
                let Some(build) = r.build_of(wanted.attempt)? else { return Ok(None) };
                let over = build.state == BuildState::Finished || build.forsaken;
                if over || !admits(&token, &build.worker) {
                    return Ok(None);
                }
                let steps = r.steps(build.id)?;
                let Some(step) = steps.iter().find(|step| step.number == wanted.step) else {
                    return Ok(None);
                };
                let logs = r.logs(build.id)?;
                let log = logs.iter().find(|l| l.step_id == step.id && l.name == wanted.name);
                // One that was closed as empty has nothing in the archive that would say so.
                Ok(log.filter(|l| !l.closed || l.bytes != Some(0)).map(|l| (build.id, l.id)))
            })
            .await?;
        if let Some(found) = found {
            self.logs.insert(key.clone(), found);
        }
        Ok(found)
    }

    /// Acknowledged only once it is durable; a gap is answered with the offset wanted. A log that
    /// was closed meanwhile, as its build was given up, takes no more.
    async fn block(
        &mut self,
        log: LogId,
        key: LogKey,
        raw_offset: u64,
        encoded: Vec<u8>,
    ) -> BulkToWorker {
        let next = match self.context.archive.append(log, raw_offset, encoded).await {
            Ok(appended) => appended.next,
            Err(archive::Error::Closed(_)) => {
                self.logs.remove(&key);
                return BulkToWorker::Unwanted { log: key };
            }
            Err(error) => {
                tracing::warn!(log = log.0, "a block was not stored: {error}");
                self.context.archive.next_offset(log).await.unwrap_or(raw_offset)
            }
        };
        BulkToWorker::Stored { log: key, next }
    }

    /// Acknowledged once it is closed in the archive. History hears of it from the build's driver,
    /// with the step's end or what follows it; should that be cut off, from the end of the build,
    /// which finds the log as it is.
    async fn close(
        &mut self,
        build: BuildId,
        log: LogId,
        key: LogKey,
        trailer: Vec<u8>,
    ) -> Result<BulkToWorker, Ended> {
        let end = match self.context.archive.close(log, trailer).await {
            Ok(summary) => LogEnd::from(&summary),
            Err(error) => {
                tracing::warn!(log = log.0, "a log was not closed: {error}");
                let next = self.context.archive.next_offset(log).await.unwrap_or(0);
                return Ok(BulkToWorker::Stored { log: key, next });
            }
        };
        if !self.context.sessions.mail(build, Mail::LogClosed { log, end: end.clone() }) {
            settle::closed(&self.context, vec![(log, end)]).await?;
        }
        self.logs.remove(&key);
        Ok(BulkToWorker::Closed { log: key })
    }
}
