//! Who may be a worker: the control link of a real master, dialled over a real socket.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use steading_core::words::{Attempt, Micros, RequestId};
use steading_master::{Master, Options, Sources, Stop};
use steading_store::Store;
use steading_store::archive::Archive;
use steading_wire::worker::{Hello, PROTOCOL, ToMaster, ToWorker, decode, encode};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A master with one declared worker, `barn`, served on loopback.
struct World {
    _directory: tempfile::TempDir,
    master: Master,
    address: String,
}

impl World {
    async fn start() -> World {
        let directory = tempfile::tempdir().expect("a directory");
        let farm = "worker(\"barn\", slots = 3)\nbuilder(\"b\", steps = [shell(\"true\")])\n";
        std::fs::write(directory.path().join("farm.star"), farm).expect("a file");
        let loaded = steading_config::load(directory.path()).expect("a good farm");
        let data = directory.path().join("data");
        std::fs::create_dir(&data).expect("a directory");
        let options = steading_store::Options::new(&data, || Micros(1_000_000));
        let master = steading_master::start(Options {
            store: Store::open(options).expect("a store"),
            archive: Archive::open(&data).expect("an archive"),
            farm_dir: directory.path().to_owned(),
            data,
            loaded,
            sources: Sources::Commands,
        });
        let master = master.await.expect("it starts");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let routes = master.routes();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        World { _directory: directory, master, address }
    }

    /// Dials with a token; gives the answer to a hello, or the status that refused the dial.
    async fn hello(&self, token: &str, hello: Hello) -> Result<ToWorker, u16> {
        let url = format!("ws://{}/worker/v1/control", self.address);
        let mut request = url.into_client_request().expect("a URL");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        let (mut socket, _) = match tokio_tungstenite::connect_async(request).await {
            Ok(connected) => connected,
            Err(Error::Http(response)) => return Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        };
        let message = encode(&ToMaster::Hello(hello));
        socket.send(Message::Binary(message.into())).await.expect("sent");
        loop {
            let message = socket.next().await.expect("an answer").expect("whole");
            if let Message::Binary(bytes) = message {
                return Ok(decode(&bytes).expect("of the protocol"));
            }
        }
    }

    async fn token(&self, worker: &str) -> String {
        self.master.worker_token(worker).await.expect("a token")
    }
}

fn hello(name: &str) -> Hello {
    Hello {
        protocol: PROTOCOL,
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        facts: BTreeMap::new(),
        held: Vec::new(),
    }
}

fn check_rejected(answer: Result<ToWorker, u16>, code: &str, words: &[&str]) {
    let Ok(ToWorker::Rejected { code: given, text }) = answer else { panic!("{answer:?}") };
    assert_eq!(given, code);
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}

#[tokio::test]
async fn a_declared_worker_with_its_token_is_welcome() {
    let world = World::start().await;
    let stranger = Attempt { request: RequestId(7), epoch: 1 };
    let said = Hello { held: vec![stranger], ..hello("barn") };
    let answer = world.hello(&world.token("barn").await, said).await;
    assert_eq!(answer, Ok(ToWorker::Welcome { slots: 3, drop: vec![stranger] }));
    world.master.stop(Stop::Cancel).await.expect("it stops");
}

#[tokio::test]
async fn a_wrong_token_is_refused_before_anything_is_said() {
    let world = World::start().await;
    assert_eq!(world.hello("nonsense", hello("barn")).await, Err(401));
    let owner = world.master.owner_token().await.expect("a token");
    assert_eq!(world.hello(&owner, hello("barn")).await, Err(401), "an admin is no worker");
}

#[tokio::test]
async fn another_protocol_is_named_with_what_to_do() {
    let world = World::start().await;
    let said = Hello { protocol: 99, ..hello("barn") };
    let answer = world.hello(&world.token("barn").await, said).await;
    check_rejected(answer, "protocol", &["`barn`", "protocol 99", "speaks 1", "install the same"]);
}

#[tokio::test]
async fn a_name_must_be_the_tokens_and_the_farms() {
    let world = World::start().await;
    let answer = world.hello(&world.token("barn").await, hello("shed")).await;
    check_rejected(answer, "name", &["`shed`", "steading token worker shed"]);
    let answer = world.hello(&world.token("shed").await, hello("shed")).await;
    check_rejected(answer, "name", &["declares no worker `shed`", "farm.star"]);
}
