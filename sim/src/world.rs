//! The world around the master: what will happen and when, links, machines, people, faults. One
//! thing happens at a time, in an order that the seed decides.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::extract::ws::Message;
use axum::http::StatusCode;
use steading_core::words::{Event as FarmEvent, RequestId};
use steading_master::{Link, Programs, Sources, Stop};
use steading_store::Reader;
use steading_wire::worker::{ToWorker, decode};
use tokio::sync::mpsc::UnboundedSender;

use crate::check::Checker;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::life::{Life, Out, Upload};
use crate::machine::{Act, Frame, Machine, Own};
use crate::mutant::Mutant;
use crate::people::{Mind, People};
use crate::phase::Coverage;
use crate::programs::Played;
use crate::rng::Rng;
use crate::socket::LinkId;
use crate::trace::Trace;
use crate::trouble::Troubles;
pub(crate) use uploads::Uploads;

mod network;
mod uploads;
mod wrong;

/// An answer nobody waits for.
const NOBODY: usize = usize::MAX;
/// Commits that people push, beside the last.
const PUSHES: u64 = 8;
/// When the last one is pushed, after peace.
const LAST_PUSH_MS: u64 = 60_000;

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happens {
    /// Something comes out of a link.
    Arrives { link: LinkId, to_master: bool, frame: Frame },
    /// Something happens to a machine of itself, if this life of its daemon lasts.
    Own(usize, u64, Own),
    /// A dial came to nothing.
    DialFails(usize, u64, Link),
    /// Somebody asks for a build, or asks again.
    Asks(usize),
    /// Somebody changes their mind.
    Changes(usize, Mind),
    /// Something goes wrong.
    Fault(usize),
    /// The next part of a file goes out.
    Part(u64),
    /// The answer to a file arrives.
    Uploaded(Upload, StatusCode),
    /// A fault with a length is over.
    Heals(usize),
    /// A daemon starts.
    DaemonStarts(usize),
    /// The master starts.
    MasterStarts,
    /// Somebody pushes a commit; the last one is not built yet.
    Pushes,
    /// Somebody tells of the newest commit.
    Tells,
    /// Every fault is over; all must come to its end now.
    Peace,
    /// Who was held back goes on.
    AllGoOn,
}

/// One link, from its dial to its end.
#[derive(Debug)]
struct Route {
    machine: usize,
    /// The lives it joins: of the machine's daemon and of the master.
    life: u64,
    master: u64,
    kind: Link,
    say: Option<UnboundedSender<Message>>,
    /// When the last frame in each direction arrives, to the machine and to the master.
    last_ms: [u64; 2],
}

/// How the network treats a machine, until when.
#[derive(Debug, Default, Clone)]
struct Network {
    cut_to_machine: u64,
    cut_to_master: u64,
    slow: u64,
    paused: u64,
}

/// All of it.
pub(crate) struct World {
    pub(crate) now: u64,
    serial: u64,
    agenda: BTreeMap<(u64, u64), Happens>,
    chance: Rng,
    pub(crate) machines: Vec<Machine>,
    network: Vec<Network>,
    routes: BTreeMap<LinkId, Route>,
    pub(crate) uploads: Uploads,
    pub(crate) people: People,
    pub(crate) faults: Vec<Fault>,
    /// In which phases.
    pub(crate) covered: Coverage,
    /// How often each kind went wrong.
    pub(crate) injected: BTreeMap<&'static str, u64>,
    pub(crate) troubles: Troubles,
    repeats_until: u64,
    shuffles_until: u64,
    pub(crate) disk: Disk,
    pub(crate) data: PathBuf,
    pub(crate) played: Played,
    repository: bool,
    pub(crate) farms: [String; 2],
    pub(crate) life: Option<Life>,
    /// Counts the lives of the master.
    pub(crate) lives: u64,
    pub(crate) wants_master: bool,
    /// The master is to be stopped as by SIGTERM.
    pub(crate) stopping: Option<Stop>,
    /// The master's process gets no time until then.
    pub(crate) master_paused: u64,
    pub(crate) peace: bool,
    pub(crate) peace_ms: u64,
    /// Since when there is nothing left to do.
    pub(crate) quiet_since: Option<u64>,
    /// How long the master is away after its next end.
    down_ms: u64,
    pub(crate) checker: Checker,
    pub(crate) reader: Option<Reader>,
    pub(crate) trace: Trace,
    pub(crate) mutant: Option<Mutant>,
}

/// What a world is made of.
pub(crate) struct Parts {
    pub(crate) chance: Rng,
    pub(crate) machines: Vec<Machine>,
    pub(crate) people: People,
    pub(crate) faults: Vec<Fault>,
    pub(crate) disk: Disk,
    pub(crate) data: PathBuf,
    pub(crate) played: Played,
    /// Whether the farm has a repository.
    pub(crate) repository: bool,
    pub(crate) farms: [String; 2],
    pub(crate) checker: Checker,
    pub(crate) trace: Trace,
    pub(crate) mutant: Option<Mutant>,
    /// When the faults end.
    pub(crate) peace_ms: u64,
}

impl World {
    /// A world in which nothing has happened yet.
    pub(crate) fn new(parts: Parts) -> World {
        let Parts { chance, machines, people, faults, disk, data, farms, played, .. } = parts;
        let mut world = World {
            now: 0,
            serial: 0,
            agenda: BTreeMap::new(),
            chance,
            network: vec![Network::default(); machines.len()],
            machines,
            routes: BTreeMap::new(),
            uploads: Uploads::default(),
            people,
            faults,
            covered: Coverage::new(),
            injected: BTreeMap::new(),
            troubles: Troubles::default(),
            repeats_until: 0,
            shuffles_until: 0,
            disk,
            data,
            played,
            repository: parts.repository,
            farms,
            life: None,
            lives: 0,
            wants_master: false,
            stopping: None,
            master_paused: 0,
            peace: false,
            peace_ms: parts.peace_ms,
            quiet_since: None,
            down_ms: 500,
            checker: parts.checker,
            reader: None,
            trace: parts.trace,
            mutant: parts.mutant,
        };
        world.at(0, Happens::MasterStarts);
        for machine in 0..world.machines.len() {
            world.at(0, Happens::DaemonStarts(machine));
        }
        for (index, wish) in world.people.wishes.iter().enumerate() {
            world.agenda.insert((wish.at_ms, 1_000 + index as u64), Happens::Asks(index));
        }
        world.serial = 1_000_000;
        for (index, fault) in world.faults.iter().enumerate() {
            world.agenda.insert((fault.at_ms, 500_000 + index as u64), Happens::Fault(index));
        }
        world.at(parts.peace_ms, Happens::Peace);
        if world.repository {
            world.people_push(parts.peace_ms);
        }
        world
    }

    /// Commits come by and by, and one long after the last trouble.
    fn people_push(&mut self, peace_ms: u64) {
        for _ in 0..PUSHES {
            let at = self.chance.range(1_000, peace_ms);
            self.at(at, Happens::Pushes);
            if self.chance.chance(400) {
                let later = self.chance.below(6_000);
                self.at(at + later, Happens::Tells);
            }
        }
        self.at(peace_ms + LAST_PUSH_MS, Happens::Pushes);
    }

    fn pushes(&mut self) {
        self.played.push();
        let (now, head) = (self.now, self.played.head());
        self.trace.note(now, || format!("somebody pushes {head}"));
    }

    /// Where builds come from, and where the master's programs run.
    pub(crate) fn sources(&self) -> (Sources, Programs) {
        let sources = if self.repository { Sources::ChangesAndHeads } else { Sources::Commands };
        (sources, self.played.programs())
    }

    /// Whether the newest commit is built, or there is none.
    fn has_built_head(&self) -> bool {
        let last = self.now > self.peace_ms + LAST_PUSH_MS;
        !self.repository || (last && self.checker.changes.is_asked(&self.played.head()))
    }

    /// Puts something on the agenda.
    pub(crate) fn at(&mut self, ms: u64, what: Happens) {
        self.serial += 1;
        self.agenda.insert((ms.max(self.now), self.serial), what);
    }

    /// When the next thing happens.
    pub(crate) fn next_ms(&self) -> u64 {
        self.agenda.first_key_value().map_or(self.now + 60_000, |((ms, _), _)| *ms)
    }

    /// The next thing happens.
    pub(crate) fn step(&mut self) {
        let Some(((ms, _), what)) = self.agenda.pop_first() else { return };
        self.now = ms;
        match what {
            Happens::Arrives { link, to_master, frame } => self.arrives(link, to_master, frame),
            Happens::Own(machine, life, own) => self.own(machine, life, own),
            Happens::DialFails(machine, life, link) => {
                if self.machines[machine].life == life && self.machines[machine].lives() {
                    let acts = self.machines[machine].dial_failed(link);
                    self.carry_out(machine, acts);
                }
            }
            Happens::Asks(index) => self.asks(index),
            Happens::Changes(index, mind) => {
                let command = self.people.change(index, mind);
                if let (Some(life), Some(command)) = (&self.life, command) {
                    life.ask(NOBODY, command, None);
                }
            }
            Happens::Part(serial) => self.part(serial),
            Happens::Uploaded(upload, status) => self.upload_answered(upload, status),
            Happens::Fault(index) => self.goes_wrong(index),
            Happens::Heals(index) => self.heals(index),
            Happens::DaemonStarts(machine) => self.daemon_starts(machine),
            Happens::MasterStarts => self.wants_master = true,
            Happens::Pushes => self.pushes(),
            Happens::Tells => self.tells_of_a_change(),
            Happens::Peace => self.make_peace(),
            Happens::AllGoOn => self.all_go_on(),
        }
    }

    fn daemon_starts(&mut self, machine: usize) {
        if !self.machines[machine].lives() {
            let acts = self.machines[machine].start();
            self.carry_out(machine, acts);
        }
    }

    fn asks(&mut self, index: usize) {
        if self.people.wishes[index].request.is_some() {
            return;
        }
        if let Some(life) = &self.life {
            let (command, key) = self.people.ask(index);
            life.ask(index, command, Some(key));
        }
        self.at(self.now + 20_000, Happens::Asks(index));
    }

    fn own(&mut self, machine: usize, life: u64, own: Own) {
        let lives = self.machines[machine].lives() && self.machines[machine].life == life;
        if !lives && !own.outlives() {
            return;
        }
        let paused = self.network[machine].paused;
        if paused > self.now {
            return self.at(paused, Happens::Own(machine, life, own));
        }
        let acts = match own {
            Own::Dial(link) => return self.dial(machine, life, link),
            own => self.machines[machine].own(own, self.now),
        };
        self.carry_out(machine, acts);
    }

    fn dial(&mut self, machine: usize, life: u64, kind: Link) {
        let network = &self.network[machine];
        let cut = network.cut_to_machine.max(network.cut_to_master) > self.now;
        let Some(master) = self.life.as_ref().filter(|_| !cut) else {
            let wait = if cut { 10_000 } else { 1 };
            return self.at(self.now + wait, Happens::DialFails(machine, life, kind));
        };
        self.serial += 1;
        let link = LinkId(self.serial);
        let say = Some(master.dial(link, kind));
        let last_ms = [self.now; 2];
        let route = Route { machine, life, master: self.lives, kind, say, last_ms };
        self.routes.insert(link, route);
        self.machines[machine].dialled(kind, link, self.now);
        self.trace
            .note(self.now, || format!("{} dials {kind:?}: {link:?}", self.machines[machine].name));
    }

    /// A machine did something.
    fn carry_out(&mut self, machine: usize, acts: Vec<Act>) {
        let life = self.machines[machine].life;
        for act in acts {
            match act {
                Act::Send(link, frame) => self.send(link, true, frame),
                Act::Later(ms, own) => self.at(self.now + ms, Happens::Own(machine, life, own)),
                Act::Violation(text) => self.checker.found.push(text),
                Act::Upload(attempt, number) => self.upload(machine, attempt, number),
            }
        }
    }

    /// The master did something.
    pub(crate) fn out(&mut self, out: Out) {
        match out {
            Out::Dialled(link, Ok(())) => self.send(link, false, Frame::Served),
            Out::Dialled(link, Err(status)) => {
                if status.as_u16() == 401 {
                    self.checker.found.push("a worker's token was refused".to_owned());
                }
                if let Some(Route { machine, life, kind, .. }) = self.routes.remove(&link) {
                    self.at(self.now + 1, Happens::DialFails(machine, life, kind));
                }
            }
            Out::Said(link, message) => {
                let frame = match message {
                    Message::Binary(bytes) => Frame::Message(bytes.to_vec()),
                    Message::Ping(_) => Frame::Ping,
                    Message::Close(_) => Frame::Close,
                    Message::Pong(_) => Frame::Pong,
                    Message::Text(_) => return,
                };
                self.tells(link, &frame);
                self.send(link, false, frame);
            }
            Out::Hung(link) => {
                if let Some(route) = self.routes.get_mut(&link) {
                    route.say = None;
                }
                self.send(link, false, Frame::Close);
            }
            Out::Answered(NOBODY, _) => {}
            Out::Answered(index, answer) => match self.people.answered(index, &answer) {
                Ok(later) => {
                    for (ms, mind) in later {
                        self.at(self.now + ms, Happens::Changes(index, mind));
                    }
                }
                Err(_) => self.at(self.now + 2_000, Happens::Asks(index)),
            },
            Out::Uploaded(upload, status) => self.upload_answered(upload, status),
        }
    }

    /// What a worker is told must be committed.
    fn tells(&mut self, link: LinkId, frame: &Frame) {
        let control = self.routes.get(&link).is_some_and(|route| route.kind == Link::Control);
        if let (true, Frame::Message(bytes)) = (control, frame)
            && let Ok(message) = decode::<ToWorker>(bytes)
        {
            self.checker.told(&message);
        }
    }

    /// Whether all has come to its end.
    pub(crate) fn is_quiet(&self) -> bool {
        let (content, open) = (self.people.content(), self.checker.open());
        self.peace && content && open == 0 && self.has_built_head()
    }

    /// Events of the farm, into the trace.
    pub(crate) fn saw(&mut self, events: &[FarmEvent]) {
        for event in events {
            let now = self.now;
            self.trace.note(now, || {
                format!("#{} {} {} {:?}", event.seq, event.kind, event.noun_id, event.delta)
            });
        }
    }

    /// A request that somebody was promised and history does not have.
    pub(crate) fn broken_promises(&self) -> Vec<RequestId> {
        let promised = self.people.wishes.iter().filter_map(|wish| wish.request);
        promised.filter(|id| !self.checker.requests.contains_key(&id.0)).collect()
    }
}
