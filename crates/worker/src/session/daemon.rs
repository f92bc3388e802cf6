//! The loop in which everything that happens to a worker meets, one event at a time.

mod carry;
mod ends;
mod hear;

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use steading_wire::worker::{Attempt, HEARTBEAT_MS, Machine, Report, ToWorker};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::link::Link;
use super::work::Work;
use crate::attempts::Tools;
use crate::boot::boot;
use crate::shepherd::ToShepherd;
use crate::slots::{Said, Slots};
use crate::spool::Found;
use crate::{Error, Options, Shutdown};

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
    /// The machine has a trouble more, or one less.
    Machine,
    /// It is time for a heartbeat.
    Beat,
    /// The time to wait for something is over: for the master, or for a clean end.
    Overdue,
}

/// A worker that runs.
pub(crate) struct Daemon {
    options: Options,
    tools: Arc<Tools>,
    /// The machine as it was last seen.
    machine: watch::Receiver<Machine>,
    work: Work,
    /// How to end the daemon's own steps.
    here: BTreeMap<Attempt, CancellationToken>,
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
    /// The daemon goes, and its shepherds stay.
    leaving: bool,
    deadline: Option<Instant>,
}

impl Daemon {
    /// A worker that holds nothing yet.
    pub(crate) fn new(
        options: Options,
        tools: Arc<Tools>,
        machine: watch::Receiver<Machine>,
        slots: Slots,
        is_up: watch::Sender<bool>,
        shutdown: Shutdown,
    ) -> Daemon {
        let mut daemon = Daemon {
            links: tools.spool.links(),
            work: Work::new(Arc::clone(&tools.spool), boot(), tools.log_bytes_max),
            options,
            tools,
            machine,
            here: BTreeMap::new(),
            steps: JoinSet::new(),
            slots,
            link: None,
            said: 0,
            dialling: None,
            backoff: Backoff::default(),
            beat: every(Duration::from_millis(HEARTBEAT_MS)),
            is_up,
            shutdown,
            leaving: false,
            deadline: None,
        };
        daemon.redial(Duration::ZERO);
        daemon.wait_for_master();
        daemon
    }

    /// Holds again what an earlier daemon held.
    pub(crate) fn restore(&mut self, found: Vec<Found>) {
        self.work.restore(found, &self.slots.running);
        self.act();
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
            () = self.shutdown.end.cancelled(), if !self.work.is_ending() => Event::End,
            () = self.shutdown.leave.cancelled(), if !self.leaving => Event::Leave,
            Some(Ok((attempt, number, report))) = self.steps.join_next() =>
                Event::Step(attempt, number, report),
            (_, said) = self.slots.next() => Event::Slot(said),
            Ok(()) = self.links.changed() => Event::Link,
            message = link => Event::Heard(message),
            dialled = dialled => Event::Dialled(dialled),
            () = self.tools.spool.gone.notified() => Event::LogGone,
            Ok(()) = self.machine.changed() => Event::Machine,
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
            Event::Heard(Some(message)) => self.hear(message)?,
            Event::Step(attempt, number, report) => self.step_ended(attempt, number, report),
            Event::Slot(said) => self.hear_slot(said),
            Event::Link => self.slots.tell_all(&ToShepherd::Show),
            Event::LogGone => self.work.gather(),
            Event::Machine => self.observe(),
            Event::Beat => {
                self.observe();
                self.work.beat();
            }
            Event::Overdue => self.overdue(),
        }
        self.act();
        Ok(())
    }

    fn observe(&mut self) {
        let machine = self.machine.borrow_and_update().clone();
        self.work.observe(machine);
    }

    /// Whether nothing is left to wait for.
    fn is_done(&self) -> bool {
        if self.work.is_ending() {
            let sends = self.link.is_some() && self.work.is_sending();
            return !self.work.is_running() && !sends;
        }
        self.leaving || self.work.has_stopped()
    }
}

fn every(period: Duration) -> Interval {
    let mut beat = interval_at(Instant::now() + period, period);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}

async fn overdue(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
