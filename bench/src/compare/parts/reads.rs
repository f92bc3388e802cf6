//! Reading a long history.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use super::latency::percentile;
use crate::compare::history::{self, BUILDERS};
use crate::compare::row::{Better, Figure, Goal, Row, STEADING};
use crate::compare::run::Bench;
use crate::compare::system::Work;
use crate::farm::{Farm, Http, Size};
use crate::process::clock;

/// A longer history is only measured if it is kept.
const MADE_AT_ONCE: usize = 100_000;
/// Connections that read at once.
const CONNECTIONS: usize = 8;

/// The newest fifty, as both APIs say it.
const NEWEST: &str = "/api/v1/builds?order=-id&limit=50";
const NEWEST_BUILDBOT: &str = "/api/v2/builds?order=-buildid&limit=50";
/// A thousand in one answer, as the pages read them.
const OVERVIEW: &str = "/api/v1/builds?order=-id&limit=1000&fields=id,builder,number,state,outcome,\
    worker,branch,revision,started_at,finished_at";

/// How often a peer may close a connection in the middle of it.
const PEER_BREAKS: usize = 100;

const NOTE: &str = "A history of builds of one step by 100 builders, made by the store's own \
    operations (Buildbot's: written into its tables). Eight kept connections of one client on the \
    same machine ask for the newest 50 builds, all fields. Each asks for something else each time \
    (`id__le=…`, beyond the newest), so that no answer was kept: as on a farm that never rests.";
const AGAIN: &str = "The same question again and again while nothing is written: the answer is \
    kept until the next commit.";
const ALL: &str = "One connection; the newest 1,000 builds with the ten fields the pages show, no \
    answer kept.";

pub(super) fn run(bench: &Bench, rows: &mut Vec<Row>) -> io::Result<()> {
    for builds in bench.options.size(&[10_000][..], &[100_000, 1_000_000]) {
        if is_at_hand(bench, *builds) {
            rows.extend(one(bench, *builds)?);
        }
    }
    Ok(())
}

/// Whether a history is short enough to be made, or kept; says so if it is not.
pub(super) fn is_at_hand(bench: &Bench, builds: usize) -> bool {
    let is = builds <= MADE_AT_ONCE || history::is_kept(&bench.peers.home, builds);
    if !is {
        println!("no history of {builds} builds is kept: `compare --prepare` makes one");
    }
    is
}

fn one(bench: &Bench, builds: usize) -> io::Result<[Row; 4]> {
    let name = |what: &str| format!("{what}, {builds} builds");
    let mut rate = Row::new("reads", name("newest 50 of"), "answers/s", Better::More).note(NOTE);
    let mut p99 = Row::new("reads", name("newest 50 of, p99"), "ms", Better::Less).note(NOTE);
    let mut again =
        Row::new("reads", name("the same again, newest 50 of"), "answers/s", Better::More)
            .note(AGAIN);
    let mut all =
        Row::new("reads", name("overview of 1,000 of, p99"), "ms", Better::Less).note(ALL);
    match builds {
        1_000_000 => all = all.goal(Goal::Value(10.0)),
        _ => rate = rate.goal(Goal::Times("Buildbot", 100.0)),
    }
    let span = Duration::from_secs(bench.options.size(2, 4));
    let farm = with_history(bench, "master", builds)?;
    for _ in 0..bench.options.rounds(3) {
        let (per_second, _) = ask(CONNECTIONS, span, || farm.connect(), |_| NEWEST.to_owned(), 0)?;
        again.add(STEADING, per_second);
        let other = |path: &'static str| move |n| format!("{path}&id__le={}", builds + n);
        let asked = ask(CONNECTIONS, span, || farm.connect(), other(NEWEST), 0)?;
        let (per_second, mut spans) = asked;
        rate.add(STEADING, per_second);
        p99.add(STEADING, percentile(&mut spans, 99));
        let (_, mut spans) = ask(1, span, || farm.connect(), other(OVERVIEW), 0)?;
        all.add(STEADING, percentile(&mut spans, 99));
    }
    drop(farm);
    if let (true, Ok(buildbot)) = (builds <= 100_000, &bench.peers.buildbot) {
        let farm = buildbot.master(&Work::no_op(BUILDERS, 20, 1))?;
        if farm.fill(builds)? {
            let rounds = bench.options.rounds(3);
            let mut figures = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                let path = |_| NEWEST_BUILDBOT.to_owned();
                let asked = ask(CONNECTIONS, span, || farm.connect(), path, PEER_BREAKS)?;
                let (per_second, mut spans) = asked;
                figures.0.push(per_second);
                figures.1.push(percentile(&mut spans, 99));
            }
            rate.figures.push(Figure { system: "Buildbot", values: figures.0 });
            p99.figures.push(Figure { system: "Buildbot", values: figures.1 });
        }
    }
    Ok([rate, p99, again, all])
}

/// A master whose history has so many builds already.
pub(super) fn with_history(bench: &Bench, verb: &'static str, builds: usize) -> io::Result<Farm> {
    let kept = history::kept(&bench.peers.home, builds)?;
    let text = format!(
        "[worker(\"w%d\" % n) for n in range(20)]\n\
         [builder(\"b%d\" % n, steps = [shell([\"true\"])]) for n in range({BUILDERS})]\n"
    );
    let size = Size { workers: 20, builders: BUILDERS };
    Farm::prepared(&bench.steading, verb, size, &text, |dir| history::copy(&kept, dir))
}

/// Asks over and over, each time for the path of that number; answers per second, and milliseconds
/// of each. Each connection asks once before that. So many may break, and are made anew.
fn ask(
    connections: usize,
    span: Duration,
    connect: impl Fn() -> io::Result<Http> + Sync,
    path: impl Fn(usize) -> String + Sync,
    breaks_max: usize,
) -> io::Result<(f64, Vec<f64>)> {
    let (number, broken) = (AtomicUsize::new(1), AtomicUsize::new(0));
    let one = || -> io::Result<Vec<f64>> {
        let (mut http, mut spans) = (connect()?, Vec::new());
        http.text(&path(0))?;
        let until = clock() + span;
        while clock() < until {
            let path = path(number.fetch_add(1, Ordering::Relaxed));
            let began = clock();
            match http.text(&path) {
                // A question that outlasts the time counts for nobody: it may hang for a minute.
                Ok(_) if clock() > until => {}
                Ok(_) => spans.push(began.elapsed().as_secs_f64() * 1e3),
                Err(_) if broken.fetch_add(1, Ordering::Relaxed) < breaks_max => http = connect()?,
                Err(error) => return Err(error),
            }
        }
        Ok(spans)
    };
    let spans = scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("it does not panic"));
        joined.collect::<io::Result<Vec<_>>>()
    })?;
    let (spans, broken) = (spans.concat(), broken.into_inner());
    if broken > 0 {
        println!("{broken} connections broke in the middle of an answer and were made anew");
    }
    Ok((spans.len() as f64 / span.as_secs_f64(), spans))
}
