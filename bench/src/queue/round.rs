//! Filling a queue, and one round on it: as many requests come as builds begin, so that the queue
//! stays as deep as it is.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::Value;

use crate::farm::{Cost, Farm, Http};
use crate::process::{Spans, clock};

/// Connections that submit.
const SUBMITTERS: usize = 4;
/// Requests that an almost empty queue holds, per worker.
const AHEAD: usize = 4;
/// How often the number of builds is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Longest round.
const ROUND_MAX: Duration = Duration::from_secs(600);

/// What a round came to.
#[derive(Debug)]
pub(crate) struct Round {
    /// Builds finished per second.
    pub(crate) per_second: f64,
    /// From the end of a process to the start of the next on the same worker.
    pub(crate) gaps: Spans,
    /// What each build cost.
    pub(crate) cost: Cost,
}

/// Submits so many requests over all builders, with nobody to build them; how many per second.
pub(crate) fn fill(farm: &Farm, requests: usize) -> io::Result<f64> {
    let began = clock();
    submit(farm, &AtomicUsize::new(requests), requests)?;
    Ok(requests as f64 / began.elapsed().as_secs_f64())
}

/// Submits `requests`, never more than `allowed`, over all builders in turn.
fn submit(farm: &Farm, allowed: &AtomicUsize, requests: usize) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let one = || -> io::Result<()> {
        let mut http = farm.connect()?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= requests {
                return Ok(());
            }
            while number >= allowed.load(Ordering::Relaxed) {
                wait();
            }
            http.post(&format!("/builders/b{}/force", number % farm.size.builders), "{}")?;
        }
    };
    scope(|scope| {
        let threads: Vec<_> = (0..SUBMITTERS).map(|_| scope.spawn(one)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}

/// One round of so many builds. The farm's workers take nothing before and after it.
pub(crate) fn round(farm: &Farm, builds: usize) -> io::Result<Round> {
    let mut http = farm.connect()?;
    let first = newest(&mut http)?;
    let before = Cost::read(farm, &mut http)?;
    let ahead = AHEAD * farm.size.workers;
    let allowed = AtomicUsize::new(ahead);
    farm.workers("resume")?;
    scope(|scope| {
        let submitting = scope.spawn(|| submit(farm, &allowed, builds));
        let gave_up = clock() + ROUND_MAX;
        loop {
            let begun = usize::try_from(newest(&mut http)? - first).unwrap_or(0);
            // After the last one nobody has to wait for room any more.
            allowed.store(if begun < builds { begun + ahead } else { builds }, Ordering::Relaxed);
            if begun >= builds {
                break;
            }
            if clock() > gave_up {
                allowed.store(builds, Ordering::Relaxed);
                return Err(io::Error::other(format!("only {begun} builds began")));
            }
            wait();
        }
        submitting.join().expect("it does not panic")
    })?;
    farm.workers("pause")?;
    settle(&mut http)?;
    let begun = newest(&mut http)? - first;
    let cost = Cost::read(farm, &mut http)?.since(before, begun as f64);
    let rows =
        http.list(&format!("/builds?order=id&id__gt={first}&fields=id,worker,finished_at"))?;
    let steps = http.list(&format!("/steps?order=id&build_id__gt={first}&fields=build_id,exit"))?;
    Ok(Round { per_second: rate(&rows), gaps: gaps(&rows, &steps), cost })
}

fn newest(http: &mut Http) -> io::Result<i64> {
    let newest = http.get("/builds?order=-id&limit=1&fields=id")?;
    Ok(newest["items"][0]["id"].as_i64().unwrap_or(0))
}

/// Waits until nothing runs and nothing is offered.
fn settle(http: &mut Http) -> io::Result<()> {
    let gave_up = clock() + ROUND_MAX;
    loop {
        let running = http.get("/builds?state__ne=finished&limit=1&fields=id")?;
        let offered = http.get("/claims?state=offered&limit=1&fields=id")?;
        let is_empty = |page: &Value| page["items"].as_array().is_some_and(Vec::is_empty);
        if is_empty(&running) && is_empty(&offered) {
            return Ok(());
        }
        if clock() > gave_up {
            return Err(io::Error::other("the builds do not end"));
        }
        wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a farm is asked again after a while, not at once")]
fn wait() {
    sleep(LOOK_EVERY);
}

/// Microseconds since the epoch.
fn time(value: &Value) -> Option<i64> {
    let time: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(time.as_microsecond())
}

/// Builds finished per second in the middle nine tenths: neither the first, that find everybody
/// free, nor the last, when some have nothing to do.
fn rate(builds: &[Value]) -> f64 {
    let mut ends: Vec<i64> =
        builds.iter().filter_map(|build| time(&build["finished_at"])).collect();
    ends.sort_unstable();
    let edge = ends.len() / 20;
    let middle = &ends[edge..ends.len() - edge];
    let (Some(first), Some(last)) = (middle.first(), middle.last()) else { return 0.0 };
    (middle.len() - 1) as f64 * 1e6 / (last - first).max(1) as f64
}

/// From the end of each process to the start of the next one on its worker, as those who started
/// the processes wrote down. Workers have one slot.
fn gaps(builds: &[Value], steps: &[Value]) -> Spans {
    let exits: BTreeMap<i64, &Value> =
        steps.iter().filter_map(|step| Some((step["build_id"].as_i64()?, &step["exit"]))).collect();
    let mut ended: BTreeMap<&str, i64> = BTreeMap::new();
    let mut gaps = Spans::default();
    for build in builds {
        let exit = build["id"].as_i64().and_then(|id| exits.get(&id).copied());
        let (Some(exit), Some(worker)) = (exit, build["worker"].as_str()) else { continue };
        let times = (time(&exit["started_at"]), time(&exit["ended_at"]));
        let (Some(started_at), Some(ended_at)) = times else { continue };
        if let Some(before) = ended.insert(worker, ended_at) {
            gaps.add(Duration::from_micros(u64::try_from(started_at - before).unwrap_or(0)));
        }
    }
    gaps
}
