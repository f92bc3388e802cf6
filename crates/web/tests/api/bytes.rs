//! Logs and artifacts.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};
use steading_core::words::{LogId, Micros};
use steading_frames::Encoder;

use crate::events::Stream;
use crate::house::{Got, House, ask};

/// A log with these pieces stored in a block each, closed or not.
async fn log(house: &House, pieces: &[&[u8]], closed: bool) -> LogId {
    let request = house.submit("hello").await;
    let build = house.start(request).await;
    let (_, log) = house.step(build).await;
    let mut encoder = Encoder::new();
    for piece in pieces {
        for block in encoder.push(1_700_000_000_000_000, piece) {
            house.archive.append(log, block.raw_offset, block.encoded).await.expect("stored");
        }
    }
    if closed {
        let (block, trailer, _) = encoder.finish();
        if let Some(block) = block {
            house.archive.append(log, block.raw_offset, block.encoded).await.expect("stored");
        }
        house.archive.close(log, trailer.encoded).await.expect("closed");
    } else {
        let (bytes, offset) = encoder.pending();
        house.archive.tail(log, offset, Micros(1_700_000_000_000_000), bytes);
    }
    log
}

fn texts(lines: &Value) -> Vec<&str> {
    lines.as_array().expect("lines").iter().map(|l| l["text"].as_str().expect("text")).collect()
}

#[tokio::test]
async fn lines_are_listed_searched_and_cut_at_either_end() {
    let house = House::new().await;
    let log = log(&house, &[b"one\ntwo\nthree\n", b"four\nbad \xff byte\nsix"], true).await;
    let check = async |query: &str, expected: &[&str], next: Value| {
        let got = house.get(&format!("/api/v1/logs/{log}?{query}")).await.json();
        assert_eq!(texts(&got["lines"]), expected, "{query}");
        assert_eq!((&got["total"], &got["next"]), (&json!(6), &next), "{query}");
    };
    let all = ["one", "two", "three", "four", "bad \u{fffd} byte", "six"];
    check("", &all, Value::Null).await;
    check("first=2&count=2", &["two", "three"], json!(4)).await;
    check("first=99", &[], Value::Null).await;
    check("tail=2", &["bad \u{fffd} byte", "six"], Value::Null).await;
    check("grep=^t", &["two", "three"], Value::Null).await;
    check("grep=o&count=1", &["one"], json!(2)).await;
    check("grep=o&tail=1", &["four"], json!(3)).await;
    let (code, detail) = house.get(&format!("/api/v1/logs/{log}?grep=(")).await.problem();
    assert_eq!(code, "bad_request");
    assert!(detail.contains("grep"), "{detail}");
}

#[tokio::test]
async fn lines_have_numbers_and_times() {
    let house = House::new().await;
    let log = log(&house, &[b"one\n"], false).await;
    let got = house.get(&format!("/api/v1/logs/{log}")).await.json();
    let at = "2023-11-14T22:13:20.000000Z";
    assert_eq!(got["lines"], json!([{ "number": 1, "at": at, "text": "one" }]));
    assert_eq!(got["closed"], false);
}

async fn ranged(house: &House, path: &str, range: &str) -> Got {
    let request = ask("GET", path).header("range", range).body(Body::empty());
    house.send(request.expect("a request")).await
}

#[tokio::test]
async fn raw_bytes_are_as_they_were_printed() {
    let house = House::new().await;
    let log = log(&house, &[b"one\n\xff\x00<script>\n"], true).await;
    let path = format!("/api/v1/logs/{log}/raw");
    let got = house.get(&path).await;
    assert_eq!(got.bytes, b"one\n\xff\x00<script>\n");
    assert_eq!(got.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert!(got.header("content-security-policy").contains("sandbox"));
    let part = ranged(&house, &path, "bytes=1-2").await;
    assert_eq!((part.status, part.bytes.as_slice()), (StatusCode::PARTIAL_CONTENT, &b"ne"[..]));
    assert_eq!(part.header("content-range"), "bytes 1-2/15");
    let outside = ranged(&house, &path, "bytes=99-").await;
    assert_eq!(outside.problem().0, "range_not_satisfiable");
    assert_eq!(outside.header("content-range"), "bytes */15");
}

#[tokio::test]
async fn a_large_log_is_sent_whole() {
    let house = House::new().await;
    let line = "x".repeat(99) + "\n";
    let text = line.repeat(30_000);
    let log = log(&house, &[text.as_bytes()], true).await;
    let got = house.get(&format!("/api/v1/logs/{log}/raw")).await;
    assert!(got.bytes == text.as_bytes());
    assert_eq!(got.header("content-length"), text.len().to_string());
}

#[tokio::test]
async fn followed_lines_grow_until_the_log_is_closed() {
    let house = House::new().await;
    let at = Micros(1_700_000_000_000_000);
    let log = log(&house, &[b"one\ntw"], false).await;
    let mut stream = Stream::open(&house, &format!("/api/v1/logs/{log}/follow"), None).await;
    let (id, name, lines) = stream.next().await.expect("lines");
    assert_eq!((id.as_str(), name.as_str()), ("1", "lines"));
    assert_eq!(texts(&lines), ["one", "tw"]);
    house.archive.tail(log, 6, at, b"o\nthree");
    // Bytes that come while lines are read may be told once more; the id says what is whole.
    loop {
        let (id, _, lines) = stream.next().await.expect("lines");
        assert_eq!((texts(&lines), &lines[0]["number"]), (vec!["two", "three"], &json!(2)));
        if id == "2" {
            break;
        }
        assert_eq!(id, "1");
    }

    let mut encoder = Encoder::new();
    encoder.push(at.0, b"one\ntwo\nthree");
    let (block, trailer, _) = encoder.finish();
    house.archive.append(log, 0, block.expect("a block").encoded).await.expect("stored");
    house.archive.close(log, trailer.encoded).await.expect("closed");
    let rest = stream.all().await;
    assert_eq!(rest.last().map(|told| told.1.as_str()), Some("closed"));
    assert_eq!(rest.last().map(|told| told.2["total"].clone()), Some(json!(3)));

    let again = Stream::open(&house, &format!("/api/v1/logs/{log}/follow"), Some(2)).await;
    let again = again.all().await;
    assert_eq!(texts(&again[0].2), ["three"]);
    assert_eq!(again[1].1, "closed");
}

#[tokio::test]
async fn artifacts_are_saved_never_shown() {
    let house = House::new().await;
    let (id, hash) = house.artifact("out/page ü.html", b"<script>alert(1)</script>").await;
    let path = format!("/api/v1/artifacts/{id}/content");
    let got = house.get(&path).await;
    assert_eq!(got.bytes, b"<script>alert(1)</script>");
    assert_eq!(got.header("content-type"), "application/octet-stream");
    let saved_as = "attachment; filename*=UTF-8''page%20%C3%BC.html";
    assert_eq!(got.header("content-disposition"), saved_as);
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    let etag = format!("\"{hash}\"");
    assert_eq!(got.header("etag"), etag);

    let part = ranged(&house, &path, "bytes=-9").await;
    assert_eq!(
        (part.status, part.bytes.as_slice()),
        (StatusCode::PARTIAL_CONTENT, &b"</script>"[..])
    );
    let request = ask("GET", &path).header("if-none-match", &etag).body(Body::empty());
    let known = house.send(request.expect("a request")).await;
    assert_eq!((known.status, known.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
    let request = ask("GET", &path)
        .header("range", "bytes=0-0")
        .header("if-range", "\"other\"")
        .body(Body::empty());
    assert_eq!(house.send(request.expect("a request")).await.status, StatusCode::OK);
}
