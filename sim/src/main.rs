//! `steading-sim`: runs seeds, says what came of them, and how to see one again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use steading_sim::{Coverage, Judged, PHASES, Plan, Report, run, shrink};
use tokio::time::Instant;

/// Runs that a hunt for every crash point may take.
const CRASH_RUNS_MAX: u64 = 60;
/// After so many seeds a long run says how far it is.
const SAID_EVERY: u64 = 500;

/// Simulates whole farms under faults.
#[derive(Debug, Parser)]
struct Args {
    /// The seeds to run: one, or `FROM..TO`.
    #[arg(long, default_value = "0..100")]
    seeds: String,
    /// Builds that people want in each run.
    #[arg(long, default_value_t = 50)]
    builds: u64,
    /// Things that go wrong in each run, at most.
    #[arg(long, default_value_t = 12)]
    faults: u64,
    /// Threads; each runs whole seeds.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Print everything that happens in each run.
    #[arg(long)]
    trace: bool,
    /// Leave the faults of a failing seed as they were drawn.
    #[arg(long)]
    keep_faults: bool,
    /// Kill a master at every write section instead, before its commit, after it, inside a batch.
    #[arg(long)]
    crash_points: bool,
    /// Let the farm say what it logs, as RUST_LOG selects.
    #[arg(long)]
    logs: bool,
}

/// What came of all seeds.
#[derive(Default)]
struct Sum {
    seeds: u64,
    builds: usize,
    judged: Judged,
    lost: usize,
    events: i64,
    lives: u64,
    simulated_ms: u64,
    outcomes: BTreeMap<String, usize>,
    injected: BTreeMap<&'static str, u64>,
    covered: Coverage,
    failed: Vec<(u64, Vec<String>)>,
}

impl Sum {
    fn add(&mut self, seed: u64, report: &Report) {
        self.seeds += 1;
        self.builds += report.builds;
        self.judged += report.judged;
        self.lost += report.lost;
        self.events += report.events;
        self.lives += report.lives;
        self.simulated_ms += report.simulated_ms;
        for (outcome, count) in &report.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
        for (kind, count) in &report.injected {
            *self.injected.entry(kind).or_default() += count;
        }
        for (pair, count) in &report.covered {
            *self.covered.entry(*pair).or_default() += count;
        }
        if !report.violations.is_empty() {
            self.failed.push((seed, report.violations.clone()));
        }
    }
}

fn seeds(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((from, to)) => Some(from.parse().ok()?..to.parse().ok()?),
        None => text.parse().ok().map(|seed| seed..seed + 1),
    }
}

fn main() -> std::process::ExitCode {
    let args = Args::parse();
    let Some(seeds) = seeds(&args.seeds) else {
        say("--seeds takes a number or FROM..TO");
        return 2.into();
    };
    if args.logs {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).without_time().init();
    }
    let began = Instant::now();
    if args.crash_points {
        return crash_points(began, args.trace);
    }
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| work(&args, &seeds, &next, &sum));
        }
    });
    let mut sum = sum.into_inner().expect("no run panicked");
    sum.failed.sort();
    show(&sum, &seeds, began.elapsed().as_secs_f64());
    for (seed, violations) in sum.failed.iter().take(3) {
        explain(&args, *seed, violations);
    }
    if sum.failed.is_empty() { 0.into() } else { 1.into() }
}

fn crash_points(began: Instant, trace: bool) -> std::process::ExitCode {
    let found = steading_sim::crashes(CRASH_RUNS_MAX, trace, |line| say(&line));
    let seconds = began.elapsed().as_secs_f64();
    say(&format!(
        "{} kills in {} runs, {seconds:.1} s; {} sections at all three places",
        found.killed, found.runs, found.sections
    ));
    for (section, why) in &found.out_of_reach {
        say(&format!("out of reach: {section}: {why}"));
    }
    for text in found.missed.iter().map(|it| format!("missed {it}")).chain(found.violations.clone())
    {
        say(&text);
    }
    if found.missed.is_empty() && found.violations.is_empty() { 0.into() } else { 1.into() }
}

fn plan(args: &Args, seed: u64) -> Plan {
    Plan { builds: args.builds, faults: args.faults, trace: args.trace, ..Plan::of(seed) }
}

fn work(args: &Args, seeds: &Range<u64>, next: &AtomicU64, sum: &Mutex<Sum>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds.end {
            return;
        }
        let report = run(&plan(args, seed));
        for line in &report.trace {
            say(line);
        }
        if args.trace {
            say(&format!("seed {seed}: fingerprint {:016x}", report.hash));
        }
        if let Some(first) = report.violations.first() {
            say(&format!("seed {seed}: {} violations: {first}", report.violations.len()));
        }
        let mut sum = sum.lock().expect("no run panicked");
        sum.add(seed, &report);
        if sum.seeds.is_multiple_of(SAID_EVERY) {
            let Sum { seeds, builds, failed, .. } = &*sum;
            say(&format!("so far {seeds} seeds, {builds} builds, {} failing seeds", failed.len()));
        }
    }
}

fn show(sum: &Sum, seeds: &Range<u64>, seconds: f64) {
    let count = seeds.end - seeds.start;
    let hours = sum.simulated_ms as f64 / 3_600_000.0;
    let Sum { builds, judged, events, .. } = sum;
    say(&format!("{count} seeds, {builds} builds, {events} events of history"));
    let Judged { claims, contested, passed } = judged;
    say(&format!(
        "{claims} claims judged by brute force: {contested} while others waited, {passed} past \
         somebody who waits for locks"
    ));
    say(&format!("{seconds:.1} s for {hours:.1} simulated hours, {} lives of masters", sum.lives));
    say(&format!("requests by outcome: {:?}; {} builds had no verdict", sum.outcomes, sum.lost));
    say("faults, and how often one began while there was, on its machine or the farm:");
    let row = |count: &str, cells: &[String], kind: &str| {
        say(&format!("{count:>9} {}  {kind}", cells.concat()));
    };
    row("all", &PHASES.map(|phase| format!("{phase:>11}")), "");
    for (kind, count) in &sum.injected {
        let met = |phase| sum.covered.get(&(*kind, phase)).copied().unwrap_or_default();
        row(&count.to_string(), &PHASES.map(|phase| format!("{:>11}", met(phase))), kind);
    }
    let violations: usize = sum.failed.iter().map(|(_, found)| found.len()).sum();
    say(&format!("violations: {violations}, in {} seeds", sum.failed.len()));
    let seeds: Vec<u64> = sum.failed.iter().map(|(seed, _)| *seed).take(40).collect();
    if !seeds.is_empty() {
        say(&format!("failing seeds: {seeds:?}"));
    }
}

/// A failing seed, with as few faults as it takes, and the command that repeats it.
fn explain(args: &Args, seed: u64, violations: &[String]) {
    say(&format!("\nseed {seed}:"));
    for violation in violations.iter().take(12) {
        say(&format!("  {violation}"));
    }
    let (builds, faults) = (args.builds, args.faults);
    say(&format!(
        "  repeat: cargo run --release -p steading-sim -- --seeds {seed} --builds {builds} \
         --faults {faults} --trace"
    ));
    if args.keep_faults {
        return;
    }
    let plan = Plan { trace: false, ..plan(args, seed) };
    let (shortest, report) = shrink(&plan, &run(&plan));
    let faults = shortest.only.unwrap_or_default();
    say(&format!("  with {} faults it still fails: {:?}", faults.len(), report.violations.first()));
    for fault in &faults {
        say(&format!("    {fault:?}"));
    }
    for line in report.trace.iter().rev().take(60).rev() {
        say(&format!("  {line}"));
    }
}

#[expect(clippy::print_stdout, reason = "a program for people: this is where it speaks")]
fn say(line: &str) {
    println!("{line}");
}
