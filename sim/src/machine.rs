//! A worker's machine: the worker's real table of attempts between modelled links and a modelled
//! operating system, with a true record of what ran.

use std::collections::BTreeMap;

use steading_master::Link;
use steading_wire::worker::{
    Attempt, BulkToWorker, Ending, Hello, LogKey, PROTOCOL, Primitive, SILENCE_MS, ToMaster,
    ToWorker, decode, encode,
};
use steading_worker::{Effect, Table};

use crate::mutant::Mutant;
use crate::process::{Process, Script, report};
use crate::rng::Rng;
use crate::socket::LinkId;
use crate::spool::Spool;

/// How long a kill may take: TERM, and KILL after five seconds.
const KILL_MS: u64 = 5_500;

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
    /// A heartbeat is due.
    Beat,
    /// A dial is due.
    Dial(Link),
    /// A process prints the first half.
    Prints(Attempt, u64),
    /// A process ends.
    Ends(Attempt, u64),
    /// The file of a step is sent, again.
    Sends(Attempt, i64),
}

/// What really happened to a step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    /// How it ended, if it did.
    pub(crate) ending: Option<Ending>,
    /// How many bytes each log has.
    pub(crate) logs: BTreeMap<String, usize>,
}

struct Wire {
    id: LinkId,
    served: bool,
    heard_ms: u64,
}

/// A daemon that lives.
struct Daemon {
    table: Table,
    wires: BTreeMap<Link, Wire>,
    dialling: BTreeMap<Link, bool>,
    failures: u32,
    running: BTreeMap<Attempt, Process>,
    spool: Spool,
    serial: u64,
    /// Counts what was said of what is held, on its control link.
    said: u64,
}

/// A machine.
pub(crate) struct Machine {
    /// The worker's name.
    pub(crate) name: String,
    /// Counts the lives of its daemon.
    pub(crate) life: u64,
    daemon: Option<Daemon>,
    /// What ran here, by attempt and step number.
    pub(crate) truth: BTreeMap<(Attempt, i64), Truth>,
    rng: Rng,
    mutant: Option<Mutant>,
}

impl Machine {
    /// A machine whose daemon is not started.
    pub(crate) fn new(name: String, rng: Rng, mutant: Option<Mutant>) -> Machine {
        Machine { name, life: 0, daemon: None, truth: BTreeMap::new(), rng, mutant }
    }

    /// Whether its daemon lives.
    pub(crate) fn lives(&self) -> bool {
        self.daemon.is_some()
    }

    /// What it holds, and how many processes run.
    pub(crate) fn holds(&self) -> (Vec<Attempt>, usize) {
        self.daemon.as_ref().map(|d| (d.table.held(), d.running.len())).unwrap_or_default()
    }

    /// The daemon starts, with nothing.
    pub(crate) fn start(&mut self) -> Vec<Act> {
        self.life += 1;
        self.daemon = Some(Daemon {
            table: Table::default(),
            wires: BTreeMap::new(),
            dialling: BTreeMap::new(),
            failures: 0,
            running: BTreeMap::new(),
            spool: Spool::default(),
            serial: 0,
            said: 0,
        });
        vec![self.redial(Link::Control), Act::Later(3_000, Own::Beat)]
    }

    /// The daemon dies, and its processes and links with it.
    pub(crate) fn die(&mut self) -> Vec<Act> {
        let Some(daemon) = self.daemon.take() else { return Vec::new() };
        daemon.wires.values().map(|wire| Act::Send(wire.id, Frame::Close)).collect()
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
        match (frame, link) {
            (Frame::Close, _) => self.lose(link),
            (Frame::Ping | Frame::Pong, _) => Vec::new(),
            (Frame::Served, Link::Control) => {
                daemon.wires.get_mut(&link).expect("found above").served = true;
                daemon.said = 0;
                let hello = ToMaster::Hello(Hello {
                    protocol: PROTOCOL,
                    instance: Some(self.name.clone()),
                    name: self.name.clone(),
                    version: "simulated".to_owned(),
                    facts: BTreeMap::new(),
                    held: daemon.table.held(),
                });
                vec![Act::Send(id, Frame::Message(encode(&hello)))]
            }
            (Frame::Served, Link::Bulk) => {
                daemon.wires.get_mut(&link).expect("found above").served = true;
                daemon.spool.rewind();
                self.pump()
            }
            (Frame::Message(bytes), Link::Control) => match decode(&bytes) {
                Ok(message) => self.told(message, now),
                Err(error) => vec![Act::Violation(format!("the master spoke nonsense: {error}"))],
            },
            (Frame::Message(bytes), Link::Bulk) => match decode(&bytes) {
                Ok(message) => self.acknowledged(message),
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
                let idle = !daemon.wires.contains_key(&Link::Bulk);
                if idle && !daemon.dialling.contains_key(&Link::Bulk) {
                    daemon.dialling.insert(Link::Bulk, true);
                    acts.push(Act::Later(0, Own::Dial(Link::Bulk)));
                }
            }
            ToWorker::Drop { .. } if self.mutant == Some(Mutant::IgnoresDrop) => return acts,
            _ => {}
        }
        let effects = daemon.table.on_message(message);
        acts.extend(self.carry_out(effects, now));
        acts.extend(self.gather(now));
        acts
    }

    fn carry_out(&mut self, effects: Vec<Effect>, now: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        for effect in effects {
            match effect {
                Effect::Say(message) => acts.extend(self.say(message)),
                // The model's daemon takes its builds with it: nothing is written down yet.
                Effect::Keep(_) => {}
                Effect::Send(attempt, number) => acts.extend(self.may_send(attempt, number)),
                Effect::Start { begin, workspace } => {
                    if let Some(step) = begin.step {
                        let (number, what) = (step.number, &step.primitive);
                        acts.extend(self.run(begin.attempt, number, what, workspace, now));
                    }
                }
                Effect::Kill(attempt) => acts.extend(self.kill(attempt)),
                Effect::Forget(attempt) => {
                    if let Some(daemon) = &mut self.daemon {
                        daemon.spool.forget(attempt);
                    }
                }
            }
        }
        acts
    }

    /// The master knows the steps of an attempt up to this one: their logs may be sent.
    fn may_send(&mut self, attempt: Attempt, number: i64) -> Vec<Act> {
        if let Some(daemon) = &mut self.daemon {
            daemon.spool.allow(attempt, number);
        }
        self.pump()
    }

    /// It takes nothing more, and says so.
    pub(crate) fn stop(&mut self) -> Vec<Act> {
        if let Some(daemon) = &mut self.daemon {
            daemon.table.stop();
        }
        self.say(ToMaster::Stopping).into_iter().collect()
    }

    fn say(&mut self, mut message: ToMaster) -> Option<Act> {
        let daemon = self.daemon.as_mut()?;
        let wire = daemon.wires.get(&Link::Control).filter(|wire| wire.served)?;
        message.count(&mut daemon.said);
        Some(Act::Send(wire.id, Frame::Message(encode(&message))))
    }

    fn run(
        &mut self,
        attempt: Attempt,
        number: i64,
        primitive: &Primitive,
        workspace: String,
        now: u64,
    ) -> Vec<Act> {
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        let mut acts = Vec::new();
        if daemon.running.values().any(|other| other.workspace == workspace) {
            let text = format!("{attempt} begins in workspace {workspace}, which is in use");
            acts.push(Act::Violation(text));
        }
        if self.truth.contains_key(&(attempt, number)) {
            acts.push(Act::Violation(format!("step {number} of {attempt} is run twice")));
        }
        daemon.serial += 1;
        let (serial, script) = (daemon.serial, Script::of(primitive));
        let ends_ms = now + script.ms;
        let skipped = self.mutant == Some(Mutant::SkipsProcesses) && self.rng.chance(100);
        if !skipped {
            self.truth.insert((attempt, number), Truth::default());
        }
        acts.push(match script.upload {
            true => Act::Later(0, Own::Sends(attempt, number)),
            false => Act::Later(script.ms, Own::Ends(attempt, serial)),
        });
        if script.bytes > 0 {
            acts.push(Act::Later(script.ms / 2, Own::Prints(attempt, serial)));
        }
        let process = Process { number, workspace, script, serial, ends_ms, killed: false };
        daemon.running.insert(attempt, process);
        acts
    }

    fn kill(&mut self, attempt: Attempt) -> Vec<Act> {
        let wait = self.rng.below(KILL_MS);
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        let Some(process) = daemon.running.get_mut(&attempt) else { return Vec::new() };
        if std::mem::replace(&mut process.killed, true) {
            return Vec::new();
        }
        vec![Act::Later(wait, Own::Ends(attempt, process.serial))]
    }

    fn gather(&mut self, now: u64) -> Vec<Act> {
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        let spool = &daemon.spool;
        let effects = daemon.table.gather(|attempt| spool.holds(attempt));
        self.carry_out(effects, now)
    }

    /// Something happens to it of itself.
    pub(crate) fn own(&mut self, own: Own, now: u64) -> Vec<Act> {
        match own {
            Own::Beat => self.beat(now),
            // Dials need the world.
            Own::Dial(_) => Vec::new(),
            Own::Prints(attempt, serial) => {
                let half = self.process(attempt, serial).map(|process| process.script.bytes / 2);
                if let Some(half) = half {
                    self.print(attempt, half, now);
                }
                self.pump()
            }
            Own::Ends(attempt, serial) => match self.process(attempt, serial) {
                Some(process) => {
                    let early = now < process.ends_ms || process.script.upload;
                    let ending = match process.killed && early {
                        true => Ending::Cancelled,
                        false => Ending::Exited { code: process.script.exit },
                    };
                    self.ended(attempt, ending, now)
                }
                None => Vec::new(),
            },
            Own::Sends(attempt, number) => match self.sends(attempt, number) {
                true => vec![Act::Upload(attempt, number)],
                false => Vec::new(),
            },
        }
    }

    fn process(&self, attempt: Attempt, serial: u64) -> Option<&Process> {
        let process = self.daemon.as_ref()?.running.get(&attempt)?;
        (process.serial == serial).then_some(process)
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
        let Some(daemon) = &self.daemon else { return acts };
        let served = daemon.wires.values().filter(|wire| wire.served);
        acts.extend(served.map(|wire| Act::Send(wire.id, Frame::Ping)));
        let forgets = self.mutant == Some(Mutant::ForgetsWhatItHolds) && self.rng.chance(20);
        let held = if forgets { Vec::new() } else { daemon.table.held() };
        acts.extend(self.say(ToMaster::Heartbeat { number: 0, held }));
        acts
    }

    /// A process prints until its log has so many bytes.
    fn print(&mut self, attempt: Attempt, until: usize, now: u64) {
        let Some(daemon) = &mut self.daemon else { return };
        let Some(process) = daemon.running.get_mut(&attempt) else { return };
        let key = LogKey { attempt, step: process.number, name: "stdout".to_owned() };
        let Some(truth) = self.truth.get_mut(&(attempt, process.number)) else { return };
        let printed = truth.logs.entry(key.name.clone()).or_default();
        let mut bytes = crate::content::printed(&key, until);
        if self.mutant == Some(Mutant::MixesUpBytes) && self.rng.chance(100) {
            bytes.reverse();
        }
        if until > *printed {
            let at_us = i64::try_from(now * 1000).unwrap_or(i64::MAX);
            daemon.spool.print(&key, at_us, &bytes[*printed..]);
            *printed = until;
        }
    }

    fn ended(&mut self, attempt: Attempt, ending: Ending, now: u64) -> Vec<Act> {
        let whole = !matches!(ending, Ending::Cancelled);
        let Some(process) = self.daemon.as_ref().and_then(|d| d.running.get(&attempt)) else {
            return Vec::new();
        };
        let (number, bytes) = (process.number, process.script.bytes);
        if whole && bytes > 0 {
            self.print(attempt, bytes, now);
        }
        let truth = self.truth.get_mut(&(attempt, number));
        let logs = truth.map(|truth| {
            truth.ending = Some(ending.clone());
            truth.logs.keys().cloned().collect::<Vec<_>>()
        });
        let logs = logs.unwrap_or_default();
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        daemon.running.remove(&attempt);
        for name in &logs {
            daemon.spool.close(&LogKey { attempt, step: number, name: name.clone() });
        }
        let effects = daemon.table.on_step_ended(attempt, number, report(ending, logs));
        let mut acts = self.carry_out(effects, now);
        acts.extend(self.pump());
        acts.extend(self.gather(now));
        acts
    }

    /// Whether it sends the file of this step.
    pub(crate) fn sends(&self, attempt: Attempt, number: i64) -> bool {
        let process = self.daemon.as_ref().and_then(|daemon| daemon.running.get(&attempt));
        process.is_some_and(|process| process.number == number && !process.killed)
    }

    /// An upload was answered.
    pub(crate) fn uploaded(
        &mut self,
        attempt: Attempt,
        number: i64,
        status: u16,
        now: u64,
    ) -> Vec<Act> {
        let running = self.daemon.as_ref().and_then(|d| d.running.get(&attempt));
        if running.is_none_or(|process| process.number != number) {
            return Vec::new();
        }
        let failed = |code: &str| Ending::Infrastructure {
            code: code.to_owned(),
            text: format!("the master answered {status}"),
        };
        match status {
            200..300 => self.ended(attempt, Ending::Exited { code: 0 }, now),
            409 => self.ended(attempt, failed("unwanted"), now),
            507 => self.ended(attempt, failed("archive_full"), now),
            408 | 429 | 500..600 => vec![Act::Later(500, Own::Sends(attempt, number))],
            _ => self.ended(attempt, failed("archive_refused"), now),
        }
    }

    fn acknowledged(&mut self, message: BulkToWorker) -> Vec<Act> {
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        match message {
            BulkToWorker::Stored { log, next } => match daemon.spool.stored(&log, next) {
                true => Vec::new(),
                false => self.lose(Link::Bulk),
            },
            BulkToWorker::Closed { log } | BulkToWorker::Unwanted { log } => {
                daemon.spool.gone(&log);
                self.gather(0)
            }
        }
    }

    /// Sends what the spool has to send.
    fn pump(&mut self) -> Vec<Act> {
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        let Some(wire) = daemon.wires.get(&Link::Bulk).filter(|wire| wire.served) else {
            return Vec::new();
        };
        let id = wire.id;
        let due = daemon.spool.due();
        due.iter().map(|message| Act::Send(id, Frame::Message(encode(message)))).collect()
    }
}
