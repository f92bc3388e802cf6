//! A commit becomes a change, a change becomes a build.

use serde_json::Value;

use crate::farm::{Client, Farm, until};

fn farm(poll: &str, on_change: &str) -> Farm {
    Farm::started(&format!(
        r#"
repo = git("../code", poll = "{poll}")
worker("barn", slots = 2)
builder("all", steps = [checkout(repo), shell("git rev-parse HEAD && cat README", name = "read")])
on_change(repo, builders = "all"{on_change})
"#
    ))
}

/// The finished build of a revision.
#[track_caller]
fn built(client: &Client, revision: &str) -> Value {
    let path = format!("/builds?revision={revision}&state=finished");
    until(&format!("a build of {revision}"), || {
        client.try_get(&path).ok()?.body["items"].get(0).cloned()
    })
}

/// The build `up` begins with on an empty history; by then every branch has been looked at.
fn first_build(farm: &Farm, client: &Client) {
    let head = farm.code.git(&["rev-parse", "HEAD"]);
    built(client, head.trim());
    farm.steading(&["change", "../code"]);
}

#[test]
fn the_poller_finds_a_commit_and_it_is_built() {
    let farm = farm("1s", "");
    let client = farm.client();
    first_build(&farm, &client);
    let revision = farm.code.commit("README", "second\n", "the second commit");
    let build = built(&client, &revision);
    assert_eq!(build["outcome"], "success", "{build}");
    let read = client.log(&build, "read", "stdout");
    assert_eq!(String::from_utf8_lossy(&read), format!("{revision}\nsecond\n"));
    let changes = client.list("/changes");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["revision"], revision.as_str());
    assert_eq!(changes[0]["message"].as_str().map(str::trim), Some("the second commit"));
    assert_eq!(changes[0]["files"], serde_json::json!(["README"]));
    let buildset = client.item(&format!("/buildsets/{}", build["buildset_id"]));
    assert_eq!(buildset["changes"], serde_json::json!([changes[0]["id"]]));
}

#[test]
fn a_person_can_tell_of_a_commit_before_the_poller_looks() {
    let farm = farm("1h", "");
    let client = farm.client();
    first_build(&farm, &client);
    let revision = farm.code.commit("README", "second\n", "the second commit");
    let told = farm.steading(&["change", "../code"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(built(&client, &revision)["outcome"], "success");
    let again = farm.steading(&["change", "../code", "--revision", &revision]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(client.list("/changes").len(), 1, "a change is known once");
}

#[test]
fn a_quiet_period_builds_two_commits_together() {
    let farm = farm("1h", ", quiet = \"2s\"");
    let client = farm.client();
    first_build(&farm, &client);
    let mut revisions = Vec::new();
    for text in ["one", "two"] {
        revisions.push(farm.code.commit("README", text, text));
        let told = farm.steading(&["change", "../code"]);
        assert_eq!(told.code, Some(0), "{told:?}");
    }
    let build = built(&client, &revisions[1]);
    let buildset = client.item(&format!("/buildsets/{}", build["buildset_id"]));
    assert_eq!(buildset["changes"].as_array().map(Vec::len), Some(2), "{buildset}");
    assert_eq!(client.list(&format!("/builds?revision={}", revisions[0])).len(), 0);
}

#[test]
fn commits_made_while_the_farm_was_down_are_found_in_order() {
    let mut farm = farm("1s", "");
    let client = farm.client();
    first_build(&farm, &client);
    assert_eq!(farm.stop(), Some(0));
    let revisions: Vec<String> =
        ["one", "two", "three"].iter().map(|text| farm.code.commit("README", text, text)).collect();
    farm.up();
    for revision in &revisions {
        built(&client, revision);
    }
    let changes = client.list("/changes?order=id");
    let found: Vec<&str> = changes.iter().filter_map(|row| row["revision"].as_str()).collect();
    assert_eq!(found, revisions);
}
