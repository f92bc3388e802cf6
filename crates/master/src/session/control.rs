//! The control link of one worker: hello, offers, steps, heartbeats.

use std::time::Duration;

use futures_util::SinkExt;
use steading_core::words::{Attempt, BuildState, Claim, ClaimId, Reason};
use steading_store::Token;
use steading_wire::worker::{
    Hello, Machine, PROTOCOL, PROTOCOL_OLDEST, ToMaster, ToWorker, heartbeat_ms,
};
use tokio_util::sync::CancellationToken;

use super::identity::{Shown, admits};
use super::reconcile::{self, Standing};
use super::registry::{Mail, Seat};
use super::socket::{Ended, Hearing, Socket, pong, send};
use crate::build;
use crate::context::Context;

/// How long a worker that dialled may take to say hello.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);

/// One worker's session.
struct Session {
    context: Context,
    worker: String,
    /// The hash of the token it dialled with.
    token: String,
    version: String,
    facts: serde_json::Value,
    /// What it found itself to take nothing for.
    troubles: Vec<Reason>,
    /// The highest number of what it said of its machine.
    observed: u64,
    /// It said that it takes nothing more.
    stopping: bool,
    /// How often it is told to send a heartbeat.
    heartbeat_ms: u64,
    /// The highest number of what it said it holds.
    newest: u64,
    /// Whether its token ends by itself.
    expires: bool,
    /// How often history had been written to when it was last found that this worker holds nothing
    /// and should hold nothing.
    agreed: Option<u64>,
}

/// Serves a control link until it ends; whatever the worker holds stays its own meanwhile.
pub(super) async fn serve(
    context: Context,
    shutdown: CancellationToken,
    shown: Shown,
    mut socket: impl Socket,
) {
    let mut hearing = Hearing::default();
    let hello = match tokio::time::timeout(HELLO_DEADLINE, hearing.receive(&mut socket)).await {
        Ok(Ok(ToMaster::Hello(hello))) => hello,
        _ => return,
    };
    if let Some(refusal) = turned_away(&context, &shown.token, &hello) {
        return turn_away(&mut socket, &hello, refusal).await;
    }
    let worker = hello.name.clone();
    let earlier = match reconcile::offered_before(&context, &worker).await {
        Ok(earlier) => earlier,
        Err(error) => return tracing::error!("no session can begin: {error}"),
    };
    let speaks = (hello.protocol, hello.instance.clone());
    let entered = context.sessions.enter(&worker, speaks, shutdown.child_token());
    let Some(mut seat) = entered else {
        return turn_away(&mut socket, &hello, ("taken", taken(&worker))).await;
    };
    let mut session = Session {
        context: context.clone(),
        worker: worker.clone(),
        token: shown.hash,
        version: hello.version,
        facts: serde_json::json!(hello.facts),
        troubles: hello.troubles,
        observed: 0,
        stopping: false,
        heartbeat_ms: hearing.expects(heartbeat_ms(context.sessions.connected())),
        newest: 0,
        expires: shown.token.expires_at.is_some(),
        agreed: None,
    };
    let ended = session.run(&mut socket, &mut hearing, (hello.held, earlier), &mut seat).await;
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

/// Says why there is no session, and ends the link.
async fn turn_away(socket: &mut impl Socket, hello: &Hello, (code, text): (&str, String)) {
    tracing::warn!(worker = hello.name, "turned away: {text}");
    let rejected = ToWorker::Rejected { code: code.to_owned(), text };
    let _ = send(socket, &rejected).await;
    let _ = socket.close().await;
}

/// Two machines under one name would take turns losing each other's builds.
fn taken(worker: &str) -> String {
    format!(
        "another machine, or another directory, is connected as worker `{worker}`; stop that one, \
         or give this one a name of its own (`workers(\"{worker}-*\")` declares many)"
    )
}

/// Why this worker may not begin a session, if so: a code and a sentence.
fn turned_away(context: &Context, token: &Token, hello: &Hello) -> Option<(&'static str, String)> {
    let Hello { protocol, name, version, .. } = hello;
    if !(PROTOCOL_OLDEST..=PROTOCOL).contains(protocol) {
        let text = format!(
            "worker `{name}` (Steading {version}) speaks protocol {protocol}, this master speaks \
             {PROTOCOL_OLDEST} to {PROTOCOL}; install the same Steading on both, its builds are kept"
        );
        return Some(("protocol", text));
    }
    if !is_name(name) {
        let text = "a worker's name has at most 100 letters, digits and . _ + @ : -".to_owned();
        return Some(("name", text));
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

/// A token for a pattern admits many names; they go into logs and onto terminals as they are.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+@:-".contains(c);
    (1..=100).contains(&name.len()) && name.chars().all(plain)
}

impl Session {
    async fn run(
        &mut self,
        socket: &mut impl Socket,
        hearing: &mut Hearing,
        (held, earlier): (Vec<Attempt>, Vec<Claim>),
        seat: &mut Seat,
    ) -> Result<(), Ended> {
        let mut farm = self.context.farms.watch();
        reconcile::withdraw_unheard(&self.context, earlier, &held).await?;
        self.connect(socket, held).await?;
        loop {
            tokio::select! {
                // A session that was replaced says nothing more of what its worker holds.
                biased;
                () = seat.stop.cancelled() => {
                    let _ = send(socket, &ToWorker::Restarting).await;
                    return Ok(());
                }
                changed = farm.changed() => {
                    if changed.is_ok() {
                        self.redeclared(socket).await?;
                    }
                }
                Some(message) = seat.outbox.recv() => send(socket, &message).await?,
                heard = hearing.receive(socket) => match heard? {
                    ToMaster::Heartbeat { number, held, machine } => {
                        if let Some(machine) = machine {
                            self.observe(number, *machine).await?;
                        }
                        if self.is_newest(number) {
                            self.compare(held).await?;
                        }
                        pong(socket).await?;
                    }
                    other => self.hear(other).await?,
                },
            }
        }
    }

    /// Whether a heartbeat says what is held now. One that came twice, or after what was said
    /// later, does not. A worker of protocol 2 does not number them, and has only their order.
    fn is_newest(&mut self, number: u64) -> bool {
        let newest = number == 0 || number > self.newest;
        self.newest = self.newest.max(number);
        newest
    }

    /// The worker says that its machine is otherwise. What it said before that and comes after it
    /// is true no more.
    async fn observe(&mut self, number: u64, machine: Machine) -> Result<(), Ended> {
        let Machine { facts, troubles } = machine;
        let facts = serde_json::json!(facts);
        let known = facts == self.facts && troubles == self.troubles;
        if known || (number != 0 && number <= self.observed) {
            return Ok(());
        }
        (self.observed, self.facts, self.troubles) = (number, facts.clone(), troubles.clone());
        let worker = self.worker.clone();
        let section = self.context.store.write("worker.observed", move |w| {
            w.worker_observed(&worker, &facts)?;
            w.worker_troubled(&worker, &troubles)
        });
        Ok(section.await?)
    }

    async fn connect(&self, socket: &mut impl Socket, held: Vec<Attempt>) -> Result<(), Ended> {
        let stopped = reconcile::had_stopped(&self.context, &self.worker).await?;
        let slots = self.declare().await?;
        let mut standing = Standing::of(&self.context, &self.worker, &self.token, held).await?;
        let back = reconcile::take_back(&self.context, &mut standing).await?;
        let (drop, heartbeat_ms) = (standing.agreement.drop.clone(), self.heartbeat_ms);
        send(socket, &ToWorker::Welcome { slots, drop, heartbeat_ms }).await?;
        reconcile::settle_gone(&self.context, &self.worker, &standing, stopped).await;
        for build in standing.adopted().chain(back) {
            build::drive(&self.context, build);
        }
        Ok(())
    }

    /// History says that the worker is ready, with the slots its declaration gives it.
    async fn declare(&self) -> Result<i64, Ended> {
        let present = self.context.farms.present();
        let spec = present.farm.worker(&self.worker).cloned();
        let every = spec.as_ref().and_then(|spec| spec.reset.as_ref()).map(|reset| reset.every);
        let (slots, labels, max_builds) =
            spec.map(|s| (s.slots, s.labels, s.max_builds)).unwrap_or_default();
        let (name, version) = (self.worker.clone(), self.version.clone());
        let (facts, troubles) = (self.facts.clone(), self.troubles.clone());
        // One that said `Stopping` when it last went is back; one that says so now is not.
        let stopping = self.stopping;
        let section = self.context.store.write("worker.connect", move |w| {
            w.meet_worker(&name, slots, &labels)?;
            w.limit_worker(&name, max_builds)?;
            w.worker_resets(&name, every)?;
            w.drain_worker(&name, stopping)?;
            w.worker_troubled(&name, &troubles)?;
            w.worker_connected(&name, &version, &facts)
        });
        section.await?;
        Ok(slots)
    }

    /// The farm was reloaded: slots and labels may be others now. A worker that is no longer
    /// declared finishes what it has and takes nothing new.
    async fn redeclared(&self, socket: &mut impl Socket) -> Result<(), Ended> {
        let spec = self.context.farms.present().farm.worker(&self.worker).cloned();
        let slots = spec.as_ref().map(|spec| spec.slots);
        let (worker, stopping) = (self.worker.clone(), self.stopping);
        let section = self.context.store.write("worker.redeclared", move |w| match &spec {
            Some(spec) => {
                w.meet_worker(&worker, spec.slots, &spec.labels)?;
                w.limit_worker(&worker, spec.max_builds)?;
                w.worker_resets(&worker, spec.reset.as_ref().map(|reset| reset.every))?;
                w.drain_worker(&worker, stopping)
            }
            None => w.drain_worker(&worker, true),
        });
        section.await?;
        match slots {
            Some(slots) => {
                let (drop, heartbeat_ms) = (Vec::new(), self.heartbeat_ms);
                send(socket, &ToWorker::Welcome { slots, drop, heartbeat_ms }).await
            }
            None => Ok(()),
        }
    }

    async fn hear(&mut self, message: ToMaster) -> Result<(), Ended> {
        match message {
            ToMaster::Accepted { number, claim, attempt } => {
                self.newest = self.newest.max(number);
                self.accepted(claim, attempt).await
            }
            ToMaster::Refused { claim, reason } => self.refused(claim, reason).await,
            ToMaster::StepDone { attempt, number, report } => {
                let report = Box::new(report);
                self.deliver(attempt, Mail::StepDone { number, report }).await
            }
            ToMaster::Halted { attempt, newest } => {
                self.deliver(attempt, Mail::Halted { newest }).await
            }
            ToMaster::Gathered { attempt } => self.deliver(attempt, Mail::Gathered).await,
            ToMaster::Stopping => {
                self.stopping = true;
                let worker = self.worker.clone();
                let drain = move |w: &mut steading_store::Write<'_>| w.drain_worker(&worker, true);
                Ok(self.context.store.write("worker.stopping", drain).await?)
            }
            ToMaster::Hello(_) | ToMaster::Heartbeat { .. } => Ok(()),
        }
    }

    /// The claim becomes a build, or the attempt is dropped when the offer no longer stands.
    async fn accepted(&self, claim: ClaimId, attempt: Attempt) -> Result<(), Ended> {
        match build::accept(&self.context, &self.worker, claim, attempt).await? {
            Some(accepted) => build::drive_from(&self.context, accepted),
            None => {
                self.context.sessions.send(&self.worker, ToWorker::Drop { attempt });
            }
        }
        Ok(())
    }

    async fn refused(&self, claim: ClaimId, reason: Reason) -> Result<(), Ended> {
        let worker = self.worker.clone();
        let answer = self.context.store.write("claim.refused", move |w| {
            match w.claim_by_id(claim)? {
                Some((offered, _)) if offered.worker == worker => {}
                // Another worker's offer, or nobody's: not its to refuse.
                _ => return Ok(()),
            }
            match w.refuse_claim(claim, &reason) {
                // It expired or was withdrawn meanwhile: the request is back already.
                Err(steading_store::Error::Illegal(_)) => Ok(()),
                other => other,
            }
        });
        Ok(answer.await?)
    }

    /// Hands a message to the build's driver. A worker that speaks of a build nobody drives is told
    /// to drop it, unless it is still live: then its driver begins. It speaks for its own only.
    async fn deliver(&self, attempt: Attempt, mail: Mail) -> Result<(), Ended> {
        let Err(mail) = self.context.sessions.mail_attempt(&self.worker, attempt, mail) else {
            return Ok(());
        };
        let build = self.context.store.glance(move |r| r.build_of(attempt)).await?;
        match build {
            // It is taken back, or dropped, with the next heartbeat, and says so again.
            Some(build) if build.state == BuildState::Lost && build.worker == self.worker => {}
            Some(build) if build.state != BuildState::Finished && build.worker == self.worker => {
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

    /// Compares what the worker holds with what it should hold. A worker holds an attempt until it
    /// is told to drop it, so one that is missing is lost and not merely over. What else went wrong
    /// since the last heartbeat is put right too: a worker that history thinks offline, because the
    /// end of an earlier session was recorded late, and builds whose driver stopped at an error.
    ///
    /// Thousands of idle workers say every few seconds that they hold nothing. As long as nothing
    /// was written since that was compared, it need not be compared again.
    async fn compare(&mut self, held: Vec<Attempt>) -> Result<(), Ended> {
        // Before the look, so that what is written during it counts as new.
        let commits = self.context.store.commits();
        let is_idle = held.is_empty();
        if is_idle && !self.expires && self.agreed == Some(commits) {
            return Ok(());
        }
        let mut standing = Standing::of(&self.context, &self.worker, &self.token, held).await?;
        if !standing.admitted {
            return Err(Ended::Revoked);
        }
        self.agreed = (is_idle && standing.is_settled()).then_some(commits);
        let back = reconcile::take_back(&self.context, &mut standing).await?;
        for attempt in &standing.agreement.drop {
            self.context.sessions.send(&self.worker, ToWorker::Drop { attempt: *attempt });
        }
        if !standing.met {
            self.declare().await?;
        }
        let adopted = standing.adopted().chain(back);
        for build in adopted.filter(|build| !self.context.sessions.is_driven(build.id)) {
            build::drive(&self.context, build);
        }
        reconcile::settle_gone(&self.context, &self.worker, &standing, false).await;
        Ok(())
    }
}
