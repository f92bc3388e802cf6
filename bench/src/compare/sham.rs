//! Simulated workers: the worker protocol on as many connections as wanted, with no machine behind
//! them. A build that is offered is taken and runs until the end is ordered.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use steading_wire::worker::{
    Attempt, HEARTBEAT_MS, Hello, PROTOCOL, ToMaster, ToWorker, decode, encode,
};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Interval, interval_at, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How many dial at once: a listener's queue is short.
const DIALLING_MAX: usize = 64;
/// Longest time between two dials, as of real workers.
const WAIT_LONGEST: Duration = Duration::from_millis(3_000);
/// What a connection reads at once, in bytes: its messages are small.
const READ_BYTES: usize = 1_024;

/// What all of them came to.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Welcomes, again after each dial.
    pub(crate) welcomes: AtomicUsize,
    /// Steps that were ordered of attempts that did not run yet.
    pub(crate) running: AtomicUsize,
    /// Attempts the master did not want any more.
    pub(crate) dropped: AtomicUsize,
    /// Attempts held at the last welcome of each.
    pub(crate) brought: AtomicUsize,
}

/// Connections that live until they are dropped.
#[derive(Debug)]
pub(crate) struct Shams {
    pub(crate) seen: Arc<Seen>,
    _runtime: Runtime,
}

impl Shams {
    /// `sham-0`, `sham-1`, … dial this address from now on.
    pub(crate) fn start(host: &str, token: &str, count: usize) -> io::Result<Shams> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let seen = Arc::new(Seen::default());
        let dialling = Arc::new(Semaphore::new(DIALLING_MAX));
        for number in 0..count {
            let dialer = Dialer {
                host: host.to_owned(),
                token: token.to_owned(),
                name: format!("sham-{number}"),
                turns: Arc::clone(&dialling),
            };
            let seen = Arc::clone(&seen);
            runtime.spawn(Sham { dialer, seen, held: Vec::new(), said: 0 }.live(number));
        }
        Ok(Shams { seen, _runtime: runtime })
    }
}

struct Dialer {
    host: String,
    token: String,
    name: String,
    turns: Arc<Semaphore>,
}

impl Dialer {
    /// The one link of an idle worker: the other is dialled when there are logs to carry.
    async fn dial(&self) -> Option<WebSocketStream<TcpStream>> {
        let _turn = self.turns.acquire().await.ok()?;
        let url = format!("ws://{}/worker/v1/control", self.host);
        let mut request = url.into_client_request().ok()?;
        let bearer = format!("Bearer {}", self.token).parse().ok()?;
        request.headers_mut().insert("authorization", bearer);
        request.headers_mut().insert("x-steading-worker", self.name.parse().ok()?);
        let stream = TcpStream::connect(&self.host).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let dialled = client_async_with_config(request, stream, Some(config)).await;
        dialled.ok().map(|(socket, _)| socket)
    }
}

/// Every heartbeat's time; workers that began at different times keep different ones.
fn ticks(number: usize, every_ms: u64) -> Interval {
    let every = Duration::from_millis(every_ms);
    interval_at(Instant::now() + every.mul_f64((number % 997) as f64 / 997.0), every)
}

struct Sham {
    dialer: Dialer,
    seen: Arc<Seen>,
    held: Vec<Attempt>,
    said: u64,
}

impl Sham {
    async fn live(mut self, number: usize) {
        let mut wait = Duration::from_millis(100);
        loop {
            if let Some(socket) = self.dialer.dial().await {
                wait = Duration::from_millis(100);
                let _ = self.session(socket, number).await;
            }
            sleep(wait.mul_f64(0.5 + (number % 64) as f64 / 128.0)).await;
            wait = (wait * 2).min(WAIT_LONGEST);
        }
    }

    async fn session(
        &mut self,
        mut socket: WebSocketStream<TcpStream>,
        number: usize,
    ) -> Option<()> {
        let hello = Hello {
            protocol: PROTOCOL,
            name: self.dialer.name.clone(),
            version: "simulated".to_owned(),
            instance: Some(self.dialer.name.clone()),
            facts: Default::default(),
            troubles: Vec::new(),
            held: self.held.clone(),
        };
        self.said = 0;
        self.say(&mut socket, ToMaster::Hello(hello)).await?;
        let mut beat = ticks(number, HEARTBEAT_MS);
        loop {
            tokio::select! {
                message = socket.next() => match message?.ok()? {
                    Message::Binary(bytes) => {
                        let message = decode(&bytes).ok()?;
                        if let ToWorker::Welcome { heartbeat_ms, .. } = &message {
                            beat = ticks(number, *heartbeat_ms);
                        }
                        self.hear(&mut socket, message).await?;
                    }
                    Message::Close(_) => return None,
                    _ => {}
                },
                _ = beat.tick() => {
                    let held = self.held.clone();
                    let beat = ToMaster::Heartbeat { number: 0, held, machine: None };
                    self.say(&mut socket, beat).await?;
                }
            }
        }
    }

    async fn hear(
        &mut self,
        socket: &mut WebSocketStream<TcpStream>,
        message: ToWorker,
    ) -> Option<()> {
        match message {
            ToWorker::Welcome { drop, .. } => {
                self.seen.brought.fetch_add(self.held.len(), Ordering::Relaxed);
                drop.iter().for_each(|attempt| self.forget(*attempt));
                self.seen.welcomes.fetch_add(1, Ordering::Relaxed);
            }
            ToWorker::Offer { claim, attempt, .. } => {
                self.held.push(attempt);
                self.say(socket, ToMaster::Accepted { number: 0, claim, attempt }).await?;
            }
            ToWorker::Run { .. } => drop(self.seen.running.fetch_add(1, Ordering::Relaxed)),
            ToWorker::Drop { attempt } => self.forget(attempt),
            ToWorker::Rejected { .. } | ToWorker::Stop => return None,
            _ => {}
        }
        Some(())
    }

    fn forget(&mut self, attempt: Attempt) {
        let lost = self.held.extract_if(.., |held| *held == attempt).count();
        self.seen.dropped.fetch_add(lost, Ordering::Relaxed);
    }

    async fn say(
        &mut self,
        socket: &mut WebSocketStream<TcpStream>,
        mut message: ToMaster,
    ) -> Option<()> {
        message.count(&mut self.said);
        socket.send(Message::Binary(encode(&message).into())).await.ok()
    }
}
