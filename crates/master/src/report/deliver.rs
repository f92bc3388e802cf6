//! From the outbox on its way: one at a time for each notifier, in order, with a deadline, again
//! later when it fails, given up at last. What a crash cuts off is told again: at least once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration as StdDuration;

use steading_core::farm::{Notifier, Receiver};
use steading_core::words::{Duration, Micros};
use steading_store::{Error, Notification};
use tokio_util::sync::CancellationToken;

use super::message::Message;
use super::rounds::Rounds;
use super::{mail, webhook};
use crate::context::Context;
use crate::spawn::spawn;

/// Waiting notifications looked at in one pass.
const LOOKED_AT: usize = 200;
/// Longest try.
const DEADLINE: StdDuration = StdDuration::from_secs(60);
/// Tries before one is given up: the last one comes about two hours after the first.
const ATTEMPTS_MAX: i64 = 12;
/// The rest after the first failure; it doubles from there.
const REST_FIRST: Duration = Duration::seconds(2);

/// Notifiers that have one on its way.
type Busy = Arc<Mutex<BTreeSet<String>>>;

/// Sends what waits for as long as the master runs.
pub(crate) async fn run(context: Context, shutdown: CancellationToken) {
    let busy = Busy::default();
    let mut rounds = Rounds::new(&context.store, shutdown.clone(), "the outbox");
    while rounds.wait(pass(&context, &busy, &shutdown).await).await {}
}

/// Starts what is due; gives how long until the next is.
async fn pass(
    context: &Context,
    busy: &Busy,
    shutdown: &CancellationToken,
) -> Result<Option<StdDuration>, Error> {
    let read = context.store.read(|r| Ok((r.notifications_waiting(LOOKED_AT)?, r.now())));
    let (waiting, now) = read.await?;
    let mut next: Option<Micros> = None;
    for one in waiting {
        if one.next_at > now {
            next = Some(next.map_or(one.next_at, |at| at.min(one.next_at)));
            continue;
        }
        if !busy.lock().expect("holders only insert and remove").insert(one.notifier.clone()) {
            continue;
        }
        let (context, busy, shutdown) = (context.clone(), busy.clone(), shutdown.clone());
        spawn("notification", async move {
            let notifier = one.notifier.clone();
            tokio::select! {
                biased;
                // It stays in the outbox, for the next master.
                () = shutdown.cancelled() => {}
                () = carry_out(&context, one) => {}
            }
            busy.lock().expect("holders only insert and remove").remove(&notifier);
        });
    }
    Ok(next.map(|at| StdDuration::from(at.since(now)) + StdDuration::from_millis(1)))
}

/// One try, and what came of it written down.
async fn carry_out(context: &Context, one: Notification) {
    let attempts = one.attempts + 1;
    let tried = match tokio::time::timeout(DEADLINE, tell(context, &one)).await {
        Ok(tried) => tried,
        Err(_) => Err(Failed::Passing(format!("no end of it within {} s", DEADLINE.as_secs()))),
    };
    let (id, notifier) = (one.id, one.notifier);
    let section = context.store.write("report.told", move |w| match &tried {
        Ok(()) => w.notification_sent(id, attempts),
        Err(failed) => {
            let next_at = failed.rest(attempts).map(|rest| w.now().plus(rest));
            w.notification_tried(id, attempts, failed.text(), next_at)
        }
    });
    if let Err(error) = section.await {
        tracing::error!(notifier, "cannot record what became of a notification: {error}");
    }
}

async fn tell(context: &Context, one: &Notification) -> Result<(), Failed> {
    let present = context.farms.present();
    let Some(notifier) = present.farm.notifiers.get(&one.notifier) else {
        return Err(Failed::Lasting(format!("the farm no longer has `{}`", one.notifier)));
    };
    let message = Message::of(context, notifier, one).await?;
    send(context, notifier, &message).await
}

async fn send(context: &Context, notifier: &Notifier, message: &Message) -> Result<(), Failed> {
    match &notifier.to {
        Receiver::Mail(to) => mail::send(&context.data, to, message).await,
        Receiver::Webhook(to) => webhook::send(&context.data, to, message).await,
    }
}

/// Why something was not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    /// It may work later.
    Passing(String),
    /// It never will.
    Lasting(String),
}

/// An error with its causes.
pub(super) fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

impl Failed {
    /// Something that may work later.
    pub(super) fn passing(error: &dyn std::error::Error) -> Failed {
        Failed::Passing(said(error))
    }

    fn text(&self) -> &str {
        match self {
            Failed::Passing(text) | Failed::Lasting(text) => text,
        }
    }

    /// How long to rest before the next try; none when it is given up.
    fn rest(&self, attempts: i64) -> Option<Duration> {
        match self {
            Failed::Passing(_) if attempts < ATTEMPTS_MAX => {
                Some(REST_FIRST.times(1 << (attempts - 1).clamp(0, ATTEMPTS_MAX)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_rest_longer_each_time_and_end() {
        let passing = Failed::Passing(String::new());
        let check = |attempts, expected: Option<i64>| {
            assert_eq!(passing.rest(attempts), expected.map(Duration::seconds), "{attempts}");
        };
        check(1, Some(2));
        check(2, Some(4));
        check(11, Some(2048));
        check(12, None);
        assert_eq!(Failed::Lasting(String::new()).rest(1), None);
    }
}
