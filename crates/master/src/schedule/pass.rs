//! One pass: what is new is decided by `core::trigger` and written down, in order, once.

use std::time::Duration;

use steading_core::farm::Scheduler;
use steading_core::trigger::{self, Reaction, Timer, Wish};
use steading_core::words::{Change, Micros, SourceStamp};
use steading_store::{Error, NewBuildset, NewRequest, Read};
use tokio_util::sync::CancellationToken;

use super::submission::{Submission, stamps};
use crate::context::Context;
use crate::farms::{FarmError, Present};

/// Changes taken up in one pass; the next pass follows at once.
const CHANGES_PER_PASS: usize = 100;
/// The timer behind the notification.
const SAFETY: Duration = Duration::from_secs(30);

/// Runs passes whenever history moved or a timer is due.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let mut seq = context.store.seq();
    loop {
        seq.mark_unchanged();
        let wait = match pass(&context).await {
            Ok(wake) => wake.unwrap_or(SAFETY).min(SAFETY),
            Err(error) => {
                tracing::error!("cannot schedule: {error}");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            changed = seq.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Gives how long until the next timer.
async fn pass(context: &Context) -> Result<Option<Duration>, FarmError> {
    let present = context.farms.present();
    let (changes, timers, now) = context
        .store
        .glance(|r| Ok((r.changes_to_schedule(CHANGES_PER_PASS)?, running(r)?, r.now())))
        .await?;
    let due: Vec<Timer> = trigger::due(&timers, now).into_iter().cloned().collect();
    let quiet = due.is_empty() && changes.is_empty();
    for timer in due {
        fire(context, &present, timer).await?;
    }
    for change in changes {
        take_up(context, &present, change).await?;
    }
    // Woken by every commit, it mostly finds nothing to do, and then nothing has moved either.
    let timers = if quiet { timers } else { context.store.read(running).await? };
    Ok(trigger::next_wake(&timers).map(|at| at.since(now).into()))
}

/// The timers of schedulers that nobody paused. The others keep what they collected, and fall due
/// when they are resumed.
fn running(r: &Read<'_>) -> Result<Vec<Timer>, Error> {
    let paused = r.paused_schedulers()?;
    let timers = r.timers()?.into_iter();
    Ok(timers.filter(|timer| !paused.contains_key(&timer.scheduler)).collect())
}

async fn take_up(context: &Context, present: &Present, change: Change) -> Result<(), FarmError> {
    let read = context.store.read(|r| Ok((r.timers()?, r.paused_schedulers()?, r.now())));
    let (timers, paused, now) = read.await?;
    let mut keep = Vec::new();
    let mut submissions = Vec::new();
    for (name, reaction) in reactions(present, &change, &timers, now) {
        let held = paused.contains_key(name);
        match if held { trigger::held_back(reaction, now) } else { reaction } {
            Reaction::Ignore => {}
            Reaction::Keep(timer) => keep.push(timer),
            Reaction::Fire(wish) => {
                let rode_along = timers.iter().any(|timer| is_for(timer, name, &change));
                submissions.push((submission(context, present, wish).await, rode_along));
            }
        }
    }
    context
        .store
        .write("schedule.change", move |w| {
            for timer in &keep {
                w.arm_timer(timer)?;
            }
            for (submission, rode_along) in &submissions {
                submission.submit(w)?;
                if let (true, Some(scheduler)) = (*rode_along, &submission.buildset.scheduler) {
                    w.drop_timer(scheduler, &change.repository, &change.branch)?;
                }
            }
            w.mark_scheduled(change.id)
        })
        .await?;
    Ok(())
}

fn reactions<'a>(
    present: &'a Present,
    change: &'a Change,
    timers: &'a [Timer],
    now: Micros,
) -> impl Iterator<Item = (&'a str, Reaction)> {
    present.farm.schedulers.iter().filter_map(move |(name, scheduler)| match scheduler {
        Scheduler::OnChange(on) => {
            let timer = timers.iter().find(|timer| is_for(timer, name, change));
            Some((name.as_str(), trigger::on_change(name, on, change, timer, now)))
        }
        Scheduler::Force(_) => None,
    })
}

fn is_for(timer: &Timer, scheduler: &str, change: &Change) -> bool {
    timer.scheduler == scheduler
        && timer.repository == change.repository
        && timer.branch == change.branch
}

/// A timer fires once: it is dropped in the section that submits its buildset.
async fn fire(context: &Context, present: &Present, timer: Timer) -> Result<(), FarmError> {
    let wish = match present.farm.schedulers.get(&timer.scheduler) {
        Some(Scheduler::OnChange(on)) => Some(trigger::fired(on, &timer)),
        _ => None,
    };
    let submission = match wish {
        Some(wish) => Some(submission(context, present, wish).await),
        None => None,
    };
    context
        .store
        .write("schedule.timer", move |w| {
            if let Some(submission) = &submission {
                submission.submit(w)?;
            }
            w.drop_timer(&timer.scheduler, &timer.repository, &timer.branch)
        })
        .await?;
    Ok(())
}

async fn submission(context: &Context, present: &Present, wish: Wish) -> Submission {
    let main =
        SourceStamp { repository: wish.repository, branch: wish.branch, revision: wish.revision };
    let resolved = stamps(context, present, &wish.builders, Some(main.clone())).await;
    let request = |builder: String| NewRequest {
        builder,
        priority: wish.priority,
        properties: Default::default(),
        pinned_worker: None,
        start_within: None,
    };
    let declared = present.farm.schedulers.get(&wish.scheduler);
    let buildset = NewBuildset {
        fail_fast: matches!(declared, Some(Scheduler::OnChange(on)) if on.fail_fast),
        reason: wish.reason,
        scheduler: Some(wish.scheduler),
        owner: None,
        stamps: vec![main],
        changes: wish.changes,
        configuration_id: present.id,
        requests: wish.builders.into_iter().map(request).collect(),
    };
    Submission::new(context, present, buildset, resolved).await
}
