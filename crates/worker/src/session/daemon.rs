//! The loop in which everything that happens to a worker meets, one event at a time.

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use steading_wire::worker::{Attempt, HEARTBEAT_MS, Hello, PROTOCOL, Report, ToMaster, ToWorker};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::backoff::Backoff;
use super::link::Link;
use crate::attempts::{Assignment, Effect, Table, Tools, broken, carry_out};
use crate::{Error, Options};

/// How long a worker that must end waits for its processes to die and its last bytes to leave.
const STOP_MAX: Duration = Duration::from_secs(12);

type Dialling = Pin<Box<dyn Future<Output = Result<(Link, Backoff), Error>> + Send>>;

/// What can happen.
enum Event {
    /// The process was told to end.
    Shutdown,
    /// A dial came to an end.
    Dialled(Result<(Link, Backoff), Error>),
    /// The master said something; `None`: the link is lost.
    Heard(Option<ToWorker>),
    /// A step ended.
    Step(Attempt, Report),
    /// A log is safe.
    LogGone,
    /// It is time for a heartbeat.
    Beat,
    /// The time to wait for something is over: for the master, or for a clean end.
    Overdue,
}

/// A worker that runs.
pub(crate) struct Daemon {
    options: Options,
    tools: Arc<Tools>,
    facts: BTreeMap<String, String>,
    table: Table,
    running: BTreeMap<Attempt, CancellationToken>,
    /// The steps that run: they end with the daemon.
    steps: JoinSet<(Attempt, Report)>,
    link: Option<Link>,
    dialling: Option<Dialling>,
    backoff: Backoff,
    beat: Interval,
    is_up: watch::Sender<bool>,
    shutdown: CancellationToken,
    /// The process must end: nothing more is reported.
    ending: bool,
    /// The worker stops when its builds are gone.
    stopping: bool,
    deadline: Option<Instant>,
}

impl Daemon {
    /// A worker that holds nothing yet.
    pub(crate) fn new(
        options: Options,
        tools: Arc<Tools>,
        facts: BTreeMap<String, String>,
        is_up: watch::Sender<bool>,
        shutdown: CancellationToken,
    ) -> Daemon {
        let mut beat = interval(Duration::from_millis(HEARTBEAT_MS));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut daemon = Daemon {
            options,
            tools,
            facts,
            table: Table::default(),
            running: BTreeMap::new(),
            steps: JoinSet::new(),
            link: None,
            dialling: None,
            backoff: Backoff::default(),
            beat,
            is_up,
            shutdown,
            ending: false,
            stopping: false,
            deadline: None,
        };
        daemon.redial(Duration::ZERO);
        daemon.wait_for_master();
        daemon
    }

    /// Runs until there is a reason to end.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        while !self.is_done() {
            let event = self.next().await;
            self.handle(event)?;
        }
        if let Some(link) = self.link.take() {
            link.close().await;
        }
        Ok(())
    }

    async fn next(&mut self) -> Event {
        let link = async {
            match &mut self.link {
                Some(link) => link.next().await,
                None => pending().await,
            }
        };
        let dialled = async {
            match &mut self.dialling {
                Some(dialling) => dialling.await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = self.shutdown.cancelled(), if !self.ending => Event::Shutdown,
            Some(Ok((attempt, report))) = self.steps.join_next() => Event::Step(attempt, report),
            message = link => Event::Heard(message),
            dialled = dialled => Event::Dialled(dialled),
            () = self.tools.spool.gone.notified() => Event::LogGone,
            _ = self.beat.tick() => Event::Beat,
            () = overdue(self.deadline) => Event::Overdue,
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Shutdown => self.end(),
            Event::Dialled(dialled) => self.greet(dialled?),
            Event::Heard(None) => self.lose_link(),
            Event::Heard(Some(message)) => return self.hear(message),
            Event::Step(attempt, report) => self.step_ended(attempt, report),
            Event::LogGone => self.gather(),
            Event::Beat => self.say(ToMaster::Heartbeat { held: self.table.held() }),
            Event::Overdue => self.overdue(),
        }
        Ok(())
    }

    /// Whether nothing is left to wait for.
    fn is_done(&self) -> bool {
        if self.ending {
            let sends = self.link.is_some() && self.table.is_sending();
            return self.running.is_empty() && !sends;
        }
        self.stopping && self.table.is_idle() && self.running.is_empty()
    }

    fn greet(&mut self, (link, backoff): (Link, Backoff)) {
        self.dialling = None;
        self.backoff = backoff;
        self.link = Some(link);
        self.say(ToMaster::Hello(Hello {
            protocol: PROTOCOL,
            name: self.options.name.clone(),
            version: self.options.version.clone(),
            facts: self.facts.clone(),
            held: self.table.held(),
        }));
    }

    fn hear(&mut self, message: ToWorker) -> Result<(), Error> {
        match &message {
            ToWorker::Rejected { code, text } => {
                return Err(Error::Rejected {
                    name: self.options.name.clone(),
                    code: code.clone(),
                    text: text.clone(),
                });
            }
            ToWorker::Welcome { .. } => {
                tracing::info!("the master welcomes worker {}", self.options.name);
                self.backoff.reset();
                if !self.ending {
                    self.deadline = None;
                }
                self.is_up.send_replace(true);
                if self.stopping {
                    self.say(ToMaster::Stopping);
                }
            }
            ToWorker::Restarting => tracing::info!("the master restarts; builds go on"),
            ToWorker::Stop => self.stop(),
            _ => {}
        }
        let effects = self.table.on_message(message);
        self.carry_out(effects);
        self.gather();
        Ok(())
    }

    fn lose_link(&mut self) {
        self.link = None;
        self.is_up.send_replace(false);
        let wait = self.backoff.next();
        self.redial(wait);
        self.wait_for_master();
    }

    fn redial(&mut self, wait: Duration) {
        let dialer = self.tools.dialer.clone();
        let backoff = std::mem::take(&mut self.backoff);
        self.dialling = Some(Box::pin(async move {
            tokio::time::sleep(wait).await;
            Link::dial(dialer, backoff).await
        }));
    }

    /// From now on, an idle worker waits for its master only so long.
    fn wait_for_master(&mut self) {
        if self.link.is_none() && !self.ending {
            self.deadline = self.options.orphan_limit.map(|limit| Instant::now() + limit);
        }
    }

    fn overdue(&mut self) {
        self.deadline = None;
        if self.ending {
            tracing::warn!("some processes or bytes are left behind");
            self.running.clear();
            self.link = None;
        } else if self.running.is_empty() {
            tracing::info!("the master stays away: the worker ends");
            self.end();
        }
        // Otherwise the end of the last step sets a new deadline.
    }

    /// The master said: take nothing more, and end when all is done.
    fn stop(&mut self) {
        self.stopping = true;
        self.table.stop();
        self.say(ToMaster::Stopping);
    }

    /// The process must end now: what runs is killed and not reported, the master finds out.
    fn end(&mut self) {
        self.stop();
        self.ending = true;
        self.running.values().for_each(CancellationToken::cancel);
        self.deadline = Some(Instant::now() + STOP_MAX);
    }

    fn step_ended(&mut self, attempt: Attempt, report: Report) {
        self.running.remove(&attempt);
        if !self.ending {
            let effects = self.table.on_step_ended(attempt, report);
            self.carry_out(effects);
            self.gather();
        }
        self.wait_for_master();
    }

    fn gather(&mut self) {
        let spool = Arc::clone(&self.tools.spool);
        let effects = self.table.gather(|attempt| spool.holds(attempt));
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Say(message) => self.say(message),
                Effect::Start { attempt, build, number, primitive, workspace } => {
                    self.start(Assignment { attempt, build, number, primitive, workspace });
                }
                Effect::Kill(attempt) => {
                    self.running.get(&attempt).inspect(|cancel| cancel.cancel());
                }
                Effect::Forget(attempt) => self.tools.spool.forget(attempt),
            }
        }
    }

    fn start(&mut self, assignment: Assignment) {
        let (attempt, number) = (assignment.attempt, assignment.number);
        let cancel = CancellationToken::new();
        self.running.insert(attempt, cancel.clone());
        if self.ending {
            cancel.cancel();
        }
        let tools = Arc::clone(&self.tools);
        self.steps.spawn(async move {
            let spool = Arc::clone(&tools.spool);
            let step = async move { carry_out(&tools, assignment, &cancel).await };
            let step = AbortOnDropHandle::new(tokio::spawn(step));
            // A fault in one step costs that step and nothing else.
            let report = step.await.unwrap_or_else(|error| {
                spool.forget_step(attempt, number);
                broken(&error.to_string())
            });
            (attempt, report)
        });
    }

    fn say(&self, message: ToMaster) {
        if let Some(link) = &self.link {
            link.say(message);
        }
    }
}

async fn overdue(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
