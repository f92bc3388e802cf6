//! All small worlds instead of random ones: every kind of request class, every sequence of events,
//! each decision compared with the oracle's.
//!
//! A world has request classes (a builder each), workers (a class each; the first has one slot, the
//! second two), one lock and one order. A request class is: what it needs of the lock (nothing, a
//! unit, all), and for each worker whether they may meet and how well the pair term likes that
//! (not, 0, 1), one worker at least. Which class is called what makes no difference but to ties,
//! so classes of a world are listed in one order. An event is: a request of a class comes; the
//! oldest or the newest build ends; the oldest request is withdrawn; a worker leaves or comes back.
//! What cannot happen is left out. After each event everything starts that can.

use std::collections::BTreeSet;
use std::sync::Arc;

use steading_core::farm::{
    BuildView, Direction, Evaluated, Fault, FunctionId, LockCapacity, Policy, RequestView, Term,
    TermKind, WorkerView,
};
use steading_core::matcher::{HoldingId, Matcher};
use steading_core::words::{HeldLock, Micros, RequestId, Value};

use crate::oracle;
use crate::world::{World, counting, exclusive};
use crate::written::{Means, Written};

/// How large the worlds get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) requests: usize,
    pub(crate) workers: usize,
    pub(crate) events: usize,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) worlds: u64,
    /// Sequences of events, those that begin longer ones included.
    pub(crate) sequences: u64,
    pub(crate) decisions: u64,
    pub(crate) matches: u64,
}

/// What a request class needs of the lock, and how well it goes with each worker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    needs: u8,
    likes: Vec<Option<i64>>,
}

/// The lock of a world: (of each worker's own, units).
const LOCKS: [(bool, i64); 3] = [(false, 1), (false, 2), (true, 1)];

/// Looks at all worlds of just so many classes and workers; the first that differs is the error.
pub(crate) fn all(bound: Bound) -> Result<Count, String> {
    let kinds = kinds(bound.workers);
    let mut count = Count::default();
    let mut chosen = vec![0; bound.requests];
    loop {
        let classes: Vec<Kind> = chosen.iter().map(|at| kinds[*at].clone()).collect();
        let locked = classes.iter().any(|class| class.needs > 0);
        for lock in &LOCKS[..if locked { LOCKS.len() } else { 1 }] {
            for packing in [false, true] {
                count.worlds += 1;
                let mut play = Play::new(&classes, *lock, packing);
                play.settle(&mut count)?;
                play.play(bound.events, &mut count)?;
            }
        }
        // The next combination, each class no less than the one before it.
        let Some(at) = chosen.iter().rposition(|at| at + 1 < kinds.len()) else { return Ok(count) };
        let next = chosen[at] + 1;
        chosen[at..].fill(next);
    }
}

fn kinds(workers: usize) -> Vec<Kind> {
    let mut all = BTreeSet::new();
    for needs in 0..3 {
        for code in 0..3_usize.pow(u32::try_from(workers).expect("few")) {
            let like = |worker: usize| match code / 3_usize.pow(u32::try_from(worker).ok()?) % 3 {
                0 => None,
                1 => Some(0),
                _ => Some(1),
            };
            let likes: Vec<Option<i64>> = (0..workers).map(like).collect();
            if likes.iter().any(Option::is_some) {
                all.insert(Kind { needs, likes });
            }
        }
    }
    all.into_iter().collect()
}

/// A world that is under way, and its matcher.
#[derive(Debug, Clone)]
struct Play {
    world: World,
    matcher: Matcher,
    policy: Arc<Written>,
    holdings: Vec<HoldingId>,
    classes: usize,
    /// What happened so far.
    story: Vec<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Request(usize),
    OldestEnds,
    NewestEnds,
    Withdrawn,
    Worker(usize),
}

impl Play {
    fn new(classes: &[Kind], (per_worker, units): (bool, i64), packing: bool) -> Play {
        let mut world = World::default();
        world.lock("lock", per_worker, LockCapacity::Units(units));
        let workers = classes.first().map_or(0, |class| class.likes.len());
        for worker in 0..workers {
            world.worker(&worker.to_string(), 1 + i64::try_from(worker).expect("few"), &[]);
        }
        for (at, class) in classes.iter().enumerate() {
            let locks: Vec<HeldLock> = match class.needs {
                0 => vec![],
                1 => vec![counting("lock", 1)],
                _ => vec![exclusive("lock")],
            };
            let named = class.likes.iter().enumerate().filter(|(_, like)| like.is_some());
            let named: Vec<String> = named.map(|(worker, _)| worker.to_string()).collect();
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            world.builder(&at.to_string(), &[], &named, locks);
        }
        let policy = Arc::new(Likes::new(classes, packing).written());
        let (matcher, holdings, classes) = (world.matcher(), Vec::new(), classes.len());
        Play { world, matcher, policy, holdings, classes, story: Vec::new() }
    }

    /// All that may happen from here on.
    fn play(&self, events: usize, count: &mut Count) -> Result<(), String> {
        if events == 0 {
            return Ok(());
        }
        for event in self.possible() {
            let mut next = self.clone();
            next.story.push(event);
            next.happen(event);
            count.sequences += 1;
            next.settle(count)?;
            next.play(events - 1, count)?;
        }
        Ok(())
    }

    fn possible(&self) -> Vec<Event> {
        let mut all: Vec<Event> = (0..self.classes).map(Event::Request).collect();
        let runs = self.world.runs.len();
        all.extend((runs > 0).then_some(Event::OldestEnds));
        all.extend((runs > 1).then_some(Event::NewestEnds));
        all.extend((!self.world.requests.is_empty()).then_some(Event::Withdrawn));
        all.extend((0..self.world.workers.len()).map(Event::Worker));
        all
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Request(class) => {
                let id = self.world.request(&class.to_string(), 0);
                self.matcher.add_request(self.world.candidate(id));
            }
            Event::OldestEnds => self.end(0),
            Event::NewestEnds => self.end(self.world.runs.len() - 1),
            Event::Withdrawn => {
                let (id, _) = self.world.requests.pop_first().expect("possible");
                self.matcher.remove_request(RequestId(id));
            }
            Event::Worker(at) => {
                let name = at.to_string();
                let work = self.world.workers.get_mut(&name).expect("known");
                work.open = !work.open;
                self.world.tell_worker(&mut self.matcher, &name);
            }
        }
    }

    fn end(&mut self, run: usize) {
        self.world.runs.remove(run);
        self.matcher.release(self.holdings.remove(run));
    }

    /// Starts all that can start, by both accounts.
    fn settle(&mut self, count: &mut Count) -> Result<(), String> {
        loop {
            count.decisions += 1;
            let found = self.matcher.next(self.policy.policy.as_ref(), Micros(self.world.now));
            let told = found.as_ref().map(|m| (m.request.0, m.worker.clone()));
            let right = oracle::best(&self.world, &self.policy);
            let right = right.map(|pair| (pair.request, pair.worker));
            if told != right {
                let (story, policy, world) = (&self.story, &self.policy.text, &self.world);
                let what = format!("{told:?}, not {right:?} after {story:?}");
                return Err(format!("{what}: {policy}\n{world:#?}"));
            }
            let Some(found) = found else { return Ok(()) };
            count.matches += 1;
            self.holdings.extend(self.matcher.take(&found));
            self.world.start(found.request.0, &found.worker);
            self.world.assert_sound();
        }
    }
}

/// How well the pairs go together first, then how busy the worker is, then the older one; when
/// packing, the busier worker first.
#[derive(Debug)]
struct Likes {
    likes: Vec<Vec<Option<i64>>>,
    terms: Vec<Term>,
}

const LIKE: FunctionId = FunctionId(0);
const BUSY: FunctionId = FunctionId(1);

impl Likes {
    fn new(classes: &[Kind], packing: bool) -> Likes {
        let term = |direction, kind| Term { label: format!("{kind:?}"), direction, kind };
        let function = |function, request| TermKind::Function { function, request, worker: true };
        let like = term(Direction::Highest, function(LIKE, true));
        let oldest = term(Direction::Lowest, TermKind::Submitted);
        let terms = if packing {
            vec![term(Direction::Highest, function(BUSY, false)), like, oldest]
        } else {
            vec![like, term(Direction::Lowest, function(BUSY, false)), oldest]
        };
        Likes { likes: classes.iter().map(|class| class.likes.clone()).collect(), terms }
    }

    fn written(self) -> Written {
        let means = |term: &Term| match term.kind {
            TermKind::Function { function, request, worker } => {
                Means::Function(function, (request, worker))
            }
            _ => Means::Submitted,
        };
        let terms = self.terms.iter().map(|term| (means(term), term.direction)).collect();
        let text = format!("{self:?}");
        Written { policy: Arc::new(self), terms, text }
    }
}

impl Policy for Likes {
    fn order(&self) -> &[Term] {
        &self.terms
    }

    fn term(
        &self,
        function: FunctionId,
        request: Option<&RequestView>,
        worker: Option<&WorkerView>,
    ) -> Evaluated<Vec<Value>> {
        let worker = worker.expect("as declared");
        let (value, reads) = if function == LIKE {
            let class: usize = request.expect("as declared").builder.parse().expect("a number");
            let at: usize = worker.name.parse().expect("a number");
            (self.likes[class][at].unwrap_or(0), vec!["request.builder", "worker.name"])
        } else {
            (worker.busy_slots, vec!["worker.busy_slots"])
        };
        let reads = reads.into_iter().map(str::to_owned).collect();
        Evaluated { value: Ok(vec![Value::Int(value)]), reads }
    }

    fn allow(&self, _: &RequestView, _: &WorkerView) -> Evaluated<bool> {
        Evaluated::constant(true)
    }

    fn collapse(&self, _: &RequestView, _: &RequestView) -> Option<Evaluated<bool>> {
        None
    }

    fn condition(&self, _: FunctionId, _: &BuildView) -> Result<bool, Fault> {
        Ok(true)
    }
}
