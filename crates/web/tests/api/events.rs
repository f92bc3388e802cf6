//! The event stream: without a gap, without a repeat, and the same truth as the lists.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::Value;
use steading_core::words::{NOUNS, Noun, Outcome};
use steading_store::Write;

use crate::house::{self, House, ask};

/// An open stream, read an event at a time.
pub(crate) struct Stream {
    body: Body,
    text: String,
}

/// One event: id, name, data.
pub(crate) type Told = (String, String, Value);

impl Stream {
    pub(crate) async fn open(house: &House, path: &str, last: Option<i64>) -> Stream {
        let mut request = ask("GET", path);
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = house.open(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { body: response.into_body(), text: String::new() }
    }

    /// The next event; none when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let told = told(event);
                self.text = rest.to_owned();
                match told {
                    Some(told) => return Some(told),
                    None => continue,
                }
            }
            let frame = self.body.frame().await?.expect("a frame");
            let data = frame.into_data().expect("no trailers");
            self.text.push_str(std::str::from_utf8(&data).expect("text"));
        }
    }

    pub(crate) async fn all(mut self) -> Vec<Told> {
        let mut all = Vec::new();
        while let Some(told) = self.next().await {
            all.push(told);
        }
        all
    }
}

/// An event's parts; none for a comment.
fn told(event: &str) -> Option<Told> {
    let field = |name: &str| {
        event
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(str::to_owned)
    };
    let data = field("data")?;
    let data = serde_json::from_str(&data).expect("JSON");
    Some((field("id").unwrap_or_default(), field("event").unwrap_or_default(), data))
}

#[tokio::test]
async fn events_are_numbered_named_and_whole() {
    let house = House::new().await;
    let request = house.submit("hello").await;
    let told = Stream::open(&house, "/api/v1/events?since=0&follow=false", None).await.all().await;
    for (i, (id, name, data)) in told.iter().enumerate() {
        assert_eq!(id, &(i + 1).to_string());
        assert_eq!(data["seq"], i + 1);
        assert_eq!(data["kind"], name.as_str());
        assert!(name.starts_with(data["noun"].as_str().expect("a noun")));
    }
    let (_, _, newest) = told.last().expect("events");
    assert_eq!((&newest["kind"], &newest["id"]), (&"request.submitted".into(), &request.0.into()));
    let row = house.get("/api/v1/requests/1").await.json();
    assert_eq!(newest["delta"], row["item"], "the first event of a row has all its fields");
}

#[tokio::test]
async fn only_the_nouns_asked_for_are_told() {
    let house = House::new().await;
    let request = house.submit("hello").await;
    house.start(request).await;
    let path = "/api/v1/events?since=0&follow=false&noun=build,worker";
    let told = Stream::open(&house, path, None).await.all().await;
    let mut nouns: Vec<&str> = told.iter().map(|e| e.2["noun"].as_str().expect("noun")).collect();
    nouns.dedup();
    assert_eq!(nouns, ["worker", "build"]);
}

#[tokio::test]
async fn without_a_number_the_stream_begins_now() {
    let house = House::new().await;
    house.submit("hello").await;
    let mut stream = Stream::open(&house, "/api/v1/events?noun=request", None).await;
    let request = house.submit("world").await;
    let (_, _, data) = stream.next().await.expect("an event");
    assert_eq!(data["id"], request.0);
}

#[tokio::test]
async fn a_resumed_stream_has_no_gap_and_no_repeat() {
    let house = House::new().await;
    let store = house.store.clone();
    let writing = tokio::spawn(async move {
        // The last one is told by its builder; its request is the last event of its section.
        let builders = std::iter::repeat_n("hello", 200).chain(["world"]);
        for builder in builders {
            let submit = move |w: &mut Write<'_>| house::submit(w, builder);
            store.write("submit", submit).await.expect("a section");
        }
    });
    let is_last = |data: &Value| data["delta"]["builder"] == "world" && data["noun"] == "request";
    let mut seen: Vec<i64> = Vec::new();
    let (mut reads, mut done) = (1, false);
    while !done {
        let last = seen.last().copied();
        let mut stream = Stream::open(&house, "/api/v1/events?since=0", last).await;
        for _ in 0..reads {
            let (_, _, data) = stream.next().await.expect("an event");
            seen.push(data["seq"].as_i64().expect("a number"));
            done = is_last(&data);
            if done {
                break;
            }
        }
        reads = reads * 2 % 61 + 1;
    }
    writing.await.expect("written");
    let expected: Vec<i64> = (1..=newest(&house).await).collect();
    assert_eq!(seen, expected);
}

async fn newest(house: &House) -> i64 {
    house.store.seq().borrow().0
}

/// A list as rows by id.
async fn rows(house: &House, noun: &Noun) -> (BTreeMap<i64, Value>, i64) {
    let list = house.get(&format!("/api/v1/{}?limit=1000", noun.plural)).await.json();
    let items = list["items"].as_array().expect("items").iter();
    let rows = items.map(|row| (row["id"].as_i64().expect("an id"), row.clone())).collect();
    (rows, list["as_of"].as_i64().expect("a number"))
}

#[tokio::test]
async fn events_folded_over_a_list_are_the_newer_list() {
    let house = House::new().await;
    let mut moments = Vec::new();
    for round in 0..6 {
        for noun in NOUNS {
            moments.push((noun, rows(&house, noun).await));
        }
        let request = house.submit("hello").await;
        house.submit("world").await;
        let build = house.start(request).await;
        house.step(build).await;
        if round % 2 == 0 {
            house.finish(build, Outcome::Warnings).await;
        }
        house.write(|w| w.pause_worker("barn", "me", "rain")).await;
        house.write(|w| w.resume_worker("barn", "ann", "")).await;
    }
    for (noun, (mut rows_then, as_of)) in moments {
        let path = format!("/api/v1/events?since={as_of}&follow=false&noun={}", noun.name);
        for (_, _, event) in Stream::open(&house, &path, None).await.all().await {
            fold(&mut rows_then, &event);
        }
        let (rows_now, _) = rows(&house, noun).await;
        assert_eq!(rows_then, rows_now, "{} since {as_of}", noun.plural);
    }
}

/// What a client does with an event.
fn fold(rows: &mut BTreeMap<i64, Value>, event: &Value) {
    let id = event["id"].as_i64().expect("an id");
    let row = rows.entry(id).or_insert_with(|| serde_json::json!({}));
    for (field, value) in event["delta"].as_object().expect("a delta") {
        row[field] = value.clone();
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_farm_stops() {
    let house = House::new().await;
    let stream = Stream::open(&house, "/api/v1/events", None).await;
    house.state.stopping.cancel();
    assert!(stream.all().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_left() {
    let house = House::new().await;
    for _ in 0..100 {
        house.submit("hello").await;
    }
    let room = house.state.streams.clone();
    let all = u32::try_from(room.available_permits()).expect("a few thousand");
    let stream = Stream::open(&house, "/api/v1/events?since=0", None).await;
    assert!(room.available_permits() < all as usize);
    // Its place is free again while it still holds its end, and what it got is in order.
    drop(room.acquire_many(all).await.expect("open"));
    let told = stream.all().await;
    let numbers: Vec<i64> = told.iter().map(|e| e.2["seq"].as_i64().expect("a number")).collect();
    let expected: Vec<i64> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected);
    assert!(numbers.len() < 100, "{}", numbers.len());
}
