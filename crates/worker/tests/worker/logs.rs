//! Logs: every byte, whatever it is and whatever is cut in between.

use libtest_mimic::Trial;

use crate::harness::{Farm, assert_exit, attempt, file, shell, test};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("logs::noise_is_kept_as_it_is", noise_is_kept_as_it_is),
        test("logs::a_cut_link_costs_nothing", a_cut_link_costs_nothing),
        test("logs::what_was_not_stored_is_sent_again", what_was_not_stored_is_sent_again),
        test("logs::a_long_line_is_kept", a_long_line_is_kept),
        test("logs::a_limit_is_said_in_the_last_line", a_limit_is_said_in_the_last_line),
        test("logs::what_is_not_in_a_block_is_shown_live", what_is_pending_is_shown_live),
        test("logs::a_new_master_is_shown_the_tail_again", the_tail_is_shown_again),
        test("logs::the_spool_is_empty_afterwards", the_spool_is_empty_afterwards),
    ]
}

async fn noise_is_kept_as_it_is() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let script =
        "head -c 3000000 /dev/urandom > noise; printf 'a\\0b\\377\\n\\r' >> noise; cat noise";
    assert_exit(&farm.step(attempt(1), 1, shell(script)).await, 0);
    let expected = std::fs::read(farm.workspace("hello").join("noise")).expect("written");
    let log = farm.master.log(attempt(1), 1, "stdout").await;
    assert!(log.raw() == expected, "the log differs from what was printed");
    farm.end().await;
}

async fn a_cut_link_costs_nothing() {
    let farm = Farm::start().await;
    farm.master.seen().cut_after_blocks = Some(3);
    farm.accept(attempt(1), "hello").await;
    let script = "head -c 5000000 /dev/urandom | tee noise";
    farm.begin(attempt(1), 1, shell(script)).await;
    assert_exit(&farm.report(attempt(1), 1).await, 0);
    let log = farm.master.log(attempt(1), 1, "stdout").await;
    let expected = std::fs::read(farm.workspace("hello").join("noise")).expect("written");
    assert!(log.raw() == expected, "the log differs from what was printed");
    assert!(farm.master.seen().cut_after_blocks.is_none(), "the link was not cut");
    assert_eq!(farm.master.seen().gaps, 0);
    assert!(log.blocks > expected.len().div_ceil(256 << 10), "nothing was sent again");
    farm.end().await;
}

async fn what_was_not_stored_is_sent_again() {
    let farm = Farm::start().await;
    farm.master.seen().blocks_refused = 2;
    let report = farm.build(shell("head -c 1000000 /dev/urandom | tee noise")).await;
    assert_exit(&report, 0);
    let log = farm.master.log(attempt(1), 1, "stdout").await;
    let expected = std::fs::read(farm.workspace("hello").join("noise")).expect("written");
    assert!(log.raw() == expected, "the log differs from what was printed");
    farm.end().await;
}

async fn a_long_line_is_kept() {
    let farm = Farm::start().await;
    let report = farm.build(shell("head -c 20000000 /dev/zero | tr '\\0' x")).await;
    assert_exit(&report, 0);
    let log = farm.master.log(attempt(1), 1, "stdout").await;
    assert_eq!(log.closed.as_ref().map(|c| (c.0, c.1)), Some((20_000_000, 1)));
    assert!(log.raw().iter().all(|b| *b == b'x'));
    farm.end().await;
}

async fn a_limit_is_said_in_the_last_line() {
    let farm = Farm::start_with(|options| options.log_bytes_max = 100_000).await;
    let report = farm.build(shell("head -c 2000000 /dev/zero | tr '\\0' x; exit 4")).await;
    assert_exit(&report, 4);
    let text = farm.text("stdout").await;
    let marker = "\n[steading] this log is limited to 100000 bytes: \
                  1900000 more bytes were left out here\n";
    assert_eq!(text.len(), 100_000 + marker.len());
    assert!(text.ends_with(marker), "{}", &text[text.len() - 200..]);
    farm.end().await;
}

async fn what_is_pending_is_shown_live() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let script = "echo first; while [ ! -e go ]; do sleep 0.01; done; echo second";
    farm.begin(attempt(1), 1, shell(script)).await;
    let tail = farm
        .master
        .until("a tail", |seen| seen.logs.values().find_map(|l| l.tails.first().cloned()))
        .await;
    assert_eq!(tail, (0, b"first\n".to_vec()));
    std::fs::write(farm.workspace("hello").join("go"), "").expect("written");
    assert_exit(&farm.report(attempt(1), 1).await, 0);
    assert_eq!(farm.text("stdout").await, "first\nsecond\n");
    farm.end().await;
}

async fn the_tail_is_shown_again() {
    let farm = Farm::start().await;
    farm.accept(attempt(1), "hello").await;
    let script = "echo first; while [ ! -e go ]; do sleep 0.01; done";
    farm.begin(attempt(1), 1, shell(script)).await;
    let tails = |n: usize| {
        farm.master
            .until("a tail", move |seen| seen.logs.values().find_map(|l| l.tails.get(n).cloned()))
    };
    assert_eq!(tails(0).await, (0, b"first\n".to_vec()));
    farm.master.cut_links();
    assert_eq!(tails(1).await, (0, b"first\n".to_vec()));
    std::fs::write(farm.workspace("hello").join("go"), "").expect("written");
    assert_exit(&farm.report(attempt(1), 1).await, 0);
    farm.end().await;
}

async fn the_spool_is_empty_afterwards() {
    let farm = Farm::start().await;
    assert_exit(&farm.build(shell("echo a; echo b >&2; pwd > where")).await, 0);
    let place = file(&farm.workspace("hello").join("where")).await;
    assert_eq!(
        place.trim(),
        farm.workspace("hello").canonicalize().expect("it is").to_str().expect("text")
    );
    farm.master.say(steading_wire::worker::ToWorker::Finish { attempt: attempt(1) }).await;
    farm.master
        .hear("gathered", |m| {
            matches!(m, steading_wire::worker::ToMaster::Gathered { .. }).then_some(())
        })
        .await;
    // The master may not have written that down yet: the attempt itself is kept until it has.
    farm.master.say(steading_wire::worker::ToWorker::Drop { attempt: attempt(1) }).await;
    farm.spool_is_empty().await;
    farm.end().await;
}
