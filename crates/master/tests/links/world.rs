//! A master on loopback with a clock that only tests move, and a worker that says what they tell it
//! to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use steading_core::words::{Attempt, ClaimId, Micros, RequestId};
use steading_master::{Master, Options, Programs, Sources};
use steading_store::archive::Archive;
use steading_store::{Read, Store};
use steading_wire::command::{Answer, Command};
use steading_wire::rest::Force;
use steading_wire::worker::{
    Ending, HEARTBEAT_MS, Hello, PROTOCOL, Primitive, Report, ToMaster, ToWorker, decode, encode,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long anything may take that is certain to come.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) master: Master,
    pub(crate) store: Store,
    clock: Arc<AtomicI64>,
    pub(crate) address: String,
}

impl World {
    pub(crate) async fn start(farm: &str) -> World {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("farm.star"), farm).expect("a file");
        let loaded = steading_config::load(directory.path()).expect("a good farm");
        let data = directory.path().join("data");
        std::fs::create_dir(&data).expect("a directory");
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let tells = Arc::clone(&clock);
        let options =
            steading_store::Options::new(&data, move || Micros(tells.load(Ordering::SeqCst)));
        let store = Store::open(options).expect("a store");
        let master = steading_master::start(Options {
            store: store.clone(),
            archive: Archive::open(&data).expect("an archive"),
            farm_dir: directory.path().to_owned(),
            data,
            loaded,
            sources: Sources::Commands,
            programs: Programs::Processes,
        });
        let master = master.await.expect("it starts");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let routes = master.routes();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        World { directory, master, store, clock, address }
    }

    /// Time passes, and history moves: whoever waits looks again.
    pub(crate) async fn pass(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).expect("a short span");
        self.clock.fetch_add(micros, Ordering::SeqCst);
        self.force("nothing").await;
    }

    pub(crate) async fn token(&self, worker: &str) -> String {
        self.master.worker_token(worker).await.expect("a token")
    }

    pub(crate) async fn ask(&self, command: Command) -> Answer {
        self.master.commands().ask(command, "ann".to_owned(), None).await.expect("done")
    }

    /// Submits a request of that builder.
    pub(crate) async fn force(&self, builder: &str) -> RequestId {
        let builder = builder.to_owned();
        let answer = self.ask(Command::Force { builder, force: Force::default() }).await;
        let Answer::Submitted(submitted) = answer else { panic!("{answer:?}") };
        RequestId(*submitted.requests.values().next().expect("one request"))
    }

    pub(crate) async fn reload(&self, farm: &str) {
        std::fs::write(self.directory.path().join("farm.star"), farm).expect("a file");
        self.ask(Command::Reload).await;
    }

    /// Waits until history answers with something.
    pub(crate) async fn until<T: Send + 'static>(
        &self,
        look: impl Fn(&Read<'_>) -> Result<Option<T>, steading_store::Error> + Clone + Send + 'static,
    ) -> T {
        let mut seq = self.store.seq();
        let found = async {
            loop {
                seq.mark_unchanged();
                if let Some(found) = self.store.read(look.clone()).await.expect("history reads") {
                    return found;
                }
                seq.changed().await.expect("the store lives");
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("history comes to it")
    }

    /// Dials; the status that refused the dial, if it was.
    pub(crate) async fn dial(&self, token: &str) -> Result<Link, u16> {
        let url = format!("ws://{}/worker/v1/control", self.address);
        let mut request = url.into_client_request().expect("a URL");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Link { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// A worker that is welcome.
    pub(crate) async fn connect(&self, name: &str, held: Vec<Attempt>) -> Link {
        let mut link = self.dial(&self.token(name).await).await.expect("the dial is answered");
        link.say(ToMaster::Hello(Hello { held, ..hello(name) })).await;
        let welcome = link.hear().await;
        assert!(matches!(welcome, ToWorker::Welcome { .. }), "{welcome:?}");
        link
    }
}

/// What a worker hears first, among few.
pub(crate) fn welcome(slots: i64, drop: Vec<Attempt>) -> ToWorker {
    ToWorker::Welcome { slots, drop, heartbeat_ms: HEARTBEAT_MS }
}

/// A worker's end of its control link.
pub(crate) struct Link {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Link {
    pub(crate) async fn say(&mut self, message: ToMaster) {
        self.socket.send(Message::Binary(encode(&message).into())).await.expect("sent");
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> ToWorker {
        let next = async {
            loop {
                let message = self.socket.next().await.expect("an answer").expect("whole");
                if let Message::Binary(bytes) = message {
                    return decode(&bytes).expect("of the protocol");
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("the master says something")
    }

    pub(crate) async fn offer(&mut self) -> (ClaimId, Attempt) {
        match self.hear().await {
            ToWorker::Offer { claim, attempt, .. } => (claim, attempt),
            other => panic!("no offer but {other:?}"),
        }
    }

    /// Takes the next offer and the step that follows.
    pub(crate) async fn begin(&mut self) -> Attempt {
        let (claim, attempt) = self.offer().await;
        self.say(ToMaster::Accepted { number: 0, claim, attempt }).await;
        assert_eq!(self.step().await, (attempt, 1));
        attempt
    }

    pub(crate) async fn step(&mut self) -> (Attempt, i64) {
        match self.hear().await {
            ToWorker::Run { attempt, number, primitive: Primitive::Process { .. }, .. } => {
                (attempt, number)
            }
            other => panic!("no step but {other:?}"),
        }
    }

    pub(crate) async fn done(&mut self, attempt: Attempt, number: i64, ending: Ending) {
        self.say(ToMaster::StepDone { attempt, number, report: report(ending) }).await;
    }
}

pub(crate) fn hello(name: &str) -> Hello {
    Hello {
        protocol: PROTOCOL,
        instance: Some("one".to_owned()),
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        facts: BTreeMap::new(),
        troubles: Vec::new(),
        held: Vec::new(),
    }
}

pub(crate) fn report(ending: Ending) -> Report {
    Report { ending, exit: None, logs: Vec::new(), stderr_tail: String::new() }
}
