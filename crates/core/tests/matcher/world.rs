//! A farm in miniature: the facts, kept by the test, and how a matcher is told of them.

use std::collections::BTreeMap;

use steading_core::farm::{
    Builder, Farm, Lock, LockCapacity, Plan, RequestView, WorkerSpec, WorkerView,
};
use steading_core::matcher::{Candidate, Holding, HoldingId, Matcher, NotNow, Pace, Waiting};
use steading_core::words::{
    Access, Duration, HeldLock, Micros, Property, RequestId, StepId, Value,
};

#[derive(Debug, Clone)]
pub(crate) struct Req {
    pub(crate) builder: String,
    pub(crate) priority: i64,
    pub(crate) branch: String,
    pub(crate) submitted: i64,
    pub(crate) size: i64,
    pub(crate) pinned: Option<String>,
    pub(crate) start_by: Option<i64>,
    /// What a policy sees of it, where it is a request of a whole farm.
    pub(crate) seen: Option<RequestView>,
}

#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) labels: BTreeMap<String, Value>,
    pub(crate) slots: i64,
    pub(crate) last_builder: String,
    pub(crate) open: bool,
    /// Not open, but what runs there goes on.
    pub(crate) draining: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The number its request had; 0 for what a step holds by itself.
    pub(crate) request: i64,
    pub(crate) worker: String,
    pub(crate) slot: bool,
    pub(crate) locks: Vec<HeldLock>,
    /// The builder whose steps it runs.
    pub(crate) runs: Option<String>,
    /// The request it builds, where that is known.
    pub(crate) of: Option<Req>,
    /// When it is expected to leave its locks.
    pub(crate) ends: Option<i64>,
}

/// A step of a running build that waits for locks of its own.
#[derive(Debug, Clone)]
pub(crate) struct Waits {
    /// The number the request of its build had.
    pub(crate) request: i64,
    pub(crate) of: Req,
    pub(crate) worker: String,
    pub(crate) locks: Vec<HeldLock>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) farm: Farm,
    pub(crate) requests: BTreeMap<i64, Req>,
    pub(crate) workers: BTreeMap<String, Work>,
    pub(crate) runs: Vec<Run>,
    /// By step.
    pub(crate) waiting: BTreeMap<i64, Waits>,
    /// How many milliseconds half of a builder's builds hold their locks, and nine of ten take.
    pub(crate) paces: BTreeMap<String, (i64, i64)>,
    pub(crate) next_id: i64,
    pub(crate) now: i64,
}

pub(crate) fn counting(lock: &str, units: i64) -> HeldLock {
    HeldLock { lock: lock.into(), access: Access::Counting(units) }
}

pub(crate) fn exclusive(lock: &str) -> HeldLock {
    HeldLock { lock: lock.into(), access: Access::Exclusive }
}

impl Req {
    pub(crate) fn owner(&self) -> &str {
        match &self.seen {
            Some(seen) => &seen.owner,
            None if self.priority > 1 => "ann",
            None => "bob",
        }
    }

    /// There is one repository in a miniature.
    pub(crate) fn repository(&self) -> &str {
        self.seen.as_ref().map_or("r", |seen| &seen.repository)
    }
}

pub(crate) fn view(id: i64, req: &Req) -> RequestView {
    if let Some(seen) = &req.seen {
        return seen.clone();
    }
    let size = Property { value: Value::Int(req.size), source: "test".into() };
    // Size 0 is not said at all.
    let properties = (req.size != 0).then(|| ("size".to_owned(), size));
    RequestView {
        id: RequestId(id),
        builder: req.builder.as_str().into(),
        priority: req.priority,
        repository: req.repository().into(),
        branch: req.branch.as_str().into(),
        revision: Default::default(),
        owner: req.owner().into(),
        reason: Default::default(),
        properties: properties.into_iter().collect(),
        submitted_at: Micros(req.submitted),
        start_by: req.start_by.map(Micros),
    }
}

impl World {
    pub(crate) fn lock(&mut self, name: &str, per_worker: bool, capacity: LockCapacity) {
        self.farm.locks.insert(name.into(), Lock { name: name.into(), per_worker, capacity });
    }

    pub(crate) fn builder(
        &mut self,
        name: &str,
        requires: &[(&str, &str)],
        workers: &[&str],
        locks: Vec<HeldLock>,
    ) {
        let requires = requires.iter().map(|(l, v)| ((*l).to_owned(), Value::from(*v)));
        let builder = Builder {
            name: name.into(),
            requires: requires.collect(),
            workers: workers.iter().map(|w| (*w).to_owned()).collect(),
            locks,
            plan: Plan::default(),
            ..Builder::default()
        };
        self.farm.builders.insert(name.into(), builder);
    }

    pub(crate) fn worker(&mut self, name: &str, slots: i64, labels: &[(&str, &str)]) {
        let labels = labels.iter().map(|(l, v)| ((*l).to_owned(), Value::from(*v))).collect();
        let last_builder = String::new();
        let work = Work { labels, slots, last_builder, open: true, draining: false };
        self.workers.insert(name.into(), work);
    }

    pub(crate) fn request(&mut self, builder: &str, priority: i64) -> i64 {
        self.next_id += 1;
        let req = Req {
            builder: builder.into(),
            priority,
            branch: "main".into(),
            submitted: self.next_id,
            size: 0,
            pinned: None,
            start_by: None,
            seen: None,
        };
        self.requests.insert(self.next_id, req);
        self.next_id
    }

    pub(crate) fn busy(&self, worker: &str) -> i64 {
        let runs = self.runs.iter().filter(|r| r.slot && r.worker == worker);
        i64::try_from(runs.count()).expect("few")
    }

    /// Builds of a builder whose steps run.
    pub(crate) fn running(&self, builder: &str) -> i64 {
        let runs = self.runs.iter().filter(|r| r.runs.as_deref() == Some(builder));
        i64::try_from(runs.count()).expect("few")
    }

    /// Builds whose steps run on a worker.
    pub(crate) fn running_on(&self, worker: &str) -> i64 {
        let runs = self.runs.iter().filter(|r| r.runs.is_some() && r.worker == worker);
        i64::try_from(runs.count()).expect("few")
    }

    /// How many may.
    pub(crate) fn most(&self, worker: &str) -> Option<i64> {
        self.farm.workers.iter().find(|spec| spec.name == worker)?.max_builds
    }

    /// Declares the worker of that name with so many builds at most.
    pub(crate) fn limit(&mut self, worker: &str, max_builds: Option<i64>) {
        self.farm.workers.retain(|spec| spec.name != worker);
        let spec = WorkerSpec { name: worker.into(), max_builds, ..WorkerSpec::default() };
        self.farm.workers.push(spec);
    }

    pub(crate) fn request_view(&self, id: i64) -> RequestView {
        view(id, &self.requests[&id])
    }

    pub(crate) fn worker_view(&self, name: &str) -> WorkerView {
        let work = &self.workers[name];
        WorkerView {
            name: name.into(),
            labels: work.labels.clone(),
            slots: work.slots,
            busy_slots: self.busy(name),
            last_builder: work.last_builder.clone(),
        }
    }

    pub(crate) fn candidate(&self, id: i64) -> Candidate {
        let req = &self.requests[&id];
        let builder = &self.farm.builders[&req.builder];
        Candidate::new(self.request_view(id), builder, req.pinned.as_deref())
    }

    pub(crate) fn accepting(&self, name: &str) -> Result<(), NotNow> {
        match &self.workers[name] {
            Work { open: true, .. } => Ok(()),
            Work { draining: true, .. } => Err(NotNow::Draining),
            _ => Err(NotNow::Offline),
        }
    }

    pub(crate) fn tell_worker(&self, matcher: &mut Matcher, name: &str) {
        matcher.set_worker(self.worker_view(name), self.accepting(name));
    }

    fn holding(&self, run: usize) -> Holding {
        let Run { worker, slot, locks, runs, .. } = self.runs[run].clone();
        Holding { by: format!("build/{}", run + 1), worker, slot, locks, runs }
    }

    /// Tells of a run; the id is what ends it.
    pub(crate) fn tell_run(&self, matcher: &mut Matcher, run: usize) -> HoldingId {
        let id = self.runs[run].request;
        let of = self.runs[run].of.as_ref().map(|req| view(id, req));
        let holding = matcher.hold(self.holding(run), of.as_ref());
        matcher.expect(holding, self.runs[run].ends.map(Micros));
        holding
    }

    pub(crate) fn tell_pace(&self, matcher: &mut Matcher, builder: &str) {
        let pace = self
            .paces
            .get(builder)
            .map(|(locks, whole)| Pace { locks: Duration(*locks), whole: Duration(*whole) });
        matcher.learn(builder, pace);
    }

    pub(crate) fn tell_waiting(&self, matcher: &mut Matcher) {
        let told = |(step, waits): (&i64, &Waits)| Waiting {
            step: StepId(*step),
            by: format!("{}/{} test", waits.of.builder, waits.request),
            view: view(waits.request, &waits.of),
            worker: waits.worker.clone(),
            locks: waits.locks.clone(),
        };
        matcher.set_waiting(self.waiting.iter().map(told).collect());
    }

    /// The step has its locks and runs.
    pub(crate) fn grant(&mut self, step: i64) {
        let Waits { worker, locks, .. } = self.waiting.remove(&step).expect("it waits");
        let (request, runs, of, ends) = (0, None, None, None);
        self.runs.push(Run { request, worker, slot: false, locks, runs, of, ends });
    }

    /// The match becomes a run.
    pub(crate) fn start(&mut self, request: i64, worker: &str) {
        let req = self.requests.remove(&request).expect("pending");
        let locks = self.farm.builders[&req.builder].locks.clone();
        let (worker, runs) = (worker.to_owned(), Some(req.builder.clone()));
        let most = self.farm.builders[&req.builder].max_builds;
        assert!(most.is_none_or(|most| self.running(&req.builder) < most), "{runs:?}");
        let most = self.most(&worker);
        assert!(most.is_none_or(|most| self.running_on(&worker) < most), "{worker}");
        let ends = self.paces.get(&req.builder).map(|(locks, _)| self.now + locks * 1_000);
        self.runs.push(Run { request, worker, slot: true, locks, runs, of: Some(req), ends });
    }

    /// A matcher told everything at once, in another order than it happened.
    pub(crate) fn matcher(&self) -> Matcher {
        let mut matcher = Matcher::new(&self.farm);
        for builder in self.paces.keys() {
            self.tell_pace(&mut matcher, builder);
        }
        for id in self.requests.keys().rev() {
            matcher.add_request(self.candidate(*id));
        }
        for name in self.workers.keys().rev() {
            self.tell_worker(&mut matcher, name);
        }
        for run in 0..self.runs.len() {
            self.tell_run(&mut matcher, run);
        }
        self.tell_waiting(&mut matcher);
        matcher
    }

    /// Panics if more of a lock is held than there is, or a slot is used twice.
    pub(crate) fn assert_sound(&self) {
        for (name, work) in &self.workers {
            assert!(self.busy(name) <= work.slots, "{name} runs more than it has slots");
        }
        for lock in self.farm.locks.values() {
            for name in self.workers.keys() {
                let here = |run: &&Run| !lock.per_worker || run.worker == *name;
                let held: Vec<Access> = self
                    .runs
                    .iter()
                    .filter(here)
                    .flat_map(|run| &run.locks)
                    .filter(|held| held.lock == lock.name)
                    .map(|held| held.access)
                    .collect();
                let units = |a: &Access| if let Access::Counting(n) = a { *n } else { 0 };
                let sum: i64 = held.iter().map(units).sum();
                assert!(sum <= lock.units(name), "{} is over capacity: {held:?}", lock.name);
                let alone = held.len() == 1 || !held.contains(&Access::Exclusive);
                assert!(alone, "{} is shared beside an exclusive holder", lock.name);
            }
        }
    }
}
