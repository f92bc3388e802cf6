//! Mirrors and workspaces under power cuts. Git syncs little of what it writes, so a cut leaves
//! them half written: they must be found out and made anew, on the master and on its workers.

use steading_faults::Loss;
use tokio::time::Instant;

use super::far::Far;
use super::machine::Machine;
use super::random::Random;
use super::{number, say};
use crate::farm::{Client, Farm, until};

const FARM: &str = r#"
code = git("../code", branches = ["main"], poll = "1s")
workers("far")
builder("read", retries = 5, steps = [
    checkout(code),
    shell("sha256sum numbers/* | sha256sum; git status --porcelain; git fsck", name = "read"),
])
"#;
const SEED: u64 = 1;

#[test]
fn a_repository_that_a_power_cut_left_half_written_is_brought_anew() {
    repositories(SEED, 6);
}

#[test]
#[ignore = "minutes: tests/README.md says how to run it"]
fn power_cuts_of_repositories() {
    repositories(number("POWER_SEED", SEED), number("POWER_CUTS", 100));
}

/// The power is cut right after git has written; what it wrote is then needed again.
fn repositories(seed: u64, cuts: u64) {
    let mut farm = Farm::new(FARM);
    let boots = ["master.boot", "far.boot"].map(|name| farm.outside(name));
    let home = Far::home(&farm, "far");
    let Some(mut master) = Machine::new(&farm.path(), &farm.data(), &boots[0]) else { return };
    let Some(mut worker) = Machine::new(&home, &home, &boots[1]) else { return };
    let up = |farm: &mut Farm, machine: &Machine| {
        farm.up_as(machine.process(farm.command(&["master", "--listen", "127.0.0.1:0"])));
    };
    up(&mut farm, &master);
    let mut far = Far::start_as(&farm, "far", |command| worker.process(command));
    let (client, began) = (farm.client(), Instant::now());
    let (mut random, mut newest) = (Random::new(seed), String::new());
    for cut in 0..=cuts {
        // The same revision after every other cut: all of it should be there already.
        if cut % 2 == 0 {
            newest = commit(&farm, &mut random, cut);
        }
        is_read(&farm, &client, &newest);
        if cut == cuts {
            break;
        }
        let loss = match random.below(4) {
            0 => Loss::All,
            _ => Loss::Some(random.next()),
        };
        worker.cut(loss);
        master.cut(loss);
        farm.buried();
        for machine in [&mut worker, &mut master] {
            machine.boot();
        }
        up(&mut farm, &master);
        far.start_again(&farm, |command| worker.process(command));
    }
    far.end();
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    let lost = master.figures().lost + worker.figures().lost;
    say(&format!(
        "power: repositories, seed {seed}, {cuts} power cuts of both machines took {lost} changes \
         that were not synced; every checkout was whole at its first try; {:.0} s",
        began.elapsed().as_secs_f64(),
    ));
}

/// Some files that differ each time; answers the revision.
fn commit(farm: &Farm, random: &mut Random, number: u64) -> String {
    // Few objects are kept one by one, many in a pack.
    let files = if number.is_multiple_of(4) { 150 } else { 12 };
    for file in 1..files {
        let text: String = (0..40).map(|_| format!("{}\n", random.next())).collect();
        let path = farm.code.path.join("numbers");
        std::fs::create_dir_all(&path).expect("made");
        std::fs::write(path.join(file.to_string()), text).expect("written");
    }
    farm.code.commit("newest", &format!("{number}\n"), &format!("commit {number}"))
}

/// A build of this revision sees exactly what was committed, and is not tried twice.
#[track_caller]
fn is_read(farm: &Farm, client: &Client, revision: &str) {
    until("the master answers", || client.try_get("/farm").ok());
    let _ = client.try_post("/workers/far/resume", &serde_json::json!({}), None);
    let body = serde_json::json!({ "revision": revision });
    let request = client.force("read", &body);
    let complete = client.complete(request);
    let builds = client.list(&format!("/requests/{request}/builds"));
    assert_eq!(complete["outcome"], "success", "{builds:?}");
    assert_eq!(builds.len(), 1, "{builds:?}");
    let script = "sha256sum numbers/* | sha256sum";
    #[expect(clippy::disallowed_methods, reason = "what the files are is computed by the test")]
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .current_dir(&farm.code.path)
        .output()
        .expect("it starts");
    let log = client.log(&builds[0], "read", "stdout");
    assert_eq!(String::from_utf8_lossy(&log), String::from_utf8_lossy(&output.stdout));
}
