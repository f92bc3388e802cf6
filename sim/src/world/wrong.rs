//! Things go wrong, and are over.

use steading_master::Stop;
use steading_wire::command::{Command, Pausable};
use steading_wire::rest;

use super::{Happens, NOBODY, World};
use crate::farm::REPOSITORY;
use crate::fault::{Fault, Kind};
use crate::phase;

impl World {
    pub(super) fn goes_wrong(&mut self, index: usize) {
        if self.peace {
            return;
        }
        let Fault { kind, .. } = self.faults[index].clone();
        *self.injected.entry(kind.name()).or_default() += 1;
        for phase in phase::met(&kind, &self.checker, &self.machines, &self.uploads) {
            *self.covered.entry((kind.name(), phase)).or_default() += 1;
        }
        let now = self.now;
        self.trace.note(now, || format!("FAULT {index}: {kind:?}"));
        self.troubles.begin(now, &kind);
        if let Some(length) = self.begins(index, kind) {
            self.at(now + length, Happens::Heals(index));
        }
    }

    /// A fault begins; gives how long it lasts, if somebody must end it.
    fn begins(&mut self, index: usize, kind: Kind) -> Option<u64> {
        let now = self.now;
        match kind {
            Kind::MasterDies { .. } | Kind::MasterStops { .. } | Kind::MasterPauses { .. } => {
                self.master_fails(&kind);
                return None;
            }
            Kind::MachinePauses { .. } | Kind::Partition { .. } | Kind::SlowLink { .. } => {
                self.network_fails(&kind);
                return None;
            }
            Kind::DaemonDies { machine, down_ms } => {
                let acts = self.machines[machine].die();
                self.carry_out(machine, acts);
                self.at(now + down_ms, Happens::DaemonStarts(machine));
                return None;
            }
            Kind::ShepherdDies { machine } => {
                let acts = self.machines[machine].lose_shepherd();
                self.carry_out(machine, acts);
                return None;
            }
            Kind::PowerFails { machine, down_ms } => {
                self.machines[machine].lose_power();
                self.at(now + down_ms, Happens::DaemonStarts(machine));
                return None;
            }
            Kind::WorkerStops { machine, lingers_ms, down_ms } => {
                let acts = self.machines[machine].stop(now);
                self.carry_out(machine, acts);
                self.at(now + lingers_ms + down_ms, Happens::DaemonStarts(machine));
            }
            Kind::Holds { machine, .. } => {
                let (what, why) = (self.worker(machine), rest::Why::default());
                self.command(Command::Pause { what, why });
            }
            Kind::Drains { machine, .. } => {
                let (worker, why) = (self.machines[machine].name.clone(), rest::Why::default());
                self.command(Command::Drain { worker: Some(worker), why });
            }
            Kind::WorkerFull { machine, .. } => self.fills(machine, true),
            Kind::Tokens => self.tokens(index),
            Kind::Reload => self.reload(index),
            Kind::Repeats { ms } => self.repeats_until = now + ms,
            Kind::Shuffles { ms } => self.shuffles_until = now + ms,
            Kind::DiskFull { .. } => self.disk.full(true),
            Kind::SlowDisk { .. } => self.disk.slow(50),
            Kind::ClockJumps { us, .. } => self.disk.skew(us),
        }
        self.faults[index].kind.length()
    }

    fn fills(&mut self, machine: usize, full: bool) {
        let acts = self.machines[machine].fills(full, self.now);
        self.carry_out(machine, acts);
    }

    fn master_fails(&mut self, kind: &Kind) {
        match *kind {
            Kind::MasterDies { cut, down_ms } => {
                self.down_ms = down_ms;
                match cut {
                    None => self.disk.kill(),
                    Some(cut) => self.disk.arm(cut),
                }
            }
            Kind::MasterStops { down_ms, cancel } => {
                self.down_ms = down_ms;
                self.stopping = Some(if cancel { Stop::Cancel } else { Stop::Keep });
            }
            Kind::MasterPauses { ms } => self.master_paused = self.now + ms,
            _ => {}
        }
    }

    fn network_fails(&mut self, kind: &Kind) {
        let now = self.now;
        match *kind {
            Kind::MachinePauses { machine, ms } => self.network[machine].paused = now + ms,
            Kind::SlowLink { machine, ms } => self.network[machine].slow = now + ms,
            Kind::Partition { machine, to_master, to_machine, ms } => {
                let network = &mut self.network[machine];
                if to_master {
                    network.cut_to_master = now + ms;
                }
                if to_machine {
                    network.cut_to_machine = now + ms;
                }
            }
            _ => {}
        }
    }

    /// How long the master, which is gone now, stays away.
    pub(crate) fn down_ms(&mut self) -> u64 {
        std::mem::replace(&mut self.down_ms, 500)
    }

    /// Somebody says something that nobody waits for.
    fn command(&self, command: Command) {
        if let Some(life) = &self.life {
            life.ask(NOBODY, command, None);
        }
    }

    fn worker(&self, machine: usize) -> Pausable {
        Pausable::Worker(self.machines[machine].name.clone())
    }

    fn tokens(&self, index: usize) {
        let name = |number: usize| format!("token {}", number % 3);
        self.command(Command::NewToken(rest::NewToken {
            name: name(index),
            scope: rest::Scope::Read,
            worker: None,
            valid_s: None,
        }));
        self.command(Command::RevokeToken { name: name(index + 1) });
    }

    pub(super) fn heals(&mut self, index: usize) {
        match self.faults[index].kind {
            Kind::Holds { machine, .. } | Kind::Drains { machine, .. } => {
                self.command(Command::Resume {
                    what: self.worker(machine),
                    why: rest::Why::default(),
                });
            }
            Kind::WorkerStops { machine, .. } => {
                let acts = self.machines[machine].die();
                self.carry_out(machine, acts);
            }
            Kind::WorkerFull { machine, .. } => self.fills(machine, false),
            Kind::DiskFull { .. } => self.disk.full(false),
            Kind::SlowDisk { .. } => self.disk.slow(0),
            Kind::ClockJumps { .. } => self.disk.skew(0),
            _ => {}
        }
    }

    fn reload(&mut self, index: usize) {
        let text = &self.farms[index % 2];
        if std::fs::write(self.data.join("farm.star"), text).is_ok()
            && let Some(life) = &self.life
        {
            life.ask(NOBODY, Command::Reload, None);
        }
    }

    /// Whoever tells is refused while the farm does not run; nobody minds.
    pub(super) fn tells_of_a_change(&mut self) {
        self.command(Command::Change(rest::NewChange {
            repository: REPOSITORY.to_owned(),
            branch: "main".to_owned(),
            revision: Some(self.played.head()),
        }));
    }

    /// Nothing goes wrong any more, but that a hunted master still dies.
    pub(super) fn make_peace(&mut self) {
        self.peace = true;
        self.trace.note(self.now, || "peace".to_owned());
        (self.repeats_until, self.shuffles_until) = (0, 0);
        self.disk.full(false);
        self.disk.slow(0);
        self.disk.skew(0);
        self.disk.disarm();
        for network in &mut self.network {
            let until = self.now;
            network.cut_to_machine = network.cut_to_machine.min(until);
            network.cut_to_master = network.cut_to_master.min(until);
            network.slow = 0;
            network.paused = network.paused.min(until);
        }
        for machine in 0..self.machines.len() {
            self.fills(machine, false);
            self.at(self.now, Happens::DaemonStarts(machine));
        }
        self.at(self.now, Happens::AllGoOn);
    }

    /// Nobody is held back any more, and the farm is as it was. Said again and again: the master
    /// may be away.
    pub(super) fn all_go_on(&mut self) {
        if self.faults.iter().any(|fault| fault.kind == Kind::Reload) {
            self.reload(1);
        }
        for machine in 0..self.machines.len() {
            self.command(Command::Resume { what: self.worker(machine), why: rest::Why::default() });
        }
        self.at(self.now + 30_000, Happens::AllGoOn);
    }
}
