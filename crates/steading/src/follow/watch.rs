//! The loop: history once, then events until every request has its outcome.

use std::collections::BTreeMap;
use std::time::Duration as Wait;

use serde_json::{Map, Value};
use steading_core::words::Duration;
use steading_wire::rest::{Explanation, Item, List};

use super::model::int;
use super::{Model, Request};
use crate::client::{self, Client, Stream, query};
use crate::clock;
use crate::output::{self, Progress};

/// Requests asked for at once.
const IDS_MAX: usize = 100;
/// Green builds whose median is "usual".
const USUAL_BUILDS: &str = "11";
/// After this time somebody wonders why nothing happens; then again, where the reason changed.
const PATIENCE_S: u64 = 5;
/// Requests explained at once.
const EXPLAINED_MAX: usize = 5;
/// How often elapsed times are redrawn.
const REDRAW_MS: u64 = 200;

/// How following ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Every request has its outcome.
    Complete(Model),
    /// Somebody pressed Ctrl-C; the builds go on.
    Interrupted(Model),
}

/// Follows requests to their end, telling `progress` of all that is new.
pub(crate) async fn watch(
    client: &Client,
    requests: &[i64],
    progress: &mut Progress,
    interrupt: impl Future<Output = ()>,
) -> Result<Ended, client::Error> {
    let mut interrupt = std::pin::pin!(interrupt);
    let (mut model, since) = begin(client, requests).await?;
    let since = since.to_string();
    let mut events = Stream::new(client, query("/events", [("since", since.as_str())]));
    let mut redraw = tokio::time::interval(Wait::from_millis(REDRAW_MS));
    let mut patience = tokio::time::interval(Wait::from_secs(PATIENCE_S));
    patience.reset();
    let mut reasons = BTreeMap::new();
    while !model.is_complete() {
        tokio::select! {
            message = events.next() => {
                let Some(message) = message? else { break };
                let Ok(event) = serde_json::from_str::<Value>(&message.data) else { continue };
                if let Some(news) = model.apply(&event) {
                    progress.news(&model, &news);
                }
            }
            _ = redraw.tick() => progress.redraw(&model, clock::now()),
            _ = patience.tick() => {
                for news in why_not_yet(client, &model, &mut reasons).await? {
                    progress.remark(&news);
                }
            }
            () = &mut interrupt => {
                progress.end();
                return Ok(Ended::Interrupted(model));
            }
        }
    }
    progress.end();
    Ok(Ended::Complete(model))
}

/// The farm's reason for each request that still waits, where it is another than last time.
async fn why_not_yet(
    client: &Client,
    model: &Model,
    reasons: &mut BTreeMap<i64, String>,
) -> Result<Vec<String>, client::Error> {
    let mut news = Vec::new();
    let waits = |r: &Request| output::text(&r.row, "state") == "pending";
    for (id, request) in model.requests.iter().filter(|(_, r)| waits(r)).take(EXPLAINED_MAX) {
        let answer: Explanation = client.get(&format!("/requests/{id}/explain")).await?;
        // A place in the queue changes all the time; what it comes down to is worth a line.
        if reasons.insert(*id, answer.verdict.clone()).as_ref() != Some(&answer.verdict) {
            news.push(format!("{}  waits: {}", request.label(), answer.summary));
        }
    }
    Ok(news)
}

/// What history knows of the requests, and the event number it knows it of.
async fn begin(client: &Client, requests: &[i64]) -> Result<(Model, i64), client::Error> {
    let mut model = Model::default();
    let mut since = i64::MAX;
    for ids in requests.chunks(IDS_MAX) {
        let ids = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let path = query("/requests", [("id__in", ids.as_str()), ("limit", "100")]);
        let list: List = client.get(&path).await?;
        since = since.min(list.as_of);
        list.items.into_iter().for_each(|row| model.put_request(row));
    }
    let builds = model.requests.values().filter_map(|r| int(&r.row, "build_id"));
    for build in builds.collect::<Vec<i64>>() {
        let item: Item = client.get(&format!("/builds/{build}")).await?;
        model.put_build(item.item);
        let steps: List = client.get(&format!("/builds/{build}/steps")).await?;
        steps.items.into_iter().for_each(|row| model.put_step(row));
    }
    for builder in model.builders() {
        let usual = usual(client, &builder).await?;
        model.put_usual(&builder, usual);
    }
    Ok((model, since))
}

/// The median of the newest green builds.
pub(crate) async fn usual(
    client: &Client,
    builder: &str,
) -> Result<Option<Duration>, client::Error> {
    let filters =
        [("builder", builder), ("outcome", "success"), ("order", "-id"), ("limit", USUAL_BUILDS)];
    let list: List = client.get(&query("/builds", filters)).await?;
    Ok(median(list.items.iter().filter_map(span).collect()))
}

fn span(build: &Map<String, Value>) -> Option<Duration> {
    Some(output::time(build, "finished_at")?.since(output::time(build, "started_at")?))
}

fn median(mut spans: Vec<Duration>) -> Option<Duration> {
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_is_the_median() {
        let check = |spans: &[i64], expected: Option<i64>| {
            let spans = spans.iter().copied().map(Duration).collect();
            assert_eq!(median(spans).map(|d| d.0), expected);
        };
        check(&[], None);
        check(&[5], Some(5));
        check(&[900, 1, 5], Some(5));
    }
}
