//! What a worker is started with, and why it ends when nobody told it to.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long a local idle worker waits for a master that went away.
pub const ORPHAN_LIMIT: Duration = Duration::from_secs(600);
/// How many raw bytes of one log are kept unless told otherwise: 1 GiB.
pub const LOG_BYTES_MAX: u64 = 1 << 30;

/// Where the master is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Master {
    /// At `http://HOST:PORT`.
    Url(String),
    /// On this machine: the file `address` in its data directory says where, read at each dial.
    DataDir(PathBuf),
}

/// What a worker is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name, as the farm knows it.
    pub name: String,
    /// Where the master is.
    pub master: Master,
    /// Its token.
    pub token: String,
    /// Its own directory: workspaces, mirrors, spool and lock.
    pub dir: PathBuf,
    /// The version it says it is.
    pub version: String,
    /// How long it stays when it runs nothing and its master is away; `None`: for ever.
    pub orphan_limit: Option<Duration>,
    /// How many raw bytes of one log are kept; its last line says how many more there were.
    pub log_bytes_max: u64,
    /// How many bytes workspaces may take before those unused for longest go; `None`: half of the
    /// file system.
    pub work_bytes_max: Option<u64>,
    /// The same of mirrors of repositories; `None`: a quarter of the file system.
    pub mirror_bytes_max: Option<u64>,
    /// How many bytes of its file system are kept free: with less it takes no builds; `None`:
    /// 256 MiB, and at most a sixteenth.
    pub keep_free: Option<u64>,
}

impl Options {
    /// Options with the usual limits: a local worker has an orphan limit, a remote one has none.
    #[must_use]
    pub fn new(name: String, master: Master, token: String, dir: PathBuf) -> Options {
        let local = matches!(master, Master::DataDir(_));
        Options {
            name,
            master,
            token,
            dir,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            orphan_limit: local.then_some(ORPHAN_LIMIT),
            log_bytes_max: LOG_BYTES_MAX,
            work_bytes_max: None,
            mirror_bytes_max: None,
            keep_free: None,
        }
    }
}

/// How a worker is told to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// End, and what runs with it: nothing is left.
    pub end: CancellationToken,
    /// Go, and let shepherds finish what they run: the next worker of the directory goes on.
    pub leave: CancellationToken,
}

/// Why a worker ended, or could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its directory is not usable.
    #[error("the worker's directory `{}` is not usable: {source}", path.display())]
    Home {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another worker uses the directory.
    #[error(
        "another worker (process {pid}) uses `{}`: stop it, or give this one another directory",
        path.display()
    )]
    Busy {
        /// The directory.
        path: PathBuf,
        /// The other's process id, as far as known.
        pid: String,
    },
    /// Its own program cannot be opened, so no step could ever run.
    #[error("the worker cannot open its own program: {0}")]
    Program(std::io::Error),
    /// The address cannot be dialled.
    #[error("`{address}` is no address of a master: write it as http://HOST:PORT ({why})")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The master does not know the token.
    #[error(
        "the master at {address} refused the token of worker `{name}`: make a new one there with \
         `steading token worker {name}` and start the worker with it"
    )]
    Unauthorized {
        /// Where the master is.
        address: String,
        /// The worker's name.
        name: String,
    },
    /// The master refused the session.
    #[error("the master refused worker `{name}` ({code}): {text}")]
    Rejected {
        /// The worker's name.
        name: String,
        /// Machine-readable: `protocol`, `name`.
        code: String,
        /// What the master said.
        text: String,
    },
}
