//! `steading explain`: why not yet.

use steading_wire::rest::Explanation;

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
    for exclusion in &explanation.workers {
        let workers = names(&exclusion.workers);
        lines.push(format!("  {}: {} ({workers})", exclusion.predicate, exclusion.text));
    }
    for lock in &explanation.locks {
        lines.push(format!("  lock {}: {}", lock.lock, lock.text));
    }
    if !explanation.order.is_empty() {
        lines.push("  order:".to_owned());
        let terms: Vec<(String, String)> =
            explanation.order.iter().map(|t| (t.term.clone(), t.value.clone())).collect();
        lines.extend(output::pairs(&terms).lines().map(|line| format!("    {line}")));
    }
    lines.join("\n")
}

/// A few names, and how many more.
fn names(workers: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = workers.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match workers.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use steading_wire::rest::{Exclusion, LockWait, TermShown};

    use super::*;

    #[test]
    fn the_sentence_comes_first_then_what_it_rests_on() {
        let explanation = Explanation {
            request_id: 42,
            state: "pending".into(),
            position: Some(3),
            summary: "waits for the lock gpu".into(),
            workers: vec![Exclusion {
                predicate: "busy".into(),
                text: "all slots are in use".into(),
                workers: (1..8).map(|n| format!("w{n}")).collect(),
            }],
            locks: vec![LockWait {
                lock: "gpu".into(),
                text: "held by request 40".into(),
                holders: vec![40],
                reserved_for: vec![],
            }],
            order: vec![TermShown { term: "oldest()".into(), value: "2 min".into() }],
            as_of: 9,
        };
        insta::assert_snapshot!(text(&explanation), @r"
        request 42: waits for the lock gpu
          place in the queue: 3
          busy: all slots are in use (w1, w2, w3, w4, w5 and 2 more)
          lock gpu: held by request 40
          order:
            oldest()  2 min
        ");
    }
}
