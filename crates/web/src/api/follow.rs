//! `GET /logs/{id}/follow`: a log's lines as they come.
//!
//! `lines` events hold an array of lines. The last of them may still grow: it is sent again, whole,
//! under the same number. An event's id is the last line known to be whole, so that a client that
//! reconnects goes on after it. `closed` ends the stream.

use std::time::Duration;

use axum::extract;
use axum::http::HeaderMap;
use axum::response::{Response, sse};
use steading_core::words::LogId;
use steading_store::archive::Line;
use tokio::sync::watch;

use super::events::last_event_id;
use super::extract::{Path, Query};
use super::logs;
use super::stream::{self, Gone, Sender};
use crate::{Failure, State};

/// Lines of one event.
const LINES_MAX: usize = 500;
/// Events that may wait for a slow client; each may hold some megabytes.
const QUEUE_MAX: usize = 2;
/// Lines that come within this time share an event.
const GATHER_MS: u64 = 50;

/// Where to begin.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    first: Option<u64>,
}

pub(super) async fn follow(
    extract::State(state): extract::State<State>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let known = logs::known(&state, LogId(id)).await?;
    let log = known.id;
    let seen = last_event_id(&headers)?.and_then(|number| u64::try_from(number).ok());
    let next = seen.map(|number| number + 1).or(asked.first).unwrap_or(1).max(1);
    let length = state.archive.watch(log).await?;
    // Asked again: one that was closed as empty in between leaves nothing there to be told by.
    let closed = known.closed || logs::known(&state, log).await?.closed;
    let (sender, response) = stream::open(&state, QUEUE_MAX)?;
    let follower = Follower { state, log, closed, next, growing: 0 };
    tokio::spawn(async move {
        if let Err(failure) = follower.run(length, &sender).await {
            tracing::warn!(%log, problem = %failure.0, "following a log ended");
        }
    });
    Ok(response)
}

/// One client's way through a log.
struct Follower {
    state: State,
    log: LogId,
    /// Whether history says that nothing more comes.
    closed: bool,
    /// The first line not known to be whole.
    next: u64,
    /// How many bytes of it were sent.
    growing: u64,
}

impl Follower {
    async fn run(
        mut self,
        mut length: watch::Receiver<u64>,
        sender: &Sender,
    ) -> Result<(), Failure> {
        while !self.closed {
            // Marked as seen before reading: what comes meanwhile wakes us again.
            length.borrow_and_update();
            let Ok(()) = self.catch_up(sender).await? else { return Ok(()) };
            match sender.wait(length.changed()).await {
                Err(Gone) => return Ok(()),
                // The archive closed it.
                Ok(Err(_)) => break,
                Ok(Ok(())) => {}
            }
            let gather = tokio::time::sleep(Duration::from_millis(GATHER_MS));
            let Ok(()) = sender.wait(gather).await else { return Ok(()) };
        }
        self.close(sender).await
    }

    /// Sends all there is by now.
    async fn catch_up(&mut self, sender: &Sender) -> Result<Result<(), Gone>, Failure> {
        loop {
            let (log, first) = (self.log, self.next);
            let read = logs::reading(&self.state, move |archive| {
                // The size first: a line that ends before it was whole when it was read.
                let (size, _) = archive.log_size(log)?;
                Ok((size, archive.log_lines(log, first, LINES_MAX)?))
            });
            let (size, lines) = read.await?;
            if !self.is_news(&lines) {
                return Ok(Ok(()));
            }
            let whole = |line: &Line| line.offset + line.length < size;
            self.next = lines.iter().rfind(|l| whole(l)).map_or(first, |last| last.number + 1);
            self.growing = lines.last().filter(|l| !whole(l)).map_or(0, |last| last.length);
            if sender.send(self.shown(&lines)).await.is_err() {
                return Ok(Err(Gone));
            }
        }
    }

    /// Whether there is more than was sent: another line, or more of the last.
    fn is_news(&self, lines: &[Line]) -> bool {
        match lines {
            [] => false,
            [only] => only.number != self.next || only.length > self.growing,
            _ => true,
        }
    }

    fn shown(&self, lines: &[Line]) -> sse::Event {
        let lines: Vec<_> = lines.iter().map(logs::line).collect();
        let data = serde_json::to_string(&lines).expect("lines are plain values");
        sse::Event::default().event("lines").id((self.next - 1).to_string()).data(data)
    }

    async fn close(mut self, sender: &Sender) -> Result<(), Failure> {
        let Ok(()) = self.catch_up(sender).await? else { return Ok(()) };
        let log = self.log;
        let (_, total) = logs::reading(&self.state, move |archive| archive.log_size(log)).await?;
        let data = serde_json::json!({ "total": total }).to_string();
        let closed = sse::Event::default().event("closed").id(total.to_string()).data(data);
        // Nobody left to tell is as good as told.
        let _ = sender.send(closed).await;
        Ok(())
    }
}
