//! An upgrade in the middle of the work: master first, then the workers' daemons, and builds that
//! begin under the previous version end under this one.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use steading_wire::worker::PROTOCOL;
use tokio::time::Instant;

use super::say;
use super::stream::stream;
use crate::farm::{Client, Farm, STEADING, until};

/// Lines of the stream each build prints, and where it starts.
const LINES: usize = 20_000;
const SEED: u64 = 20_261_123;

/// Builds that wait in the middle of their stream for their own sign; then steps that the worker
/// runs ahead, and one it must ask for.
const FARM: &str = r#"
[worker("w%d" % n, slots = 2) for n in [0, 1]]
builder("stream", steps = [
    shell(["sh", "-c", """
        echo $0 >> DIR/begun
        awk -v go="DIR/go-$0" 'BEGIN { x = SEED; for (i = 0; i < LINES; i++) {
            x = (x * 16807) % 2147483647; print x
            if (i == LINES / 2) { fflush(); while (system("test -e " go) != 0) system("sleep 0.05") }
        } }'
    """, prop("id")], name = "stream"),
    shell(["sh", "-c", "echo ahead", ], name = "ahead"),
    shell(["sh", "-c", "echo $0 > file", prop("id")], name = "make"),
    upload("file"),
    shell(["sh", "-c", "echo $0 >> DIR/ended", prop("id")], name = "asked",
        when = lambda build: build.outcome == "success"),
])
"#;

/// The previous version: `steading` as it was, and what it spoke.
struct Previous {
    binary: PathBuf,
    what: String,
}

#[test]
#[ignore = "builds the previous version: tests/README.md says how to run it"]
fn builds_outlive_an_upgrade_from_the_previous_version() {
    let previous = previous();
    say(&format!("upgrade: from {}", previous.what));
    for (how, signal) in [("stopped", Signal::TERM), ("killed", Signal::KILL)] {
        upgrade(&previous, how, signal);
    }
}

fn upgrade(previous: &Previous, how: &str, signal: Signal) {
    let mut farm =
        Farm::new(&FARM.replace("SEED", &SEED.to_string()).replace("LINES", &LINES.to_string()));
    farm.up_by(&previous.binary);
    let client = farm.client();
    let first: Vec<i64> = (0..4).map(|id| begin(&farm, &client, id)).collect();
    let waiting: Vec<i64> = (4..6).map(|id| force(&client, id)).collect();
    let builds: Vec<Value> =
        first.iter().map(|request| client.build_in(*request, "running")).collect();
    let daemons = ["w0", "w1"].map(|name| holder(&farm, &format!("{name}/lock")));

    // The master first, on the same data; its workers are still the previous version's.
    match signal {
        Signal::TERM => assert_eq!(farm.stop(), Some(0), "{}", farm.said()),
        _ => farm.kill9(),
    }
    let began = Instant::now();
    farm.up();
    let client = farm.client();
    let adopted = || {
        let workers = client.try_get("/workers").ok()?.body["items"].clone();
        let ready = workers.as_array()?.iter().filter(|worker| worker["state"] == "ready").count();
        (ready == 2).then_some(())
    };
    until("both workers are adopted", adopted);
    let adopted = began.elapsed();
    assert_eq!(["w0", "w1"].map(|name| holder(&farm, &format!("{name}/lock"))), daemons);
    for daemon in daemons {
        assert_eq!(program(daemon), previous.binary, "the previous version's daemon serves");
    }
    for build in &builds {
        let now = client.item(&format!("/builds/{}", build["id"]));
        let same = ["epoch", "worker", "state"].map(|field| now[field] == build[field]);
        assert_eq!(same, [true; 3], "adopted as it was: {now}");
    }
    // Two of the builds end, and new ones begin, on the previous version's workers.
    for id in 0..2 {
        go(&farm, id);
        is_built_once(&client, first[usize::from(id)], id);
    }
    for (id, request) in (4..).zip(&waiting) {
        go(&farm, id);
        is_built_once(&client, *request, id);
    }
    let begun_on_old = begin(&farm, &client, 6);

    // Then the daemons, one after the other, while builds run below the previous shepherds.
    for (name, daemon) in ["w0", "w1"].iter().zip(daemons) {
        farm.kill_worker(name);
        let lock = format!("{name}/lock");
        until("the next daemon", || {
            let now = farm.holder(&lock)?;
            (now != daemon && program(now) == Path::new(STEADING)).then_some(())
        });
        client.until(&format!("/workers/{name}"), |worker| worker["state"] == "ready");
    }
    let tending = shepherds(&farm);
    let old = tending.iter().filter(|pid| program(**pid) == previous.binary).count();
    assert!(old >= 3, "the previous version's shepherds still run builds: {tending:?}");
    for (id, request) in [(2, first[2]), (3, first[3]), (6, begun_on_old)] {
        go(&farm, id);
        is_built_once(&client, request, id);
    }
    // What was asked of an idle slot is of this version.
    let last: Vec<i64> = (7..11).map(|id| begin(&farm, &client, id)).collect();
    until("shepherds of this version alone", || {
        let all = shepherds(&farm);
        (all.iter().all(|pid| program(*pid) == Path::new(STEADING))).then_some(())
    });
    for (id, request) in (7..).zip(last) {
        go(&farm, id);
        is_built_once(&client, request, id);
    }
    let ended = farm.written("ended").lines().count();
    assert_eq!(ended, 11, "each build came to its end once");
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    say(&format!(
        "upgrade: master {how} under 4 running builds, the next one had both workers of the \
         previous version after {:.2} s; 11 builds, {old} shepherds of the previous version below \
         new daemons, each build once, logs whole, audit clean",
        adopted.as_secs_f64()
    ));
}

/// The binary of `UPGRADE_BINARY`, or the last commit that spoke an older protocol, built.
fn previous() -> Previous {
    if let Ok(binary) = std::env::var("UPGRADE_BINARY") {
        let binary = PathBuf::from(&binary).canonicalize().expect("UPGRADE_BINARY is a file");
        return Previous { what: binary.display().to_string(), binary };
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/steading");
    const WIRE: &str = "crates/wire/src/worker.rs";
    let spoke = |commit: &str| {
        let text = run(root, "git", &["show", &format!("{commit}:{WIRE}")]);
        let line = text.lines().find_map(|line| line.strip_prefix("pub const PROTOCOL: u32 = "));
        line.and_then(|number| number.trim_end_matches(';').parse::<u32>().ok())
    };
    // The last one before the protocol became this one, whatever it changed itself.
    let commits = run(root, "git", &["log", "--format=%H", "--", WIRE]);
    let newer = commits.lines().take_while(|commit| spoke(commit) == Some(PROTOCOL)).last();
    let newer = newer.expect("a commit that speaks this protocol");
    let commit = &run(root, "git", &["rev-parse", &format!("{newer}^")]);
    let commit = commit.trim_end();
    let (protocol, dir) = (spoke(commit).expect("it spoke"), root.join("target/previous"));
    let source = dir.join(commit);
    if !source.exists() {
        std::fs::create_dir_all(&source).expect("a directory");
        let unpack = "git archive \"$0\" | tar -x -C \"$1\"";
        run(root, "sh", &["-c", unpack, commit, &source.to_string_lossy()]);
    }
    say(&format!("upgrade: building {commit}, which takes minutes the first time"));
    let build = dir.join("build");
    let target = build.to_string_lossy().into_owned();
    run(
        &source,
        env!("CARGO"),
        &["build", "--locked", "--bin", "steading", "--target-dir", &target],
    );
    let binary = build.join("debug/steading").canonicalize().expect("it was built");
    Previous { binary, what: format!("{commit}, protocol {protocol}, to protocol {PROTOCOL}") }
}

fn run(dir: &Path, program: &str, args: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "the test builds what was before it")]
    let output = Command::new(program).args(args).current_dir(dir).output().expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn force(client: &Client, id: u8) -> i64 {
    client.force("stream", &json!({ "properties": { "id": id.to_string() } }))
}

fn begin(farm: &Farm, client: &Client, id: u8) -> i64 {
    let request = force(client, id);
    let begun = || farm.written("begun").lines().any(|line| line == id.to_string());
    until("the step runs", || begun().then_some(()));
    request
}

fn go(farm: &Farm, id: u8) {
    std::fs::write(farm.outside(&format!("go-{id}")), "").expect("written");
}

/// At its first attempt, with all it printed and left.
#[track_caller]
fn is_built_once(client: &Client, request: i64, id: u8) {
    let complete = client.complete(request);
    let (outcome, epoch) = (&complete["outcome"], &complete["epoch"]);
    assert_eq!((outcome, epoch), (&json!("success"), &json!(1)), "{complete}");
    let builds = client.list(&format!("/requests/{request}/builds"));
    let [build] = &builds[..] else { panic!("{builds:?}") };
    assert!(client.log(build, "stream", "stdout") == stream(SEED, LINES), "build {id}: its log");
    assert_eq!(client.log(build, "ahead", "stdout"), b"ahead\n");
    let artifacts = client.list(&format!("/builds/{}/artifacts", build["id"]));
    let content = client.bytes(&format!("/artifacts/{}/content", artifacts[0]["id"]));
    assert_eq!(content, format!("{id}\n").into_bytes());
}

fn holder(farm: &Farm, lock: &str) -> i32 {
    until("the lock has a holder", || farm.holder(lock))
}

/// Who tends the slots.
fn shepherds(farm: &Farm) -> Vec<i32> {
    let locks = ["w0", "w1"].into_iter().flat_map(|name| [1, 2].map(|n| (name, n)));
    locks.filter_map(|(name, n)| farm.holder(&format!("{name}/slots/{n}/lock"))).collect()
}

/// What a process runs.
fn program(pid: i32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default()
}
