//! A history like the tour's, written through the store's own operations, replayed two ways.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use steading_core::words::*;
use steading_store::{
    Acceptance, ConfigurationText, Error as StoreError, NewBuildset, NewClaim, NewRequest, Next,
    Options, Store, Write,
};

use super::run::{Tried, try_out};
use super::{json, text};
use crate::cli::ReplayArgs;
use crate::error::Error;
use crate::output::Colours;

const FARM: &str = r#"
worker("oak", slots = 2, labels = {"size": "large"})
worker("elm", slots = 1, labels = {"size": "small"})
licence = lock("licence", capacity = 2)
builder("survey", steps = [shell("true")], locks = [licence.counting(1)])
builder("picky", steps = [shell("true")])
builder("nap", steps = [shell("true")], requires = {"size": "large"}, locks = [licence.exclusive()])
policy(order = [highest(lambda request: request.priority), oldest()])
"#;

/// Quick builds first, and nothing large on the small worker.
const OTHER: &str = r#"
quick = {"picky": 2, "survey": 1}
policy(
    allow = lambda request, worker: request.builder != "survey" or worker.labels["size"] != "small",
    order = [highest(lambda request: quick.get(request.builder, 0)), oldest()],
)
"#;

/// Noon of a day.
const NOON: i64 = 1_767_268_800_000_000;

/// A farm's directory with a history in the making; the clock is the test's.
struct History {
    store: Store,
    clock: Arc<AtomicI64>,
    config: ConfigId,
}

impl History {
    async fn new(farm: &Path) -> History {
        let clock = Arc::new(AtomicI64::new(NOON));
        let tick = clock.clone();
        let options =
            Options::new(farm.join(".steading"), move || Micros(tick.load(Ordering::SeqCst)));
        fs_err::create_dir_all(farm.join(".steading")).expect("a directory");
        let store = Store::open(options).expect("opens");
        fs_err::write(farm.join("farm.star"), FARM).expect("written");
        let loaded = steading_config::load(farm).expect("a good farm");
        let hash = loaded.text.hash.clone();
        let (evaluator, files) = (loaded.text.evaluator.clone(), loaded.text.files.clone());
        let text = ConfigurationText { hash, evaluator, files };
        let set_up = move |w: &mut Write<'_>| {
            for worker in &loaded.farm.workers {
                w.meet_worker(&worker.name, worker.slots, &worker.labels)?;
                w.worker_connected(&worker.name, "0.1.0", &serde_json::json!({}))?;
            }
            w.apply_configuration(&text, &loaded.farm)
        };
        let config = store.write("test", set_up).await.expect("set up");
        History { store, clock, config }
    }

    async fn write<T: Send + 'static>(
        &self,
        section: impl FnMut(&mut Write<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.write("test", section).await.expect("written")
    }

    /// The time is now so many seconds after noon.
    fn at(&self, seconds: i64) {
        self.clock.store(NOON + seconds * 1_000_000, Ordering::SeqCst);
    }

    async fn asks(&self, builders: &[&str], project: &str) -> Vec<RequestId> {
        let project = Property { value: Value::from(project), source: "test".to_owned() };
        let request = |builder: &&str| NewRequest {
            builder: (*builder).to_owned(),
            priority: 0,
            properties: [("project".to_owned(), project.clone())].into(),
            pinned_worker: None,
            start_within: None,
        };
        let buildset = NewBuildset {
            fail_fast: false,
            reason: "a test".to_owned(),
            scheduler: None,
            owner: None,
            stamps: vec![],
            changes: vec![],
            configuration_id: self.config,
            requests: builders.iter().map(request).collect(),
        };
        self.write(move |w| w.submit_buildset(&buildset)).await.requests
    }

    async fn starts(&self, request: RequestId, worker: &'static str) -> BuildId {
        let start = move |w: &mut Write<'_>| {
            let decided = Decided { seq: w.newest_seq()?, at: w.now() };
            let deadline = w.now().plus(Duration::seconds(10));
            let worker = worker.to_owned();
            let claim = w.claim(&NewClaim { request, worker, decided, locks: vec![], deadline })?;
            let (plan, locks, properties) = Default::default();
            Ok(w.accept(
                claim.id,
                &Acceptance { rerun: Default::default(), plan, locks, properties },
            )?
            .id)
        };
        self.write(start).await
    }

    async fn ends(&self, build: BuildId) {
        self.write(move |w| w.finish_build(build, Outcome::Success, None, Next::Complete)).await;
    }
}

/// One nap, four surveys and two picky builds, asked for within a minute.
async fn tour(farm: &Path) {
    let history = History::new(farm).await;
    let first = history.asks(&["nap", "survey", "survey"], "tour").await;
    let nap = history.starts(first[0], "oak").await;
    history.at(10);
    let second = history.asks(&["survey", "picky"], "tour").await;
    let picky = history.starts(second[1], "elm").await;
    history.at(13);
    history.ends(picky).await;
    history.at(20);
    history.ends(nap).await;
    let surveys = [history.starts(first[1], "oak").await, history.starts(first[2], "elm").await];
    let third = history.asks(&["nap", "picky"], "barn").await;
    history.at(50);
    for survey in surveys {
        history.ends(survey).await;
    }
    let survey = history.starts(second[0], "oak").await;
    history.at(80);
    history.ends(survey).await;
    history.write(move |w| w.cancel_request(third[0], "ann", "awake already")).await;
    history.store.close().await.expect("closes");
}

fn args(farm: &Path, since: Duration) -> ReplayArgs {
    let policy = farm.join("other.star");
    ReplayArgs { path: Some(farm.to_owned()), data: None, policy, since, json: false }
}

async fn tried(farm: &Path, other: &str, since: Duration) -> Result<Tried, Error> {
    let args = args(farm, since);
    fs_err::write(&args.policy, other).expect("written");
    let policy = steading_config::load_policy(&args.policy).expect("a good policy");
    try_out(&args, policy.as_ref()).await
}

const WEEK: Duration = Duration::seconds(7 * 86_400);

#[tokio::test]
async fn two_policies_side_by_side() {
    let farm = tempfile::tempdir().expect("a directory");
    tour(farm.path()).await;
    let tried = tried(farm.path(), OTHER, WEEK).await.expect("a replay");
    insta::assert_snapshot!(text::text(&tried, Colours::Off));
    insta::assert_snapshot!("json", format!("{:#}", json::json(&tried)));
}

#[tokio::test]
async fn the_same_history_gives_the_same_report() {
    let farm = tempfile::tempdir().expect("a directory");
    tour(farm.path()).await;
    let mut reports = Vec::new();
    for _ in 0..2 {
        let tried = tried(farm.path(), OTHER, WEEK).await.expect("a replay");
        reports.push((json::json(&tried).to_string(), text::text(&tried, Colours::Off)));
    }
    assert_eq!(reports[0], reports[1]);
    // The farm's own policy differs from itself in nothing.
    let same = tried(farm.path(), FARM, WEEK).await.expect("a replay");
    assert!(text::text(&same, Colours::Off).ends_with("no decision differs"));
}

#[tokio::test]
async fn faults_of_the_policy_tried_are_shown_and_cost_only_their_tuples() {
    let farm = tempfile::tempdir().expect("a directory");
    tour(farm.path()).await;
    let broken = "policy(allow = lambda request, worker: request.builder != 'nap' or 1 // 0 == 1)";
    let tried = tried(farm.path(), broken, WEEK).await.expect("a replay");
    let text = text::text(&tried, Colours::Off);
    assert!(text.contains("other policy: its allow failed"), "{text}");
    assert!(text.contains("never started, other: request 1 (nap)"), "{text}");
    assert!(tried.present.never.is_empty(), "{text}");
}

#[tokio::test]
async fn what_cannot_be_replayed_is_said() {
    let farm = tempfile::tempdir().expect("a directory");
    let check = |result: Result<Tried, Error>, expected: &str| match result {
        Ok(_) => panic!("this was replayed, for {expected}"),
        Err(error) => assert!(error.to_string().contains(expected), "{error} for {expected}"),
    };
    check(tried(farm.path(), "policy()", WEEK).await, "there is no history at");
    let history = History::new(farm.path()).await;
    check(tried(farm.path(), "policy()", WEEK).await, "nothing was asked for in the");
    drop(history);
}

#[tokio::test]
async fn it_reads_beside_a_running_farm() {
    let farm = tempfile::tempdir().expect("a directory");
    let history = History::new(farm.path()).await;
    history.asks(&["picky"], "").await;
    let tried = tried(farm.path(), "policy()", WEEK).await.expect("a replay");
    assert_eq!((tried.present.decisions.len(), tried.learned), (1, 1));
}
