//! What a worker does about what it hears, without waiting for anybody: its attempts, who carries
//! out their steps, and the spool. The daemon is one shell around it; the simulation, which has
//! its own links and shepherds, is another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use steading_wire::worker::{Attempt, Ending, Machine, Primitive, Report, ToMaster, ToWorker};

use super::telling::Telling;
use crate::attempts::{Earlier, Effect, Known, Table};
use crate::in_place;
use crate::process::infrastructure;
use crate::shepherd::FromShepherd;
use crate::spool::{Begin, Found, Spool};

/// What is to be done by whoever reaches the master, shepherds and the machine; in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Tell the master, if there is a link.
    Say(ToMaster),
    /// Have the slot's shepherd run a step, in this workspace.
    Run {
        /// Whose step, on which slot, and what to do.
        begin: Begin,
        /// The workspace's name.
        workspace: String,
    },
    /// Have the slot's shepherd end a step.
    End {
        /// The slot.
        slot: i64,
        /// Whose step.
        attempt: Attempt,
        /// Its number in the plan.
        number: i64,
    },
    /// Carry a step out here, in this workspace.
    Perform {
        /// Whose step, and what to do.
        begin: Begin,
        /// The workspace's name.
        workspace: String,
    },
    /// Give up the step that is carried out here.
    Cancel(Attempt),
}

/// Who carries a step out.
#[derive(Debug)]
enum Runs {
    /// The daemon: the step's number.
    Here(i64),
    /// The shepherd of its slot.
    There(Box<Begin>),
}

impl Runs {
    /// The step's number.
    fn number(&self) -> i64 {
        match self {
            Runs::Here(number) => *number,
            Runs::There(begin) => begin.number(),
        }
    }
}

/// A worker's work. Public for the simulation.
#[derive(Debug)]
pub struct Work {
    table: Table,
    running: BTreeMap<Attempt, Runs>,
    telling: Telling,
    spool: Arc<Spool>,
    boot: String,
    log_bytes_max: u64,
    /// The worker must end: nothing more is reported.
    ending: bool,
    /// The worker stops when its builds are gone.
    stopping: bool,
    orders: VecDeque<Order>,
}

impl Work {
    /// Nothing held yet, on a machine that was started under this identifier.
    #[must_use]
    pub fn new(spool: Arc<Spool>, boot: String, log_bytes_max: u64) -> Work {
        Work {
            table: Table::new(boot.clone()),
            running: BTreeMap::new(),
            telling: Telling::default(),
            spool,
            boot,
            log_bytes_max,
            ending: false,
            stopping: false,
            orders: VecDeque::new(),
        }
    }

    /// Holds again what an earlier daemon held; `living` are the steps that shepherds run.
    pub fn restore(&mut self, found: Vec<Found>, living: &BTreeSet<(Attempt, i64)>) {
        for Found { begin, report, earlier, asked } in found {
            let known = match (report, &begin.step) {
                (Some(report), _) => Known::Ended(Box::new(report)),
                (None, None) => Known::Accepted,
                (None, Some(_)) if living.contains(&(begin.attempt, begin.number())) => {
                    let there = Runs::There(Box::new(begin.clone()));
                    self.running.insert(begin.attempt, there);
                    Known::Runs
                }
                (None, Some(step))
                    if may_begin_again(&step.primitive) && begin.boot == self.boot =>
                {
                    Known::Again
                }
                (None, Some(_)) => {
                    let (code, text) = match begin.boot == self.boot {
                        true => ("shepherd_lost", "neither its shepherd nor its end was found"),
                        false => ("machine_restarted", "the machine was started anew meanwhile"),
                    };
                    let ending = infrastructure(code, format!("the step was lost: {text}"));
                    Known::Ended(Box::new(self.close_lost(begin.clone(), ending)))
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

    /// What is to be done next.
    pub fn order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// The master says something.
    pub fn hear(&mut self, message: ToWorker) {
        match &message {
            ToWorker::Welcome { .. } if self.stopping => self.say(ToMaster::Stopping),
            ToWorker::Stop => self.stop(),
            _ => {}
        }
        let effects = self.table.on_message(message);
        self.carry_out(effects);
        self.gather();
    }

    /// A shepherd says something.
    pub fn hear_shepherd(&mut self, message: FromShepherd) {
        match message {
            FromShepherd::Grew { attempt, number, end } => {
                in_place(|| self.spool.grew(attempt, number, end));
            }
            FromShepherd::Tail { log, raw_offset, at, raw } => {
                self.spool.offer_tail(log, raw_offset, at, &raw);
            }
            FromShepherd::Ended { attempt, number, end, report } => {
                if end > 0 {
                    in_place(|| self.spool.ended(attempt, number, end));
                }
                self.step_ended(attempt, number, *report);
            }
            FromShepherd::Here { .. } => {}
        }
    }

    /// A shepherd is lost, or could not be started, and this step with it.
    pub fn shepherd_lost(&mut self, attempt: Attempt, number: i64, ending: Ending) {
        let Some(Runs::There(begin)) = self.running.get(&attempt) else { return };
        if begin.number() == number {
            self.not_begun((**begin).clone(), ending);
        }
    }

    /// A step came to nothing: what was kept of its logs is made whole.
    pub fn not_begun(&mut self, begin: Begin, ending: Ending) {
        let (attempt, number) = (begin.attempt, begin.number());
        let report = self.close_lost(begin, ending);
        self.step_ended(attempt, number, report);
    }

    /// A step ended, and that is on disk.
    pub fn step_ended(&mut self, attempt: Attempt, number: i64, report: Report) {
        let known = self.running.get(&attempt).is_some_and(|runs| runs.number() == number);
        if known {
            self.running.remove(&attempt);
        }
        if self.ending && known {
            self.spool.forget(attempt);
            self.table.abandon(attempt);
        } else {
            let effects = self.table.on_step_ended(attempt, number, report);
            self.carry_out(effects);
            self.gather();
        }
    }

    /// A log is safe, or nobody wants it.
    pub fn gather(&mut self) {
        let spool = Arc::clone(&self.spool);
        let effects = self.table.gather(|attempt| spool.holds(attempt));
        self.carry_out(effects);
    }

    /// It is time for a heartbeat.
    pub fn beat(&mut self) {
        let (held, machine) = (self.table.held(), self.telling.beat().map(Box::new));
        self.say(ToMaster::Heartbeat { number: 0, held, machine });
    }

    /// The machine was looked at. What it takes no builds for is said at once, the rest with one of
    /// the next heartbeats; what is as it was is not said again.
    pub fn observe(&mut self, machine: Machine) {
        if self.telling.observe(machine) {
            self.beat();
        }
    }

    /// A session begins: the machine as a hello says it.
    pub fn introduce(&mut self) -> Machine {
        self.telling.whole()
    }

    /// The worker takes nothing more, says so, and ends when all is done.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.table.stop();
        self.say(ToMaster::Stopping);
    }

    /// The worker must end now: what runs is killed and not reported, the master finds out.
    pub fn end(&mut self) {
        self.stop();
        self.ending = true;
        for attempt in self.running.keys().copied().collect::<Vec<_>>() {
            // Before it dies, so that nobody ever takes this end for its own.
            self.spool.forget(attempt);
            self.kill(attempt);
        }
    }

    /// What still runs is left behind.
    pub fn give_up(&mut self) {
        self.running.clear();
    }

    /// What it holds, for the master to compare.
    #[must_use]
    pub fn held(&self) -> Vec<Attempt> {
        self.table.held()
    }

    /// The workspaces that are in use, or will be.
    #[must_use]
    pub fn workspaces(&self) -> BTreeSet<String> {
        self.table.workspaces()
    }

    /// Whether the worker must end now.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// Whether a step runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Whether it stops, and nothing is left that only this worker can bring to its end.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.stopping && self.table.is_idle() && self.running.is_empty()
    }

    /// Whether bytes of ended builds are still on their way.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.table.is_sending()
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Keep(begin) => {
                    let attempt = begin.attempt;
                    if let Err(error) = in_place(|| self.spool.keep(begin)) {
                        let effects = self.table.on_unkept(attempt, &error.to_string());
                        return self.carry_out(effects);
                    }
                }
                Effect::Say(message) => self.say(message),
                Effect::Start { begin, workspace } => self.start(begin, workspace),
                Effect::Kill(attempt) => self.kill(attempt),
                Effect::Send(attempt, number) => self.spool.send(attempt, number),
                Effect::Forget(attempt) => self.spool.forget(attempt),
            }
        }
    }

    fn start(&mut self, begin: Begin, workspace: String) {
        let attempt = begin.attempt;
        let is_process =
            |begin: &Begin| begin.step.as_ref().is_some_and(|it| !may_begin_again(&it.primitive));
        if is_process(&begin) {
            self.running.insert(attempt, Runs::There(Box::new(begin.clone())));
            self.orders.push_back(Order::Run { begin, workspace });
        } else {
            self.running.insert(attempt, Runs::Here(begin.number()));
            self.orders.push_back(Order::Perform { begin, workspace });
        }
        if self.ending {
            self.kill(attempt);
        }
    }

    fn kill(&mut self, attempt: Attempt) {
        let order = match self.running.get(&attempt) {
            Some(Runs::Here(_)) => Order::Cancel(attempt),
            Some(Runs::There(begin)) => {
                Order::End { slot: begin.slot, attempt, number: begin.number() }
            }
            None => return,
        };
        self.orders.push_back(order);
    }

    fn say(&mut self, message: ToMaster) {
        self.orders.push_back(Order::Say(message));
    }

    fn close_lost(&self, begin: Begin, ending: Ending) -> Report {
        in_place(|| self.spool.close_lost(begin, ending, self.log_bytes_max))
    }
}

/// What of a step can safely be done twice: everything but the build's own commands.
fn may_begin_again(primitive: &Primitive) -> bool {
    !matches!(primitive, Primitive::Process { .. })
}
