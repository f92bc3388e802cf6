//! Who is connected, and who drives which build.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use steading_core::words::{Attempt, BuildId, LogId};
use steading_store::LogEnd;
use steading_wire::worker::{Report, ToWorker};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Messages that may wait for a worker; one that does not take them is cut off.
const TO_WORKER: usize = 256;
/// Messages that may wait for a build's driver: what a worker that runs ahead says at once.
const TO_DRIVER: usize = 128;

/// What a build's driver is told.
#[derive(Debug)]
pub(crate) enum Mail {
    /// A step ended.
    StepDone {
        /// Its number in the plan.
        number: i64,
        /// How.
        report: Box<Report>,
    },
    /// The worker begins no step that is not asked for; the newest it has begun, 0 before the
    /// first.
    Halted {
        /// Its number in the plan.
        newest: i64,
    },
    /// A log is closed in the archive, and durable.
    LogClosed {
        /// Which.
        log: LogId,
        /// How it ended.
        end: LogEnd,
    },
    /// Every byte is stored, the workspace is free.
    Gathered,
    /// Its row changed: somebody asked to cancel.
    LookAgain,
    /// Somebody asked to cancel again: its `always` steps are skipped too.
    SkipAlways,
}

/// The connected workers and the drivers of live builds. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    sessions: BTreeMap<String, Session>,
    drivers: BTreeMap<BuildId, Driver>,
    /// Which build each driven attempt became.
    builds: BTreeMap<Attempt, BuildId>,
}

#[derive(Debug)]
struct Driver {
    number: u64,
    attempt: Attempt,
    worker: String,
    sender: mpsc::Sender<Mail>,
}

#[derive(Debug)]
struct Session {
    number: u64,
    /// Which directory the worker works in; none of a worker that does not say so.
    instance: Option<String>,
    /// The version of the protocol it speaks.
    protocol: u32,
    sender: mpsc::Sender<ToWorker>,
    stop: CancellationToken,
}

/// A session's own end of the registry; leaves it when dropped, on whatever path.
#[derive(Debug)]
pub(super) struct Seat {
    sessions: Sessions,
    worker: String,
    number: u64,
    /// What others want sent to the worker.
    pub(super) outbox: mpsc::Receiver<ToWorker>,
    /// Cancelled when a newer session of the same worker takes over, or the master stops.
    pub(super) stop: CancellationToken,
}

/// A driver's own end of the registry; leaves it when dropped, on whatever path.
#[derive(Debug)]
pub(crate) struct Mailbox {
    sessions: Sessions,
    build: BuildId,
    number: u64,
    mails: mpsc::Receiver<Mail>,
}

impl Sessions {
    /// Registers a session; an older one of the same worker is told to end: it is half-open. None
    /// when that one is of another `instance`: it is heard of, or it would not be here any more.
    pub(super) fn enter(
        &self,
        worker: &str,
        (protocol, instance): (u32, Option<String>),
        stop: CancellationToken,
    ) -> Option<Seat> {
        let (sender, outbox) = mpsc::channel(TO_WORKER);
        let mut inner = self.lock();
        let present = inner.sessions.get(worker).filter(|session| !session.stop.is_cancelled());
        let present = present.and_then(|session| session.instance.as_ref());
        if present.zip(instance.as_ref()).is_some_and(|(present, new)| present != new) {
            return None;
        }
        inner.next += 1;
        let number = inner.next;
        let session = Session { number, instance, protocol, sender, stop: stop.clone() };
        if let Some(older) = inner.sessions.insert(worker.to_owned(), session) {
            older.stop.cancel();
        }
        drop(inner);
        Some(Seat { sessions: self.clone(), worker: worker.to_owned(), number, outbox, stop })
    }

    /// Sends to a worker without waiting. False when it has no session, or does not keep up: then
    /// the session ends, and the next one begins with what both sides hold.
    pub(crate) fn send(&self, worker: &str, message: ToWorker) -> bool {
        let inner = self.lock();
        let Some(session) = inner.sessions.get(worker) else { return false };
        let sent = session.sender.try_send(message).is_ok();
        if !sent {
            session.stop.cancel();
        }
        sent
    }

    /// The version of the protocol a worker speaks; absent while it has no session.
    pub(crate) fn protocol(&self, worker: &str) -> Option<u32> {
        self.lock().sessions.get(worker).map(|session| session.protocol)
    }

    /// Sends to every connected worker.
    pub(crate) fn send_all(&self, message: &ToWorker) {
        let workers: Vec<String> = self.lock().sessions.keys().cloned().collect();
        for worker in workers {
            self.send(&worker, message.clone());
        }
    }

    /// Ends the session of a worker, if it has one; it may dial again.
    pub(crate) fn end(&self, worker: &str) {
        if let Some(session) = self.lock().sessions.get(worker) {
            session.stop.cancel();
        }
    }

    /// Registers the driver of a build and gives its mailbox; an older driver's mailbox closes.
    pub(crate) fn drive(&self, build: BuildId, attempt: Attempt, worker: &str) -> Mailbox {
        let (sender, mails) = mpsc::channel(TO_DRIVER);
        let mut inner = self.lock();
        inner.next += 1;
        let (number, worker) = (inner.next, worker.to_owned());
        inner.builds.insert(attempt, build);
        inner.drivers.insert(build, Driver { number, attempt, worker, sender });
        Mailbox { sessions: self.clone(), build, number, mails }
    }

    /// Whether a build has a driver at the moment.
    pub(crate) fn is_driven(&self, build: BuildId) -> bool {
        self.lock().drivers.contains_key(&build)
    }

    /// How many workers have a session at the moment.
    pub(crate) fn connected(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Whether a worker has a session at the moment.
    pub(crate) fn is_connected(&self, worker: &str) -> bool {
        self.lock().sessions.contains_key(worker)
    }

    /// Ends the driver of a build that is over.
    pub(crate) fn parked(&self, build: BuildId) {
        self.lock().end_driver(build);
    }

    /// Tells a build's driver; false when it has none at the moment.
    pub(crate) fn mail(&self, build: BuildId, mail: Mail) -> bool {
        self.lock().drivers.get(&build).is_some_and(|driver| driver.sender.try_send(mail).is_ok())
    }

    /// Tells the driver of an attempt of this worker; gives the mail back when there is none.
    pub(super) fn mail_attempt(
        &self,
        worker: &str,
        attempt: Attempt,
        mail: Mail,
    ) -> Result<(), Mail> {
        let inner = self.lock();
        let driver = inner.builds.get(&attempt).and_then(|build| inner.drivers.get(build));
        match driver.filter(|driver| driver.worker == worker) {
            Some(driver) => {
                driver.sender.try_send(mail).map_err(mpsc::error::TrySendError::into_inner)
            }
            None => Err(mail),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("holders only look up and insert")
    }
}

impl Inner {
    fn end_driver(&mut self, build: BuildId) {
        if let Some(driver) = self.drivers.remove(&build) {
            self.builds.remove(&driver.attempt);
        }
    }
}

impl Seat {
    /// Whether no newer session of this worker took over.
    pub(super) fn is_newest(&self) -> bool {
        let inner = self.sessions.lock();
        inner.sessions.get(&self.worker).is_some_and(|session| session.number == self.number)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // One lock for both: a newer session may enter at any moment, and keeps its place.
        let mut inner = self.sessions.lock();
        if inner.sessions.get(&self.worker).is_some_and(|session| session.number == self.number) {
            inner.sessions.remove(&self.worker);
        }
    }
}

impl Mailbox {
    /// The next mail; absent when the build is over or a newer driver took over.
    pub(crate) async fn recv(&mut self) -> Option<Mail> {
        self.mails.recv().await
    }

    /// A mail that is there already.
    pub(crate) fn waiting(&mut self) -> Option<Mail> {
        self.mails.try_recv().ok()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let mut inner = self.sessions.lock();
        if inner.drivers.get(&self.build).is_some_and(|driver| driver.number == self.number) {
            inner.end_driver(self.build);
        }
    }
}

#[cfg(test)]
mod tests {
    use steading_core::words::RequestId;

    use super::*;

    const BUILD: BuildId = BuildId(1);
    const ATTEMPT: Attempt = Attempt { request: RequestId(1), epoch: 1 };

    #[tokio::test]
    async fn an_older_driver_leaves_the_newer_ones_mailbox_alone() {
        let sessions = Sessions::default();
        let mut older = sessions.drive(BUILD, ATTEMPT, "barn");
        let mut newer = sessions.drive(BUILD, ATTEMPT, "barn");
        assert!(older.recv().await.is_none(), "it ends");
        drop(older);
        assert!(sessions.mail(BUILD, Mail::LookAgain));
        assert!(sessions.mail_attempt("loft", ATTEMPT, Mail::LookAgain).is_err(), "not its own");
        assert!(matches!(newer.recv().await, Some(Mail::LookAgain)));
        assert!(sessions.mail_attempt("barn", ATTEMPT, Mail::Gathered).is_ok());
        assert!(matches!(newer.recv().await, Some(Mail::Gathered)));
        drop(newer);
        assert!(sessions.mail_attempt("barn", ATTEMPT, Mail::Gathered).is_err());
        assert!(!sessions.is_driven(BUILD) && !sessions.mail(BUILD, Mail::LookAgain));
    }

    #[test]
    fn an_older_session_leaves_the_newer_ones_place_alone() {
        let sessions = Sessions::default();
        let enter = || sessions.enter("barn", (2, None), CancellationToken::new()).expect("a seat");
        let (older, newer) = (enter(), enter());
        assert!(older.stop.is_cancelled() && !newer.stop.is_cancelled());
        drop(older);
        assert!(sessions.send("barn", ToWorker::Restarting));
        drop(newer);
        assert!(!sessions.is_connected("barn"));
    }

    #[test]
    fn another_machine_under_one_name_finds_no_place() {
        let sessions = Sessions::default();
        let enter = |instance: Option<&str>| {
            sessions.enter("barn", (2, instance.map(str::to_owned)), CancellationToken::new())
        };
        let first = enter(Some("one")).expect("a free place");
        assert!(enter(Some("two")).is_none() && !first.stop.is_cancelled());
        let again = enter(Some("one")).expect("the same machine takes over");
        assert!(first.stop.is_cancelled());
        drop(again);
        let second = enter(Some("two")).expect("the first is gone");
        let older = enter(None).expect("an older worker does not say what it is");
        assert!(second.stop.is_cancelled());
        drop(older);
        assert!(!sessions.is_connected("barn"));
    }
}
