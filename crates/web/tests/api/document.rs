//! The API document: committed, and the same as what is served.

use std::collections::BTreeSet;

use serde_json::Value;
use steading_core::words::NOUNS;
use steading_web::api;

use crate::house::House;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_committed_document_is_the_one_served() {
    let now = serde_json::to_string_pretty(&api::document()).expect("JSON") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PATH, &now).expect("the document is written");
    }
    let committed = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        committed == now,
        "docs/openapi.json is not what the code says; look at the difference and run \
         `UPDATE=1 cargo test -p steading-web --test api document`"
    );
}

#[tokio::test]
async fn it_is_served() {
    let house = House::new().await;
    let got = house.get("/api/v1/openapi.json").await;
    assert_eq!(got.json(), api::document());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = api::document();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() > NOUNS.len());
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                found.insert(reference.to_owned());
            }
            map.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}
