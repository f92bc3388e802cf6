//! The driver of one live build.

use std::time::Duration;

use steading_core::farm::{BuildView, Fault};
use steading_core::settle::{self, Cancel, Next};
use steading_core::words::{Build, BuildId, BuildState, Micros, StepState};
use steading_store::LogEnd;
use steading_wire::worker::{HALTS_SINCE, Next as Ahead, Primitive, Report, ToWorker};

use super::accept::Accepted;
use super::advance::{Advance, Answer, Stands, materials, results};
use super::primitive::Materials;
use super::report::{judged, kept};
use crate::context::Context;
use crate::farms::FarmError;
use crate::session::{Mail, Mailbox};
use crate::settle as settling;
use crate::spawn::spawn;

/// Why a driver stopped; the next heartbeat of its worker begins another.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// History.
    #[error(transparent)]
    Store(#[from] steading_store::Error),
    /// The farm it began with.
    #[error(transparent)]
    Farm(#[from] FarmError),
    /// Its end.
    #[error(transparent)]
    Settle(#[from] settling::Error),
}

/// Begins driving a build whose worker is connected. An older driver of it ends.
pub(crate) fn drive(context: &Context, build: Build) {
    drive_from(context, Accepted { build, stands: None });
}

/// The same with a build that was accepted just now.
pub(crate) fn drive_from(context: &Context, Accepted { build, stands }: Accepted) {
    let mailbox = context.sessions.drive(build.id);
    let context = context.clone();
    spawn("build", async move {
        let id = build.id;
        match Driver::new(context.clone(), build, mailbox).await {
            Ok(mut driver) => {
                if let Err(error) = driver.run(stands).await {
                    tracing::error!(build = id.0, "its driver stopped: {error}");
                }
            }
            Err(error) => tracing::error!(build = id.0, "cannot be driven: {error}"),
        }
    });
}

struct Driver {
    context: Context,
    build: Build,
    materials: Materials,
    mailbox: Mailbox,
    /// What a cancel means: `Twice` once somebody insisted.
    cancel: Cancel,
    /// How many steps the worker has begun, once it said that it begins no more by itself.
    begun: Option<usize>,
    /// The newest step it said is done.
    heard: i64,
}

impl Driver {
    async fn new(context: Context, build: Build, mailbox: Mailbox) -> Result<Driver, Error> {
        let materials = materials(&context, build.configuration_id, build.buildset_id).await?;
        let cancel = Cancel::Once;
        Ok(Driver { context, build, materials, mailbox, cancel, begun: None, heard: 0 })
    }

    /// Until the build is finished, or the session ends and somebody else will drive it.
    async fn run(&mut self, first: Option<Stands>) -> Result<(), Error> {
        let mut answer = None;
        // What the section that made the build found needs no second one; but a cancel may have
        // come before there was a mailbox to put it in.
        if let Some(Stands::AtStep { number, primitive, then }) = first
            && self.look().await?
            && self.build.state == BuildState::Running
            && !self.at_step(number, primitive, then).await?
        {
            return Ok(());
        }
        while self.look().await? {
            if self.build.state == BuildState::Gathering {
                return self.gather().await;
            }
            match self.advance(answer.take()).await? {
                Stands::AtStep { number, primitive, then } => {
                    if !self.at_step(number, primitive, then).await? {
                        return Ok(());
                    }
                }
                Stands::AtCondition { index } => answer = Some(self.ask(index).await?),
                Stands::Halting => {
                    if !self.halt().await {
                        return Ok(());
                    }
                }
                Stands::Waiting { until } => {
                    if !self.wait(until).await? {
                        return Ok(());
                    }
                }
                Stands::Ended => {}
            }
        }
        Ok(())
    }

    /// Reads the build afresh; false when there is nothing left to drive.
    async fn look(&mut self) -> Result<bool, Error> {
        let id = self.build.id;
        match self.context.store.read(move |r| r.build(id)).await? {
            Some(build) if !matches!(build.state, BuildState::Lost | BuildState::Finished) => {
                self.build = build;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn advance(&self, answer: Option<Answer>) -> Result<Stands, Error> {
        let (build, materials) = (self.build.clone(), self.materials.clone());
        let present = self.context.farms.present();
        let (cancel, begun) = (self.cancel, self.begun);
        let section = self.context.store.write("build.advance", move |w| {
            let (materials, present) = (&materials, &present);
            let advance = Advance { build: &build, materials, present, cancel, begun };
            advance.run(w, answer.clone())
        });
        Ok(section.await?)
    }

    /// Has the worker run a step and waits for its end. False when the session is over.
    async fn at_step(
        &mut self,
        number: i64,
        primitive: Primitive,
        then: Vec<Ahead>,
    ) -> Result<bool, Error> {
        let attempt = self.build.attempt;
        self.send(ToWorker::Run { attempt, build: self.build.id, number, primitive, then });
        if self.build.state == BuildState::Cancelling {
            self.ask_how_far();
            self.stop_unless_always(number);
        }
        loop {
            match self.mailbox.recv().await {
                None => return Ok(false),
                Some(Mail::StepDone { number: done, report }) if done == number => {
                    self.step_done(number, *report).await?;
                    return Ok(true);
                }
                Some(mail @ (Mail::LookAgain | Mail::SkipAlways)) => {
                    self.note(&mail);
                    if !self.look().await? {
                        return Ok(false);
                    }
                    if self.build.state == BuildState::Cancelling {
                        self.ask_how_far();
                        self.send(ToWorker::Cancel { attempt });
                    }
                }
                Some(mail) => self.note(&mail),
            }
        }
    }

    /// Has the worker of a cancelled build say how many steps it has begun, and waits for that.
    /// False when the session is over.
    async fn halt(&mut self) -> bool {
        if !self.ask_how_far() {
            self.begun = usize::try_from(self.heard).ok();
        }
        while self.begun.is_none() {
            match self.mailbox.recv().await {
                None => return false,
                Some(mail) => self.note(&mail),
            }
        }
        true
    }

    /// False when the worker is an older one, which does not say how far it is: what it has
    /// reported by now is all that is known.
    fn ask_how_far(&self) -> bool {
        let protocol = self.context.sessions.protocol(&self.build.worker);
        let says = protocol.is_none_or(|protocol| protocol >= HALTS_SINCE);
        if says && self.begun.is_none() {
            self.send(ToWorker::Halt { attempt: self.build.attempt });
        }
        says
    }

    /// A cancelled build's present step is stopped; an `always` step that began after the cancel is
    /// what the cancel waits for.
    fn stop_unless_always(&self, number: i64) {
        if self.build.plan.steps.get(index(number)).is_none_or(|step| !step.always) {
            self.send(ToWorker::Cancel { attempt: self.build.attempt });
        }
    }

    /// The step's verdict and whatever follows from it, in one section.
    async fn step_done(&self, number: i64, report: Report) -> Result<(), Error> {
        let Some(planned) = self.build.plan.steps.get(index(number)) else { return Ok(()) };
        let (outcome, reason) = settle::step_verdict(&judged(planned, &report));
        let exit = kept(&report, outcome.is_green());
        let empty = self.unwritten_logs(number, &report.logs).await?;
        let closed: Vec<_> = empty.iter().map(|(log, _)| *log).collect();
        let (build, materials) = (self.build.clone(), self.materials.clone());
        let present = self.context.farms.present();
        let (cancel, begun) = (self.cancel, self.begun);
        let section = self.context.store.write("step.done", move |w| {
            let steps = w.steps(build.id)?;
            let Some(step) = steps.iter().find(|step| step.number == number) else { return Ok(()) };
            if step.state == StepState::Finished {
                return Ok(());
            }
            for (log, end) in &empty {
                w.close_log(*log, end)?;
            }
            w.finish_step(step.id, outcome, reason.as_ref(), exit.as_ref())?;
            let (materials, present) = (&materials, &present);
            let advance = Advance { build: &build, materials, present, cancel, begun };
            advance.run(w, None).map(drop)
        });
        section.await?;
        closed.into_iter().for_each(|log| self.context.archive.closed_empty(log));
        Ok(())
    }

    /// Logs the step opened and never wrote to: they are whole, and empty.
    async fn unwritten_logs(
        &self,
        number: i64,
        written: &[String],
    ) -> Result<Vec<(steading_core::words::LogId, LogEnd)>, Error> {
        let id = self.build.id;
        let (steps, logs) =
            self.context.store.read(move |r| Ok((r.steps(id)?, r.logs(id)?))).await?;
        let step = steps.iter().find(|step| step.number == number).map(|step| step.id);
        let mut unwritten = Vec::new();
        for log in logs {
            if Some(log.step_id) == step && !log.closed && !written.contains(&log.name) {
                unwritten.push((log.id, settling::close_unwritten(&self.context, log.id).await?));
            }
        }
        Ok(unwritten)
    }

    /// Asks a step's `when`, off the threads that serve others.
    async fn ask(&self, index: usize) -> Result<Answer, Error> {
        let step = &self.build.plan.steps[index];
        let Some(function) = step.when else { return Ok(Answer { index, answer: Ok(true) }) };
        let view = self.view().await?;
        let policy = self.materials.farm.policy.clone();
        let answer = steading_store::off_thread(move || policy.condition(function, &view))
            .await
            // A build whose condition panics would otherwise be asked again for ever.
            .unwrap_or_else(|error| Err(Fault { message: error.to_string() }));
        Ok(Answer { index, answer })
    }

    async fn view(&self) -> Result<BuildView, Error> {
        let id = self.build.id;
        let steps = self.context.store.read(move |r| r.steps(id)).await?;
        let outcome = settle::outcome_so_far(&self.build.plan, &results(&steps));
        let build = self.build.clone();
        let (repository, branch, revision) = match build.stamp {
            Some(stamp) => (stamp.repository, stamp.branch, stamp.revision),
            None => Default::default(),
        };
        let reason = match build.properties.get("reason") {
            Some(property) => property.value.to_string(),
            None => String::new(),
        };
        Ok(BuildView {
            builder: build.builder,
            number: build.number,
            repository,
            branch,
            revision,
            worker: build.worker,
            owner: build.owner.unwrap_or_default(),
            reason,
            properties: build.properties,
            outcome: outcome.word().to_owned(),
        })
    }

    /// Waits until the step got its locks, which dispatch says, or gives up. False when the session
    /// is over.
    async fn wait(&mut self, until: Micros) -> Result<bool, Error> {
        let now = self.context.store.read(|r| Ok(r.now())).await?;
        // A moment later: whoever wakes early would find nothing and wait again.
        let left = Duration::from(until.since(now)) + Duration::from_millis(1);
        Ok(tokio::select! {
            biased;
            mail = self.mailbox.recv() => mail.inspect(|mail| self.note(mail)).is_some(),
            () = tokio::time::sleep(left) => true,
        })
    }

    /// What is to be remembered of a mail that nobody waits for.
    fn note(&mut self, mail: &Mail) {
        match mail {
            Mail::SkipAlways => self.cancel = Cancel::Twice,
            Mail::Halted { newest } => self.begun = usize::try_from(*newest).ok(),
            // It is said again when the step is asked for.
            Mail::StepDone { number, .. } => self.heard = self.heard.max(*number),
            Mail::LookAgain | Mail::Gathered => {}
        }
    }

    /// The steps are over: the worker sends what is left, then the build has its outcome.
    async fn gather(&mut self) -> Result<(), Error> {
        self.send(ToWorker::Finish { attempt: self.build.attempt });
        loop {
            match self.mailbox.recv().await {
                None => return Ok(()),
                Some(Mail::Gathered) => break,
                Some(_) => {}
            }
        }
        let id: BuildId = self.build.id;
        let steps = self.context.store.read(move |r| r.steps(id)).await?;
        let next = settle::next(&self.build.plan, &results(&steps), Cancel::No, None);
        if let Next::End { outcome, reason } = next {
            settling::finish(&self.context, &self.build, outcome, reason).await?;
        }
        self.send(ToWorker::Drop { attempt: self.build.attempt });
        self.context.sessions.parked(id);
        Ok(())
    }

    fn send(&self, message: ToWorker) {
        // A worker that is away hears it when it is back: its driver begins again.
        self.context.sessions.send(&self.build.worker, message);
    }
}

/// The place in the plan, from 0, of a step's number, from 1.
fn index(number: i64) -> usize {
    usize::try_from(number - 1).unwrap_or_default()
}
