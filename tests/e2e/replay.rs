//! What-if beside a running farm: the same history, two policies.

use crate::farm::Farm;

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
