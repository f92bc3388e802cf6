//! A policy that goes wrong costs the builds it goes wrong for, and nothing else; it is told once.

use serde_json::Value;

use crate::farm::{Client, Farm, until};

const FARM: &str = r#"
worker("barn", slots = 2)
worker("shed", labels = {"spot": True})
[builder(name, steps = [shell("true")]) for name in ["plain", "raises", "loops", "odd"]]

def unruly(request):
    fail("no rule for " + request.builder)

def may(request, worker):
    if request.builder == "raises":
        unruly(request)
    if request.builder == "loops":
        for i in range(1000000000):
            pass
    return 7 if request.builder == "odd" else True

policy(allow = may)
"#;

const UNKNOWN: &str = r#"
builder("plain", steps = [shell("true")])
policy(allow = lambda request, worker: request.brunch == "main")
"#;

/// What went wrong with the policy, as told: function, message, what it had read.
fn faults(client: &Client) -> Vec<[String; 3]> {
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let rows = client.list_all("faults", "", 10);
    rows.iter().map(|row| ["function", "message", "seen"].map(|field| text(row, field))).collect()
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

#[test]
fn it_is_told_once_per_class_and_the_others_are_built() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let raises = client.force_plain("raises");
    for builder in ["plain", "loops", "odd", "raises", "plain", "raises"] {
        let request = client.force_plain(builder);
        if builder == "plain" {
            assert_eq!(client.complete(request)["outcome"], "success");
        }
    }
    let found = until("all are told", || Some(faults(&client)).filter(|it| it.len() >= 3));
    assert_eq!(found.len(), 3, "{found:?}");
    let of = |builder: &str| {
        let seen = format!("request.builder = {builder}");
        let found = found.iter().find(|[_, _, read]| *read == seen);
        let [function, message, _] = found.unwrap_or_else(|| panic!("no {seen}: {found:?}"));
        assert_eq!(function, "allow");
        message.clone()
    };
    has(&of("raises"), &["no rule for raises", "farm.star:7:", "called from farm.star:11:"]);
    has(&of("loops"), &["this function", "farm.star:1"]);
    has(&of("odd"), &["`allow` must answer True or False, not 7"]);
    let events = farm.steading(&["events", "--noun", "fault"]);
    assert_eq!(events.stdout.matches("fault.noted").count(), 3, "{events:?}");
    let why = farm.steading(&["explain", &raises.to_string()]);
    has(&why.stdout, &["the policy's allow failed", "no rule for raises"]);

    // Who starts again meets the same, and says nothing new.
    assert_eq!(farm.stop(), Some(0));
    farm.up();
    let client = farm.client();
    let request = client.force_plain("plain");
    assert_eq!(client.complete(request)["outcome"], "success");
    assert_eq!(faults(&client).len(), 3);

    // What can be known beforehand is refused.
    farm.configure(UNKNOWN);
    let check = farm.steading(&["check"]);
    assert_eq!(check.code, Some(2), "{check:?}");
    has(&check.stderr, &["a request has no attribute `brunch`; did you mean `branch`?", "^^^^"]);
    let reload = farm.steading(&["reload"]);
    assert_ne!(reload.code, Some(0), "{reload:?}");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
