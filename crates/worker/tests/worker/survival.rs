//! Builds outlive their worker's daemon; what kills a shepherd leaves nothing and is no verdict.

use std::fs::File;
use std::path::Path;
use std::process::Child;

use libtest_mimic::Trial;
use rustix::fs::{FlockOperation, flock};
use steading_wire::worker::{Attempt, Ending, Primitive, Report, ToMaster, ToWorker};

use crate::harness::{Farm, assert_exit, attempt, file, kill, process, runs, shell, test, until};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("survival::a_build_outlives_a_killed_daemon", a_build_outlives_a_killed_daemon),
        test("survival::an_end_nobody_heard_is_said_later", an_end_nobody_heard_is_said_later),
        test("survival::what_was_accepted_is_held_again", what_was_accepted_is_held_again),
        test("survival::a_daemon_that_leaves_leaves_its_builds", a_daemon_leaves_its_builds),
        test("survival::limits_hold_while_the_daemon_is_away", limits_hold_without_a_daemon),
        test("survival::a_lost_shepherd_leaves_nothing", a_lost_shepherd_leaves_nothing),
        test("survival::a_lost_errand_leaves_nothing", a_lost_errand_leaves_nothing),
        test("survival::daemon_and_shepherd_lost_at_once", daemon_and_shepherd_lost_at_once),
        test("survival::all_of_it_lost_at_once", all_of_it_lost_at_once),
        test("survival::a_shepherd_is_used_again_and_ends", a_shepherd_is_used_again_and_ends),
        test("survival::an_errand_is_used_again", an_errand_is_used_again),
        test("survival::a_dead_shepherd_holds_no_slot", a_dead_shepherd_holds_no_slot),
        test("survival::an_upgrade_replaces_idle_shepherds", an_upgrade_replaces_shepherds),
        test("survival::a_step_of_the_daemons_own_begins_again", the_daemons_own_begins_again),
    ]
}

/// A step that says where it is, waits for `go`, and prints noise before and after.
const NOISE: &str = "head -c 700000 /dev/urandom | tee a; echo $$ > pid
    while [ ! -e go ]; do sleep 0.01; done
    head -c 700000 /dev/urandom | tee b; echo x >> runs";

async fn held(farm: &Farm) -> Vec<Attempt> {
    farm.master
        .hear("a hello", |m| match m {
            ToMaster::Hello(hello) => Some(hello.held.clone()),
            _ => None,
        })
        .await
}

async fn begin(script: &str) -> (Farm, Child, String) {
    let (farm, worker) = Farm::start_process().await;
    held(&farm).await;
    farm.accept(attempt(1), "hello").await;
    farm.begin(attempt(1), 1, shell(script)).await;
    let pid = file(&farm.workspace("hello").join("pid")).await;
    (farm, worker, pid)
}

fn go(farm: &Farm) {
    std::fs::write(farm.workspace("hello").join("go"), "").expect("written");
}

/// The process of the first slot's shepherd.
fn shepherd(farm: &Farm) -> String {
    std::fs::read_to_string(farm.dir.path().join("worker/slots/1/lock")).expect("a shepherd")
}

async fn all_was_kept(farm: &Farm) {
    assert_exit(&farm.report(attempt(1), 1).await, 0);
    let log = farm.master.log(attempt(1), 1, "stdout").await;
    let read = |name: &str| std::fs::read(farm.workspace("hello").join(name)).expect("written");
    assert!(log.raw() == [read("a"), read("b")].concat(), "the log is not what was printed");
    assert_eq!(read("runs"), b"x\n", "it ran once");
}

/// Whatever ran is gone, and the step ended by no fault of the build.
async fn all_was_lost(farm: &Farm, pids: &[String]) {
    let report = farm.report(attempt(1), 1).await;
    is_lost(&report);
    for pid in pids {
        assert!(!runs(pid), "{pid} still runs");
    }
}

fn is_lost(report: &Report) {
    let Ending::Infrastructure { code, .. } = &report.ending else { panic!("{report:#?}") };
    assert_eq!(code, "shepherd_lost", "{report:#?}");
}

async fn a_build_outlives_a_killed_daemon() {
    let (farm, mut worker, pid) = begin(NOISE).await;
    kill(&mut worker);
    assert!(runs(&pid));
    let mut worker = farm.start_again();
    assert_eq!(held(&farm).await, [attempt(1)]);
    go(&farm);
    all_was_kept(&farm).await;
    // Steps go on as if nothing had been.
    assert_exit(&farm.step(attempt(1), 2, shell("true")).await, 0);
    kill(&mut worker);
}

async fn an_end_nobody_heard_is_said_later() {
    let (farm, mut worker, pid) = begin(NOISE).await;
    let shepherd = shepherd(&farm);
    kill(&mut worker);
    go(&farm);
    until("the end of the step", || (!runs(&pid) && !runs(&shepherd)).then_some(())).await;
    let mut worker = farm.start_again();
    assert_eq!(held(&farm).await, [attempt(1)]);
    all_was_kept(&farm).await;
    farm.begin(attempt(1), 1, shell("echo twice >> runs")).await;
    assert_exit(&farm.report(attempt(1), 1).await, 0);
    farm.master.say(ToWorker::Finish { attempt: attempt(1) }).await;
    let gathered = ToMaster::Gathered { attempt: attempt(1) };
    farm.master.hear("gathered", |m| (*m == gathered).then_some(())).await;
    farm.master.say(ToWorker::Drop { attempt: attempt(1) }).await;
    farm.spool_is_empty().await;
    assert_eq!(file(&farm.workspace("hello").join("runs")).await, "x\n");
    kill(&mut worker);
}

async fn what_was_accepted_is_held_again() {
    let (farm, mut worker) = Farm::start_process().await;
    held(&farm).await;
    farm.accept(attempt(1), "hello").await;
    kill(&mut worker);
    let mut worker = farm.start_again();
    assert_eq!(held(&farm).await, [attempt(1)]);
    assert_exit(&farm.step(attempt(1), 1, shell("true")).await, 0);
    kill(&mut worker);
}

async fn a_daemon_leaves_its_builds() {
    let mut farm = Farm::start().await;
    held(&farm).await;
    farm.accept(attempt(1), "hello").await;
    farm.begin(attempt(1), 1, shell(NOISE)).await;
    let pid = file(&farm.workspace("hello").join("pid")).await;
    farm.shutdown.leave.cancel();
    (&mut farm.worker).await.expect("no panic").expect("a clean end");
    assert!(runs(&pid));
    farm.begin_again();
    assert_eq!(held(&farm).await, [attempt(1)]);
    go(&farm);
    all_was_kept(&farm).await;
    farm.end().await;
}

async fn limits_hold_without_a_daemon() {
    let (farm, mut worker) = Farm::start_process().await;
    held(&farm).await;
    farm.accept(attempt(1), "hello").await;
    let Primitive::Process { argv, env, workdir, .. } =
        shell("echo $$ > pid; trap '' TERM; while :; do sleep 0.1; done")
    else {
        unreachable!("it is a process")
    };
    let (timeout_ms, idle_timeout_ms) = (Some(2_000), None);
    let log_bytes_max = None;
    let what =
        Primitive::Process { argv, env, workdir, timeout_ms, idle_timeout_ms, log_bytes_max };
    farm.begin(attempt(1), 1, what).await;
    let pid = file(&farm.workspace("hello").join("pid")).await;
    kill(&mut worker);
    until("the end of the step", || (!runs(&pid)).then_some(())).await;
    let mut worker = farm.start_again();
    assert_eq!(held(&farm).await, [attempt(1)]);
    let report = farm.report(attempt(1), 1).await;
    assert_eq!(report.ending, Ending::TimedOut { idle: false, limit_ms: 2_000 });
    kill(&mut worker);
}

/// One in the group, one in a session of its own, one with nothing of its environment left.
const TREE: &str = "sleep 1000 & echo $! > a
    setsid sleep 1000 & echo $! > b
    env -i setsid sleep 1000 > /dev/null 2>&1 & echo $! > c
    for pid in $(cat a b c); do until grep -q sleep /proc/$pid/comm; do :; done; done
    echo begun; echo $$ > pid; wait";

async fn tree(farm: &Farm) -> Vec<String> {
    let mut pids = Vec::new();
    for name in ["pid", "a", "b", "c"] {
        pids.push(file(&farm.workspace("hello").join(name)).await);
    }
    assert!(pids.iter().all(|pid| runs(pid)));
    pids
}

async fn a_lost_shepherd_leaves_nothing() {
    let (farm, mut worker, _) = begin(TREE).await;
    let pids = tree(&farm).await;
    kill_pid(&shepherd(&farm));
    all_was_lost(&farm, &pids).await;
    // The slot has another one by now.
    assert_exit(&farm.step(attempt(1), 2, shell("true")).await, 0);
    kill(&mut worker);
}

async fn a_lost_errand_leaves_nothing() {
    let (farm, mut worker, _) = begin(TREE).await;
    let pids = tree(&farm).await;
    kill_pid(&parent(&pids[0]));
    all_was_lost(&farm, &pids).await;
    assert_exit(&farm.step(attempt(1), 2, shell("true")).await, 0);
    kill(&mut worker);
}

async fn daemon_and_shepherd_lost_at_once() {
    let (farm, mut worker, _) = begin(TREE).await;
    let pids = tree(&farm).await;
    let shepherd = shepherd(&farm);
    worker.kill().expect("it lives");
    kill_pid(&shepherd);
    worker.wait().expect("dead");
    let mut worker = farm.start_again();
    assert_eq!(held(&farm).await, [attempt(1)]);
    all_was_lost(&farm, &pids).await;
    assert_exit(&farm.step(attempt(1), 2, shell("true")).await, 0);
    kill(&mut worker);
}

async fn all_of_it_lost_at_once() {
    let (farm, mut worker, _) = begin(TREE).await;
    let mut pids = tree(&farm).await;
    // Nobody is left to know of the one that shed its environment: only then it stays.
    let forgotten = pids.pop().expect("there are four");
    let (shepherd, errand) = (shepherd(&farm), parent(&pids[0]));
    worker.kill().expect("it lives");
    kill_pid(&shepherd);
    kill_pid(&errand);
    worker.wait().expect("dead");
    let mut worker = farm.start_again();
    assert_eq!(held(&farm).await, [attempt(1)]);
    all_was_lost(&farm, &pids).await;
    if runs(&forgotten) {
        kill_pid(&forgotten);
    }
    kill(&mut worker);
}

async fn a_shepherd_is_used_again_and_ends() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    assert_exit(&farm.step(attempt(1), 1, shell("true")).await, 0);
    let first = shepherd(&farm);
    assert_exit(&farm.step(attempt(1), 2, shell("true")).await, 0);
    assert_eq!(shepherd(&farm), first);
    assert!(runs(&first));
    farm.end().await;
    assert!(!runs(&first), "it outlives a worker that ended");
}

async fn an_errand_is_used_again() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let told = farm.workspace("hello").join("errand");
    let errand = async |number: i64| {
        assert_exit(&farm.step(attempt(1), number, shell("echo $PPID > errand")).await, 0);
        std::fs::read_to_string(&told).expect("written")
    };
    let first = errand(1).await;
    assert_eq!(errand(2).await, first);
    // One that died meanwhile costs no step.
    kill_pid(&first);
    let second = errand(3).await;
    assert_ne!(second, first);
    // One that had to end its tree goes with it.
    farm.begin(attempt(1), 4, shell("echo $$ > pid; sleep 1000")).await;
    file(&farm.workspace("hello").join("pid")).await;
    farm.master.say(ToWorker::Cancel { attempt: attempt(1) }).await;
    assert_eq!(farm.report(attempt(1), 4).await.ending, Ending::Cancelled);
    assert!(!runs(&second));
    let third = errand(5).await;
    assert_ne!(third, second);
    farm.end().await;
    assert!(!runs(&third), "it outlives its shepherd");
}

/// The slot's lock dies with the shepherd, however long what it ran takes to die.
async fn a_dead_shepherd_holds_no_slot() {
    let script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done";
    let (farm, mut worker, pid) = begin(script).await;
    let shepherd = shepherd(&farm);
    // The daemon stands still, so that it does not start another one.
    signal(worker.id(), rustix::process::Signal::STOP);
    kill_pid(&shepherd);
    let lock = File::open(farm.dir.path().join("worker/slots/1/lock")).expect("a lock");
    let free = || flock(&lock, FlockOperation::NonBlockingLockExclusive).ok();
    until("a free slot", free).await;
    assert!(runs(&pid), "its errand gives it five seconds");
    drop(lock);
    signal(worker.id(), rustix::process::Signal::CONT);
    all_was_lost(&farm, &[pid]).await;
    kill(&mut worker);
}

async fn an_upgrade_replaces_shepherds() {
    let (farm, mut worker, pid) = begin(NOISE).await;
    let before = shepherd(&farm);
    kill(&mut worker);
    assert!(runs(&pid));
    let mut worker = farm.start_upgraded();
    assert_eq!(held(&farm).await, [attempt(1)]);
    assert_eq!(shepherd(&farm), before, "one that is busy stays");
    go(&farm);
    all_was_kept(&farm).await;
    assert_exit(&farm.step(attempt(1), 2, shell("true")).await, 0);
    assert_ne!(shepherd(&farm), before, "one that is idle goes");
    assert!(!runs(&before));
    kill(&mut worker);
}

async fn the_daemons_own_begins_again() {
    let (farm, mut worker) = Farm::start_process().await;
    held(&farm).await;
    farm.accept(attempt(1), "hello").await;
    assert_exit(&farm.step(attempt(1), 1, process(&["sh", "-c", "echo x > left"])).await, 0);
    farm.master.seen().artifacts_refused = 1_000_000;
    farm.begin(attempt(1), 2, Primitive::Upload { paths: vec!["left".into()] }).await;
    let spool = farm.dir.path().join("worker/spool/1-1-2");
    until("the begin of the upload", || spool.exists().then_some(())).await;
    kill(&mut worker);
    farm.master.seen().artifacts_refused = 0;
    let mut worker = farm.start_again();
    assert_eq!(held(&farm).await, [attempt(1)]);
    assert_exit(&farm.report(attempt(1), 2).await, 0);
    assert_eq!(farm.master.seen().artifacts["left"], b"x\n");
    let log = farm.master.log(attempt(1), 2, "stdout").await;
    let text = String::from_utf8(log.raw()).expect("text");
    assert!(text.starts_with("[steading] the worker was restarted"), "{text}");
    kill(&mut worker);
}

fn kill_pid(pid: &str) {
    let pid = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw).expect("a number");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives");
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a number");
    rustix::process::kill_process(pid, signal).expect("it lives");
}

/// The parent of a process.
fn parent(pid: &str) -> String {
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    let stat = std::fs::read_to_string(stat).expect("it lives");
    let after = stat.rsplit(')').next().expect("a line of /proc");
    after.split_whitespace().nth(1).expect("a parent").to_owned()
}
