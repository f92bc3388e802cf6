//! Processes: how they end, what is recorded, and that nothing of them remains.

use std::collections::BTreeMap;

use libtest_mimic::Trial;
use steading_wire::worker::{Ending, Primitive, ToMaster, ToWorker};

use crate::harness::{Farm, assert_exit, attempt, file, process, runs, shell, test};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("processes::a_step_runs_and_is_recorded", a_step_runs_and_is_recorded),
        test("processes::a_failure_shows_its_stderr", a_failure_shows_its_stderr),
        test("processes::a_signal_is_recorded", a_signal_is_recorded),
        test("processes::what_cannot_start_is_named", what_cannot_start_is_named),
        test("processes::the_environment_is_clean", the_environment_is_clean),
        test("processes::cpu_time_and_memory_are_recorded", cpu_time_and_memory_are_recorded),
        test("processes::leftovers_are_named_and_gone", leftovers_are_named_and_gone),
        test("processes::a_cancel_ends_the_whole_tree", a_cancel_ends_the_whole_tree),
        test("processes::a_tree_that_ignores_term_is_killed", a_tree_that_ignores_term_is_killed),
        test("processes::wall_and_idle_limits_hold", wall_and_idle_limits_hold),
        test("processes::silence_is_counted_from_the_last_output", silence_is_counted),
        test("processes::standard_input_is_empty", standard_input_is_empty),
        test("processes::a_command_has_three_descriptors", a_command_has_three_descriptors),
        test("processes::each_step_is_charged_for_itself", each_step_is_charged_for_itself),
        test("processes::slots_run_side_by_side", slots_run_side_by_side),
    ]
}

async fn a_step_runs_and_is_recorded() {
    let farm = Farm::start().await;
    let report = farm.build(shell("echo out; echo err >&2; exit 0")).await;
    assert_exit(&report, 0);
    assert_eq!(report.logs, ["stdout", "stderr"]);
    let exit = report.exit.expect("a record");
    assert_eq!(exit.argv[0], "/bin/sh");
    assert_eq!((exit.cwd.as_str(), exit.code, exit.signal), ("", Some(0), None));
    assert!(exit.started_at.0 > 0 && exit.ended_at >= exit.started_at);
    assert!(exit.leftovers.is_empty());
    assert_eq!(farm.text("stdout").await, "out\n");
    assert_eq!(farm.text("stderr").await, "err\n");
    farm.end().await;
}

async fn a_failure_shows_its_stderr() {
    let farm = Farm::start().await;
    let report = farm.build(shell("seq 5000 >&2; echo why >&2; exit 3")).await;
    assert_exit(&report, 3);
    assert!(report.stderr_tail.ends_with("5000\nwhy"), "{}", report.stderr_tail);
    assert!(report.stderr_tail.len() <= 4096);
    assert_eq!(report.logs, ["stderr"]);
    farm.end().await;
}

async fn a_signal_is_recorded() {
    let farm = Farm::start().await;
    let report = farm.build(shell("kill -SEGV $$")).await;
    assert_eq!(report.ending, Ending::Signalled { signal: 11 });
    assert_eq!(report.exit.expect("a record").signal, Some(11));
    farm.end().await;
}

async fn what_cannot_start_is_named() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let check = async |number: i64, primitive: Primitive, expected: &str| {
        let report = farm.step(attempt(1), number, primitive).await;
        let Ending::NotStarted { text } = &report.ending else { panic!("{report:#?}") };
        assert!(text.contains(expected), "{text}");
        assert!(report.exit.is_none());
    };
    check(1, process(&["no-such-program-here"]), "`no-such-program-here` could not").await;
    check(2, process(&[]), "the command is empty").await;
    check(3, process(&["/etc/passwd"]), "`/etc/passwd` could not").await;
    check(4, process(&["a\0b"]), "nul byte").await;
    let outside = Primitive::Process {
        argv: vec!["true".into()],
        env: BTreeMap::new(),
        workdir: Some("../..".into()),
        timeout_ms: None,
        idle_timeout_ms: None,
        log_bytes_max: None,
    };
    check(5, outside, "leads out of the workspace").await;
    farm.end().await;
}

async fn the_environment_is_clean() {
    let farm = Farm::start().await;
    let env = [("STEADING_URL", "x"), ("GREETING", "hello"), ("PATH", "/bin:/usr/bin")];
    let what = Primitive::Process {
        argv: vec!["env".into()],
        env: env.map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
        workdir: Some("deep/er".into()),
        timeout_ms: None,
        idle_timeout_ms: None,
        log_bytes_max: None,
    };
    let report = farm.build(what).await;
    assert_exit(&report, 0);
    assert_eq!(report.exit.expect("a record").cwd, "deep/er");
    let text = farm.text("stdout").await;
    assert!(text.contains("GREETING=hello\n") && text.contains("PATH=/bin:/usr/bin\n"), "{text}");
    assert!(!text.contains("STEADING_") && !text.contains(crate::master::TOKEN), "{text}");
    assert!(farm.workspace("hello").join("deep/er").is_dir());
    farm.end().await;
}

async fn cpu_time_and_memory_are_recorded() {
    let farm = Farm::start().await;
    // A grandchild does the work: what it cost is counted too.
    let report =
        farm.build(shell("sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'")).await;
    assert_exit(&report, 0);
    let exit = report.exit.expect("a record");
    assert!(exit.user_ms + exit.system_ms > 0, "{exit:#?}");
    assert!(exit.max_rss_kib > 0, "{exit:#?}");
    farm.end().await;
}

async fn leftovers_are_named_and_gone() {
    let farm = Farm::start().await;
    let script = "setsid sleep 1000 >/dev/null 2>&1 & echo $! > pid; sleep 1001 & echo $! > pid2
        for pid in $(cat pid pid2); do until grep -q sleep /proc/$pid/comm; do :; done; done";
    let report = farm.build(shell(script)).await;
    assert_exit(&report, 0);
    let exit = report.exit.expect("a record");
    assert_eq!(exit.leftovers, ["sleep", "sleep"]);
    for name in ["pid", "pid2"] {
        let pid = file(&farm.workspace("hello").join(name)).await;
        assert!(!runs(&pid), "{pid} still runs");
    }
    farm.end().await;
}

async fn a_cancel_ends_the_whole_tree() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    // One in the group, one in a session of its own, one orphaned below that.
    let script = "sleep 1000 & echo $! > a
        setsid sh -c 'echo $$ > b; (sleep 1000 & echo $! > c); sleep 1000' &
        wait";
    farm.begin(attempt(1), 1, shell(script)).await;
    let mut pids = Vec::new();
    for name in ["a", "b", "c"] {
        pids.push(file(&farm.workspace("hello").join(name)).await);
    }
    assert!(pids.iter().all(|pid| runs(pid)));
    farm.master.say(ToWorker::Cancel { attempt: attempt(1) }).await;
    let report = farm.report(attempt(1), 1).await;
    assert_eq!(report.ending, Ending::Cancelled);
    assert_eq!(report.exit.expect("a record").signal, Some(15));
    assert_eq!(pids.iter().filter(|pid| runs(pid)).count(), 0);
    // The steps that always run come after a cancel.
    assert_exit(&farm.step(attempt(1), 2, shell("true")).await, 0);
    farm.end().await;
}

async fn a_tree_that_ignores_term_is_killed() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let script = "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $! > a
        while :; do sleep 1; done";
    farm.begin(attempt(1), 1, shell(script)).await;
    let pid = file(&farm.workspace("hello").join("a")).await;
    let begun = tokio::time::Instant::now();
    farm.master.say(ToWorker::Cancel { attempt: attempt(1) }).await;
    let report = farm.report(attempt(1), 1).await;
    assert_eq!(report.ending, Ending::Cancelled);
    assert_eq!(report.exit.expect("a record").signal, Some(9));
    assert!(!runs(&pid));
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    farm.end().await;
}

fn limited(script: &str, wall: Option<i64>, idle: Option<i64>) -> Primitive {
    Primitive::Process {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        env: BTreeMap::new(),
        workdir: None,
        timeout_ms: wall,
        idle_timeout_ms: idle,
        log_bytes_max: None,
    }
}

async fn wall_and_idle_limits_hold() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let busy = "while :; do echo on; sleep 0.02; done";
    let report = farm.step(attempt(1), 1, limited(busy, Some(300), Some(60_000))).await;
    assert_eq!(report.ending, Ending::TimedOut { idle: false, limit_ms: 300 });
    assert_eq!(report.exit.expect("a record").signal, Some(15));
    let report = farm.step(attempt(1), 2, limited("sleep 1000", Some(60_000), Some(200))).await;
    assert_eq!(report.ending, Ending::TimedOut { idle: true, limit_ms: 200 });
    let report = farm.step(attempt(1), 3, limited("true", Some(60_000), Some(60_000))).await;
    assert_exit(&report, 0);
    farm.end().await;
}

async fn silence_is_counted() {
    let farm = Farm::start().await;
    // Longer than the limit in all, never silent for as long.
    let script = "for i in 1 2 3 4 5 6; do echo $i >&2; sleep 0.2; done";
    let report = farm.build(limited(script, None, Some(1000))).await;
    assert_exit(&report, 0);
    farm.end().await;
}

async fn standard_input_is_empty() {
    let farm = Farm::start().await;
    let report = farm.build(shell("cat; if (: < /dev/tty) 2>/dev/null; then exit 7; fi")).await;
    assert_exit(&report, 0);
    farm.end().await;
}

async fn a_command_has_three_descriptors() {
    // One that whoever started the worker left open for its children.
    let left_open = std::fs::File::open("/dev/null").expect("it is there");
    rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).expect("ours");
    let farm = Farm::start().await;
    farm.accept(attempt(2), "other").await;
    farm.begin(attempt(2), 1, shell("echo $$ > pid; sleep 1000")).await;
    let other = farm.dir.path().join("worker/work/other-1/pid");
    file(&other).await;
    farm.accept(attempt(1), "hello").await;
    for number in 1..=3 {
        // The fourth is the directory it looks at.
        assert_exit(&farm.step(attempt(1), number, process(&["ls", "/proc/self/fd"])).await, 0);
        let log = farm.master.log(attempt(1), number, "stdout").await;
        assert_eq!(String::from_utf8_lossy(&log.raw()), "0\n1\n2\n3\n");
    }
    let ends = "readlink /proc/$$/fd/0; readlink /proc/$$/fd/1 /proc/$$/fd/2 | sort -u | wc -l";
    assert_exit(&farm.step(attempt(1), 4, shell(ends)).await, 0);
    let log = farm.master.log(attempt(1), 4, "stdout").await;
    assert_eq!(String::from_utf8_lossy(&log.raw()), "/dev/null\n2\n");
    farm.end().await;
}

/// Steps of a slot are run by one errand: what one of them used is not the next one's.
async fn each_step_is_charged_for_itself() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let used = async |number: i64, script: &str| {
        let report = farm.step(attempt(1), number, shell(script)).await;
        assert_exit(&report, 0);
        let exit = report.exit.expect("a record");
        (exit.user_ms + exit.system_ms, exit.max_rss_kib)
    };
    // Below a child, so that what is waited for by others counts too.
    let large = "head -c 50000000 /dev/zero | tail -c 50000000 | wc -c
        i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    let (ms, kib) = used(1, large).await;
    assert!(ms > 0 && kib > 48_000, "{ms} ms, {kib} KiB");
    let (later_ms, later_kib) = used(2, "true").await;
    assert!(later_ms < ms && later_kib < 24_000, "{later_ms} ms, {later_kib} KiB");
    farm.end().await;
}

async fn slots_run_side_by_side() {
    let farm = Farm::start().await;
    let script = |mine: &str, other: &str| {
        shell(&format!(
            "echo > ../{mine}; until [ -e ../{other} ]; do sleep 0.01; done; echo {mine}"
        ))
    };
    for request in [1, 2] {
        farm.accept(attempt(request), &format!("b{request}")).await;
    }
    // Each waits for the other one, twice: with new errands and with those of the step before.
    for number in [1, 2] {
        farm.begin(attempt(1), number, script(&format!("a{number}"), &format!("b{number}"))).await;
        farm.begin(attempt(2), number, script(&format!("b{number}"), &format!("a{number}"))).await;
        for _ in [1, 2] {
            let done = |m: &ToMaster| match m {
                ToMaster::StepDone { number: n, report, .. } if *n == number => {
                    Some(report.clone())
                }
                _ => None,
            };
            assert_exit(&farm.master.hear("a report", done).await, 0);
        }
        for (request, name) in [(1, "a"), (2, "b")] {
            let log = farm.master.log(attempt(request), number, "stdout").await;
            assert_eq!(String::from_utf8_lossy(&log.raw()), format!("{name}{number}\n"));
        }
    }
    farm.end().await;
}
