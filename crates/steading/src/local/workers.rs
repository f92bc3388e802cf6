//! All local workers: as many as the farm in force declares, also after a reload.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use steading_core::farm::Farm;
use steading_master::Master;
use steading_store::Store;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::living::Living;
use super::supervise::supervise;

/// How long a worker may take to end before it is killed: longer than its own ladder.
const END_WAIT: Duration = Duration::from_secs(15);
/// Looks at the farm in force at most this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Kept = BTreeMap<String, (CancellationToken, JoinHandle<Option<Living>>)>;

/// The local workers of a running farm.
pub(crate) struct Workers {
    hold: CancellationToken,
    keeper: JoinHandle<Kept>,
    data: PathBuf,
}

impl Workers {
    /// Starts, or adopts, a worker for each name the farm declares.
    pub(crate) fn start(master: Arc<Master>, store: Store, data: PathBuf) -> Workers {
        let hold = CancellationToken::new();
        let keeper = tokio::spawn(keep(master, store, data.clone(), hold.clone()));
        Workers { hold, keeper, data }
    }

    /// Starts none any more; gives up the living as they are.
    pub(crate) async fn hold(self) -> Held {
        self.hold.cancel();
        let mut workers = BTreeMap::new();
        for (name, (_, task)) in self.keeper.await.unwrap_or_default() {
            workers.insert(name, task.await.ok().flatten());
        }
        Held { workers, data: self.data }
    }
}

/// Workers nobody watches over: those that live, and those that just died.
pub(crate) struct Held {
    workers: BTreeMap<String, Option<Living>>,
    data: PathBuf,
}

impl Held {
    /// Ends all but the busy ones, all at once, with a deadline.
    pub(crate) async fn end(self, busy: &[&str]) {
        let ending = self.workers.into_iter().filter(|(name, _)| !busy.contains(&name.as_str()));
        let end = |(name, living)| tokio::spawn(end(self.data.clone(), name, living));
        let ending: Vec<JoinHandle<()>> = ending.map(end).collect();
        for task in ending {
            let _ = task.await;
        }
    }
}

/// Asks it to end with all it runs; kills it if it does not, and then what it ran. What a worker
/// that died before still runs ends too.
async fn end(data: PathBuf, name: String, living: Option<Living>) {
    if let Some(mut living) = living {
        // Not TERM: that is for those who start it again, and leaves what runs.
        living.signal(Signal::INT);
        if timeout(END_WAIT, living.ended()).await.is_err() {
            tracing::warn!("worker {name} did not end in {} s and is killed", END_WAIT.as_secs());
            living.signal(Signal::KILL);
            living.ended().await;
        }
    }
    steading_worker::end_shepherds(&data.join("workers").join(name)).await;
}

/// Reconciles the living with the farm in force, woken by events.
async fn keep(master: Arc<Master>, store: Store, data: PathBuf, hold: CancellationToken) -> Kept {
    let mut kept = Kept::new();
    let mut newest = store.seq();
    loop {
        newest.borrow_and_update();
        let wanted = names(&master.farm());
        for (name, (leave, task)) in take_unwanted(&mut kept, &wanted) {
            leave.cancel();
            let data = data.clone();
            tokio::spawn(async move {
                let living = task.await.ok().flatten();
                tracing::info!("worker {name} left the configuration and is ended");
                end(data, name, living).await;
            });
        }
        for name in wanted {
            kept.entry(name.clone()).or_insert_with(|| {
                let leave = hold.child_token();
                let worker = supervise(master.clone(), data.clone(), name, leave.clone());
                (leave, tokio::spawn(worker))
            });
        }
        tokio::select! {
            changed = async { newest.changed().await.is_ok() } => {
                if !changed { hold.cancelled().await; return kept; }
            }
            () = hold.cancelled() => return kept,
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = hold.cancelled() => return kept,
        }
    }
}

fn take_unwanted(kept: &mut Kept, wanted: &BTreeSet<String>) -> Kept {
    let gone: Vec<String> = kept.keys().filter(|name| !wanted.contains(*name)).cloned().collect();
    gone.into_iter().filter_map(|name| kept.remove_entry(&name)).collect()
}

/// The workers that live on this machine: those declared by name.
fn names(farm: &Farm) -> BTreeSet<String> {
    farm.workers.iter().filter(|w| !w.pattern).map(|w| w.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use steading_core::farm::WorkerSpec;

    use super::*;

    #[test]
    fn patterns_are_for_machines_elsewhere() {
        let worker = |name: &str, pattern| WorkerSpec {
            name: name.into(),
            pattern,
            slots: 1,
            labels: BTreeMap::new(),
            ..WorkerSpec::default()
        };
        let workers = vec![worker("barn", false), worker("linux-*", true), worker("shed", false)];
        let farm = Farm { workers, ..Farm::default() };
        assert_eq!(names(&farm).into_iter().collect::<Vec<_>>(), ["barn", "shed"]);
    }
}
