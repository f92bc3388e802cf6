//! A worker that freezes: noticed in seconds, its build lost after its grace and taken back when it
//! thaws.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::accept::say;
use crate::farm::{Farm, until};

const FARM: &str = r#"
worker("barn", grace = "4s")
builder("patient", steps = [
    shell("touch DIR/begun; while [ ! -e DIR/go ]; do sleep 0.05; done; echo done", name = "wait"),
])
"#;

/// A silence of 10 s, and what a blocked send may add.
const NOTICED: Duration = Duration::from_secs(15);
/// The grace, how often it is looked at, and a slow machine.
const LOST: Duration = Duration::from_secs(4 + 6);

#[test]
#[expect(clippy::disallowed_methods, reason = "how soon it is noticed is what is promised")]
fn a_frozen_worker_is_noticed_and_taken_back_with_its_build() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let request = client.force_plain("patient");
    until("the step runs", || farm.outside("begun").exists().then_some(()));
    let build = client.build_in(request, "running");

    farm.signal_holder("barn/lock", Signal::STOP);
    let frozen = Instant::now();
    client.until("/workers/barn", |worker| worker["state"] == "offline");
    let (noticed, offline) = (frozen.elapsed(), Instant::now());
    assert!(noticed < NOTICED, "{noticed:?}");
    client.build_in(request, "lost");
    let lost = offline.elapsed();
    assert!(lost < LOST, "{lost:?}");
    say(&format!(
        "frozen worker: noticed after {:.1} s, its build lost {:.1} s later (its grace is 4 s)",
        noticed.as_secs_f64(),
        lost.as_secs_f64()
    ));
    client.until(&format!("/requests/{request}"), |it| it["state"] == "pending");

    farm.signal_holder("barn/lock", Signal::CONT);
    client.build_in(request, "running");
    std::fs::write(farm.outside("go"), "").expect("written");
    let ended = client.complete(request);
    assert_eq!((&ended["outcome"], &ended["build_id"]), (&"success".into(), &build["id"]));
    let worker = client.item("/workers/barn");
    assert_eq!(worker["failures"], 0, "the charge was taken back: {worker}");
    let causes = client.list(&format!("/requests/{request}/causes"));
    assert_eq!((causes.len(), &causes[0]["charged"]), (1, &"nobody".into()));
    let shown = farm.steading(&["show", "request", &request.to_string()]);
    assert!(shown.stdout.contains("has been away for"), "{}", shown.stdout);
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
