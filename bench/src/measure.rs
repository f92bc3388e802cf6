//! The matcher at farm scale: an event is a build that ends, a request that comes, and everything
//! that can start then.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use steading_core::farm::Policy;
use steading_core::matcher::{Candidate, HoldingId, Matcher};
use steading_core::words::{Micros, RequestId};

use crate::churn::Dice;
use crate::policy_of_shapes::{ShapePolicy, of_text};
use crate::process::{Spans, Turns, clock, resident_mb};
use crate::shapes::{SHAPES, STARLARK, Shape};

/// Farm time that passes from one event to the next.
const STEP_MICROS: i64 = 1_000;
/// Calls for new classes in one slice, as dispatch makes in one pass.
const NEW_CALLS: usize = 512;
/// The time the first requests were submitted within.
const BEFORE_MICROS: i64 = 3_600_000_000;

/// Measures each shape and prints one line for each round of it: the same events every time.
pub(crate) fn run(
    (events, rounds): (u64, u64),
    (pending, workers): (u64, u64),
    only: Option<&str>,
) -> bool {
    println!("{pending} pending, {workers} workers, {events} events, {rounds} rounds");
    println!(
        "{:<12} {:>15} {:>9} {:>8} {:>8} {:>10} {:>7} {:>7} {:>8} {:>8} {:>11} {:>7}",
        "shape",
        "classes",
        "edges",
        "load ms",
        "fill ms",
        "events/s",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "max µs",
        "evaluations",
        "MB"
    );
    let shapes = SHAPES.iter().filter(|shape| only.is_none_or(|only| only == shape.name));
    let mut measured = BTreeMap::new();
    for shape in shapes {
        let size = (i64::try_from(pending).ok(), i64::try_from(workers).ok());
        let (Some(pending), Some(workers)) = size else { return false };
        let mut all = Rounds::default();
        for _ in 0..rounds.max(1) {
            let Some(bench) = Bench::new(*shape, (pending, workers)) else { return false };
            all.add(bench.measure(events));
        }
        measured.insert(shape.name, all.print());
    }
    if let (Some(rust), Some(text)) = (measured.get("typical"), measured.get(STARLARK)) {
        let (p50, p99) = (text.0 / rust.0, text.1 / rust.1);
        println!("farm.star text ÷ plain functions, typical shape: p50 {p50:.2}, p99 {p99:.2}");
    }
    !measured.is_empty()
}

/// Median and 99th percentile of an event of the first shape, in microseconds.
pub(crate) fn typical(events: u64, (pending, workers): (i64, i64)) -> Option<(f64, f64)> {
    Bench::new(*SHAPES.first()?, (pending, workers)).map(|bench| bench.measure(events).micros)
}

/// What a round came to.
struct Round {
    /// p50 and p99.
    micros: (f64, f64),
    /// Of every event, in order.
    spans: Vec<Duration>,
}

/// All rounds of a shape.
#[derive(Debug, Default)]
struct Rounds {
    micros: Vec<(f64, f64)>,
    /// The fastest time each event had in any of them.
    fastest: Vec<Duration>,
}

impl Rounds {
    fn add(&mut self, round: Round) {
        self.micros.push(round.micros);
        if self.fastest.is_empty() {
            self.fastest = round.spans;
        } else {
            let both = self.fastest.iter_mut().zip(round.spans);
            both.for_each(|(fastest, span)| *fastest = span.min(*fastest));
        }
    }

    /// Prints what several rounds came to; the medians of p50 and p99.
    fn print(mut self) -> (f64, f64) {
        let rounds = self.micros.len();
        let column = |of: fn(&(f64, f64)) -> f64| {
            let mut all: Vec<f64> = self.micros.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            (all[(rounds - 1) / 2], all[0], all[rounds - 1])
        };
        let (p50, p99) = (column(|it| it.0), column(|it| it.1));
        if rounds > 1 {
            let mut fastest = Spans::default();
            self.fastest.drain(..).for_each(|span| fastest.add(span));
            println!(
                "{:<12} median of {rounds} rounds: p50 {:.1} ({:.1}–{:.1}), p99 {:.1} ({:.1}–{:.1}); \
                 each event at its fastest: p50 {:.1}, p99 {:.1}",
                "",
                p50.0,
                p50.1,
                p50.2,
                p99.0,
                p99.1,
                p99.2,
                fastest.micros(500),
                fastest.micros(990),
            );
        }
        (p50.0, p99.0)
    }
}

/// What first sight took.
#[derive(Debug, Default)]
struct Slices {
    /// Being told, and the first pair of all: what functions read is known after it.
    told: Duration,
    count: usize,
    longest: Duration,
    evaluations: u64,
    /// Slices after which something could start although not all was seen.
    before_all: usize,
}

impl Slices {
    fn print(&self, of: &str) {
        println!(
            "{:<12} first sight, {of}: {} calls in {} slices of at most {NEW_CALLS}, the longest \
             {:.2} ms; {:.1} ms to be told; {} times something could start before all was seen",
            "",
            self.evaluations,
            self.count,
            self.longest.as_secs_f64() * 1e3,
            self.told.as_secs_f64() * 1e3,
            self.before_all,
        );
    }
}

pub(crate) struct Bench {
    shape: Shape,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) matcher: Matcher,
    dice: Dice,
    workers: i64,
    next_id: i64,
    pub(crate) now: i64,
    /// Builds, with the kinds of their requests.
    running: VecDeque<(HoldingId, i64)>,
    kinds: BTreeMap<RequestId, i64>,
}

impl Bench {
    pub(crate) fn new(shape: Shape, (pending, workers): (i64, i64)) -> Option<Bench> {
        let policy = match shape.name {
            STARLARK => of_text()?,
            _ => Arc::new(ShapePolicy::new(shape.reads())),
        };
        let mut bench = Bench {
            shape,
            policy,
            matcher: Matcher::new(&shape.farm()),
            dice: Dice(7),
            workers,
            next_id: 0,
            now: BEFORE_MICROS,
            running: VecDeque::new(),
            kinds: BTreeMap::new(),
        };
        for n in 0..workers {
            bench.matcher.set_worker(shape.worker(n), Ok(()));
        }
        for n in 0..pending {
            let candidate = bench.request(BEFORE_MICROS / pending.max(1) * n, None);
            bench.matcher.add_request(candidate);
        }
        Some(bench)
    }

    fn request(&mut self, submitted: i64, kind: Option<i64>) -> Candidate {
        self.next_id += 1;
        let kind = kind.unwrap_or_else(|| self.shape.kind(self.next_id, &mut self.dice));
        self.kinds.insert(RequestId(self.next_id), kind);
        let of = (self.next_id, kind);
        self.shape.request(of, (self.workers, submitted), &mut self.dice)
    }

    /// Looks at what is new, slice by slice, and decides meanwhile as dispatch does.
    fn first_sight(&mut self) -> Slices {
        let (policy, mut slices) = (self.policy.clone(), Slices::default());
        let asked = self.matcher.evaluations();
        for turn in 0.. {
            let start = clock();
            self.matcher.look_at(if turn == 0 { 1 } else { NEW_CALLS });
            let found = self.matcher.next(policy.as_ref(), Micros(self.now));
            let span = start.elapsed();
            if turn == 0 {
                slices.told = span;
            } else {
                slices.count += 1;
                slices.longest = slices.longest.max(span);
            }
            slices.before_all += usize::from(found.is_some() && self.matcher.is_looking());
            if !self.matcher.is_looking() {
                break;
            }
        }
        slices.evaluations = self.matcher.evaluations() - asked;
        slices
    }

    /// Starts everything that can start.
    pub(crate) fn dispatch(&mut self) {
        let policy = self.policy.clone();
        while let Some(found) = self.matcher.next(policy.as_ref(), Micros(self.now)) {
            let kind = self.kinds.remove(&found.request).unwrap_or_default();
            self.running.extend(self.matcher.take(&found).map(|holding| (holding, kind)));
        }
    }

    /// Prints the line of the shape.
    fn measure(mut self, events: u64) -> Round {
        let start = clock();
        let slices = self.first_sight();
        let load = start.elapsed();
        let start = clock();
        self.dispatch();
        let fill = start.elapsed();
        let filled = self.running.len();
        let (mut spans, mut interrupted) = (Spans::default(), Spans::default());
        let mut all = Vec::new();
        let turns = Turns::new();
        let mut turn = turns.count();
        for _ in 0..events {
            self.now += STEP_MICROS;
            let ended = self.dice.roll(self.running.len().max(1) as u64);
            let ended = self.running.swap_remove_back(usize::try_from(ended).unwrap_or(0));
            // One of the same kind comes: what waits stays as mixed as it was.
            let candidate = self.request(self.now, ended.map(|(_, kind)| kind));
            let start = clock();
            if let Some((ended, _)) = ended {
                self.matcher.release(ended);
            }
            self.matcher.add_request(candidate);
            self.matcher.look_at(NEW_CALLS);
            self.dispatch();
            let span = start.elapsed();
            all.push(span);
            let before = std::mem::replace(&mut turn, turns.count());
            if turn == before {
                spans.add(span)
            } else {
                interrupted.add(span)
            }
            turn = turns.count();
        }
        let size = self.matcher.size();
        println!(
            "{:<12} {:>15} {:>9} {:>8.0} {:>8.0} {:>10.0} {:>7.1} {:>7.1} {:>8.1} {:>8.0} \
             {:>11} {:>7}",
            self.shape.name,
            format!("{} x {}", size.request_classes, size.worker_classes),
            size.edges,
            load.as_secs_f64() * 1e3,
            fill.as_secs_f64() * 1e3,
            spans.per_second(),
            spans.micros(500),
            spans.micros(990),
            spans.micros(999),
            spans.micros(1_000),
            self.matcher.evaluations(),
            resident_mb(),
        );
        println!(
            "{:<12} {} events left out, in which another process had the processor",
            "",
            interrupted.len()
        );
        slices.print("at first");
        self.matcher.set_worker(self.shape.new_worker(self.workers), Ok(()));
        self.first_sight().print("a new kind of worker");
        if filled == 0 {
            println!("  nothing could start: the shape is wrong");
        }
        Round { micros: (spans.micros(500), spans.micros(990)), spans: all }
    }
}
