//! What every part of the master may reach: history, archive, mirrors, the farm, and who is
//! connected.

use std::path::Path;
use std::sync::Arc;

use steading_store::Store;
use steading_store::archive::Archive;
use tokio::sync::Mutex;

use crate::dispatch::Looked;
use crate::farms::Farms;
use crate::intake::Mirrors;
use crate::programs::Programs;
use crate::session::Sessions;

/// Cheap to clone; holds no state of its own.
#[derive(Debug, Clone)]
pub struct Context {
    /// History.
    pub store: Store,
    /// Logs and artifacts.
    pub archive: Archive,
    /// The data directory.
    pub data: Arc<Path>,
    /// Where revisions are made absolute.
    pub mirrors: Mirrors,
    /// Where programs run.
    pub programs: Programs,
    /// The present farm, and those that builds began with.
    pub farms: Farms,
    /// Connected workers and the drivers of their builds.
    pub sessions: Sessions,
    /// Whoever asks for an explanation takes it: they are answered one after the other, so that
    /// many who ask take one thread and not all.
    pub(crate) explaining: Arc<Mutex<Looked>>,
}
