//! A master small enough to be read: it keeps what it is sent and says what a test tells it.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Query, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, put};
use steading_frames::{Packer, Reader, Stored};
use steading_wire::worker::{
    Attempt, BulkToMaster, BulkToWorker, HEARTBEAT_MS, LogKey, MESSAGE_BYTES_MAX, ToMaster,
    ToWorker, decode, encode,
};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The one token it knows.
pub(crate) const TOKEN: &str = "s3cret-t0ken";
/// No condition of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A log as it was received.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log {
    file: Vec<u8>,
    next: u64,
    /// Blocks that came, repeated ones included.
    pub(crate) blocks: usize,
    /// What the closing said.
    pub(crate) closed: Option<(u64, u64, String)>,
    /// What the live tails showed.
    pub(crate) tails: Vec<(u64, Vec<u8>)>,
}

impl Log {
    /// The raw bytes, checked against the worker's hash.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut reader = Reader::open(Cursor::new(&self.file)).expect("a log that can be read");
        let summary = reader.verify().expect("a log without damage");
        let closed = (summary.bytes, summary.lines, summary.hash);
        assert_eq!(self.closed.as_ref(), Some(&closed));
        let mut raw = Vec::new();
        while (raw.len() as u64) < summary.bytes {
            let piece = reader.bytes(raw.len() as u64..summary.bytes);
            raw.extend(piece.expect("bytes of a sound log"));
        }
        raw
    }
}

/// Everything that was received, and how to behave.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) messages: Vec<ToMaster>,
    pub(crate) logs: BTreeMap<LogKey, Log>,
    pub(crate) artifacts: BTreeMap<String, Vec<u8>>,
    /// How often an artifact is answered with 503 first.
    pub(crate) artifacts_refused: usize,
    /// When set, artifacts are answered with this.
    pub(crate) artifacts_answer: Option<StatusCode>,
    /// When set, sessions are rejected with this code.
    pub(crate) reject: Option<String>,
    /// After so many blocks, the bulk link is cut, once.
    pub(crate) cut_after_blocks: Option<usize>,
    /// How many blocks are answered as not stored, as by a master whose disk is full.
    pub(crate) blocks_refused: usize,
    /// Blocks that came although one before them was missing.
    pub(crate) gaps: usize,
    pub(crate) slots: i64,
    pub(crate) sessions: usize,
    /// Messages before this one belong to earlier questions.
    cursor: usize,
}

#[derive(Debug)]
struct Shared {
    seen: Mutex<Seen>,
    changed: watch::Sender<u64>,
    out: Mutex<Option<mpsc::Sender<ToWorker>>>,
    cut: Mutex<CancellationToken>,
}

impl Seen {
    /// Forgets what was said, not what was stored.
    pub(crate) fn forget_messages(&mut self) {
        self.messages.clear();
        self.cursor = 0;
    }
}

/// A master that listens.
#[derive(Debug, Clone)]
pub(crate) struct Master {
    shared: Arc<Shared>,
    pub(crate) address: String,
    stop: CancellationToken,
}

impl Master {
    /// Starts one that knows nothing.
    pub(crate) async fn start(slots: i64) -> Master {
        let shared = Shared {
            seen: Mutex::new(Seen { slots, ..Seen::default() }),
            changed: watch::channel(0).0,
            out: Mutex::default(),
            cut: Mutex::default(),
        };
        Master::serve(Arc::new(shared)).await
    }

    /// The same master on another port, with all it knew.
    pub(crate) async fn restart(&self) -> Master {
        self.stop();
        Master::serve(Arc::clone(&self.shared)).await
    }

    /// Stops listening and cuts every link.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.cut_links();
    }

    async fn serve(shared: Arc<Shared>) -> Master {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let routes = Router::new()
            .route("/worker/v1/control", any(control))
            .route("/worker/v1/bulk", any(bulk))
            .route("/worker/v1/artifacts", put(artifact))
            .with_state(Arc::clone(&shared));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            let serving = axum::serve(listener, routes);
            tokio::select! { _ = async { serving.await } => {}, () = stopped.cancelled() => {} }
        });
        Master { shared, address, stop }
    }

    /// Cuts every link, without a word.
    pub(crate) fn cut_links(&self) {
        std::mem::take(&mut *self.shared.cut.lock().expect("unpoisoned")).cancel();
    }

    /// Changes how it behaves, or looks at what came.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen.lock().expect("unpoisoned")
    }

    /// Says something to the worker, once it is there.
    pub(crate) async fn say(&self, message: ToWorker) {
        let out = self.until("a session", |_| self.shared.out.lock().ok()?.clone()).await;
        out.send(message).await.expect("a link that stands");
    }

    /// Waits for a message; those before it are no longer asked for.
    pub(crate) async fn hear<T>(
        &self,
        what: &str,
        mut wanted: impl FnMut(&ToMaster) -> Option<T>,
    ) -> T {
        self.until(what, |seen| {
            let (at, found) = seen.messages[seen.cursor..]
                .iter()
                .enumerate()
                .find_map(|(i, m)| Some((i, wanted(m)?)))?;
            seen.cursor += at + 1;
            Some(found)
        })
        .await
    }

    /// Waits until a log is closed.
    pub(crate) async fn log(&self, attempt: Attempt, step: i64, name: &str) -> Log {
        let key = LogKey { attempt, step, name: name.to_owned() };
        self.until("a closed log", |seen| {
            seen.logs.get(&key).filter(|log| log.closed.is_some()).cloned()
        })
        .await
    }

    /// Waits for a condition.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut condition: impl FnMut(&mut Seen) -> Option<T>,
    ) -> T {
        let mut changed = self.shared.changed.subscribe();
        let waiting = async {
            loop {
                if let Some(found) = condition(&mut self.seen()) {
                    return found;
                }
                changed.changed().await.expect("the master lives");
            }
        };
        match timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not come; messages: {:#?}", self.seen().messages),
        }
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().expect("unpoisoned"));
        self.changed.send_modify(|n| *n += 1);
    }

    fn cut(&self) -> CancellationToken {
        self.cut.lock().expect("unpoisoned").clone()
    }
}

fn is_known(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|v| v == &format!("Bearer {TOKEN}"))
}

async fn control(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    upgrade.on_upgrade(|socket| async move {
        let cut = shared.cut();
        tokio::select! { () = session(&shared, socket) => {}, () = cut.cancelled() => {} }
        *shared.out.lock().expect("unpoisoned") = None;
        shared.change(|_| {});
    })
}

async fn session(shared: &Shared, mut socket: WebSocket) {
    let Some(Ok(Message::Binary(hello))) = socket.recv().await else { return };
    let hello: ToMaster = decode(&hello).expect("a message of the protocol");
    let (out, mut to_send) = mpsc::channel(64);
    let (slots, reject) = {
        let seen = shared.seen.lock().expect("unpoisoned");
        (seen.slots, seen.reject.clone())
    };
    let answer = match reject {
        Some(code) => ToWorker::Rejected { code, text: "install the same version".into() },
        None => ToWorker::Welcome { slots, drop: Vec::new(), heartbeat_ms: HEARTBEAT_MS },
    };
    if socket.send(Message::Binary(encode(&answer).into())).await.is_err() {
        return;
    }
    *shared.out.lock().expect("unpoisoned") = Some(out);
    shared.change(|seen| {
        seen.sessions += 1;
        seen.messages.push(hello);
    });
    loop {
        tokio::select! {
            message = to_send.recv() => {
                let Some(message) = message else { return };
                if socket.send(Message::Binary(encode(&message).into())).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let message = decode(&bytes).expect("a message of the protocol");
                    if matches!(message, ToMaster::Heartbeat { .. })
                        && socket.send(Message::Pong(Default::default())).await.is_err()
                    {
                        return;
                    }
                    shared.change(|seen| seen.messages.push(message));
                }
                Some(Ok(_)) => {}
                _ => return,
            },
        }
    }
}

async fn bulk(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    upgrade.max_message_size(MESSAGE_BYTES_MAX).on_upgrade(|socket| async move {
        let cut = shared.cut();
        tokio::select! { () = take_logs(&shared, socket) => {}, () = cut.cancelled() => {} }
    })
}

async fn take_logs(shared: &Shared, mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Binary(bytes) = message else { continue };
        let message = decode(&bytes).expect("a message of the protocol");
        let mut answer = None;
        let mut cut = false;
        shared.change(|seen| {
            answer = take(seen, message);
            cut = seen
                .cut_after_blocks
                .is_some_and(|n| seen.logs.values().map(|log| log.blocks).sum::<usize>() >= n);
            if cut {
                seen.cut_after_blocks = None;
            }
        });
        if cut {
            return;
        }
        if let Some(answer) = answer {
            let _ = socket.send(Message::Binary(encode(&answer).into())).await;
        }
    }
}

fn take(seen: &mut Seen, message: BulkToMaster) -> Option<BulkToWorker> {
    match message {
        BulkToMaster::Block { log: key, raw_offset, encoded } => {
            let log = seen.logs.entry(key.clone()).or_default();
            log.blocks += 1;
            if seen.blocks_refused > 0 {
                seen.blocks_refused -= 1;
                return Some(BulkToWorker::Stored { log: key, next: log.next });
            }
            let block = Stored::decode(&encoded, &mut Packer::new()).expect("a sound block");
            seen.gaps += usize::from(raw_offset > log.next);
            if raw_offset == log.next {
                log.next += u64::from(block.raw_len());
                log.file.extend(encoded);
            }
            Some(BulkToWorker::Stored { log: key, next: log.next })
        }
        BulkToMaster::Tail { log: key, raw_offset, bytes, .. } => {
            assert!(bytes.len() <= 64 << 10, "a tail of {} bytes", bytes.len());
            seen.logs.entry(key).or_default().tails.push((raw_offset, bytes));
            None
        }
        BulkToMaster::Close { log: key, trailer, bytes, lines, hash } => {
            let log = seen.logs.entry(key.clone()).or_default();
            if bytes != log.next {
                return Some(BulkToWorker::Stored { log: key, next: log.next });
            }
            if log.closed.is_none() {
                log.file.extend(trailer);
                log.closed = Some((bytes, lines, hash));
            }
            Some(BulkToWorker::Closed { log: key })
        }
    }
}

async fn artifact(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<BTreeMap<String, String>>,
    request: Request,
) -> StatusCode {
    let headers = request.headers().clone();
    let body = to_bytes(request.into_body(), usize::MAX).await.expect("a whole body");
    let mut answer = StatusCode::NO_CONTENT;
    shared.change(|seen| {
        let hash = blake3::hash(&body).to_hex().to_string();
        if let Some(fixed) = seen.artifacts_answer {
            answer = fixed;
        } else if seen.artifacts_refused > 0 {
            seen.artifacts_refused -= 1;
            answer = StatusCode::SERVICE_UNAVAILABLE;
        } else if !is_known(&headers) {
            answer = StatusCode::UNAUTHORIZED;
        } else if headers.get("x-content-blake3").is_none_or(|v| v != hash.as_str()) {
            answer = StatusCode::BAD_REQUEST;
        } else {
            let Some(path) = query.get("path").cloned() else {
                answer = StatusCode::BAD_REQUEST;
                return;
            };
            seen.artifacts.insert(path, body.to_vec());
        }
    });
    answer
}
