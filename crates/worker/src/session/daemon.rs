//! The loop in which everything that happens to a worker meets, one event at a time.

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use steading_wire::worker::{
    Attempt, HEARTBEAT_MS, Hello, PROTOCOL, Primitive, Report, ToMaster, ToWorker,
};
use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::backoff::Backoff;
use super::link::Link;
use crate::attempts::{
    Assignment, Earlier, Effect, Known, Table, Tools, broken, carry_out, close_lost, job,
};
use crate::process::infrastructure;
use crate::shepherd::{FromShepherd, ToShepherd};
use crate::slots::{Said, Slots};
use crate::spool::{Begin, Found};
use crate::{Error, Options, Shutdown};

/// How long a worker that must end waits for its processes to die and its last bytes to leave.
const STOP_MAX: Duration = Duration::from_secs(12);

type Dialling = Pin<Box<dyn Future<Output = Result<(Link, Backoff), Error>> + Send>>;

/// What can happen.
enum Event {
    /// The worker was told to end, and what it runs with it.
    End,
    /// The daemon was told to go; shepherds stay with what they run.
    Leave,
    /// A dial came to an end.
    Dialled(Result<(Link, Backoff), Error>),
    /// The master said something; `None`: the link is lost.
    Heard(Option<ToWorker>),
    /// A step of the daemon's own ended.
    Step(Attempt, i64, Report),
    /// A shepherd said something, or is lost.
    Slot(Said),
    /// A new bulk link begins: whoever watches there has seen nothing yet.
    Link,
    /// A log is safe.
    LogGone,
    /// It is time for a heartbeat.
    Beat,
    /// The time to wait for something is over: for the master, or for a clean end.
    Overdue,
}

/// Who carries a step out.
enum Runs {
    /// A task of the daemon: the step's number, and how to end it.
    Here(i64, CancellationToken),
    /// The shepherd of its slot.
    There(Box<Begin>),
}

impl Runs {
    /// The step's number.
    fn number(&self) -> i64 {
        match self {
            Runs::Here(number, _) => *number,
            Runs::There(begin) => begin.number(),
        }
    }
}

/// A worker that runs.
pub(crate) struct Daemon {
    options: Options,
    tools: Arc<Tools>,
    facts: BTreeMap<String, String>,
    table: Table,
    running: BTreeMap<Attempt, Runs>,
    /// The daemon's own steps that run: they end with it, and begin again with the next one.
    steps: JoinSet<(Attempt, i64, Report)>,
    slots: Slots,
    links: watch::Receiver<u64>,
    link: Option<Link>,
    /// Counts what was said of what is held, on this link.
    said: u64,
    dialling: Option<Dialling>,
    backoff: Backoff,
    beat: Interval,
    is_up: watch::Sender<bool>,
    shutdown: Shutdown,
    /// The worker must end: nothing more is reported.
    ending: bool,
    /// The daemon goes, and its shepherds stay.
    leaving: bool,
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
        slots: Slots,
        is_up: watch::Sender<bool>,
        shutdown: Shutdown,
    ) -> Daemon {
        let mut beat = interval(Duration::from_millis(HEARTBEAT_MS));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut daemon = Daemon {
            links: tools.spool.links(),
            options,
            tools,
            facts,
            table: Table::new(boot()),
            running: BTreeMap::new(),
            steps: JoinSet::new(),
            slots,
            link: None,
            said: 0,
            dialling: None,
            backoff: Backoff::default(),
            beat,
            is_up,
            shutdown,
            ending: false,
            leaving: false,
            stopping: false,
            deadline: None,
        };
        daemon.redial(Duration::ZERO);
        daemon.wait_for_master();
        daemon
    }

    /// Holds again what an earlier daemon held.
    pub(crate) fn restore(&mut self, found: Vec<Found>) {
        for Found { begin, report, earlier, asked } in found {
            let runs = self.slots.running.contains(&(begin.attempt, begin.number()));
            let known = match (report, &begin.step) {
                (Some(report), _) => Known::Ended(Box::new(report)),
                (None, None) => Known::Accepted,
                (None, Some(_)) if runs => {
                    let there = Runs::There(Box::new(begin.clone()));
                    self.running.insert(begin.attempt, there);
                    Known::Runs
                }
                (None, Some(step)) if may_begin_again(&step.primitive) && begin.boot == boot() => {
                    Known::Again
                }
                (None, Some(_)) => {
                    let (code, text) = match begin.boot == boot() {
                        true => ("shepherd_lost", "neither its shepherd nor its end was found"),
                        false => ("machine_restarted", "the machine was started anew meanwhile"),
                    };
                    let ending = infrastructure(code, format!("the step was lost: {text}"));
                    Known::Ended(Box::new(close_lost(&self.tools, begin.clone(), ending)))
                }
            };
            tracing::info!(attempt = %begin.attempt, "an earlier daemon held it: {}", match known {
                Known::Accepted => "accepted",
                Known::Runs => "it runs on",
                Known::Again => "its step begins again",
                Known::Ended(_) => "its step has ended",
            });
            let earlier = Earlier { begin, known, reports: earlier, asked };
            let effects = self.table.restore(earlier);
            self.carry_out(effects);
        }
    }

    /// Runs until there is a reason to end.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let mut ended = Ok(());
        while ended.is_ok() && !self.is_done() {
            let event = self.next().await;
            ended = self.handle(event);
        }
        if let Some(link) = self.link.take() {
            link.close().await;
        }
        self.steps.shutdown().await;
        self.slots.close().await;
        ended
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
            () = self.shutdown.end.cancelled(), if !self.ending => Event::End,
            () = self.shutdown.leave.cancelled(), if !self.leaving => Event::Leave,
            Some(Ok((attempt, number, report))) = self.steps.join_next() =>
                Event::Step(attempt, number, report),
            (_, said) = self.slots.next() => Event::Slot(said),
            Ok(()) = self.links.changed() => Event::Link,
            message = link => Event::Heard(message),
            dialled = dialled => Event::Dialled(dialled),
            () = self.tools.spool.gone.notified() => Event::LogGone,
            _ = self.beat.tick() => Event::Beat,
            () = overdue(self.deadline) => Event::Overdue,
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::End => self.end(),
            Event::Leave => self.leave(),
            Event::Dialled(dialled) => self.greet(dialled?),
            Event::Heard(None) => self.lose_link(),
            Event::Heard(Some(message)) => return self.hear(message),
            Event::Step(attempt, number, report) => self.step_ended(attempt, number, report),
            Event::Slot(said) => self.hear_slot(said),
            Event::Link => self.slots.tell_all(&ToShepherd::Show),
            Event::LogGone => self.gather(),
            Event::Beat => {
                let held = self.table.held();
                self.say(ToMaster::Heartbeat { number: 0, held });
            }
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
        if self.leaving {
            return true;
        }
        self.stopping && self.table.is_idle() && self.running.is_empty()
    }

    fn greet(&mut self, (link, backoff): (Link, Backoff)) {
        self.dialling = None;
        self.backoff = backoff;
        self.link = Some(link);
        self.said = 0;
        self.say(ToMaster::Hello(Hello {
            protocol: PROTOCOL,
            name: self.options.name.clone(),
            version: self.options.version.clone(),
            instance: Some(self.tools.instance.clone()),
            facts: self.facts.clone().into_iter().chain(self.tools.keeper.facts()).collect(),
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

    fn hear_slot(&mut self, said: Said) {
        match said {
            Said::Word(FromShepherd::Grew { attempt, number, end }) => {
                block_in_place(|| self.tools.spool.grew(attempt, number, end));
            }
            Said::Word(FromShepherd::Tail { log, raw_offset, at, raw }) => {
                self.tools.spool.offer_tail(log, raw_offset, at, &raw);
            }
            Said::Word(FromShepherd::Ended { attempt, number, end, report }) => {
                if end > 0 {
                    block_in_place(|| self.tools.spool.ended(attempt, number, end));
                }
                self.step_ended(attempt, number, *report);
            }
            Said::Word(FromShepherd::Here { .. }) => {}
            Said::Lost(attempt, number, ending) => {
                let Some(Runs::There(begin)) = self.running.get(&attempt) else { return };
                if begin.number() == number {
                    let begin = (**begin).clone();
                    let report = block_in_place(|| close_lost(&self.tools, begin, ending));
                    self.step_ended(attempt, number, report);
                }
            }
        }
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

    /// The worker must end now: what runs is killed and not reported, the master finds out.
    fn end(&mut self) {
        self.stop();
        self.ending = true;
        for attempt in self.running.keys().copied().collect::<Vec<_>>() {
            // Before it dies, so that nobody ever takes this end for its own.
            self.tools.spool.forget(attempt);
            self.kill(attempt);
        }
        self.deadline = Some(Instant::now() + STOP_MAX);
    }

    /// The daemon goes: the next one finds what it held, and what its shepherds run.
    fn leave(&mut self) {
        self.say(ToMaster::Stopping);
        self.leaving = true;
    }

    fn step_ended(&mut self, attempt: Attempt, number: i64, report: Report) {
        let runs = |runs: &Runs| runs.number() == number;
        let known = self.running.get(&attempt).is_some_and(runs);
        if known {
            self.running.remove(&attempt);
        }
        if self.ending && known {
            self.tools.spool.forget(attempt);
            self.table.abandon(attempt);
        } else {
            let effects = self.table.on_step_ended(attempt, number, report);
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
        // Before anything begins in one of them.
        self.tools.keeper.in_use(self.table.workspaces());
        for effect in effects {
            match effect {
                Effect::Keep(begin) => {
                    let attempt = begin.attempt;
                    if let Err(error) = block_in_place(|| self.tools.spool.keep(begin)) {
                        let effects = self.table.on_unkept(attempt, &error.to_string());
                        return self.carry_out(effects);
                    }
                }
                Effect::Say(message) => self.say(message),
                Effect::Start { begin, workspace } => self.start(begin, workspace),
                Effect::Kill(attempt) => self.kill(attempt),
                Effect::Send(attempt, number) => self.tools.spool.send(attempt, number),
                Effect::Forget(attempt) => self.tools.spool.forget(attempt),
            }
        }
    }

    fn kill(&mut self, attempt: Attempt) {
        match self.running.get(&attempt) {
            Some(Runs::Here(_, cancel)) => cancel.cancel(),
            Some(Runs::There(begin)) => {
                let (slot, number) = (begin.slot, begin.number());
                self.slots.tell(slot, ToShepherd::End { attempt, number });
            }
            None => {}
        }
    }

    fn start(&mut self, begin: Begin, workspace: String) {
        let (attempt, number) = (begin.attempt, begin.number());
        match begin.step.as_ref().map(|step| step.primitive.clone()) {
            Some(process @ Primitive::Process { .. }) => {
                match job(&self.tools, &begin, &workspace, &process) {
                    Ok(job) => {
                        let slot = begin.slot;
                        self.running.insert(attempt, Runs::There(Box::new(begin)));
                        self.slots.tell(slot, ToShepherd::Run(Box::new(job)));
                    }
                    Err(ending) => {
                        let report = block_in_place(|| close_lost(&self.tools, begin, ending));
                        self.step_ended(attempt, number, report);
                    }
                }
            }
            _ => self.start_here(Assignment { begin, workspace }),
        }
        if self.ending {
            self.kill(attempt);
        }
    }

    fn start_here(&mut self, assignment: Assignment) {
        let (attempt, number) = (assignment.begin.attempt, assignment.begin.number());
        let begin = assignment.begin.clone();
        let cancel = CancellationToken::new();
        self.running.insert(attempt, Runs::Here(number, cancel.clone()));
        let tools = Arc::clone(&self.tools);
        self.steps.spawn(async move {
            let own = Arc::clone(&tools);
            let step = async move { carry_out(&own, assignment, &cancel).await };
            let step = AbortOnDropHandle::new(tokio::spawn(step));
            // A fault in one step costs that step and nothing else.
            let report = step.await.unwrap_or_else(|error| {
                block_in_place(|| close_lost(&tools, begin, broken(&error.to_string())))
            });
            (attempt, number, report)
        });
    }

    fn say(&mut self, mut message: ToMaster) {
        if let Some(link) = &self.link {
            message.count(&mut self.said);
            link.say(message);
        }
    }
}

/// What of a step can safely be done twice: everything but the build's own commands.
fn may_begin_again(primitive: &Primitive) -> bool {
    !matches!(primitive, Primitive::Process { .. })
}

/// What the kernel calls this run of the machine.
fn boot() -> String {
    let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}

async fn overdue(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
