//! How a shepherd is started: from an open descriptor to the worker's own program, so that an
//! upgrade in place changes nothing for a worker that runs.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;

use super::environment::inherited;
use crate::Error;
use crate::capture::READ_BYTES;
use crate::shepherd::MARK;

/// Starts shepherds.
#[derive(Debug)]
pub(crate) struct Launcher {
    program: File,
    environment: Vec<(OsString, OsString)>,
    errands: PathBuf,
}

/// An errand that was started and waits for its job.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) child: Child,
    pub(crate) control: UnixStream,
    pub(crate) stdout: Receiver,
    pub(crate) stderr: Receiver,
}

impl Launcher {
    /// Takes hold of the worker's own program and environment. The lock `errands` is shared by
    /// whatever it starts for the daemon itself, for as long as anything of that may live.
    pub(crate) fn new(token: &str, errands: PathBuf) -> Result<Launcher, Error> {
        let program = File::open("/proc/self/exe").map_err(Error::Program)?;
        Ok(Launcher { program, environment: inherited(token), errands })
    }

    /// The lock that what it starts shares.
    pub(crate) fn errands(&self) -> &Path {
        &self.errands
    }

    /// Whether the worker's own environment has a variable.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.environment.iter().any(|(n, _)| n == name)
    }

    /// Starts an errand: it runs one command and ends with it, or with us.
    pub(crate) fn start(&self) -> io::Result<Errand> {
        let (control, theirs) = connection()?;
        let (stdout, stdout_end) = pipe()?;
        let (stderr, stderr_end) = pipe()?;
        let child = self
            .command()
            .stdin(theirs)
            .stdout(Stdio::from(stdout_end))
            .stderr(Stdio::from(stderr_end))
            .spawn()?;
        Ok(Errand { child, control, stdout, stderr })
    }

    /// Starts the shepherd of a slot: it outlives us. `mark` is found in the environment of
    /// whatever it runs.
    pub(crate) fn start_shepherd(&self, dir: &Path, mark: &str) -> io::Result<(Child, UnixStream)> {
        let (control, theirs) = connection()?;
        let said = fs_err::File::create(dir.join("shepherd.log"))?.into_parts().0;
        let child = self
            .command()
            .arg("slot")
            .arg(dir)
            .env(MARK, mark)
            .stdin(theirs)
            .stdout(Stdio::from(said.try_clone()?))
            .stderr(Stdio::from(said))
            .spawn()?;
        Ok((child, control))
    }

    #[expect(clippy::disallowed_methods, reason = "the worker's one place that starts processes")]
    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(self.program());
        command
            .arg0("steading-shepherd")
            .env_clear()
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .current_dir("/");
        command
    }

    /// The path is resolved in the child, where the descriptor is still open.
    fn program(&self) -> String {
        format!("/proc/self/fd/{}", self.program.as_raw_fd())
    }
}

/// A connection of which the other end becomes a standard input.
fn connection() -> io::Result<(UnixStream, Stdio)> {
    let (control, theirs) = UnixStream::pair()?;
    let theirs = theirs.into_std()?;
    theirs.set_nonblocking(false)?;
    Ok((control, Stdio::from(OwnedFd::from(theirs))))
}

fn pipe() -> io::Result<(Receiver, OwnedFd)> {
    let (read, write) = io::pipe()?;
    // A small pipe only costs speed; an unprivileged worker may have used up its share.
    let _ = rustix::pipe::fcntl_setpipe_size(&read, READ_BYTES);
    Ok((Receiver::from_owned_fd(OwnedFd::from(read))?, OwnedFd::from(write)))
}
