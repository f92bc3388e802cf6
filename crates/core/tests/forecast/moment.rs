//! A moment of a small farm, told in few words.

use std::collections::BTreeMap;

use steading_core::farm::{
    BuildView, Builder, Direction, Evaluated, Farm, Fault, FunctionId, Lock, LockCapacity, Plan,
    Policy, PropertyList, RequestView, Term, TermKind, WorkerView,
};
use steading_core::forecast::{Live, Outlook, Seat, Usual};
use steading_core::matcher::{Candidate, Holding, Matcher, NotNow};
use steading_core::replay::Length;
use steading_core::words::{Access, Duration, HeldLock, Micros, RequestId, Value};

/// When it is.
const NOW: Micros = Micros(1_000_000_000_000);

pub(crate) struct Moment {
    farm: Farm,
    matcher: Matcher,
    policy: Plain,
    workers: BTreeMap<String, Seat>,
    live: Vec<Live>,
    usual: BTreeMap<String, Usual>,
    usual_steps: BTreeMap<(String, String), Usual>,
    pub(crate) decisions_max: usize,
}

impl Moment {
    /// Idle workers with so many slots.
    pub(crate) fn new(workers: &[(&str, i64)]) -> Moment {
        let seat = |(name, slots): &(&str, i64)| {
            let view = WorkerView {
                name: (*name).to_owned(),
                labels: BTreeMap::new(),
                slots: *slots,
                busy_slots: 0,
                last_builder: String::new(),
            };
            ((*name).to_owned(), Seat { view, accepting: Ok(()) })
        };
        let mut moment = Moment {
            farm: Farm::default(),
            matcher: Matcher::new(&Farm::default()),
            policy: Plain::new(),
            workers: workers.iter().map(seat).collect(),
            live: Vec::new(),
            usual: BTreeMap::new(),
            usual_steps: BTreeMap::new(),
            decisions_max: 20_000,
        };
        moment.tell_workers();
        moment
    }

    pub(crate) fn outlook(&self) -> Outlook<'_> {
        Outlook {
            matcher: &self.matcher,
            farm: &self.farm,
            policy: &self.policy,
            workers: &self.workers,
            live: &self.live,
            usual: &self.usual,
            usual_steps: &self.usual_steps,
            now: NOW,
            decisions_max: self.decisions_max,
        }
    }

    /// How long builds of it take, in seconds. The last tenth holds no locks.
    pub(crate) fn usual(&mut self, builder: &str, p50: i64, p90: i64) -> &mut Moment {
        self.usual.insert(builder.to_owned(), usual(p50, p90));
        self
    }

    pub(crate) fn usual_step(
        &mut self,
        builder: &str,
        step: &str,
        p50: i64,
        p90: i64,
    ) -> &mut Moment {
        let both = |seconds| Length {
            locks: Duration::seconds(seconds),
            slot: Duration::seconds(seconds),
        };
        let usual = Usual { p50: both(p50), p90: both(p90), builds: 50 };
        self.usual_steps.insert((builder.to_owned(), step.to_owned()), usual);
        self
    }

    /// Its builds take the lock `press` of the whole farm.
    pub(crate) fn locking(&mut self, builder: &str) -> &mut Moment {
        self.lock("press", false, LockCapacity::Units(1));
        let held = HeldLock { lock: "press".into(), access: Access::Exclusive };
        self.builder(builder).locks.push(held);
        self
    }

    /// That worker has so many units of the lock `scales`.
    pub(crate) fn scales(&mut self, worker: &str, units: i64) -> &mut Moment {
        let capacity = BTreeMap::from([(worker.to_owned(), units)]);
        self.lock("scales", true, LockCapacity::ByWorker(capacity));
        self
    }

    /// Its builds take two units of the lock `scales`.
    pub(crate) fn weighing(&mut self, builder: &str) -> &mut Moment {
        let held = HeldLock { lock: "scales".into(), access: Access::Counting(2) };
        self.builder(builder).locks.push(held);
        self
    }

    /// Only that worker may build it.
    pub(crate) fn only_on(&mut self, builder: &str, worker: &str) -> &mut Moment {
        self.builder(builder).workers.push(worker.to_owned());
        self
    }

    /// The next request waits.
    pub(crate) fn request(&mut self, id: i64, builder: &str) -> &mut Moment {
        self.add(id, builder, None)
    }

    pub(crate) fn pinned(&mut self, id: i64, builder: &str, worker: &str) -> &mut Moment {
        self.add(id, builder, Some(worker))
    }

    /// A build that runs for so many seconds already.
    pub(crate) fn runs(&mut self, builder: &str, worker: &str, ran: i64) -> &mut Moment {
        let (locks, runs) = (self.builder(builder).locks.clone(), Some(builder.to_owned()));
        let holding =
            Holding { by: format!("{builder}/1"), worker: worker.into(), slot: true, locks, runs };
        self.live(holding, builder, (None, ran))
    }

    /// A running step `make` that has the lock `press`.
    pub(crate) fn holds(&mut self, builder: &str, worker: &str, ran: i64) -> &mut Moment {
        let locks = vec![HeldLock { lock: "press".into(), access: Access::Exclusive }];
        let by = format!("{builder}/1 make");
        let holding = Holding { by, worker: worker.into(), slot: false, locks, runs: None };
        self.live(holding, builder, (Some("make".into()), ran))
    }

    /// The builds of that builder there are over.
    pub(crate) fn free(&mut self, worker: &str, builder: &str) -> &mut Moment {
        self.live.retain(|live| live.holding.worker != worker || live.builder != builder);
        self.tell_holdings();
        self
    }

    pub(crate) fn away(&mut self, worker: &str, why: NotNow) -> &mut Moment {
        self.workers.get_mut(worker).expect("known").accepting = Err(why);
        self.tell_workers();
        self
    }

    fn live(
        &mut self,
        holding: Holding,
        builder: &str,
        (step, ran): (Option<String>, i64),
    ) -> &mut Moment {
        let started_at = Some(Micros(NOW.0 - ran * 1_000_000));
        self.live.push(Live { holding, builder: builder.to_owned(), of: None, step, started_at });
        self.tell_holdings();
        self
    }

    fn add(&mut self, id: i64, builder: &str, pinned: Option<&str>) -> &mut Moment {
        let view = RequestView {
            id: RequestId(id),
            builder: builder.into(),
            priority: 0,
            repository: Default::default(),
            branch: Default::default(),
            revision: Default::default(),
            owner: Default::default(),
            reason: Default::default(),
            properties: PropertyList::default(),
            submitted_at: Micros(id),
            start_by: None,
        };
        let builder = self.builder(builder).clone();
        self.matcher.add_request(Candidate::new(view, &builder, pinned));
        self
    }

    fn builder(&mut self, name: &str) -> &mut Builder {
        self.farm.builders.entry(name.to_owned()).or_insert_with(|| Builder {
            name: name.into(),
            requires: BTreeMap::new(),
            workers: Vec::new(),
            locks: Vec::new(),
            plan: Plan::default(),
            ..Builder::default()
        })
    }

    fn lock(&mut self, name: &str, per_worker: bool, capacity: LockCapacity) {
        let lock = Lock { name: name.into(), per_worker, capacity };
        self.farm.locks.insert(name.into(), lock);
        self.matcher.reconfigure(&self.farm);
    }

    fn tell_workers(&mut self) {
        for seat in self.workers.values() {
            self.matcher.set_worker(seat.view.clone(), seat.accepting.clone());
        }
    }

    fn tell_holdings(&mut self) {
        self.matcher.set_holdings(self.live.iter().map(|live| live.holding.clone()).collect());
    }
}

fn usual(p50: i64, p90: i64) -> Usual {
    let length =
        |seconds: i64| Length { locks: Duration(seconds * 900), slot: Duration::seconds(seconds) };
    Usual { p50: length(p50), p90: length(p90), builds: 50 }
}

/// The highest priority, then the oldest.
#[derive(Debug)]
struct Plain {
    order: Vec<Term>,
}

impl Plain {
    fn new() -> Plain {
        let term = |direction, kind| Term { label: format!("{kind:?}"), direction, kind };
        let order = vec![
            term(Direction::Highest, TermKind::Priority),
            term(Direction::Lowest, TermKind::Submitted),
        ];
        Plain { order }
    }
}

impl Policy for Plain {
    fn order(&self) -> &[Term] {
        &self.order
    }

    fn term(
        &self,
        _: FunctionId,
        _: Option<&RequestView>,
        _: Option<&WorkerView>,
    ) -> Evaluated<Vec<Value>> {
        unreachable!("no term is a function")
    }

    fn allow(&self, _: &RequestView, _: &WorkerView) -> Evaluated<bool> {
        Evaluated::constant(true)
    }

    fn collapse(&self, _: &RequestView, _: &RequestView) -> Option<Evaluated<bool>> {
        None
    }

    fn condition(&self, _: FunctionId, _: &BuildView) -> Result<bool, Fault> {
        unreachable!("no step is run")
    }
}
