//! The audit finds what somebody broke behind the store's back.

use steading_core::words::*;
use steading_store::*;

use crate::farm::*;

/// A sound history with one finished and one running build, broken by one statement: the audit
/// names the invariant and says where.
async fn check(sql: &str, invariant: &str, sentence: &str) {
    let farm = TestFarm::new();
    farm.write(|w| {
        let config = set_up(w, &[("barn", 2)])?;
        let requests = w.submit_buildset(&buildset(config, &["hello", "hello"]))?.requests;
        let build = begin(w, requests[0], "barn")?.id;
        let step = w.start_step(build, &step(1, "make"))?;
        let log = w.open_log(build, step, "stdout")?;
        w.close_log(log, &ended("h"))?;
        w.finish_build(build, Outcome::Success, None, Next::Complete)?;
        begin(w, requests[1], "barn").map(|_| ())
    })
    .await;
    farm.assert_sound().await;
    farm.store.close().await.unwrap();
    let conn = rusqlite::Connection::open(farm.folder.path().join("farm.db")).unwrap();
    conn.execute(sql, []).unwrap();
    let reader = Reader::open(&farm.options()).unwrap();
    let found = reader.read(steading_store::audit::history).await.unwrap();
    let hit = found.iter().any(|v| v.invariant == invariant && v.text.contains(sentence));
    assert!(hit, "{sql}: wanted {invariant} {sentence}, found {found:?}");
}

#[tokio::test]
async fn i1_one_owner() {
    check("UPDATE build SET number = 5 WHERE id = 2", "I1", "numbered 1 to 5").await;
    check("UPDATE claim SET worker = 'shed' WHERE id = 1", "I1", "no accepted claim").await;
    check("DELETE FROM build WHERE id = 2", "I1", "has no build").await;
}

#[tokio::test]
async fn i2_no_lost_grant() {
    let sql = "UPDATE claim SET state = 'offered', deadline_at = -99000000 WHERE id = 2";
    check(sql, "I2", "claim 2 on worker barn is overdue").await;
}

#[tokio::test]
async fn a_clock_that_was_an_hour_ahead_makes_nothing_overdue() {
    let farm = TestFarm::new();
    let request = farm
        .write(|w| {
            let config = set_up(w, &[("barn", 2)])?;
            Ok(w.submit_buildset(&buildset(config, &["hello"]))?.requests[0])
        })
        .await;
    farm.pass(Duration::seconds(3600));
    farm.write(|w| w.pause_worker("barn", "ann", "by a wrong clock")).await;
    farm.pass(Duration::seconds(-3600));
    farm.write(|w| w.resume_worker("barn", "ann", "")).await;
    farm.write(move |w| {
        let new = claim_of(w, request, "barn")?;
        w.claim(&new).map(drop)
    })
    .await;
    farm.assert_sound().await;
}

#[tokio::test]
async fn i3_no_grant_to_the_dying() {
    let sql = "UPDATE event SET delta = REPLACE(delta, '\"ready\"', '\"offline\"') \
        WHERE kind = 'worker.connected'";
    check(sql, "I3", "which took nothing new").await;
}

#[tokio::test]
async fn i3_no_grant_to_a_worker_whose_disk_is_full() {
    let sql = "UPDATE event SET delta = json_set(delta, '$.troubles', \
        '[{\"code\":\"disk_full\",\"text\":\"no room\"}]') WHERE kind = 'worker.connected'";
    check(sql, "I3", "which took nothing new").await;
}

#[tokio::test]
async fn i3_no_grant_to_a_worker_in_quarantine() {
    let until = |at: i64| {
        format!("WHEN 'worker.connected' THEN json_set(delta, '$.quarantined_until', {at})")
    };
    let sql = |cases: &str| format!("UPDATE event SET delta = CASE kind {cases} ELSE delta END");
    check(&sql(&until(99_000_000)), "I3", "claim 1 went to worker barn, which is in quarantine")
        .await;
    // Its time is over: one build at a time, and here the first never ends.
    let endless = "WHEN 'build.finished' THEN json_set(delta, '$.state', 'running')";
    let both = format!("{} {endless}", until(5));
    check(&sql(&both), "I3", "claim 2 is the second of worker barn, a canary").await;
}

#[tokio::test]
async fn i8_poison_control() {
    let sql = "UPDATE event SET delta = json_set(delta, '$.failures', 30) \
        WHERE kind = 'worker.connected'";
    check(sql, "I8", "worker barn failed 30 times in a row and is trusted still").await;
    let sql = "UPDATE event SET delta = json_set(delta, '$.outcome_reason', \
        '{\"code\":\"poison\",\"text\":\"x\",\"causes\":[]}') WHERE kind = 'request.completed'";
    check(sql, "I8", "request 1 was stopped without proof").await;
}

#[tokio::test]
async fn i12_nothing_is_past_its_deadline() {
    const LONG_AGO: &str = "-99000000000000";
    for (state, since) in
        [("cancelling", "cancelled_at"), ("gathering", "steps_ended_at"), ("lost", "lost_at")]
    {
        let sql = format!("UPDATE build SET state = '{state}', {since} = {LONG_AGO} WHERE id = 2");
        check(&sql, "I12", &format!("build 2 is {state} for longer than it may")).await;
    }
    let sql = format!("UPDATE step SET build_id = 2, state = 'running', started_at = {LONG_AGO}");
    check(&sql, "I12", "step 1 of build 2 runs for over a day").await;
}

#[tokio::test]
async fn i4_slots_are_derived() {
    let sql = "UPDATE event SET delta = REPLACE(delta, '\"slots\":2', '\"slots\":0') \
        WHERE kind = 'worker.added'";
    check(sql, "I4", "0 were in use, and one more was offered").await;
}

#[tokio::test]
async fn i6_no_spurious_failure() {
    let sql = "UPDATE build SET outcome = 'failure' WHERE id = 1";
    check(sql, "I6", "hello/1) failed without a failed step").await;
}

#[tokio::test]
async fn i7_somebody_works_on_what_is_claimed() {
    check("UPDATE request SET state = 'pending' WHERE id = 2", "I7", "is pending, but").await;
    check("UPDATE request SET state = 'claimed' WHERE id = 1", "I7", "neither offered").await;
}

#[tokio::test]
async fn i9_history_and_events_are_one_truth() {
    check("DELETE FROM event WHERE seq = 3", "I9", "there is a gap").await;
    check("UPDATE worker SET slots = 9", "I9", "`slots` is Int(9) in its table, Some(Int(2))")
        .await;
    check("DELETE FROM log", "I9", "log 1 has events, but is not in its table").await;
}

#[tokio::test]
async fn i11_a_match_is_decided_on_the_past() {
    let sql = "UPDATE event SET delta = REPLACE(delta, '\"match_seq\":', '\"match_seq\":9') \
        WHERE kind = 'claim.offered'";
    check(sql, "I11", "was decided on event 9").await;
}

#[tokio::test]
async fn i12_what_ended_is_whole() {
    check("UPDATE step SET state = 'running'", "I12", "step 1 of finished build 1").await;
    check("UPDATE log SET closed = 0", "I12", "log 1 of finished build 1 is open").await;
    check("UPDATE log SET hash = NULL", "I12", "closed without hash").await;
    check("UPDATE request SET outcome = NULL WHERE id = 1", "I12", "request 1 is complete").await;
    check("UPDATE buildset SET complete_at = 1", "I12", "does not follow its requests").await;
    let sql = "UPDATE event SET delta = REPLACE(delta, '\"offered\"', '\"expired\"') \
        WHERE kind = 'claim.offered'";
    check(sql, "I12", "a claim cannot go from `expired` to `accepted`").await;
}

#[tokio::test]
async fn i10_i12_the_archive_holds_what_rows_say() {
    let farm = TestFarm::new();
    let archive = steading_store::archive::Archive::open(farm.folder.path()).unwrap();
    let mut writer = archive.artifact_writer(100).unwrap();
    writer.write(b"bytes").await.unwrap();
    let stored = writer.commit(None).await.unwrap();
    let (hash, size) = (stored.hash.clone(), i64::try_from(stored.size).unwrap());
    let log = farm
        .write(move |w| {
            let config = set_up(w, &[("barn", 1)])?;
            let request = w.submit_buildset(&buildset(config, &["hello"]))?.requests[0];
            let build = begin(w, request, "barn")?.id;
            let step = w.start_step(build, &step(1, "make"))?;
            let (path, hash) = ("out".to_owned(), hash.clone());
            w.add_artifact(&NewArtifact { build, step, path, size, hash })?;
            w.open_log(build, step, "stdout")
        })
        .await;
    let mut encoder = steading_frames::Encoder::new();
    assert!(encoder.push(1, b"one\ntwo\n").is_empty(), "one block holds it");
    let (block, trailer, _) = encoder.finish();
    archive.append(log, 0, block.unwrap().encoded).await.unwrap();
    let summary = archive.close(log, trailer.encoded).await.unwrap();
    farm.write(move |w| w.close_log(log, &LogEnd::from(&summary))).await;
    let kept = farm.read(steading_store::audit::kept).await;
    assert_eq!(kept.verify(&archive), []);
    fs_err::remove_dir_all(farm.folder.path().join("archive")).unwrap();
    let archive = steading_store::archive::Archive::open(farm.folder.path()).unwrap();
    let found: Vec<&str> = kept.verify(&archive).iter().map(|v| v.invariant).collect();
    assert_eq!(found, ["I10", "I12"]);
}
