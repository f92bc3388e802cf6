//! From events to the outbox: each finished build is looked at once, whoever dies meanwhile.

use std::time::Duration;

use steading_core::farm::Farm;
use steading_core::settle::turn;
use steading_core::words::{Build, BuildId, Event, EventKind, Seq};
use steading_store::{Error, NewNotification, Read};
use tokio_util::sync::CancellationToken;

use super::rounds::Rounds;
use crate::context::Context;

/// The name under which the place in the event stream is kept.
const NAME: &str = "report";
/// Events looked at in one section.
const BATCH: usize = 1000;
/// Events after which the place is written down although nothing was to be told: looking at a few
/// again costs less than writing after each.
const UNWRITTEN_MAX: i64 = 1000;

/// Follows events for as long as the master runs.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut rounds = Rounds::new(&context.store, shutdown, "what is to be told");
    let mut place = None;
    loop {
        let more = pass(&context, &mut place).await;
        if !rounds.wait(more.map(|more| more.then_some(Duration::ZERO))).await {
            return;
        }
    }
}

/// Where we are in the event stream.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// As written down: where the next master begins.
    written: Seq,
    /// As looked at.
    looked: Seq,
}

/// Looks at the next events; true when there are more.
async fn pass(context: &Context, place: &mut Option<Place>) -> Result<bool, Error> {
    let Place { written, looked } = match place {
        Some(place) => *place,
        None => *place.insert(begin(context).await?),
    };
    let present = context.farms.present();
    let look = context.store.read(move |r| look(r, &present.farm, looked)).await?;
    let Look { upto, news, more } = look;
    let write = !news.is_empty() || upto.0 - written.0 >= UNWRITTEN_MAX;
    if write {
        let section = context.store.write("report.follow", move |w| {
            for new in &news {
                w.add_notification(new)?;
            }
            w.reach(NAME, upto)
        });
        section.await?;
    }
    *place = Some(Place { written: if write { upto } else { written }, looked: upto });
    Ok(more)
}

/// Where the last master left off. A farm that never told anything begins with what happens from
/// now on.
async fn begin(context: &Context) -> Result<Place, Error> {
    let read = context.store.glance(|r| Ok((r.reached(NAME)?, r.newest_seq()?)));
    let (reached, newest) = read.await?;
    if reached.is_none() {
        context.store.write("report.begin", move |w| w.reach(NAME, newest)).await?;
    }
    let seq = reached.unwrap_or(newest);
    Ok(Place { written: seq, looked: seq })
}

struct Look {
    upto: Seq,
    news: Vec<NewNotification>,
    more: bool,
}

fn look(r: &Read<'_>, farm: &Farm, looked: Seq) -> Result<Look, Error> {
    if farm.notifiers.is_empty() {
        return Ok(Look { upto: r.newest_seq()?, news: Vec::new(), more: false });
    }
    let events = r.events(looked, BATCH)?;
    let upto = events.last().map_or(looked, |event| event.seq);
    let mut news = Vec::new();
    for build in events.iter().filter_map(finished) {
        if let Some(build) = r.build(build)? {
            news.extend(told(r, farm, &build)?);
        }
    }
    Ok(Look { upto, news, more: events.len() == BATCH })
}

fn finished(event: &Event) -> Option<BuildId> {
    (event.kind == EventKind::BuildFinished.word()).then_some(BuildId(event.noun_id))
}

/// What a finished build is to be told as, to each notifier that watches it.
fn told(r: &Read<'_>, farm: &Farm, build: &Build) -> Result<Vec<NewNotification>, Error> {
    let Some(outcome) = build.outcome else { return Ok(Vec::new()) };
    let branch = build.stamp.as_ref().map(|stamp| stamp.branch.as_str());
    let watching = farm.notifiers.values().filter(|it| it.watches(&build.builder, branch));
    let watching: Vec<&str> = watching.map(|it| it.name.as_str()).collect();
    if watching.is_empty() {
        return Ok(Vec::new());
    }
    let before = |of_code| r.verdict_before(&build.builder, branch, build.number, of_code);
    let (any, of_code) = (before(false)?, before(true)?);
    let outcome_of = |found: Option<(BuildId, _)>| found.map(|(_, outcome)| outcome);
    let Some(turn) = turn(outcome_of(any), outcome_of(of_code), outcome) else {
        return Ok(Vec::new());
    };
    let new = |notifier: &str| NewNotification {
        notifier: notifier.to_owned(),
        turn,
        build: build.id,
        previous: any.map(|(id, _)| id),
    };
    Ok(watching.into_iter().map(new).collect())
}
