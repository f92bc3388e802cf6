//! What-if beside a running farm: the same history, two policies.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::farm::{Farm, until};

const FARM: &str = r#"
worker("barn", slots = 1)
builder("slow", steps = [shell("sleep 1")])
builder("quick", steps = [shell("true")])
policy(order = [oldest()])
"#;

const OTHER: &str = r#"policy(order = [highest(lambda request: request.builder == "quick")])"#;

/// A farm that was asked for two slow builds and a quick one, and built them.
fn with_history() -> Farm {
    let farm = Farm::started(FARM);
    for builder in ["slow", "slow"] {
        assert_eq!(farm.steading(&["force", builder]).code, Some(0));
    }
    let quick = farm.steading(&["force", "quick", "--wait"]);
    assert_eq!(quick.code, Some(0), "{quick:?}");
    std::fs::write(farm.outside("other.star"), OTHER).expect("written");
    farm
}

#[test]
fn another_policy_is_compared_with_the_farms_own_on_what_really_happened() {
    let mut farm = with_history();
    let replay = ["replay", "--policy", "../outside/other.star"];
    let beside = farm.steading(&replay);
    assert_eq!(beside.code, Some(0), "{beside:?}");
    assert!(beside.stdout.starts_with("3 requests from "), "{beside:?}");
    assert!(beside.stdout.contains("differ"), "{beside:?}");
    // The quick one no longer waits for both.
    let json = farm.steading(&[&replay[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let quick = &json["difference"]["waits"]["builders"]["quick"]["max_ms"];
    assert!(quick.as_i64().expect("a number") < 0, "{json:#}");
    assert_eq!(farm.steading(&replay).stdout, beside.stdout);
    farm.stop();
    assert_eq!(farm.steading(&[&replay[..], &["--since", "1d"]].concat()).code, Some(0));
}

/// What stands between two marks of a page.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in the page"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to} behind {from}")).0
}

/// A line without its figures, their units, and what stands in parentheses behind them.
fn words(line: &str) -> Vec<&str> {
    let figure = |c: char| c.is_ascii_digit() || "…%()".contains(c);
    let is_word = |word: &&str| !word.contains(figure) && !["ms", "s", "s,", "ms,"].contains(word);
    line.split_whitespace().filter(is_word).collect()
}

#[test]
fn the_tour_replayed_under_the_policy_of_the_page_prints_what_the_page_shows() {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect(path);
    let tour = read("examples/tour/farm.star");
    assert!(tour.contains("git(\"../..\""), "the tour's repository is another");
    let mut farm = Farm::started(&tour.replace("git(\"../..\"", "git(\"../code\""));
    let client = farm.client();
    // What the first change asks for is over, and then neither worker last built a small thing: the
    // tour would go on with these first, as the policy that is tried does.
    let over = |found: &Vec<_>| found.len() == 2;
    until("the first change is built", || {
        Some(client.list("/requests?state=complete")).filter(over)
    });
    let last = [("broken", "elm", json!({})), ("nap", "oak", json!({ "seconds": "0" }))];
    for (builder, worker, properties) in last {
        let body = json!({ "worker": worker, "properties": properties });
        client.complete(client.force(builder, &body));
    }
    for worker in ["oak", "elm"] {
        assert_eq!(farm.steading(&["pause", worker]).code, Some(0));
    }
    let nap = json!({ "properties": { "seconds": "1" } });
    let mut asked = vec![client.force("nap", &nap)];
    for builder in ["broken", "nap", "survey", "broken", "picky", "survey", "broken", "picky"] {
        asked.push(match builder {
            "nap" => client.force("nap", &nap),
            other => client.force_plain(other),
        });
    }
    for worker in ["oak", "elm"] {
        assert_eq!(farm.steading(&["resume", worker]).code, Some(0));
    }
    asked.iter().for_each(|request| drop(client.complete(*request)));
    let page = read("docs/replay.md");
    let other = between(&page, "```python\n", "```");
    std::fs::write(farm.outside("other.star"), other).expect("written");
    let replay = ["replay", "--policy", "../outside/other.star", "--since", "2h"];
    let said = farm.steading(&replay);
    assert_eq!(said.code, Some(0), "{said:?}");

    // Every line of the page, without its figures, is a line of the report; which decisions differ
    // is another matter each time.
    let lines: Vec<Vec<&str>> = said.stdout.lines().map(words).collect();
    let mut shown: Vec<&str> = between(&page, "```console\n", "```").lines().skip(1).collect();
    let heading = shown.iter().position(|line| line.starts_with("REQUEST  BUILDER"));
    shown.truncate(heading.expect("the decisions are shown") + 1);
    for line in shown.into_iter().map(words).filter(|line| !line.is_empty()) {
        assert!(lines.contains(&line), "the page shows {line:?}; printed was\n{}", said.stdout);
    }
    let json = farm.steading(&[&replay[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let differ = json["difference"]["decisions"].as_array().expect("decisions").len();
    assert!(differ > 0, "{json:#}");
    assert!(said.stdout.contains(&format!("{differ} decisions differ")), "{said:?}");
    farm.stop();
}

#[test]
fn what_cannot_be_replayed_is_said_with_code_2() {
    let farm = Farm::new(FARM);
    let other = |text: &str| std::fs::write(farm.outside("other.star"), text).expect("written");
    let check = |args: &[&str], expected: &str| {
        let replay = farm.steading(&[&["replay"], args].concat());
        assert_eq!(replay.code, Some(2), "{replay:?}");
        assert!(replay.stderr.contains(expected), "{replay:?}");
    };
    let policy = ["--policy", "../outside/other.star"];
    check(&[], "--policy <FILE>");
    check(&policy, "cannot read ../outside/other.star");
    other(OTHER);
    check(&policy, "there is no history at");
    check(&[&policy[..], &["--since", "soon"]].concat(), "`soon` is not a duration");
    other("policy(order = [highest(lambda request: requst.id)])");
    check(&policy, "other.star:1:41");
    other("repo = 1");
    check(&policy, "says no policy(…)");
}
