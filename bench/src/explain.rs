//! What it takes to look at a queue as a whole, and to say of a request why it is not running.

use steading_core::words::Micros;

use crate::measure::Bench;
use crate::process::{Spans, clock, resident_mb};
use crate::shapes::SHAPES;

/// Requests of the queue page.
const PAGE: usize = 200;
/// Explanations measured, spread over the queue.
const ASKED: usize = 200;

/// (shape, pending, workers, whether all that can start has started).
const CASES: [(&str, i64, i64, bool); 6] = [
    ("unique", 1_000, 1_000, false),
    ("unique", 1_000, 1_000, true),
    ("typical", 100_000, 10_000, false),
    ("typical", 100_000, 10_000, true),
    ("dense", 100_000, 10_000, true),
    ("unique", 100_000, 10_000, true),
];

/// Prints a line for each case.
pub(crate) fn run() -> bool {
    println!(
        "{:<9} {:>17} {:<6} {:>8} {:>8} {:>11} {:>11} {:>8} {:>6}",
        "shape",
        "pending x workers",
        "farm",
        "first ms",
        "look ms",
        "explain p50",
        "p99 ms",
        "page ms",
        "MB"
    );
    for (name, pending, workers, busy) in CASES {
        let Some(shape) = SHAPES.iter().find(|shape| shape.name == name) else { return false };
        let Some(mut bench) = Bench::new(*shape, (pending, workers)) else { return false };
        if busy {
            bench.dispatch();
        }
        let (policy, now) = (bench.policy.clone(), Micros(bench.now));
        let start = clock();
        drop(bench.matcher.look(policy.as_ref(), now));
        let first = start.elapsed();
        let start = clock();
        let mut scene = bench.matcher.look(policy.as_ref(), now);
        let look = start.elapsed();
        let mut spans = Spans::default();
        let order = scene.order().to_vec();
        for id in order.iter().step_by((order.len() / ASKED).max(1)) {
            let start = clock();
            let told = bench.matcher.explain_in(&mut scene, &[*id], policy.as_ref());
            spans.add(start.elapsed());
            if told.is_empty() {
                println!("request {id} is not explained");
                return false;
            }
        }
        let start = clock();
        let mut scene = bench.matcher.look(policy.as_ref(), now);
        let page = &order[..order.len().min(PAGE)];
        let told = bench.matcher.explain_in(&mut scene, page, policy.as_ref());
        let whole = start.elapsed();
        println!(
            "{name:<9} {:>17} {:<6} {:>8.1} {:>8.1} {:>11.2} {:>11.2} {:>8.1} {:>6}",
            format!("{pending} x {workers}"),
            if busy { "busy" } else { "idle" },
            first.as_secs_f64() * 1e3,
            look.as_secs_f64() * 1e3,
            spans.micros(500) / 1e3,
            spans.micros(990) / 1e3,
            whole.as_secs_f64() * 1e3,
            resident_mb(),
        );
        if told.len() != page.len() {
            return false;
        }
    }
    true
}
