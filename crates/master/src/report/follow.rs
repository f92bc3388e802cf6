//! From events to the outbox: each finished build is looked at once, whoever dies meanwhile.

use std::time::Duration;

use steading_core::farm::Farm;
use steading_core::settle::turn;
use steading_core::words::{Build, BuildId, Event, EventKind, Seq};
use steading_store::{Error, NewNotification, Read};
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// The name under which the place in the event stream is kept.
const NAME: &str = "report";
/// Events looked at in one section.
const BATCH: usize = 1000;
/// The timer behind the notification.
const SAFETY: Duration = Duration::from_secs(30);

/// Follows events for as long as the master runs.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut seq = context.store.seq();
    loop {
        seq.mark_unchanged();
        let wait = match pass(&context).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => SAFETY,
            Err(error) => {
                tracing::error!("cannot look at what is to be told: {error}");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            changed = seq.changed() => if changed.is_err() { return },
        }
    }
}

/// Looks at the next events; true when there are more.
async fn pass(context: &Context) -> Result<bool, Error> {
    let present = context.farms.present();
    let farm = present.clone();
    let look = context.store.read(move |r| look(r, &farm.farm)).await?;
    let Look { reached, upto, news, more } = look;
    // Where nothing is to be told, the place is remembered now and then only: looking again at a few
    // events costs less than writing after each.
    let worth_it = !news.is_empty() || upto.0 - reached.0 >= BATCH as i64 || reached.0 == 0;
    if upto > reached && worth_it {
        let section = context.store.write("report.follow", move |w| {
            for new in &news {
                w.add_notification(new)?;
            }
            w.reach(NAME, upto)
        });
        section.await?;
    }
    Ok(more)
}

struct Look {
    reached: Seq,
    upto: Seq,
    news: Vec<NewNotification>,
    more: bool,
}

fn look(r: &Read<'_>, farm: &Farm) -> Result<Look, Error> {
    let Some(reached) = r.reached(NAME)? else {
        // A farm that was there before it told anything begins with what happens from now on.
        let upto = r.newest_seq()?;
        return Ok(Look { reached: Seq(0), upto, news: Vec::new(), more: false });
    };
    let events = r.events(reached, BATCH)?;
    let upto = events.last().map_or(reached, |event| event.seq);
    let mut news = Vec::new();
    if !farm.notifiers.is_empty() {
        for build in events.iter().filter_map(finished) {
            if let Some(build) = r.build(build)? {
                news.extend(told(r, farm, &build)?);
            }
        }
    }
    Ok(Look { reached, upto, news, more: events.len() == BATCH })
}

fn finished(event: &Event) -> Option<BuildId> {
    (event.kind == EventKind::BuildFinished.word()).then_some(BuildId(event.noun_id))
}

/// What a finished build is to be told as, to each notifier that watches it.
fn told(r: &Read<'_>, farm: &Farm, build: &Build) -> Result<Vec<NewNotification>, Error> {
    let Some(outcome) = build.outcome else { return Ok(Vec::new()) };
    let branch = build.stamp.as_ref().map(|stamp| stamp.branch.as_str());
    let mut watching = farm.notifiers.values().filter(|it| it.watches(&build.builder, branch));
    let Some(first) = watching.next() else { return Ok(Vec::new()) };
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
    Ok(std::iter::once(first).chain(watching).map(|it| new(&it.name)).collect())
}
