//! The last lines of what failed: the evidence, where the verdict is shown.

use serde_json::{Map, Value};
use steading_core::words::Outcome;
use steading_wire::rest::{Lines, List};

use super::model::int;
use super::{Model, label};
use crate::client::{self, Client, query};
use crate::output::{self, Tail};

/// Lines shown of each failed step.
const LINES: i64 = 20;

type Row = Map<String, Value>;

/// A tail for every step that made a followed build red.
pub(crate) async fn tails(client: &Client, model: &Model) -> Result<Vec<Tail>, client::Error> {
    let mut tails = Vec::new();
    let builds = model.requests.values().filter_map(|request| {
        let red = matches!(request.outcome(), Some(Outcome::Failure | Outcome::Exception));
        request.build.as_ref().filter(|_| red)
    });
    for build in builds {
        let id = output::text(build, "id");
        let steps: List = client.get(&format!("/builds/{id}/steps")).await?;
        let logs: List = client.get(&format!("/builds/{id}/logs")).await?;
        for step in steps.items.iter().filter(|step| is_red(step)) {
            let lines = last_lines(client, step, &logs.items).await?;
            tails.push(Tail {
                build: label(build),
                step: output::text(step, "name"),
                reason: output::text(step, "outcome_reason"),
                lines,
            });
        }
    }
    Ok(tails)
}

fn is_red(step: &Row) -> bool {
    matches!(step.get("outcome").and_then(Value::as_str), Some("failure" | "exception"))
}

/// The end of its stderr; of its stdout, if it wrote nothing there.
async fn last_lines(
    client: &Client,
    step: &Row,
    logs: &[Row],
) -> Result<Vec<String>, client::Error> {
    for name in ["stderr", "stdout"] {
        let is = |log: &&Row| {
            int(log, "step_id") == int(step, "id") && output::text(log, "name") == name
        };
        let Some(log) = logs.iter().find(is) else { continue };
        let lines = last(client, int(log, "id").unwrap_or_default()).await?;
        if !lines.is_empty() {
            return Ok(lines);
        }
    }
    Ok(Vec::new())
}

async fn last(client: &Client, log: i64) -> Result<Vec<String>, client::Error> {
    let lines = LINES.to_string();
    let path = query(&format!("/logs/{log}"), [("tail", lines.as_str())]);
    let answer: Lines = client.get(&path).await?;
    Ok(answer.lines.into_iter().map(|line| line.text).collect())
}
