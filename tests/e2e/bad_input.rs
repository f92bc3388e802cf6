//! Bad input gets a clear error, and nothing is lost.

use std::net::TcpListener;

use serde_json::json;

use crate::farm::Farm;

const FARM: &str = r#"
repo = git("../code")
worker("barn", slots = 2)
worker("shed", labels = {"kept": "free"})
builder("hello", steps = [checkout(repo), shell("cat README")])
builder("quiet", steps = [shell("true")])
"#;

#[test]
fn a_wrong_token_may_not_write() {
    let farm = Farm::started(FARM);
    for token in ["", "wrong"] {
        let client = farm.client().with_token(token);
        let answer = client.try_post("/builders/quiet/force", &json!({}), None).expect("an answer");
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.body["code"], "unauthorized", "{answer:?}");
    }
    assert_eq!(farm.client().list("/requests?builder=quiet").len(), 0);
    let force = farm.steading(&["force", "quiet", "--token", "wrong"]);
    assert_eq!(force.code, Some(2), "{force:?}");
    assert!(force.stderr.contains("token"), "{force:?}");
}

#[test]
fn a_worker_with_a_wrong_token_ends_with_what_to_do() {
    let mut farm = Farm::new(FARM);
    let url = farm.up();
    let token = farm.outside("token");
    std::fs::write(&token, "wrong\n").expect("written");
    let args = ["worker", "--master", &url, "--name", "barn", "--token-file", "../outside/token"];
    let worker = farm.steading(&args);
    assert_eq!(worker.code, Some(2), "{worker:?}");
    assert!(worker.stderr.contains("`steading token worker barn`"), "{worker:?}");
}

#[test]
fn a_worker_the_farm_does_not_declare_ends_with_what_to_do() {
    let mut farm = Farm::new(FARM);
    let url = farm.up();
    let made = farm
        .client()
        .post("/tokens", &json!({ "name": "stray", "scope": "worker", "worker": "stray" }));
    let token = made["token"].as_str().expect("a token");
    std::fs::write(farm.outside("token"), token).expect("written");
    let args = ["worker", "--master", &url, "--name", "stray", "--token-file", "../outside/token"];
    let worker = farm.steading(&args);
    assert_eq!(worker.code, Some(2), "{worker:?}");
    assert!(worker.stderr.contains("add `worker(\"stray\")` to farm.star"), "{worker:?}");
}

#[test]
fn a_second_master_names_the_first_and_leaves_it_alone() {
    let mut farm = Farm::started(FARM);
    let second = farm.steading(&["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.stderr.contains("(pid "), "{second:?}");
    let request = farm.client().force_plain("quiet");
    assert_eq!(farm.client().complete(request)["outcome"], "success");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_port_in_use_is_said_and_nothing_runs() {
    let farm = Farm::new(FARM);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let up = farm.steading(&["up", "--listen", &address]);
    assert_eq!(up.code, Some(2), "{up:?}");
    for text in [address.as_str(), "the port is in use", "--listen"] {
        assert!(up.stderr.contains(text), "no `{text}`: {up:?}");
    }
    assert_eq!(farm.processes(), []);
}

const ODD_OUTPUT: &str = r#"
worker("barn")
builder("absent", steps = [shell(["no-such-program", "--please"], name = "run")])
builder("bytes", steps = [shell("printf 'a\\377\\000\\376b\\n\\303'", name = "print")])
builder("wide", steps = [shell("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo end", name = "print")])
"#;

#[test]
fn a_command_that_does_not_exist_fails_by_name() {
    let farm = Farm::new(ODD_OUTPUT);
    let run = farm.steading(&["run", "--builder", "absent"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.contains("`no-such-program` could not be started"), "{run:?}");
    farm.is_gone_and_sound();
}

#[test]
fn bytes_that_are_no_text_are_kept_as_they_are() {
    let farm = Farm::started(ODD_OUTPUT);
    let client = farm.client();
    let build = client.build_in(client.force_plain("bytes"), "finished");
    assert_eq!(build["outcome"], "success", "{build}");
    assert_eq!(client.log(&build, "print", "stdout"), b"a\xff\0\xfeb\n\xc3");
    let shown = farm.steading(&["log", "bytes/1", "print"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
}

#[test]
fn a_line_of_twenty_megabytes_is_kept_whole() {
    let mut farm = Farm::started(ODD_OUTPUT);
    let client = farm.client();
    let build = client.build_in(client.force_plain("wide"), "finished");
    assert_eq!(build["outcome"], "success", "{build}");
    let bytes = client.log(&build, "print", "stdout");
    assert_eq!(bytes.len(), 20_000_000 + "\nend\n".len());
    assert!(bytes[..20_000_000].iter().all(|byte| *byte == b'x'));
    let log = &client.list(&format!("/builds/{}/logs?name=stdout", build["id"]))[0];
    assert_eq!((log["lines"].as_i64(), log["closed"].as_bool()), (Some(2), Some(true)), "{log}");
    let lines = client.get(&format!("/logs/{}?first=1&count=2", log["id"]));
    assert_eq!(lines["lines"][0]["cut"], true, "only its beginning is shown");
    assert_eq!(lines["lines"][1]["text"], "end");
    assert_eq!(farm.stop(), Some(0));
    farm.is_gone_and_sound();
}

#[test]
fn a_revision_that_does_not_exist_is_a_failed_buildset() {
    let farm = Farm::started(FARM);
    let force = farm.steading(&["force", "hello", "--revision", "0123456789abcdef", "--wait"]);
    assert_eq!(force.code, Some(2), "{force:?}");
    assert!(force.stderr.contains("no revision `0123456789abcdef`"), "{force:?}");
    let sets = farm.client().list("/buildsets?outcome=exception");
    assert_eq!(sets.len(), 1, "{sets:?}");
    let why = &sets[0]["outcome_reason"];
    assert!(why.to_string().contains("0123456789abcdef"), "{why}");
    assert_eq!(farm.client().list(&format!("/buildsets/{}/requests", sets[0]["id"])).len(), 0);
    let branch = farm.steading(&["force", "hello", "--branch", "nowhere"]);
    assert_eq!(branch.code, Some(2), "{branch:?}");
    assert!(branch.stderr.contains("no branch `nowhere`"), "{branch:?}");
}

#[test]
fn a_missing_repository_is_said_where_it_is_asked_for() {
    let farm = Farm::started(&FARM.replace("../code", "../gone"));
    let force = farm.steading(&["force", "hello"]);
    assert_eq!(force.code, Some(2), "{force:?}");
    assert!(force.stderr.contains("cannot reach repository `../gone`"), "{force:?}");
    assert_eq!(farm.client().list("/buildsets?outcome=exception").len(), 1);
    let quiet = farm.steading(&["force", "quiet", "--wait"]);
    assert_eq!(quiet.code, Some(0), "the rest of the farm works: {quiet:?}");
}

#[test]
fn questions_that_make_no_sense_are_answered_by_name() {
    let farm = Farm::started(FARM);
    let client = farm.client();
    let get = |path: &str, status: u16, word: &str| {
        let answer = client.try_get(path).expect("an answer");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.body["detail"].as_str().unwrap_or("").contains(word), "{path}: {answer:?}");
    };
    get("/builds?colour=red", 400, "colour");
    get("/builds?outcome__near=red", 400, "near");
    get("/builds?cursor=nonsense", 400, "cursor");
    get("/builds/4711", 404, "4711");
    get("/events?since=999999999", 400, "999999999");
    let post = |path: &str, body: serde_json::Value, status: u16, word: &str| {
        let answer = client.try_post(path, &body, None).expect("an answer");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.body["detail"].as_str().unwrap_or("").contains(word), "{path}: {answer:?}");
    };
    post("/builders/nobody/force", json!({}), 404, "nobody");
    post("/builders/quiet/force", json!({ "worker": "nobody" }), 400, "nobody");
    post("/builders/quiet/force", json!({ "colour": "red" }), 400, "colour");
    post("/builders/quiet/force", json!({ "properties": { "branch": "x" } }), 400, "branch");
    post("/workers/nobody/pause", json!({}), 404, "nobody");
    assert_eq!(client.list("/requests?builder=quiet").len(), 0);
}
