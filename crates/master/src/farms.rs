//! The farm in force, and the ones that requests and builds began with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use steading_config::Loaded;
use steading_core::farm::{Builder, Farm, Policy};
use steading_core::words::ConfigId;
use steading_store::{ConfigurationText, Follow, Followed, Store};

/// A stored configuration, evaluated.
#[derive(Debug, Clone)]
pub struct Present {
    /// Its id in history.
    pub id: ConfigId,
    /// What it declares.
    pub farm: Farm,
    /// Its users' functions.
    pub policy: Arc<dyn Policy>,
}

/// Why a farm is not there.
#[derive(Debug, thiserror::Error)]
pub enum FarmError {
    /// The texts do not evaluate.
    #[error("{0}")]
    Broken(#[from] steading_config::Errors),
    /// History.
    #[error(transparent)]
    Store(#[from] steading_store::Error),
    /// The evaluator panicked.
    #[error("evaluating the configuration panicked: {0}")]
    Panicked(String),
}

/// How many older farms are kept evaluated; a farm that is reloaded for months has thousands.
const OLDER_MAX: usize = 64;

/// An older configuration, evaluated. One that this version refuses is remembered too: to find that
/// out again takes as long each time.
type Older = Result<Arc<Present>, steading_config::Errors>;

/// Every farm somebody still refers to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Farms {
    directory: PathBuf,
    store: Store,
    present: Arc<Followed<Arc<Present>>>,
    older: Arc<Mutex<BTreeMap<ConfigId, Older>>>,
    /// One reload at a time: the farm in force is the one history has newest.
    reloading: Arc<tokio::sync::Mutex<()>>,
}

impl Farms {
    /// Makes a loaded configuration the farm's, in history and here.
    pub(crate) async fn start(
        store: Store,
        directory: PathBuf,
        loaded: Loaded,
    ) -> Result<Farms, FarmError> {
        let present = apply(&store, loaded).await?;
        let present = Arc::new(Followed::new(Arc::new(present)));
        let (older, reloading) = (Arc::default(), Arc::default());
        Ok(Farms { directory, store, present, older, reloading })
    }

    /// Where `farm.star` is.
    pub(crate) fn directory(&self) -> &std::path::Path {
        &self.directory
    }

    /// The farm in force.
    #[must_use]
    pub fn present(&self) -> Arc<Present> {
        self.present.borrow().clone()
    }

    /// Follows the farm in force.
    #[must_use]
    pub fn watch(&self) -> Follow<Arc<Present>> {
        self.present.follow()
    }

    /// Reads the configuration again; a broken one changes nothing. Gives the old and the new farm.
    pub(crate) async fn reload(&self) -> Result<(Arc<Present>, Arc<Present>), FarmError> {
        let _one_at_a_time = self.reloading.lock().await;
        let directory = self.directory.clone();
        let loaded = beside(move || steading_config::load(&directory)).await??;
        let new = Arc::new(apply(&self.store, loaded).await?);
        let old = self.present.replace(new.clone());
        Ok((old, new))
    }

    /// The farm with that id, evaluated again from its stored texts if need be.
    pub(crate) async fn of(&self, id: ConfigId) -> Result<Arc<Present>, FarmError> {
        let present = self.present();
        if present.id == id {
            return Ok(present);
        }
        if let Some(known) = self.older().get(&id) {
            return Ok(known.clone()?);
        }
        let text = self.store.read(move |r| r.configuration(id)).await?;
        let text = text.ok_or_else(|| steading_store::Error::NotFound {
            noun: ConfigId::NOUN,
            id: id.to_string(),
        })?;
        let directory = self.directory.clone();
        let loaded = beside(move || steading_config::load_texts(&text.files, &directory)).await?;
        let farm = loaded.map(|it| Arc::new(Present { id, farm: it.farm, policy: it.policy }));
        if let Err(errors) = &farm {
            tracing::error!(configuration = id.0, "does not evaluate any more: {errors}");
        }
        let mut older = self.older();
        older.insert(id, farm.clone());
        while older.len() > OLDER_MAX {
            older.pop_first();
        }
        Ok(farm?)
    }

    fn older(&self) -> MutexGuard<'_, BTreeMap<ConfigId, Older>> {
        self.older.lock().expect("holders only look up and insert")
    }

    /// The builder a request of that configuration means.
    pub(crate) async fn builder(
        &self,
        id: ConfigId,
        name: &str,
    ) -> Result<Option<Builder>, FarmError> {
        Ok(self.of(id).await?.farm.builders.get(name).cloned())
    }
}

async fn apply(store: &Store, loaded: Loaded) -> Result<Present, FarmError> {
    let text = ConfigurationText {
        hash: loaded.text.hash,
        evaluator: loaded.text.evaluator,
        files: loaded.text.files,
    };
    let farm = loaded.farm.clone();
    let section = store.write("configuration.apply", move |w| {
        // A worker that is named is there from now on, offline until it dials in.
        for worker in farm.workers.iter().filter(|worker| !worker.pattern) {
            w.meet_worker(&worker.name, worker.slots, &worker.labels)?;
            w.limit_worker(&worker.name, worker.max_builds)?;
            w.worker_resets(&worker.name, worker.reset.as_ref().map(|reset| reset.every))?;
        }
        w.apply_configuration(&text, &farm)
    });
    let id = section.await?;
    Ok(Present { id, farm: loaded.farm, policy: loaded.policy })
}

/// Evaluation may take its whole tick limit: never on a thread that serves others.
async fn beside<T, F>(evaluate: F) -> Result<T, FarmError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    steading_store::off_thread(evaluate)
        .await
        .map_err(|error| FarmError::Panicked(error.to_string()))
}
