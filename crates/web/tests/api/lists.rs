//! Lists and items.

use axum::body::Body;
use serde_json::{Value, json};
use steading_core::words::{BuildId, NOUNS, Outcome};

use crate::house::{Got, House, ask};

async fn three_builds() -> House {
    let house = House::new().await;
    let ends = [("hello", Outcome::Success), ("world", Outcome::Failure)];
    for (builder, outcome) in ends {
        let request = house.submit(builder).await;
        let build = house.start(request).await;
        house.step(build).await;
        house.finish(build, outcome).await;
    }
    let request = house.submit("hello").await;
    house.start(request).await;
    house.submit("hello").await;
    house
}

fn ids(items: &[Value]) -> Vec<i64> {
    items.iter().map(|item| item["id"].as_i64().expect("an id")).collect()
}

#[tokio::test]
async fn every_noun_is_a_list_of_its_fields() {
    let house = three_builds().await;
    for noun in NOUNS {
        let got = house.get(&format!("/api/v1/{}", noun.plural)).await.json();
        assert!(got["as_of"].as_i64().expect("a number") > 0);
        for item in got["items"].as_array().expect("items") {
            let fields: Vec<&String> = item.as_object().expect("a row").keys().collect();
            let mut expected: Vec<&str> = noun.fields.iter().map(|field| field.name).collect();
            expected.sort_unstable();
            assert_eq!(fields, expected, "{}", noun.name);
        }
    }
}

#[tokio::test]
async fn filters_are_conditions_that_add_up() {
    let house = three_builds().await;
    let check = async |query: &str, expected: &[i64]| {
        let items = house.items(&format!("/api/v1/builds?{query}")).await;
        assert_eq!(ids(&items), expected, "{query}");
    };
    check("", &[1, 2, 3]).await;
    check("outcome=failure", &[2]).await;
    check("outcome__ne=failure", &[1, 3]).await;
    check("outcome=null", &[3]).await;
    check("state=running", &[3]).await;
    check("builder=hello&state=finished", &[1]).await;
    check("builder__in=hello,nobody", &[1, 3]).await;
    check("builder__contains=orl", &[2]).await;
    check("id__ge=2", &[2, 3]).await;
    check("id__gt=1&id__lt=3", &[2]).await;
    check("id__le=1", &[1]).await;
    check("started_at__ge=2023-11-14T22:13:20Z", &[1, 2, 3]).await;
    check("started_at__gt=2023-11-14T22:13:20.000000Z", &[]).await;
    check("order=-id", &[3, 2, 1]).await;
    check("order=-builder&limit=1", &[2]).await;
    check("reason=to%20see%20it&limit=1", &[1]).await;
}

#[tokio::test]
async fn cursors_walk_through_what_is_there_once() {
    let house = House::new().await;
    for _ in 0..7 {
        house.submit("hello").await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/requests?order=-id&limit=3".to_owned();
    loop {
        let page = house.get(&path).await.json();
        seen.extend(ids(page["items"].as_array().expect("items")));
        // What comes meanwhile is newer and belongs before the page, not in it.
        house.submit("world").await;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/requests?order=-id&limit=3&cursor={next}");
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn only_the_fields_asked_for_are_shown() {
    let house = three_builds().await;
    let items = house.items("/api/v1/builds?fields=id,outcome&limit=1").await;
    assert_eq!(items, [json!({ "id": 1, "outcome": "success" })]);
}

#[tokio::test]
async fn things_are_found_by_id_name_and_number() {
    let house = three_builds().await;
    let check = async |path: &str, field: &str, expected: Value| {
        let got = house.get(&format!("/api/v1{path}")).await.json();
        assert_eq!(got["item"][field], expected, "{path}: {got}");
        assert!(got["as_of"].as_i64().expect("a number") > 0);
    };
    check("/builds/3", "builder", json!("hello")).await;
    check("/builds/hello/2", "id", json!(3)).await;
    check("/builders/world", "name", json!("world")).await;
    check("/builders/1", "name", json!("hello")).await;
    check("/workers/barn", "slots", json!(1000)).await;
    check("/workers/barn", "facts", json!({ "cpus": 2 })).await;
    check("/workers/barn", "connected_at", json!("2023-11-14T22:13:20.000000Z")).await;
    check("/requests/4", "state", json!("pending")).await;
    check("/configurations/1", "files", json!(["farm.star"])).await;
}

#[tokio::test]
async fn what_belongs_together_is_nested() {
    let house = three_builds().await;
    let check = async |path: &str, expected: &[i64]| {
        let items = house.items(&format!("/api/v1{path}")).await;
        assert_eq!(ids(&items), expected, "{path}");
    };
    check("/builders/hello/builds", &[1, 3]).await;
    check("/builders/hello/builds?order=-id&limit=1", &[3]).await;
    check("/builders/hello/builds?outcome=failure", &[]).await;
    check("/builders/world/requests", &[2]).await;
    check("/workers/barn/builds", &[1, 2, 3]).await;
    check("/buildsets/2/requests", &[2]).await;
    check("/buildsets/2/builds", &[2]).await;
    check("/requests/2/builds", &[2]).await;
    check("/requests/2/claims", &[2]).await;
    check("/builds/2/steps", &[2]).await;
    check("/builds/2/logs", &[2]).await;
    check("/builds/2/artifacts", &[]).await;
    check("/steps/2/logs", &[2]).await;
}

#[tokio::test]
async fn the_farm_at_a_glance() {
    let house = three_builds().await;
    let mut farm = house.get("/api/v1/farm").await.json();
    let as_of = farm["as_of"].take();
    assert_eq!(as_of, house.get("/api/v1/builds").await.json()["as_of"]);
    assert_eq!(
        farm,
        json!({
            "version": "0.0.0-test", "pending": 1, "claimed": 1, "running": 1,
            "workers_ready": 1, "workers_offline": 0, "workers_paused": 0, "workers_missing": 0,
            "workers_troubled": 0,
            "slots": 1000, "held": null, "draining": false, "as_of": null,
        })
    );
}

#[tokio::test]
async fn metrics_count_what_there_is() {
    let house = three_builds().await;
    house.get("/api/v1/nowhere").await;
    let text = house.get("/metrics").await.text();
    for line in [
        "steading_requests{state=\"pending\"} 1",
        "steading_builds_running 1",
        "steading_workers{state=\"ready\"} 1",
        "steading_http_requests_total{method=\"GET\",status=\"404\"} 1",
        "steading_store_sections_total{section=\"test\",result=\"committed\"}",
        "steading_store_commits_total",
        "steading_event_seq",
    ] {
        assert!(text.contains(line), "no `{line}` in:\n{text}");
    }
}

/// Reads from home, with the tag of an answer that is there already.
async fn known(house: &House, path: &str, tag: &str) -> Got {
    let request = ask("GET", path).header("if-none-match", tag);
    house.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again_until_history_moves() {
    let house = three_builds().await;
    for path in ["/api/v1/builds?order=-id", "/api/v1/builds/3", "/api/v1/builders/hello/builds"] {
        let first = house.get(path).await;
        let tag = first.header("etag").to_owned();
        assert_eq!(house.get(path).await.bytes, first.bytes);
        let again = known(&house, path, &tag).await;
        assert_eq!((again.status.as_u16(), again.header("etag")), (304, tag.as_str()));
        assert_eq!(again.bytes, b"");
        assert_eq!(known(&house, path, &format!("\"other\", {tag}")).await.status.as_u16(), 304);
        // The tag is of this path alone.
        assert_eq!(known(&house, "/api/v1/workers", &tag).await.status.as_u16(), 200);
        house.submit("hello").await;
        let moved = known(&house, path, &tag).await;
        assert_eq!(moved.status.as_u16(), 200);
        assert_ne!(moved.header("etag"), tag);
        assert!(moved.json()["as_of"].as_i64() > first.json()["as_of"].as_i64());
    }
    house.finish(BuildId(3), Outcome::Success).await;
    assert_eq!(house.get("/api/v1/builds/3").await.json()["item"]["outcome"], "success");
    // What is not there has no tag: it may come.
    assert_eq!(house.get("/api/v1/builds/99").await.header("etag"), "");
}
