//! A store in a temporary directory with a clock that only tests move, and short words for what
//! every test needs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use steading_core::farm::{Farm, Plan};
use steading_core::words::*;
use steading_store::*;

/// A store and its directory; both end with the test.
pub(crate) struct TestFarm {
    pub(crate) store: Store,
    clock: Arc<AtomicI64>,
    pub(crate) folder: tempfile::TempDir,
}

impl TestFarm {
    pub(crate) fn new() -> TestFarm {
        TestFarm::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> TestFarm {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let mut options = options_with(folder.path(), &clock);
        change(&mut options);
        let store = Store::open(options).unwrap();
        TestFarm { store, clock, folder }
    }

    pub(crate) fn pass(&self, span: Duration) {
        self.clock.fetch_add(span.0 * 1000, Ordering::SeqCst);
    }

    pub(crate) fn options(&self) -> Options {
        options_with(self.folder.path(), &self.clock)
    }

    /// Runs a section whose error would be the test's own mistake.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        section: impl FnMut(&mut Write<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write("test", section).await.unwrap()
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        section: impl FnOnce(&Read<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.read(section).await.unwrap()
    }

    /// Every invariant holds.
    pub(crate) async fn assert_sound(&self) {
        let found = self.read(steading_store::audit::history).await;
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{}", text.join("\n"));
    }
}

fn options_with(data: &Path, clock: &Arc<AtomicI64>) -> Options {
    let clock = Arc::clone(clock);
    Options::new(data, move || Micros(clock.load(Ordering::SeqCst)))
}

pub(crate) fn text(hash: &str) -> ConfigurationText {
    let files = BTreeMap::from([("farm.star".to_owned(), format!("# {hash}"))]);
    ConfigurationText { hash: hash.to_owned(), evaluator: "test 1".to_owned(), files }
}

/// A configuration that declares nothing, and a ready worker.
pub(crate) fn set_up(w: &mut Write<'_>, workers: &[(&str, i64)]) -> Result<ConfigId, Error> {
    let config = w.apply_configuration(&text("one"), &Farm::default())?;
    for (name, slots) in workers {
        w.meet_worker(name, *slots, &BTreeMap::new())?;
        w.worker_connected(name, "0.1.0", &serde_json::json!({ "cpus": 2 }))?;
    }
    Ok(config)
}

pub(crate) fn stamp() -> SourceStamp {
    SourceStamp {
        repository: "hello".to_owned(),
        branch: "main".to_owned(),
        revision: "ab".repeat(20),
    }
}

pub(crate) fn buildset(configuration_id: ConfigId, builders: &[&str]) -> NewBuildset {
    let request = |builder: &&str| NewRequest {
        builder: (*builder).to_owned(),
        priority: 0,
        properties: Properties::new(),
        pinned_worker: None,
        start_within: None,
    };
    NewBuildset {
        fail_fast: false,
        reason: "a test".to_owned(),
        scheduler: None,
        owner: Some("ann".to_owned()),
        stamps: vec![stamp()],
        changes: vec![],
        configuration_id,
        requests: builders.iter().map(request).collect(),
    }
}

pub(crate) fn claim_of(r: &Read<'_>, request: RequestId, worker: &str) -> Result<NewClaim, Error> {
    Ok(NewClaim {
        request,
        worker: worker.to_owned(),
        decided: Decided { seq: r.newest_seq()?, at: r.now() },
        locks: vec![],
        deadline: r.now().plus(Duration::seconds(10)),
    })
}

pub(crate) fn acceptance() -> Acceptance {
    Acceptance {
        rerun: Default::default(),
        plan: Plan::default(),
        locks: vec![],
        properties: Properties::new(),
    }
}

/// Offers a request and accepts the offer.
pub(crate) fn begin(w: &mut Write<'_>, request: RequestId, worker: &str) -> Result<Build, Error> {
    let new = claim_of(w, request, worker)?;
    let claim = w.claim(&new)?;
    w.accept(claim.id, &acceptance())
}

pub(crate) fn step(number: i64, name: &str) -> NewStep {
    let command = serde_json::json!(["true"]);
    NewStep { number, name: name.to_owned(), command, locks: vec![] }
}

pub(crate) fn ended(hash: &str) -> LogEnd {
    LogEnd { bytes: 1, lines: 1, hash: hash.to_owned() }
}
