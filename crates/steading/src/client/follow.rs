//! A stream that survives the loss of its connection: it resumes after the last message it saw.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, sleep, timeout};

use super::sse::Parser;
use super::{Client, Error, Message};

/// The farm pings every 15 s; a stream silent for longer than this is dead.
const SILENCE_S: u64 = 45;
/// How long a farm may be away before following it ends with an error.
const AWAY_S: u64 = 60;
/// The first wait before asking again, and the longest.
const WAIT_MS: u64 = 100;
const WAIT_MS_MAX: u64 = 3_000;

type Body = BoxStream<'static, Result<Vec<u8>, reqwest::Error>>;

/// Messages of one path.
pub(crate) struct Stream {
    client: Client,
    path: String,
    last: Option<String>,
    body: Option<Body>,
    parser: Parser,
    ready: VecDeque<Message>,
    /// End where the farm ends: at a connection that brings nothing more.
    once: bool,
    fruitful: bool,
}

impl Stream {
    /// Follows `path` (after `/api/v1`); nothing is asked until the first `next`.
    pub(crate) fn new(client: &Client, path: String) -> Stream {
        Stream {
            client: client.clone(),
            path,
            last: None,
            body: None,
            parser: Parser::default(),
            ready: VecDeque::new(),
            once: false,
            fruitful: true,
        }
    }

    /// The same, ending with the last message there is: for paths that do not wait for more.
    pub(crate) fn once(client: &Client, path: String) -> Stream {
        Stream { once: true, ..Stream::new(client, path) }
    }

    /// The next message; `None` when there is nothing more to come.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>, Error> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                if message.id.is_some() {
                    self.last.clone_from(&message.id);
                }
                self.fruitful = true;
                return Ok(Some(message));
            }
            let Some(body) = &mut self.body else {
                // A cut connection looks like an ended one: only an empty one says "no more".
                if self.once && !std::mem::take(&mut self.fruitful) {
                    return Ok(None);
                }
                if !self.connect().await? {
                    return Ok(None);
                }
                continue;
            };
            match timeout(Duration::from_secs(SILENCE_S), body.next()).await {
                Ok(Some(Ok(bytes))) => self.ready.extend(self.parser.push(&bytes)),
                // Ended, broken or silent: the same to us. Resume.
                Ok(None | Some(Err(_))) | Err(_) => self.body = None,
            }
        }
    }

    /// Opens the stream, patiently. False if there is nothing more to come.
    async fn connect(&mut self) -> Result<bool, Error> {
        let give_up = Instant::now() + Duration::from_secs(AWAY_S);
        let mut wait = WAIT_MS;
        loop {
            match self.client.open(&self.path, self.last.as_deref()).await {
                Ok(response) if response.status().as_u16() == 204 => return Ok(false),
                Ok(response) => {
                    self.parser = Parser::default();
                    let bytes = response.bytes_stream().map(|part| part.map(|b| b.to_vec()));
                    self.body = Some(bytes.boxed());
                    return Ok(true);
                }
                Err(error) if error.is_passing() && Instant::now() < give_up => {
                    sleep(Duration::from_millis(wait)).await;
                    wait = (wait * 2).min(WAIT_MS_MAX);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
