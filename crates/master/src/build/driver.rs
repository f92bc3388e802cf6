//! The driver of one live build.

use std::collections::BTreeMap;
use std::time::Duration;

use steading_core::farm::{BuildView, Fault};
use steading_core::settle::{self, Cancel, Next};
use steading_core::words::{Build, BuildId, BuildState, LogId, Micros};
use steading_store::LogEnd;
use steading_wire::worker::{HALTS_SINCE, Report, ToWorker};

use super::accept::Accepted;
use super::advance::{Advance, Answer, Stands, live, materials, results};
use super::primitive::Materials;
use crate::context::Context;
use crate::farms::FarmError;
use crate::session::{Mail, Mailbox};
use crate::settle as settling;
use crate::spawn::spawn;

/// How long a closed log is not said to be closed, when nothing else of its build is written.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// Why a driver stopped; the next heartbeat of its worker begins another.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
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
    drive_from(context, Accepted { build, begun: None });
}

/// The same with a build that was accepted just now.
pub(crate) fn drive_from(context: &Context, Accepted { build, begun }: Accepted) {
    let mailbox = context.sessions.drive(build.id, build.attempt, &build.worker);
    let (materials, stands) = begun.unzip();
    let context = context.clone();
    spawn("build", async move {
        let id = build.id;
        match Driver::new(context.clone(), build, materials, mailbox).await {
            Ok(mut driver) => {
                let ran = driver.run(stands).await;
                if let Err(error) = ran.and(driver.say_closed().await) {
                    tracing::error!(build = id.0, "its driver stopped: {error}");
                }
            }
            Err(error) => tracing::error!(build = id.0, "cannot be driven: {error}"),
        }
    });
}

pub(super) struct Driver {
    pub(super) context: Context,
    pub(super) build: Build,
    pub(super) materials: Materials,
    pub(super) mailbox: Mailbox,
    /// What a cancel means: `Twice` once somebody insisted.
    pub(super) cancel: Cancel,
    /// How many steps the worker has begun, once it said that it begins no more by itself.
    pub(super) begun: Option<usize>,
    /// The newest step it said is done.
    heard: i64,
    /// How steps ended of which that is not written down yet, by number.
    pub(super) reports: BTreeMap<i64, Report>,
    /// Logs that are closed in the archive: the next section says so. Who dies before it says
    /// nothing wrong, and the end of the build finds them as they are.
    pub(super) closed: Vec<(LogId, LogEnd)>,
}

impl Driver {
    async fn new(
        context: Context,
        build: Build,
        known: Option<Materials>,
        mailbox: Mailbox,
    ) -> Result<Driver, Error> {
        let materials = match known {
            Some(materials) => materials,
            None => materials(&context, build.configuration_id, build.buildset_id).await?,
        };
        let (reports, closed) = (BTreeMap::new(), Vec::new());
        let (cancel, begun, heard) = (Cancel::Once, None, 0);
        Ok(Driver { context, build, materials, mailbox, cancel, begun, heard, reports, closed })
    }

    /// Until the build is finished, or the session ends and somebody else will drive it.
    async fn run(&mut self, first: Option<Stands>) -> Result<(), Error> {
        let mut answer = None;
        let mut known = self.still(first).await?;
        loop {
            let stands = match known.take() {
                Some(stands) => stands,
                None => match self.advance(answer.take()).await? {
                    Some(stands) => stands,
                    None => return Ok(()),
                },
            };
            let goes_on = match stands {
                Stands::AtStep { number, primitive, then } => {
                    let (attempt, build) = (self.build.attempt, self.build.id);
                    let run = ToWorker::Run { attempt, build, number, primitive, then };
                    known = self.at_step(number, run).await?;
                    known.is_some()
                }
                Stands::AtCondition { index } => {
                    answer = Some(self.ask(index).await?);
                    true
                }
                Stands::Halting => self.halt().await?,
                Stands::Waiting { until } => self.wait(until).await?,
                Stands::Ended => return self.gather().await,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// What the section that made the build found needs no second one; but a cancel may have come
    /// before there was a mailbox to put it in.
    async fn still(&mut self, first: Option<Stands>) -> Result<Option<Stands>, Error> {
        let runs = first.is_some() && self.look().await? && self.build.state == BuildState::Running;
        Ok(first.filter(|_| runs))
    }

    /// Reads the build afresh; false when there is nothing left to drive.
    async fn look(&mut self) -> Result<bool, Error> {
        let id = self.build.id;
        let found = self.context.store.glance(move |r| live(r, id)).await?;
        Ok(found.map(|build| self.build = build).is_some())
    }

    /// Writes down what comes next; absent when there is nothing left to drive.
    async fn advance(&mut self, answer: Option<Answer>) -> Result<Option<Stands>, Error> {
        let (id, materials) = (self.build.id, self.materials.clone());
        let present = self.context.farms.present();
        let (cancel, begun) = (self.cancel, self.begun);
        let section = self.context.store.write("build.advance", move |w| {
            let Some(build) = live(w, id)? else { return Ok(None) };
            let (materials, present) = (&materials, &present);
            let advance = Advance { build: &build, materials, present, cancel, begun };
            let stands = advance.run(w, answer.clone())?;
            Ok(Some((build, stands)))
        });
        Ok(section.await?.map(|found| self.stood(found)))
    }

    /// Takes over what a section found.
    pub(super) fn stood(&mut self, (build, stands): (Build, Stands)) -> Stands {
        self.build = build;
        stands
    }

    /// Has the worker run a step, unless it ran ahead and said how that ended, and waits for its
    /// end. Gives what follows; absent when the session or the build is over.
    async fn at_step(&mut self, number: i64, run: ToWorker) -> Result<Option<Stands>, Error> {
        let mut run = Some(run);
        loop {
            if self.reports.contains_key(&number) {
                return self.steps_done(number).await;
            }
            let mail = match (self.mailbox.waiting(), run.take()) {
                (Some(mail), unsaid) => {
                    run = unsaid;
                    Some(mail)
                }
                (None, Some(run)) => {
                    self.ask_for(number, run);
                    continue;
                }
                (None, None) => self.mail().await?,
            };
            match mail {
                None => return Ok(None),
                Some(mail @ (Mail::LookAgain | Mail::SkipAlways)) => {
                    self.note(mail);
                    if !self.look().await? {
                        return Ok(None);
                    }
                    if self.build.state == BuildState::Cancelling {
                        self.ask_how_far();
                        self.send(ToWorker::Cancel { attempt: self.build.attempt });
                    }
                }
                Some(mail) => self.note(mail),
            }
        }
    }

    fn ask_for(&self, number: i64, run: ToWorker) {
        self.send(run);
        if self.build.state == BuildState::Cancelling {
            self.ask_how_far();
            self.stop_unless_always(number);
        }
    }

    /// Has the worker of a cancelled build say how many steps it has begun, and waits for that.
    /// False when the session is over.
    async fn halt(&mut self) -> Result<bool, Error> {
        if !self.ask_how_far() {
            self.begun = usize::try_from(self.heard).ok();
        }
        while self.begun.is_none() {
            match self.mail().await? {
                None => return Ok(false),
                Some(mail) => self.note(mail),
            }
        }
        Ok(true)
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
        let steps = self.context.store.glance(move |r| r.steps(id)).await?;
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
        let now = self.context.store.glance(|r| Ok(r.now())).await?;
        // A moment later: whoever wakes early would find nothing and wait again.
        let left = Duration::from(until.since(now)) + Duration::from_millis(1);
        Ok(tokio::select! {
            biased;
            mail = self.mailbox.recv() => mail.map(|mail| self.note(mail)).is_some(),
            () = tokio::time::sleep(left) => true,
        })
    }

    /// The next mail; absent when the session is over. What is closed meanwhile is said in time.
    async fn mail(&mut self) -> Result<Option<Mail>, Error> {
        if !self.closed.is_empty() {
            tokio::select! {
                biased;
                mail = self.mailbox.recv() => return Ok(mail),
                () = tokio::time::sleep(CLOSED_WITHIN) => self.say_closed().await?,
            }
        }
        Ok(self.mailbox.recv().await)
    }

    /// Says of logs that they are closed, while nothing else of the build is to be written.
    async fn say_closed(&mut self) -> Result<(), Error> {
        settling::closed(&self.context, std::mem::take(&mut self.closed)).await?;
        Ok(())
    }

    /// What is to be remembered of a mail that nobody waits for.
    pub(super) fn note(&mut self, mail: Mail) {
        match mail {
            Mail::SkipAlways => self.cancel = Cancel::Twice,
            Mail::Halted { newest } => self.begun = usize::try_from(newest).ok(),
            Mail::StepDone { number, report } => {
                self.heard = self.heard.max(number);
                self.reports.insert(number, *report);
            }
            Mail::LogClosed { log, end } => self.closed.push((log, end)),
            Mail::LookAgain | Mail::Gathered => {}
        }
    }

    /// The steps are over: the worker sends what is left, then the build has its outcome.
    async fn gather(&mut self) -> Result<(), Error> {
        self.send(ToWorker::Finish { attempt: self.build.attempt });
        loop {
            match self.mail().await? {
                None => return Ok(()),
                Some(Mail::Gathered) => break,
                Some(mail) => self.note(mail),
            }
        }
        let id: BuildId = self.build.id;
        let steps = self.context.store.glance(move |r| r.steps(id)).await?;
        let next = settle::next(&self.build.plan, &results(&steps), Cancel::No, None);
        if let Next::End { outcome, reason } = next {
            let closed = std::mem::take(&mut self.closed);
            settling::finish(&self.context, &self.build, (outcome, reason), closed).await?;
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
pub(super) fn index(number: i64) -> usize {
    usize::try_from(number - 1).unwrap_or_default()
}
