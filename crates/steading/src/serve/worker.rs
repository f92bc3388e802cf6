//! `steading worker`: a worker that dials its master.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use steading_worker::{Master, Options, Shutdown};
use tokio::runtime::Builder;
use tokio_util::task::AbortOnDropHandle;

use super::log;
use super::signals::{Signalled, Signals};
use crate::cli::WorkerArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::serve;

/// Longest token that is read.
const TOKEN_BYTES_MAX: u64 = 4096;
/// How many threads the daemon's tasks share.
const THREADS: usize = 2;

/// Runs the worker until it is told to stop.
pub(crate) fn worker(args: WorkerArgs) -> Result<Exit, Error> {
    log::start("warn,steading=info,steading_worker=info");
    let token = read_token(&args.token_file)?;
    let options = options(args, token)?;
    // Two threads carry a worker, and its loop runs on them like all else: what its tasks tell
    // one another seldom wakes another thread. Work that takes long makes room for itself.
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(async {
        match AbortOnDropHandle::new(tokio::spawn(run(options))).await {
            Ok(ended) => ended,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    })
}

fn options(args: WorkerArgs, token: String) -> Result<Options, Error> {
    let (master, home) = match (args.data, args.master) {
        (Some(data), _) => (Master::DataDir(data.clone()), data.join("workers").join(&args.name)),
        (None, Some(url)) => (Master::Url(url), PathBuf::from("steading-worker").join(&args.name)),
        (None, None) => return Err(Error::Usage("--master URL says whom to dial".to_owned())),
    };
    let (work_bytes_max, mirror_bytes_max) = (args.work_limit, args.mirror_limit);
    let keep_free = args.keep_free;
    let options = Options::new(args.name, master, token, args.dir.unwrap_or(home));
    Ok(Options { work_bytes_max, mirror_bytes_max, keep_free, ..options })
}

async fn run(options: Options) -> Result<Exit, Error> {
    let mut signals = Signals::catch()?;
    let shutdown = Shutdown::default();
    let mut running = std::pin::pin!(steading_worker::run(options, shutdown.clone()));
    tokio::select! {
        ended = &mut running => return ended.map(|()| Exit::Green).map_err(failed),
        signalled = signals.stop() => match signalled {
            // A service manager: an upgrade or a restart must not cost what runs.
            Signalled::Terminate => shutdown.leave.cancel(),
            Signalled::Interrupt | Signalled::Reload => shutdown.end.cancel(),
        },
    }
    tokio::select! {
        ended = &mut running => ended.map(|()| Exit::Green).map_err(failed),
        // Shepherds and spool stay; the next start of this worker finds them.
        _ = signals.stop() => Ok(Exit::Interrupted),
    }
}

fn failed(error: steading_worker::Error) -> Error {
    Error::Serve(serve::Error::Worker(error))
}

/// The token, from a file or standard input: never from arguments or environment, which others see.
fn read_token(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(TOKEN_BYTES_MAX).read_to_string(&mut text)?;
    } else {
        let file = fs_err::File::open(path)
            .map_err(|error| Error::Usage(format!("cannot read the token: {error}")))?;
        file.take(TOKEN_BYTES_MAX).read_to_string(&mut text)?;
    }
    match text.trim() {
        "" => Err(Error::Usage(format!("{} holds no token", path.display()))),
        token => Ok(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_without_its_line_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("token");
        fs_err::write(&file, "secret\n").expect("written");
        assert_eq!(read_token(&file).expect("a token"), "secret");
        fs_err::write(&file, "\n").expect("written");
        let error = read_token(&file).expect_err("empty").to_string();
        assert!(error.ends_with("holds no token"), "{error}");
        let error = read_token(&dir.path().join("none")).expect_err("missing").to_string();
        assert!(error.starts_with("cannot read the token: "), "{error}");
    }
}
