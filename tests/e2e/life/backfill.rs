//! What is kept back for one that waits for a long build is used meanwhile, by builds of which
//! history says that they are over in time. Judged by the order of offers and by what was written.

use serde_json::Value;

use crate::farm::{Client, Farm, until};

const FARM: &str = r#"
worker("barn", slots = 8)
shelf = lock("shelf", capacity = 6)
builder("long", locks = [shelf.counting(1)], steps = [shell(["sleep", "12"])])
builder("quick", locks = [shelf.counting(1)], steps = [shell(["true"])])
builder("new", locks = [shelf.counting(1)], steps = [shell(["true"])])
builder("whole", locks = [shelf.exclusive()], steps = [shell(["true"])])
policy(backfill = True)
"#;

/// How many builds a duration is learned from, at least.
const LEARNED_OF: usize = 5;

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_else(|| panic!("{field} in {row}"))
}

fn explained(client: &Client, request: i64) -> String {
    text(&client.get(&format!("/requests/{request}/explain")), "summary").to_owned()
}

#[test]
fn quick_builds_pass_the_exclusive_one_while_it_waits_for_a_long_one() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    // What is learned.
    for builder in ["quick", "long"] {
        let learned: Vec<i64> = (0..LEARNED_OF).map(|_| client.force_plain(builder)).collect();
        for request in learned {
            assert_eq!(client.complete(request)["outcome"], "success");
        }
    }

    let long = client.force_plain("long");
    client.build_in(long, "running");
    let whole = client.force_plain("whole");
    let new = client.force_plain("new");
    let quick: Vec<i64> = (0..8).map(|_| client.force_plain("quick")).collect();
    for request in &quick {
        assert_eq!(client.complete(*request)["outcome"], "success");
    }
    // One of which nobody knows how long it takes waits behind, and is told so.
    until("it is explained why one is not backfilled", || {
        explained(&client, new).contains("too few of its builder's builds").then_some(())
    });
    assert!(!explained(&client, whole).contains("backfilled"), "it waits for who holds");
    assert_eq!(client.item(&format!("/requests/{whole}"))["state"], "pending");

    assert_eq!(client.complete(whole)["outcome"], "success");
    assert_eq!(client.complete(new)["outcome"], "success");
    let [long, whole, new] = [long, whole, new].map(|request| client.build_in(request, "finished"));
    for request in quick {
        let quick = client.build_in(request, "finished");
        let over = text(&quick, "finished_at");
        assert!(over < text(&long, "finished_at"), "{quick} was over before {long}");
    }
    let claims = client.list_all("claims", "", 1000);
    let offered = |build: &Value| {
        let of = claims.iter().find(|claim| claim["request_id"] == build["request_id"]);
        text(of.expect("it was offered"), "offered_at").to_owned()
    };
    assert!(offered(&whole).as_str() >= text(&long, "steps_ended_at"), "{whole} waits for {long}");
    assert!(offered(&new) > offered(&whole), "{new} waits behind {whole}");

    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
