//! A worker's machine: the worker's real attempts, spool and decisions between modelled links and
//! modelled shepherds, with a true record of what ran.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use steading_master::Link;
use steading_wire::worker::{
    Attempt, BulkToWorker, DecodeError, Ending, HALTS_SINCE, Hello, LogKey, PROTOCOL,
    PROTOCOL_OLDEST, Reason, Report, SILENCE_MS, ToMaster, ToWorker, decode, encode,
};
use steading_worker::shepherd::FromShepherd;
use steading_worker::spool::{Begin, Due, Spool, StepFile};
use steading_worker::{Order, Work};

use crate::mutant::Mutant;
use crate::of2;
use crate::rng::Rng;
use crate::shepherd::{LOG_BYTES_MAX, Running, Truth, Truths, files, tear};
use crate::socket::LinkId;

mod steps;

/// How long a kill may take: TERM, and KILL after five seconds.
const KILL_MS: u64 = 5_500;
/// How long a daemon takes to start: its shepherds go on meanwhile.
const START_MS: u64 = 30;
/// How often a worker is of the version before, in a thousand.
const OLD: u64 = 250;
/// After so many heartbeats with nothing to carry its bulk link is closed: sooner than a real
/// worker's, as farms live for minutes.
const IDLE_BEATS: u64 = 3;

/// What a machine does that the world carries out.
#[derive(Debug)]
pub(crate) enum Act {
    /// Something goes out on a link.
    Send(LinkId, Frame),
    /// Something happens to it later, in this life of its daemon.
    Later(u64, Own),
    /// A file goes to the archive.
    Upload(Attempt, i64),
    /// What must never be.
    Violation(String),
}

/// What goes over a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The other side answered the dial.
    Served,
    /// A message.
    Message(Vec<u8>),
    /// A ping.
    Ping,
    /// Its answer.
    Pong,
    /// The end.
    Close,
}

/// What happens to a machine of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Own {
    /// Its daemon has met the shepherds, and opens the spool.
    Opens,
    /// A heartbeat is due.
    Beat,
    /// A dial is due.
    Dial(Link),
    /// A process prints the first half.
    Prints(u64),
    /// A process ends.
    Ends(u64),
    /// A shepherd says something to the daemon.
    Said(FromShepherd),
    /// The daemon finds a shepherd lost, and buried it with its step.
    Lost(Attempt, i64),
    /// The file of a step is sent, again.
    Sends(Attempt, i64),
}

impl Own {
    /// Whether it happens whatever became of the daemon.
    pub(crate) fn outlives(&self) -> bool {
        matches!(self, Own::Prints(_) | Own::Ends(_))
    }
}

struct Wire {
    id: LinkId,
    served: bool,
    heard_ms: u64,
}

/// A daemon that lives.
struct Daemon {
    work: Work,
    spool: Arc<Spool>,
    /// The log that was served last.
    after: Option<LogKey>,
    wires: BTreeMap<Link, Wire>,
    dialling: BTreeMap<Link, bool>,
    failures: u32,
    /// What it carries out itself: ends with it.
    here: BTreeMap<Attempt, Running>,
    /// Counts what was said of what is held, on its control link.
    said: u64,
    /// Counts the heartbeats since its bulk link had something to carry.
    idle: u64,
}

impl Daemon {
    /// Dials the bulk link, unless there is one or it is being dialled.
    fn dials_bulk(&mut self) -> Option<Act> {
        if self.wires.contains_key(&Link::Bulk) || self.dialling.contains_key(&Link::Bulk) {
            return None;
        }
        self.dialling.insert(Link::Bulk, true);
        Some(Act::Later(0, Own::Dial(Link::Bulk)))
    }
}

/// A daemon that starts: which steps its shepherds run, and what they said since.
struct Meeting {
    living: BTreeSet<(Attempt, i64)>,
    words: Vec<FromShepherd>,
}

/// A machine.
pub(crate) struct Machine {
    /// The worker's name.
    pub(crate) name: String,
    /// Counts the lives of its daemon.
    pub(crate) life: u64,
    /// Where its spool is.
    spool: PathBuf,
    /// Counts how often it was started.
    boot: u64,
    /// What its daemon speaks: that may be of the version before.
    pub(crate) protocol: u32,
    daemon: Option<Daemon>,
    meeting: Option<Meeting>,
    /// The shepherds that run a step, by slot.
    shepherds: BTreeMap<i64, Running>,
    serial: u64,
    /// Its disk is nearly full.
    full: bool,
    /// What ran here.
    pub(crate) truth: Truths,
    rng: Rng,
    mutant: Option<Mutant>,
}

impl Machine {
    /// A machine whose daemon is not started; its spool is in this directory.
    pub(crate) fn new(name: String, spool: PathBuf, rng: Rng, mutant: Option<Mutant>) -> Machine {
        std::fs::create_dir_all(&spool).expect("room for a spool");
        Machine {
            name,
            life: 0,
            spool,
            boot: 1,
            protocol: PROTOCOL,
            daemon: None,
            meeting: None,
            shepherds: BTreeMap::new(),
            serial: 0,
            full: false,
            truth: BTreeMap::new(),
            rng,
            mutant,
        }
    }

    /// Whether its daemon lives.
    pub(crate) fn lives(&self) -> bool {
        self.daemon.is_some() || self.meeting.is_some()
    }

    /// What it holds, how many processes run, and how many files its spool has.
    pub(crate) fn holds(&self) -> (Vec<Attempt>, usize, usize) {
        let daemon = self.daemon.as_ref();
        let (held, here) = daemon.map(|d| (d.work.held(), d.here.len())).unwrap_or_default();
        (held, here + self.shepherds.len(), files(&self.spool).len())
    }

    /// The daemon starts, and first meets the shepherds that live.
    pub(crate) fn start(&mut self) -> Vec<Act> {
        self.life += 1;
        self.protocol = if self.rng.chance(OLD) { PROTOCOL_OLDEST } else { PROTOCOL };
        let mut living = self.shepherds.values().map(|it| (it.attempt, it.number)).collect();
        if self.mutant == Some(Mutant::MeetsNobody) {
            living = BTreeSet::new();
        }
        self.meeting = Some(Meeting { living, words: Vec::new() });
        vec![Act::Later(self.rng.below(START_MS), Own::Opens)]
    }

    /// Then it opens the spool, and holds again what an earlier one held.
    fn opens(&mut self, now: u64) -> Vec<Act> {
        let Some(Meeting { living, words }) = self.meeting.take() else { return Vec::new() };
        if self.mutant == Some(Mutant::LosesSpool) {
            files(&self.spool).into_iter().for_each(|file| drop(std::fs::remove_file(file)));
        }
        let (spool, found) = Spool::open(self.spool.clone()).expect("a spool that can be read");
        let spool = Arc::new(spool);
        let boot = format!("boot {}", self.boot);
        let mut work = Work::new(Arc::clone(&spool), boot, LOG_BYTES_MAX);
        work.restore(found, &living);
        work.observe(looked(self.full));
        let greeting = self.shepherds.values().map(Running::grew);
        greeting.chain(words).for_each(|word| work.hear_shepherd(word));
        self.daemon = Some(Daemon {
            work,
            spool,
            after: None,
            wires: BTreeMap::new(),
            dialling: BTreeMap::new(),
            failures: 0,
            here: BTreeMap::new(),
            said: 0,
            idle: 0,
        });
        let mut acts = self.act(now);
        acts.push(self.redial(Link::Control));
        acts.push(Act::Later(3_000, Own::Beat));
        acts
    }

    /// The daemon dies, and its links with it; its shepherds do not notice.
    pub(crate) fn die(&mut self) -> Vec<Act> {
        self.meeting = None;
        let Some(daemon) = self.daemon.take() else { return Vec::new() };
        daemon.wires.values().map(|wire| Act::Send(wire.id, Frame::Close)).collect()
    }

    /// The machine loses power: nobody is told, nothing runs, and only what was synced is there.
    pub(crate) fn lose_power(&mut self) {
        (self.daemon, self.meeting) = (None, None);
        self.shepherds.clear();
        self.boot += 1;
        tear(&self.spool, &mut self.rng);
    }

    /// One of its shepherds is killed, and its errand ends what it ran.
    pub(crate) fn lose_shepherd(&mut self) -> Vec<Act> {
        let slots: Vec<i64> = self.shepherds.keys().copied().collect();
        if slots.is_empty() {
            return Vec::new();
        }
        let slot = *self.rng.pick(&slots);
        let Some(Running { attempt, number, .. }) = self.shepherds.remove(&slot) else {
            return Vec::new();
        };
        vec![Act::Later(self.rng.range(1, 500), Own::Lost(attempt, number))]
    }

    fn redial(&mut self, link: Link) -> Act {
        let Some(daemon) = &mut self.daemon else { return Act::Later(0, Own::Beat) };
        let full = (100_u64 << daemon.failures.min(10)).min(4_000);
        daemon.failures += 1;
        daemon.dialling.insert(link, true);
        Act::Later(full / 2 + self.rng.below(full / 2), Own::Dial(link))
    }

    /// Dialling now, over this link.
    pub(crate) fn dialled(&mut self, link: Link, id: LinkId, now: u64) {
        if let Some(daemon) = &mut self.daemon {
            daemon.dialling.remove(&link);
            daemon.wires.insert(link, Wire { id, served: false, heard_ms: now });
        }
    }

    /// A dial came to nothing.
    pub(crate) fn dial_failed(&mut self, link: Link) -> Vec<Act> {
        self.daemon.as_mut().map(|daemon| daemon.wires.remove(&link));
        vec![self.redial(link)]
    }

    fn wire_of(&self, id: LinkId) -> Option<Link> {
        let wires = &self.daemon.as_ref()?.wires;
        wires.iter().find(|(_, wire)| wire.id == id).map(|(link, _)| *link)
    }

    /// Something came over a link.
    pub(crate) fn hear(&mut self, id: LinkId, frame: Frame, now: u64) -> Vec<Act> {
        let Some(link) = self.wire_of(id) else { return Vec::new() };
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        if let Some(wire) = daemon.wires.get_mut(&link) {
            wire.heard_ms = now;
        }
        let protocol = self.protocol;
        match (frame, link) {
            (Frame::Close, _) => self.lose(link),
            (Frame::Ping | Frame::Pong, _) => Vec::new(),
            (Frame::Served, Link::Control) => {
                daemon.wires.get_mut(&link).expect("found above").served = true;
                daemon.said = 0;
                let machine = daemon.work.introduce();
                let hello = ToMaster::Hello(Hello {
                    protocol,
                    instance: Some(self.name.clone()),
                    name: self.name.clone(),
                    version: "simulated".to_owned(),
                    facts: machine.facts,
                    troubles: machine.troubles,
                    held: daemon.work.held(),
                });
                self.say(hello).into_iter().collect()
            }
            (Frame::Served, Link::Bulk) => {
                daemon.wires.get_mut(&link).expect("found above").served = true;
                daemon.spool.begin_link();
                self.pump()
            }
            (Frame::Message(bytes), Link::Control) => match self.understands(&bytes) {
                Ok(message) => self.told(message, now),
                Err(error) => vec![Act::Violation(format!("the master spoke nonsense: {error}"))],
            },
            (Frame::Message(bytes), Link::Bulk) => match decode(&bytes) {
                Ok(message) => self.acknowledged(message, now),
                Err(error) => vec![Act::Violation(format!("the master spoke nonsense: {error}"))],
            },
        }
    }

    fn lose(&mut self, link: Link) -> Vec<Act> {
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        let Some(wire) = daemon.wires.remove(&link) else { return Vec::new() };
        let mut acts = vec![Act::Send(wire.id, Frame::Close)];
        acts.push(self.redial(link));
        acts
    }

    /// What the master said on the control link.
    fn told(&mut self, message: ToWorker, now: u64) -> Vec<Act> {
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        let mut acts = Vec::new();
        match &message {
            ToWorker::Rejected { code, text } => {
                let text = format!("worker {} was rejected ({code}): {text}", self.name);
                return vec![Act::Violation(text)];
            }
            ToWorker::Welcome { .. } => {
                daemon.failures = 0;
                if self.protocol < HALTS_SINCE || !daemon.spool.is_empty() {
                    acts.extend(daemon.dials_bulk());
                }
            }
            ToWorker::Drop { .. } if self.mutant == Some(Mutant::IgnoresDrop) => return acts,
            _ => {}
        }
        daemon.work.hear(message);
        acts.extend(self.act(now));
        acts
    }

    /// It takes nothing more, and says so.
    pub(crate) fn stop(&mut self, now: u64) -> Vec<Act> {
        if let Some(daemon) = &mut self.daemon {
            daemon.work.stop();
        }
        self.act(now)
    }

    fn say(&mut self, mut message: ToMaster) -> Option<Act> {
        let forgets = self.mutant == Some(Mutant::ForgetsWhatItHolds) && self.rng.chance(20);
        if let (true, ToMaster::Heartbeat { held, .. }) = (forgets, &mut message) {
            held.clear();
        }
        let daemon = self.daemon.as_mut()?;
        let wire = daemon.wires.get(&Link::Control).filter(|wire| wire.served)?;
        message.count(&mut daemon.said);
        let bytes =
            if self.protocol < HALTS_SINCE { of2::says(&message) } else { Ok(encode(&message)) };
        Some(match bytes {
            Ok(bytes) => Act::Send(wire.id, Frame::Message(bytes)),
            Err(error) => Act::Violation(format!("{} cannot say that: {error}", self.name)),
        })
    }

    fn understands(&self, bytes: &[u8]) -> Result<ToWorker, DecodeError> {
        if self.protocol < HALTS_SINCE { of2::hears(bytes) } else { decode(bytes) }
    }

    /// Its disk is nearly full from now on, or has room again; its daemon looks, if there is one.
    pub(crate) fn fills(&mut self, full: bool, now: u64) -> Vec<Act> {
        self.full = full;
        if let Some(daemon) = &mut self.daemon {
            daemon.work.observe(looked(full));
        }
        self.act(now)
    }

    /// Something happens to it of itself.
    pub(crate) fn own(&mut self, own: Own, now: u64) -> Vec<Act> {
        match own {
            Own::Opens => self.opens(now),
            Own::Beat => self.beat(now),
            // Dials need the world.
            Own::Dial(_) => Vec::new(),
            Own::Prints(serial) => self.prints(serial, now),
            Own::Ends(serial) => self.ends(serial, now),
            Own::Said(word) => self.hears(word, now),
            Own::Lost(attempt, number) => self.finds_lost(attempt, number, now),
            Own::Sends(attempt, number) => match self.sends(attempt, number) {
                true => vec![Act::Upload(attempt, number)],
                false => Vec::new(),
            },
        }
    }

    fn beat(&mut self, now: u64) -> Vec<Act> {
        let mut acts = vec![Act::Later(3_000, Own::Beat)];
        let Some(daemon) = &self.daemon else { return acts };
        let silent = |wire: &Wire| now.saturating_sub(wire.heard_ms) >= SILENCE_MS;
        let lost: Vec<Link> =
            daemon.wires.iter().filter(|(_, w)| silent(w)).map(|(link, _)| *link).collect();
        for link in lost {
            acts.extend(self.lose(link));
        }
        let Some(daemon) = &mut self.daemon else { return acts };
        let older = self.protocol < HALTS_SINCE;
        daemon.idle = if older || !daemon.spool.is_empty() { 0 } else { daemon.idle + 1 };
        if daemon.idle > IDLE_BEATS
            && let Some(wire) = daemon.wires.remove(&Link::Bulk)
        {
            acts.push(Act::Send(wire.id, Frame::Close));
        }
        // What it says on the control link is answered; before that was so, it asked.
        let asks = |link: Link, wire: &Wire| wire.served && (older || link == Link::Bulk);
        let asked = daemon.wires.iter().filter(|(link, wire)| asks(**link, wire));
        acts.extend(asked.map(|(_, wire)| Act::Send(wire.id, Frame::Ping)));
        daemon.work.beat();
        acts.extend(self.act(now));
        acts
    }

    fn acknowledged(&mut self, message: BulkToWorker, now: u64) -> Vec<Act> {
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        match message {
            BulkToWorker::Stored { log, next } => match daemon.spool.stored(&log, next) {
                true => self.pump(),
                false => self.lose(Link::Bulk),
            },
            BulkToWorker::Closed { log } | BulkToWorker::Unwanted { log } => {
                daemon.spool.forget_log(&log);
                daemon.work.gather();
                self.act(now)
            }
        }
    }

    /// Sends what the spool has to send.
    fn pump(&mut self) -> Vec<Act> {
        let mut acts = Vec::new();
        let Some(daemon) = &mut self.daemon else { return acts };
        let Some(wire) = daemon.wires.get(&Link::Bulk).filter(|wire| wire.served) else {
            if !daemon.spool.is_empty() && daemon.wires.contains_key(&Link::Control) {
                acts.extend(daemon.dials_bulk());
            }
            return acts;
        };
        while let Some((key, due)) = daemon.spool.due(&mut daemon.after) {
            let message = match due {
                Due::Message(message) => Ok(message),
                Due::Block(span) => daemon.spool.read(key, span),
            };
            acts.push(match message {
                Ok(message) => Act::Send(wire.id, Frame::Message(encode(&message))),
                Err(error) => Act::Violation(format!("a spooled block is unreadable: {error}")),
            });
        }
        acts
    }
}

/// The machine as a look at it says.
fn looked(full: bool) -> steading_wire::worker::Machine {
    let free_mib = if full { 3 } else { 30_000 };
    let facts = BTreeMap::from([("disk_free_mib".to_owned(), free_mib.to_string())]);
    let trouble = Reason::new("disk_full", format!("{free_mib} MiB are left"));
    steading_wire::worker::Machine {
        facts,
        troubles: full.then_some(trouble).into_iter().collect(),
    }
}
