//! An explanation in words.

use super::limits::limited;
use super::{Explanation, LockUse, NotNow, Share, Verdict, Why, WorkerGroup};
use crate::words::Access;

/// Names shown before "and n more".
const NAMES_SHOWN: usize = 3;

pub(super) fn say(explanation: &Explanation) -> String {
    let place =
        format!("It is number {} of {} in the queue", explanation.place, explanation.pending);
    let why = match &explanation.verdict {
        Verdict::Next { worker, after: 0 } => format!("and goes to `{worker}` next."),
        Verdict::Next { worker, after: 1 } => format!("and goes to `{worker}` after one other."),
        Verdict::Next { worker, after } => format!("and goes to `{worker}` after {after} others."),
        Verdict::WaitsForLocks => {
            let waits: Vec<String> =
                explanation.locks.iter().filter(|l| !l.grantable).map(lock).collect();
            format!("and waits for {}.", waits.join("; "))
        }
        Verdict::WaitsForSlot => format!(
            "and waits for a free slot: {}.",
            groups(explanation, |why| matches!(
                why,
                Why::NoFreeSlot | Why::MaxBuilds { .. } | Why::NotNow(_)
            ))
        ),
        Verdict::WaitsForWorker => {
            let known = groups(explanation, |why| matches!(why, Why::NotNow(_)));
            if known.is_empty() {
                "and waits for a worker that has not connected yet.".to_owned()
            } else {
                format!("and waits for a worker: {known}.")
            }
        }
        Verdict::RefusedByPolicy => format!(
            "and the policy keeps it from running: {}.",
            groups(explanation, |why| matches!(why, Why::PolicyNo | Why::PolicyFault { .. }))
        ),
        Verdict::Never => {
            let known = groups(explanation, |_| true);
            let known = if known.is_empty() { "the farm has none".to_owned() } else { known };
            format!("and no worker of this farm can ever run it: {known}.")
        }
    };
    let backfill = explanation.backfill.as_ref().map(|found| match found {
        Ok(backfill) => format!(" {}", backfill.text()),
        Err(why) => format!(" {}", why.text()),
    });
    format!("{place} {why}{}", backfill.unwrap_or_default())
}

fn groups(explanation: &Explanation, shown: fn(&Why) -> bool) -> String {
    let shown: Vec<String> =
        explanation.workers.iter().filter(|g| shown(&g.why)).map(group).collect();
    shown.join("; ")
}

fn group(group: &WorkerGroup) -> String {
    let names = group.workers.iter().take(NAMES_SHOWN).map(|w| format!("`{w}`"));
    let mut names = names.collect::<Vec<_>>().join(", ");
    let more = group.workers.len().saturating_sub(NAMES_SHOWN);
    if more > 0 {
        names = format!("{names} and {more} more");
    }
    match &group.why {
        Why::NoFreeSlot if group.workers.len() > 1 => format!("{names} are busy"),
        Why::NoFreeSlot => format!("{names} is busy"),
        Why::NotNow(NotNow::Offline) if group.workers.len() > 1 => format!("{names} are offline"),
        Why::NotNow(NotNow::Offline) => format!("{names} is offline"),
        Why::MaxBuilds { .. } if group.workers.len() == 1 => {
            format!("{names} {}", group.why.text())
        }
        why => format!("{names}: {}", why.text()),
    }
}

fn lock(lock: &LockUse) -> String {
    let whose = lock.worker.as_ref().map_or_else(String::new, |w| format!(" of `{w}`"));
    let wanted = match lock.wanted {
        Access::Exclusive => "exclusively".to_owned(),
        Access::Counting(n) => format!("{n} of {}", lock.capacity),
    };
    let mut parts = vec![format!("lock `{}`{whose} ({wanted})", lock.lock)];
    if let Some(builder) = limited(&lock.lock) {
        let most = Why::MaxBuilds { most: lock.capacity }.text();
        parts = vec![format!("builder `{builder}`, which {most}")];
    }
    if !lock.holders.is_empty() {
        let verb = if limited(&lock.lock).is_some() { "now" } else { "held by" };
        parts.push(format!("{verb} {}", shares(&lock.holders)));
    }
    if !lock.reserved.is_empty() {
        parts.push(format!("kept back for {}, ahead of it", shares(&lock.reserved)));
    }
    parts.join(", ")
}

fn shares(shares: &[Share]) -> String {
    let share = |share: &Share| match share.access {
        Access::Exclusive => format!("{} (all)", share.by),
        Access::Counting(1) => share.by.clone(),
        Access::Counting(n) => format!("{} ({n})", share.by),
    };
    shares.iter().map(share).collect::<Vec<_>>().join(", ")
}
