//! How a shepherd is started: from an open descriptor to the worker's own program, so that an
//! upgrade in place changes nothing for a worker that runs.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Stdio;

use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;

use super::environment::inherited;
use crate::Error;
use crate::capture::READ_BYTES;

/// Starts shepherds.
#[derive(Debug)]
pub(crate) struct Launcher {
    program: File,
    environment: Vec<(OsString, OsString)>,
}

/// A shepherd that was started and waits for its job.
#[derive(Debug)]
pub(crate) struct Shepherd {
    pub(crate) child: Child,
    pub(crate) control: UnixStream,
    pub(crate) stdout: Receiver,
    pub(crate) stderr: Receiver,
}

impl Launcher {
    /// Takes hold of the worker's own program and environment.
    pub(crate) fn new(token: &str) -> Result<Launcher, Error> {
        let program = File::open("/proc/self/exe").map_err(Error::Program)?;
        Ok(Launcher { program, environment: inherited(token) })
    }

    /// Whether the worker's own environment has a variable.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.environment.iter().any(|(n, _)| n == name)
    }

    /// Starts one.
    #[expect(clippy::disallowed_methods, reason = "the worker's one place that starts processes")]
    pub(crate) fn start(&self) -> io::Result<Shepherd> {
        let (control, theirs) = UnixStream::pair()?;
        let theirs = theirs.into_std()?;
        theirs.set_nonblocking(false)?;
        let (stdout, stdout_end) = pipe()?;
        let (stderr, stderr_end) = pipe()?;
        let child = tokio::process::Command::new(self.program())
            .arg0("steading-shepherd")
            .env_clear()
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(stdout_end))
            .stderr(Stdio::from(stderr_end))
            .spawn()?;
        Ok(Shepherd { child, control, stdout, stderr })
    }

    /// The path is resolved in the child, where the descriptor is still open.
    fn program(&self) -> String {
        format!("/proc/self/fd/{}", self.program.as_raw_fd())
    }
}

fn pipe() -> io::Result<(Receiver, OwnedFd)> {
    let (read, write) = io::pipe()?;
    // A small pipe only costs speed; an unprivileged worker may have used up its share.
    let _ = rustix::pipe::fcntl_setpipe_size(&read, READ_BYTES);
    Ok((Receiver::from_owned_fd(OwnedFd::from(read))?, OwnedFd::from(write)))
}
