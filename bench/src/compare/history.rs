//! A long history: made once by the store's own operations, kept, and copied for each farm.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use steading_core::farm::{Farm, Plan};
use steading_core::words::{
    Decided, Duration, Micros, Outcome, Properties, RequestId, SourceStamp,
};
use steading_store::{
    Acceptance, ConfigurationText, Error, NewBuildset, NewClaim, NewRequest, NewStep, Next,
    Options, Store, Write,
};

/// Builders and workers the builds are spread over.
pub(crate) const BUILDERS: usize = 100;
const WORKERS: usize = 20;
/// Builds written in one section.
const TOGETHER: usize = 200;
/// Farm time between two builds, in microseconds.
const BUILD_MICROS: i64 = 2_000_000;

/// A data directory with so many builds, made if it is not kept yet.
pub(crate) fn kept(home: &Path, builds: usize) -> io::Result<PathBuf> {
    let dir = home.join(format!("history-{builds}"));
    if dir.is_dir() {
        return Ok(dir);
    }
    let new = home.join(format!("history-{builds}.new-{}", std::process::id()));
    make(&new, builds).map_err(|error| io::Error::other(format!("no history: {error}")))?;
    std::fs::rename(&new, &dir)?;
    Ok(dir)
}

/// Whether there is one already.
pub(crate) fn is_kept(home: &Path, builds: usize) -> bool {
    home.join(format!("history-{builds}")).is_dir()
}

fn make(data: &Path, builds: usize) -> Result<(), Box<dyn std::error::Error>> {
    let began = jiff::Timestamp::from_second(1_790_000_000)?.as_microsecond();
    let time = Arc::new(AtomicI64::new(began));
    let clock = Arc::clone(&time);
    let mut options = Options::new(data, move || Micros(clock.load(Ordering::Relaxed)));
    options.rehearse = false;
    let store = Store::open(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        store.write("bench.workers", set_up).await?;
        for first in (0..builds).step_by(TOGETHER) {
            let last = builds.min(first + TOGETHER);
            time.fetch_add(BUILD_MICROS * TOGETHER as i64, Ordering::Relaxed);
            store
                .write("bench.history", move |w| (first..last).try_for_each(|n| one(w, n)))
                .await?;
        }
        store.close().await?;
        Ok(())
    })
}

fn set_up(w: &mut Write<'_>) -> Result<(), Error> {
    w.apply_configuration(&text(), &Farm::default())?;
    for worker in 0..WORKERS {
        w.meet_worker(&format!("w{worker}"), 1, &BTreeMap::new())?;
        w.worker_connected(&format!("w{worker}"), "0.1.0", &serde_json::json!({}))?;
    }
    Ok(())
}

fn text() -> ConfigurationText {
    let files = BTreeMap::from([("farm.star".to_owned(), String::new())]);
    ConfigurationText { hash: "history".to_owned(), evaluator: "bench".to_owned(), files }
}

/// One build of one step, from its request to its outcome; one in ten fails.
fn one(w: &mut Write<'_>, number: usize) -> Result<(), Error> {
    let configuration_id = w.current_configuration()?.expect("one was applied");
    let request = NewRequest {
        builder: format!("b{}", number % BUILDERS),
        priority: 0,
        properties: Properties::new(),
        pinned_worker: None,
        start_within: None,
    };
    let submitted = w.submit_buildset(&NewBuildset {
        reason: "a change".to_owned(),
        scheduler: None,
        owner: Some("ada@example.org".to_owned()),
        stamps: vec![SourceStamp {
            repository: "hello".to_owned(),
            branch: "main".to_owned(),
            revision: format!("{number:040x}"),
        }],
        changes: Vec::new(),
        configuration_id,
        requests: vec![request],
        fail_fast: false,
    })?;
    let outcome = if number % 10 == 9 { Outcome::Failure } else { Outcome::Success };
    let worker = format!("w{}", number % WORKERS);
    for request in submitted.requests {
        build(w, request, &worker, outcome)?;
    }
    Ok(())
}

fn build(
    w: &mut Write<'_>,
    request: RequestId,
    worker: &str,
    outcome: Outcome,
) -> Result<(), Error> {
    let claim = w.claim(&NewClaim {
        request,
        worker: worker.to_owned(),
        decided: Decided { seq: w.newest_seq()?, at: w.now() },
        locks: Vec::new(),
        deadline: w.now().plus(Duration::seconds(10)),
    })?;
    let build = w.accept(
        claim.id,
        &Acceptance {
            rerun: Default::default(),
            plan: Plan::default(),
            locks: Vec::new(),
            properties: Properties::new(),
        },
    )?;
    let command = serde_json::json!(["cargo", "build"]);
    let step = NewStep { number: 1, name: "compile".to_owned(), command, locks: Vec::new() };
    let step = w.start_step(build.id, &step)?;
    w.finish_step(step, outcome, None, None)?;
    w.end_steps(build.id)?;
    w.finish_build(build.id, outcome, None, Next::Complete)?;
    Ok(())
}

/// Copies a kept history to where a farm of that directory looks for it.
pub(crate) fn copy(kept: &Path, farm: &Path) -> io::Result<()> {
    let data = farm.join(".steading");
    std::fs::create_dir_all(&data)?;
    for entry in std::fs::read_dir(kept)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name() != "lock" {
            std::fs::copy(entry.path(), data.join(entry.file_name()))?;
        }
    }
    Ok(())
}
