//! A sham worker: the protocol on one connection, and nothing behind it. Its builds run until they
//! are told to end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use steading_wire::worker::{
    Attempt, ClaimId, Ending, HEARTBEAT_MS, Hello, PROTOCOL, Report, ToMaster, ToWorker, decode,
    encode,
};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::random::Random;
use crate::farm::{Client, runtime};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// As real workers wait between two dials: doubled up to the longest, half of it chance.
const WAIT_FIRST_MS: u64 = 100;
const WAIT_LONGEST_MS: u64 = 3_000;

/// What can be seen of a sham worker.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Steps that were ordered, with their attempts; an order that is repeated counts once.
    pub(super) ran: BTreeSet<(Attempt, i64)>,
    /// Attempts the master dropped before their end.
    pub(super) dropped: usize,
    /// When it was welcome last, and with how many attempts it came.
    pub(super) welcome: Option<(Instant, usize)>,
}

/// One of them.
pub(super) struct Sham {
    pub(super) seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Sham {
    /// Dials the master of this client from now on; `go` ends what it runs.
    pub(super) fn start(
        master: Client,
        name: String,
        token: Arc<str>,
        go: watch::Receiver<bool>,
        seed: u64,
    ) -> Sham {
        let (tell, seen) = watch::channel(Seen::default());
        let worker = Worker { master, name, token, go, tell, held: Vec::new() };
        Sham { seen, task: runtime().spawn(worker.live(Random::new(seed))) }
    }
}

impl Drop for Sham {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An attempt, which is held until it is dropped.
struct Held {
    claim: ClaimId,
    attempt: Attempt,
    /// The step that runs.
    step: Option<i64>,
    /// It is over, and the master may not know.
    gathered: bool,
}

struct Worker {
    master: Client,
    name: String,
    token: Arc<str>,
    go: watch::Receiver<bool>,
    tell: watch::Sender<Seen>,
    held: Vec<Held>,
}

impl Worker {
    async fn live(mut self, mut random: Random) {
        let mut wait = WAIT_FIRST_MS;
        loop {
            if let Some(socket) = self.dial().await {
                wait = WAIT_FIRST_MS;
                let _ = self.session(socket).await;
            }
            sleep(random.millis(wait / 2, wait)).await;
            wait = (wait * 2).min(WAIT_LONGEST_MS);
        }
    }

    async fn dial(&self) -> Option<Socket> {
        let base = self.master.base().ok()?;
        let url = format!("ws://{}/worker/v1/control", base.strip_prefix("http://")?);
        let mut request = url.into_client_request().ok()?;
        let bearer = format!("Bearer {}", self.token).parse().ok()?;
        request.headers_mut().insert("authorization", bearer);
        request.headers_mut().insert("x-steading-worker", self.name.parse().ok()?);
        connect_async(request).await.ok().map(|(socket, _)| socket)
    }

    fn attempts(&self) -> Vec<Attempt> {
        self.held.iter().map(|held| held.attempt).collect()
    }

    async fn session(&mut self, mut socket: Socket) -> Option<()> {
        let hello = ToMaster::Hello(Hello {
            protocol: PROTOCOL,
            name: self.name.clone(),
            version: "sham".to_owned(),
            instance: Some(self.name.clone()),
            facts: Default::default(),
            troubles: Vec::new(),
            held: self.attempts(),
        });
        say(&mut socket, &hello).await?;
        let mut beat = interval(Duration::from_millis(HEARTBEAT_MS));
        loop {
            tokio::select! {
                message = socket.next() => match message?.ok()? {
                    Message::Binary(bytes) => {
                        self.hear(&mut socket, decode(&bytes).expect("of the protocol")).await?;
                    }
                    Message::Close(_) => return None,
                    _ => {}
                },
                _ = beat.tick() => {
                    let (held, machine) = (self.attempts(), None);
                    say(&mut socket, &ToMaster::Heartbeat { number: 0, held, machine }).await?;
                }
                changed = self.go.changed() => {
                    changed.ok()?;
                    self.end_all(&mut socket).await?;
                }
            }
        }
    }

    async fn hear(&mut self, socket: &mut Socket, message: ToWorker) -> Option<()> {
        match message {
            ToWorker::Welcome { drop, .. } => {
                let welcome = Some((Instant::now(), self.held.len()));
                self.tell.send_modify(|seen| seen.welcome = welcome);
                drop.iter().for_each(|attempt| self.forget(*attempt));
                self.say_again(socket).await?;
            }
            ToWorker::Offer { claim, attempt, .. } => {
                self.held.push(Held { claim, attempt, step: None, gathered: false });
                say(socket, &ToMaster::Accepted { number: 0, claim, attempt }).await?;
            }
            ToWorker::Run { attempt, number, .. } => {
                self.tell.send_modify(|seen| {
                    seen.ran.insert((attempt, number));
                });
                self.held.iter_mut().find(|held| held.attempt == attempt)?.step = Some(number);
                if *self.go.borrow() {
                    say(socket, &done(attempt, number)).await?;
                }
            }
            ToWorker::Drop { attempt } => self.forget(attempt),
            ToWorker::Finish { attempt } => {
                self.held.iter_mut().find(|held| held.attempt == attempt)?.gathered = true;
                say(socket, &ToMaster::Gathered { attempt }).await?;
            }
            ToWorker::Halt { attempt } => {
                let held = self.held.iter().find(|held| held.attempt == attempt)?;
                let newest = held.step.unwrap_or(0);
                say(socket, &ToMaster::Halted { attempt, newest }).await?;
            }
            ToWorker::Restarting | ToWorker::Cancel { .. } => {}
            ToWorker::Rejected { .. } | ToWorker::Stop => return None,
        }
        Some(())
    }

    fn forget(&mut self, attempt: Attempt) {
        let dropped = self.held.extract_if(.., |held| held.attempt == attempt);
        // What has ended is dropped, too: that is how the master says that it knows.
        let lost = dropped.filter(|held| !held.gathered).count();
        self.tell.send_modify(|seen| seen.dropped += lost);
    }

    /// What the master may not have heard; it orders again what runs.
    async fn say_again(&mut self, socket: &mut Socket) -> Option<()> {
        for Held { claim, attempt, step, gathered } in &self.held {
            let (claim, attempt) = (*claim, *attempt);
            if *gathered {
                say(socket, &ToMaster::Gathered { attempt }).await?;
            } else if step.is_none() {
                say(socket, &ToMaster::Accepted { number: 0, claim, attempt }).await?;
            }
        }
        Some(())
    }

    async fn end_all(&mut self, socket: &mut Socket) -> Option<()> {
        for held in self.held.iter().filter(|held| !held.gathered) {
            if let Some(number) = held.step {
                say(socket, &done(held.attempt, number)).await?;
            }
        }
        Some(())
    }
}

fn done(attempt: Attempt, number: i64) -> ToMaster {
    let ending = Ending::Exited { code: 0 };
    let report = Report { ending, exit: None, logs: Vec::new(), stderr_tail: String::new() };
    ToMaster::StepDone { attempt, number, report }
}

async fn say(socket: &mut Socket, message: &ToMaster) -> Option<()> {
    socket.send(Message::Binary(encode(message).into())).await.ok()
}
