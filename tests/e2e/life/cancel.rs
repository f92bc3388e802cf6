//! Cancel: a build in the middle of its work, a request that waits.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::accept::say;
use crate::farm::{Farm, until};

const FARM: &str = r#"
worker("barn")
builder("long", steps = [
    shell("""
        setsid sh -c 'echo $$ > DIR/grandchild.new; mv DIR/grandchild.new DIR/grandchild; exec sleep 1000' &
        echo begun
        exec sleep 1000
    """, name = "wait"),
    shell("touch DIR/after", name = "after"),
    shell("echo tidied > DIR/tidied", name = "tidy", always = True),
])
"#;

#[test]
fn a_cancelled_build_is_dead_to_the_last_process_and_tidied_up() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let request = client.force_plain("long");
    let pid = until("the grandchild lives", || {
        let written = farm.written("grandchild");
        (!written.is_empty()).then(|| written.trim().to_owned())
    });
    assert!(Path::new("/proc").join(&pid).exists(), "process {pid} lives");
    let cancel = farm.steading(&["cancel", "long/1", "--reason", "seen enough"]);
    assert_eq!(cancel.code, Some(0), "{cancel:?}");
    let complete = client.complete(request);
    assert_eq!(complete["outcome"], "cancelled", "{complete}");
    assert!(!Path::new("/proc").join(&pid).exists(), "process {pid} still lives");
    assert_eq!(farm.written("tidied"), "tidied\n", "`always` means always");
    assert!(!farm.outside("after").exists(), "a cancelled build goes no further");
    let build = client.item("/builds/long/1");
    assert_eq!(build["outcome"], "cancelled", "{build}");
    assert!(build["outcome_reason"].to_string().contains("seen enough"), "{build}");
    let steps = client.list(&format!("/builds/{}/steps?order=id", build["id"]));
    let outcomes: Vec<_> = steps.iter().map(|step| (&step["name"], &step["outcome"])).collect();
    assert_eq!(
        serde_json::json!(outcomes),
        serde_json::json!([["wait", "cancelled"], ["after", "skipped"], ["tidy", "success"]])
    );
    assert_eq!(client.log(&build, "wait", "stdout"), b"begun\n");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_request_that_waits_is_taken_back() {
    let farm = Farm::started(FARM);
    let client = farm.client();
    farm.steading(&["pause", "barn"]);
    let request = client.force_plain("long");
    let id = request.to_string();
    let cancel = farm.steading(&["cancel", "--request", &id]);
    assert_eq!(cancel.code, Some(0), "{cancel:?}");
    let complete = client.complete(request);
    assert_eq!(complete["outcome"], "cancelled", "{complete}");
    assert_eq!(client.list("/builds").len(), 0);
    let buildset = client.item(&format!("/buildsets/{}", complete["buildset_id"]));
    assert_eq!(buildset["outcome"], "cancelled", "{buildset}");
    let again = farm.steading(&["cancel", "--request", &id]);
    assert_eq!(again.code, Some(2), "there is nothing left to cancel: {again:?}");
}

/// A build whose processes do not listen: neither the step's nor one that left its session.
const STUBBORN: &str = r#"
worker("barn")
builder("stubborn", steps = [
    shell("""
        setsid sh -c "trap '' TERM INT HUP; echo \$\$ > DIR/other.new; mv DIR/other.new DIR/other
            while :; do sleep 0.2; done" &
        trap '' TERM INT HUP
        echo $$ > DIR/self.new; mv DIR/self.new DIR/self
        while :; do sleep 0.2; done
    """, name = "wait"),
])
"#;

/// From the word to the end of the request, whatever the processes think of it.
const CANCELLED_MAX: Duration = Duration::from_secs(10);

#[test]
fn processes_that_ignore_term_are_dead_within_ten_seconds() {
    let mut farm = Farm::started(STUBBORN);
    let client = farm.client();
    let request = client.force_plain("stubborn");
    let pids = until("both processes live", || {
        let pids = ["self", "other"].map(|name| farm.written(name).trim().to_owned());
        pids.iter().all(|pid| !pid.is_empty()).then_some(pids)
    });
    client.build_in(request, "running");
    let began = Instant::now();
    let cancel = farm.steading(&["cancel", "stubborn/1"]);
    assert_eq!(cancel.code, Some(0), "{cancel:?}");
    assert_eq!(client.complete(request)["outcome"], "cancelled");
    let took = began.elapsed();
    assert!(took < CANCELLED_MAX, "{took:?}");
    for pid in pids {
        assert!(!Path::new("/proc").join(&pid).exists(), "process {pid} still lives");
    }
    say(&format!(
        "cancel: processes that ignore TERM dead, and the request complete, after {:.1} s",
        took.as_secs_f64()
    ));
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
