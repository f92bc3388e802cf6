//! What is kept: logs, artifacts, history – and builds, whoever dies meanwhile.

use serde_json::json;

use crate::farm::{Farm, until};

const FARM: &str = r#"
worker("barn", slots = 2)
builder("speak", steps = [
    shell("seq 1 5000; seq 1 300 >&2", name = "count"),
    shell("head -c 3000000 /dev/urandom > noise && mkdir -p out && echo small > out/small", name = "make"),
    upload(["noise", "out/*"]),
])
builder("patient", steps = [
    shell("echo begun >> DIR/begun; echo first; while [ ! -e DIR/go ]; do sleep 0.05; done; echo last", name = "wait"),
    shell("cat DIR/begun", name = "tell"),
])
"#;

#[test]
fn logs_are_what_was_printed_and_artifacts_are_the_files() {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let build = client.build_in(client.force_plain("speak"), "finished");
    let numbers = |last: u32| (1..=last).map(|n| format!("{n}\n")).collect::<String>();
    assert_eq!(client.log(&build, "count", "stdout"), numbers(5000).into_bytes());
    assert_eq!(client.log(&build, "count", "stderr"), numbers(300).into_bytes());
    let shown = farm.steading(&["log", "speak/1", "count", "--stderr"]);
    assert_eq!((shown.code, shown.stdout), (Some(0), numbers(300)), "{}", shown.stderr);
    let found = farm.steading(&["log", "speak/1", "count", "--grep", "^4321$"]);
    assert_eq!((found.code, found.stdout.as_str()), (Some(0), "4321\n"), "{}", found.stderr);

    let artifacts = client.list(&format!("/builds/{}/artifacts?order=path", build["id"]));
    let paths: Vec<_> = artifacts.iter().map(|artifact| &artifact["path"]).collect();
    assert_eq!(json!(paths), json!(["noise", "out/small"]));
    let content = |n: usize| client.bytes(&format!("/artifacts/{}/content", artifacts[n]["id"]));
    assert_eq!(content(1), b"small\n");
    let noise = content(0);
    assert_eq!(artifacts[0]["size"], noise.len());
    assert_eq!(noise, workspace_file(&farm, "noise"), "the artifact is the file");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

/// The bytes of a file of that name somewhere in the worker's workspaces.
fn workspace_file(farm: &Farm, name: &str) -> Vec<u8> {
    let mut dirs = vec![farm.data().join("workers/barn/work")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_name() == name {
                return std::fs::read(entry.path()).expect("readable");
            }
            dirs.extend(entry.path().is_dir().then(|| entry.path()));
        }
    }
    panic!("no file {name} in the workspaces")
}

#[test]
fn a_rebuild_is_the_same_again() {
    let farm = Farm::started(FARM);
    let client = farm.client();
    std::fs::write(farm.outside("go"), "").expect("written");
    let first = client.force("patient", &json!({ "properties": { "colour": "red" } }));
    assert_eq!(client.complete(first)["outcome"], "success");
    let rebuild = farm.steading(&["rebuild", "patient/1", "--wait"]);
    assert_eq!(rebuild.code, Some(0), "{rebuild:?}");
    let build = client.item("/builds/patient/2");
    assert_eq!(build["properties"]["colour"]["value"], "red", "{build}");
    assert_ne!(build["request_id"], json!(first), "a request of its own");
}

#[test]
fn a_build_lives_through_a_clean_restart_of_the_master() {
    lives_through(|farm| assert_eq!(farm.stop(), Some(0), "{}", farm.said()));
}

#[test]
fn a_build_lives_through_the_death_of_the_master() {
    lives_through(Farm::kill9);
}

fn lives_through(end: impl FnOnce(&mut Farm)) {
    let mut farm = Farm::started(FARM);
    let client = farm.client();
    let request = client.force_plain("patient");
    until("the step runs", || farm.outside("begun").exists().then_some(()));
    client.build_in(request, "running");
    end(&mut farm);
    farm.up();
    std::fs::write(farm.outside("go"), "").expect("written");
    let complete = client.complete(request);
    assert_eq!((&complete["outcome"], &complete["epoch"]), (&json!("success"), &json!(1)));
    let builds = client.list(&format!("/requests/{request}/builds"));
    assert_eq!(builds.len(), 1, "{builds:?}");
    assert_eq!(farm.written("begun"), "begun\n", "it ran once");
    assert_eq!(client.log(&builds[0], "wait", "stdout"), b"first\nlast\n");
    assert_eq!(client.log(&builds[0], "tell", "stdout"), b"begun\n");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_farm_whose_binary_was_replaced_still_starts_its_workers() {
    let mut farm = Farm::new(FARM);
    farm.up_by_a_binary_that_goes();
    let client = farm.client();
    let request = client.force_plain("patient");
    until("the step runs", || farm.outside("begun").exists().then_some(()));
    client.build_in(request, "running");
    farm.kill_worker("barn");
    std::fs::write(farm.outside("go"), "").expect("written");
    let complete = client.complete(request);
    assert_eq!((&complete["outcome"], &complete["epoch"]), (&json!("success"), &json!(1)));
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}
