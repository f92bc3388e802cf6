//! `GET /events`: what happened since a number, then what happens, without a gap or a repeat.

use std::collections::BTreeSet;

use axum::extract;
use axum::http::HeaderMap;
use axum::response::{Response, sse};
use steading_core::words::{Event, NOUNS, Seq, noun};
use steading_store::{Error, Store};
use steading_wire::problem::Code;
use steading_wire::render;

use super::extract::Query;
use super::stream::{self, Gone, Sender};
use crate::{Failure, State};

/// Events read at once while catching up.
const BATCH: usize = 256;
/// Events that may wait for a slow client.
const QUEUE_MAX: usize = 64;

/// What is asked for.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    since: Option<i64>,
    noun: Option<String>,
    follow: Option<bool>,
}

pub(super) async fn events(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let nouns = asked.noun.as_deref().map(nouns).transpose()?;
    let since = begin(&state.store, last_event_id(&headers)?.or(asked.since)).await?;
    let (sender, response) = stream::open(&state, QUEUE_MAX)?;
    let follow = asked.follow.unwrap_or(true);
    let feed = Feed { store: state.store, since, nouns, follow };
    tokio::spawn(feed.run(sender));
    Ok(response)
}

/// The number a client saw last, as its browser repeats it on reconnecting.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Failure> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| {
        Failure::new(Code::BadRequest, "`Last-Event-ID` must be the number of an event")
    })
}

/// Where the stream begins: the newest event, unless a number was given.
async fn begin(store: &Store, since: Option<i64>) -> Result<Seq, Failure> {
    let range = |r: &steading_store::Read<'_>| Ok((r.oldest_event()?, r.newest_seq()?));
    let (oldest, newest) = store.read(range).await?;
    since.map_or(Ok(newest), |since| goes_on(since, oldest, newest))
}

/// Whether a stream can go on after `since`, with the events from `oldest` to `newest` at hand.
fn goes_on(since: i64, oldest: Option<Seq>, newest: Seq) -> Result<Seq, Failure> {
    let oldest = oldest.map_or(newest.0 + 1, |seq| seq.0);
    if since < 0 || since > newest.0 {
        let detail = format!("`since` is {since}; the newest event is {newest}");
        return Err(Failure::new(Code::BadRequest, detail));
    }
    if since + 1 < oldest {
        let detail = format!(
            "events after {since} are past retention; the oldest available is {oldest}. Read the \
             lists again and go on from their `as_of`"
        );
        return Err(Failure::new(Code::Gone, detail));
    }
    Ok(Seq(since))
}

/// The nouns a filter names.
fn nouns(words: &str) -> Result<BTreeSet<&'static str>, Failure> {
    words
        .split(',')
        .map(|word| {
            noun(word).map(|noun| noun.name).ok_or_else(|| {
                let known: Vec<&str> = NOUNS.iter().map(|noun| noun.name).collect();
                let detail = format!("`{word}` is no noun; the nouns are {}", known.join(", "));
                Failure::new(Code::BadRequest, detail)
            })
        })
        .collect()
}

/// One client's way through the events. It reads them itself, so that a slow one delays nobody.
struct Feed {
    store: Store,
    since: Seq,
    nouns: Option<BTreeSet<&'static str>>,
    follow: bool,
}

impl Feed {
    async fn run(mut self, sender: Sender) {
        let mut newest = self.store.seq();
        loop {
            match self.catch_up(&sender).await {
                Ok(()) if self.follow => {}
                Ok(()) | Err(None) => return,
                Err(Some(error)) => {
                    tracing::warn!(%error, "an event stream ends");
                    return;
                }
            }
            let since = self.since;
            match sender.wait(newest.wait_for(|seq| *seq > since)).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(Gone) => return,
            }
        }
    }

    /// Sends all there are. Fails without an error when there is nobody to send to.
    async fn catch_up(&mut self, sender: &Sender) -> Result<(), Option<Error>> {
        loop {
            let since = self.since;
            let batch = self.store.read(move |r| r.events(since, BATCH)).await.map_err(Some)?;
            let full = batch.len() == BATCH;
            for event in batch {
                self.since = event.seq;
                if self.nouns.as_ref().is_none_or(|nouns| nouns.contains(event.noun.as_str())) {
                    sender.send(shown(&event)).await.map_err(|Gone| None)?;
                }
            }
            if !full {
                return Ok(());
            }
        }
    }
}

fn shown(event: &Event) -> sse::Event {
    sse::Event::default().id(event.seq.to_string()).event(&event.kind).data(render::event(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_goes_on_only_where_nothing_is_missing() {
        let check = |since: i64, oldest: Option<i64>, newest: i64, expected: Result<i64, Code>| {
            let found = goes_on(since, oldest.map(Seq), Seq(newest));
            let found = found.map(|seq| seq.0).map_err(|failure| failure.0.code);
            assert_eq!(found, expected, "{since} of {oldest:?} to {newest}");
        };
        check(0, None, 0, Ok(0));
        check(0, Some(1), 9, Ok(0));
        check(9, Some(1), 9, Ok(9));
        check(10, Some(1), 9, Err(Code::BadRequest));
        check(-1, Some(1), 9, Err(Code::BadRequest));
        check(4, Some(5), 9, Ok(4));
        check(3, Some(5), 9, Err(Code::Gone));
        // All events forgotten: only the newest number can be gone on from.
        check(9, None, 9, Ok(9));
        check(8, None, 9, Err(Code::Gone));
    }

    #[test]
    fn what_is_gone_names_the_oldest_there_is() {
        let failure = goes_on(3, Some(Seq(5)), Seq(9)).expect_err("gone");
        assert!(failure.0.detail.contains("the oldest available is 5"), "{failure}");
    }
}
