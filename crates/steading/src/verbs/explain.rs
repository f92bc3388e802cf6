//! `steading explain`: why not yet.

use steading_wire::rest::{Explanation, LockWait};

use crate::cli::ExplainArgs;
use crate::client::Client;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Prints the sentence, then what it rests on.
pub(crate) async fn explain(client: &Client, args: ExplainArgs) -> Result<Exit, Error> {
    let path = format!("/requests/{}/explain", args.request);
    let answer = client.get_text(&path).await?;
    if args.json {
        output::json_line(&answer)?;
        return Ok(Exit::Green);
    }
    output::line(text(&client.parse(&path, &answer)?))?;
    Ok(Exit::Green)
}

fn text(explanation: &Explanation) -> String {
    let mut lines = vec![format!("request {}: {}", explanation.request_id, explanation.summary)];
    if let Some(position) = explanation.position {
        lines.push(format!("  place in the queue: {position}"));
    }
    lines.extend(explanation.starts_in_ms.map(|starts| format!("  {}", starts.sentence())));
    for exclusion in &explanation.workers {
        lines.push(format!("  {} {}", names(&exclusion.workers), exclusion.text));
    }
    lines.extend(explanation.locks.iter().filter(|lock| !lock.grantable).map(lock));
    if !explanation.remedies.is_empty() {
        lines.push("  what would let it run:".to_owned());
        lines.extend(explanation.remedies.iter().map(|remedy| format!("    • {remedy}")));
    }
    if !explanation.what_if.is_empty() {
        lines.push("  what if:".to_owned());
        let tried = explanation.what_if.iter();
        lines.extend(tried.map(|what| format!("    • {}", what.sentence())));
    }
    lines.join("\n")
}

/// Who stands in the way at a lock.
fn lock(wait: &LockWait) -> String {
    let place = wait.worker.as_ref().map(|w| format!(" on {w}")).unwrap_or_default();
    let mut text = format!("  lock {}{place} (capacity {})", wait.lock, wait.capacity);
    for (what, who) in [("held by", &wait.holders), ("kept for", &wait.reserved_for)] {
        if !who.is_empty() {
            text.push_str(&format!(", {what} {}", names(who)));
        }
    }
    text
}

/// A few names, and how many more.
fn names(all: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use steading_wire::rest::{Exclusion, StartsIn, WhatIf};

    use super::*;

    fn starts(p50: i64, p90: i64) -> StartsIn {
        StartsIn { p50, p90, p50_or_later: false, p90_or_later: false, guess: false }
    }

    #[test]
    fn the_sentence_comes_first_then_what_it_rests_on() {
        let explanation = Explanation {
            request_id: 42,
            state: "pending".into(),
            position: Some(3),
            summary: "waits for the lock gpu".into(),
            verdict: "waits_for_locks".into(),
            workers: vec![Exclusion {
                predicate: "no_free_slot".into(),
                text: "have no free slot".into(),
                remedy: "a build ends".into(),
                workers: (1..8).map(|n| format!("w{n}")).collect(),
            }],
            locks: vec![LockWait {
                lock: "gpu".into(),
                worker: None,
                capacity: 2,
                grantable: false,
                holders: vec!["hello/40".into()],
                reserved_for: vec![],
            }],
            remedies: vec!["hello/40 ends".into()],
            starts_in_ms: Some(starts(150_000, 250_000)),
            what_if: vec![
                WhatIf {
                    change: "one more worker like w1".into(),
                    starts_in_ms: Some(starts(0, 0)),
                    sooner_ms: Some(150_000),
                },
                WhatIf {
                    change: "priority 10".into(),
                    starts_in_ms: Some(starts(150_000, 250_000)),
                    sooner_ms: Some(0),
                },
            ],
            as_of: 9,
        };
        insta::assert_snapshot!(text(&explanation), @r"
        request 42: waits for the lock gpu
          place in the queue: 3
          starts in about 2:30 (likely within 4:10)
          w1, w2, w3, w4, w5 and 2 more have no free slot
          lock gpu (capacity 2), held by hello/40
          what would let it run:
            • hello/40 ends
          what if:
            • with one more worker like w1 it starts right away, 2:30 sooner
            • with priority 10: no difference
        ");
    }
}
