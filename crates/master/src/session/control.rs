//! The control link of one worker: hello, offers, steps, heartbeats.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::SinkExt;
use steading_core::words::{Attempt, ClaimId, ClaimState, Reason};
use steading_store::Token;
use steading_wire::worker::{Hello, PROTOCOL, ToMaster, ToWorker};
use tokio_util::sync::CancellationToken;

use super::identity::admits;
use super::reconcile::{self, Standing};
use super::registry::{Mail, Seat};
use super::socket::{Ended, Hearing, send};
use crate::build;
use crate::context::Context;

/// How long a worker that dialled may take to say hello.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);

/// One worker's session.
struct Session {
    context: Context,
    worker: String,
    /// Attempts whose `Gathered` was heard: a heartbeat that lacks them is no news.
    gathered: BTreeSet<Attempt>,
}

/// Serves a control link until it ends; whatever the worker holds stays its own meanwhile.
pub(super) async fn serve(
    context: Context,
    shutdown: CancellationToken,
    token: Token,
    mut socket: WebSocket,
) {
    let mut hearing = Hearing::default();
    let hello = match tokio::time::timeout(HELLO_DEADLINE, hearing.receive(&mut socket)).await {
        Ok(Ok(ToMaster::Hello(hello))) => hello,
        _ => return,
    };
    if let Some((code, text)) = turned_away(&context, &token, &hello) {
        tracing::warn!(worker = hello.name, "turned away: {text}");
        let rejected = ToWorker::Rejected { code: code.to_owned(), text };
        let _ = send(&mut socket, &rejected).await;
        let _ = socket.close().await;
        return;
    }
    let worker = hello.name.clone();
    let mut seat = context.sessions.enter(&worker, shutdown.child_token());
    let mut session =
        Session { context: context.clone(), worker: worker.clone(), gathered: BTreeSet::new() };
    let ended = session.run(&mut socket, &mut hearing, hello, &mut seat).await;
    if let Err(why) = ended {
        tracing::info!(worker, "session ended: {why}");
    }
    if seat.is_newest() && !shutdown.is_cancelled() {
        let lost = context.store.write("worker.lost", move |w| w.worker_lost(&worker));
        if let Err(error) = lost.await {
            tracing::error!("cannot record a lost worker: {error}");
        }
    }
}

/// Why this worker may not begin a session, if so: a code and a sentence.
fn turned_away(context: &Context, token: &Token, hello: &Hello) -> Option<(&'static str, String)> {
    let Hello { protocol, name, version, .. } = hello;
    if *protocol != PROTOCOL {
        let text = format!(
            "worker `{name}` (Steading {version}) speaks protocol {protocol}, this master speaks \
             {PROTOCOL}; install the same Steading on both, its builds are kept"
        );
        return Some(("protocol", text));
    }
    if !admits(token, name) {
        let text = format!(
            "this token is not for a worker named `{name}`; make one with `steading token worker \
             {name}`"
        );
        return Some(("name", text));
    }
    if context.farms.present().farm.worker(name).is_none() {
        let text = format!(
            "the farm declares no worker `{name}`; add `worker(\"{name}\")` to farm.star and reload"
        );
        return Some(("name", text));
    }
    None
}

impl Session {
    async fn run(
        &mut self,
        socket: &mut WebSocket,
        hearing: &mut Hearing,
        hello: Hello,
        seat: &mut Seat,
    ) -> Result<(), Ended> {
        self.connect(socket, hello).await?;
        loop {
            tokio::select! {
                () = seat.stop.cancelled() => {
                    let _ = send(socket, &ToWorker::Restarting).await;
                    return Ok(());
                }
                Some(message) = seat.outbox.recv() => send(socket, &message).await?,
                heard = hearing.receive(socket) => match heard? {
                    ToMaster::Heartbeat { held } => {
                        self.compare(held).await?;
                        socket.send(Message::Ping(Default::default())).await?;
                    }
                    other => self.hear(other).await?,
                },
            }
        }
    }

    async fn connect(&mut self, socket: &mut WebSocket, hello: Hello) -> Result<(), Ended> {
        let present = self.context.farms.present();
        let spec = present.farm.worker(&hello.name).cloned();
        let (slots, labels) = spec.map(|s| (s.slots, s.labels)).unwrap_or_default();
        let facts = serde_json::json!(hello.facts);
        let (name, version) = (hello.name, hello.version);
        self.context
            .store
            .write("worker.connect", move |w| {
                w.meet_worker(&name, slots, &labels)?;
                // It said `Stopping` when it last went; now it is back.
                w.drain_worker(&name, false)?;
                w.worker_connected(&name, &version, &facts)
            })
            .await?;
        let standing = Standing::of(&self.context, &self.worker, hello.held).await?;
        send(socket, &ToWorker::Welcome { slots, drop: standing.agreement.drop.clone() }).await?;
        reconcile::settle_lost(&self.context, &self.worker, &standing).await?;
        for build in standing.adopted() {
            build::drive(&self.context, build);
        }
        Ok(())
    }

    async fn hear(&mut self, message: ToMaster) -> Result<(), Ended> {
        match message {
            ToMaster::Accepted { claim, attempt } => self.accepted(claim, attempt).await,
            ToMaster::Refused { claim, reason } => self.refused(claim, reason).await,
            ToMaster::StepDone { attempt, number, report } => {
                let report = Box::new(report);
                self.deliver(attempt, Mail::StepDone { number, report }).await
            }
            ToMaster::Gathered { attempt } => {
                self.gathered.insert(attempt);
                self.deliver(attempt, Mail::Gathered).await
            }
            ToMaster::Stopping => {
                let worker = self.worker.clone();
                let drain = move |w: &mut steading_store::Write<'_>| w.drain_worker(&worker, true);
                Ok(self.context.store.write("worker.stopping", drain).await?)
            }
            ToMaster::Hello(_) | ToMaster::Heartbeat { .. } => Ok(()),
        }
    }

    /// The claim becomes a build, or the attempt is dropped when the offer no longer stands.
    async fn accepted(&mut self, claim: ClaimId, attempt: Attempt) -> Result<(), Ended> {
        match build::accept(&self.context, &self.worker, claim, attempt).await? {
            Some(build) => build::drive(&self.context, build),
            None => {
                self.context.sessions.send(&self.worker, ToWorker::Drop { attempt });
            }
        }
        Ok(())
    }

    async fn refused(&mut self, claim: ClaimId, reason: Reason) -> Result<(), Ended> {
        let answer = self.context.store.write("claim.refused", move |w| {
            match w.answer_claim(claim, ClaimState::Refused, Some(&reason)) {
                // It expired or was withdrawn meanwhile: the request is back already.
                Err(steading_store::Error::Illegal(_)) => Ok(()),
                other => other,
            }
        });
        Ok(answer.await?)
    }

    /// Hands a message to the build's driver. A worker that speaks of a build nobody drives is told
    /// to drop it, unless it is still live: then its driver begins.
    async fn deliver(&mut self, attempt: Attempt, mail: Mail) -> Result<(), Ended> {
        let build = self.context.store.read(move |r| r.build_of(attempt)).await?;
        match build {
            Some(build) if build.state != steading_core::words::BuildState::Finished => {
                if !self.context.sessions.mail(build.id, mail) {
                    build::drive(&self.context, build);
                }
            }
            _ => {
                self.context.sessions.send(&self.worker, ToWorker::Drop { attempt });
            }
        }
        Ok(())
    }

    /// Compares what the worker holds with what it should hold.
    async fn compare(&mut self, held: Vec<Attempt>) -> Result<(), Ended> {
        let standing = Standing::of(&self.context, &self.worker, held).await?;
        for attempt in &standing.agreement.drop {
            self.context.sessions.send(&self.worker, ToWorker::Drop { attempt: *attempt });
        }
        let standing = standing.without(&self.gathered);
        self.gathered.clear();
        Ok(reconcile::settle_lost(&self.context, &self.worker, &standing).await?)
    }
}
