//! How a shepherd is started: from an open descriptor to the worker's own program, so that an
//! upgrade in place changes nothing for a worker that runs.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;
use tokio::time::timeout;

use super::environment::inherited;
use crate::Error;
use crate::capture::READ_BYTES;
use crate::shepherd::{Job, MARK, send_with, to_frame};

/// How many errands of the daemon's wait for their next command.
const IDLE_MAX: usize = 2;
/// How long one of them may take to go.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// Starts shepherds.
#[derive(Debug)]
pub(crate) struct Launcher {
    program: File,
    environment: Vec<(OsString, OsString)>,
    errands: PathBuf,
    idle: Mutex<Vec<Errand>>,
}

/// An errand of the daemon's: it runs one command after another, and ends with us. Dropping it
/// ends what it runs.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) child: Child,
    pub(crate) control: UnixStream,
}

impl Launcher {
    /// Takes hold of the worker's own program and environment. The lock `errands` is shared by
    /// whatever it starts for the daemon itself, for as long as anything of that may live.
    pub(crate) fn new(token: &str, errands: PathBuf) -> Result<Launcher, Error> {
        let program = File::open("/proc/self/exe").map_err(Error::Program)?;
        Ok(Launcher { program, environment: inherited(token), errands, idle: Mutex::default() })
    }

    /// The lock that what it starts shares.
    pub(crate) fn errands(&self) -> &Path {
        &self.errands
    }

    /// Whether the worker's own environment has a variable.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.environment.iter().any(|(n, _)| n == name)
    }

    /// Has a command begun, by an errand that waits or by a new one; what it prints comes out of
    /// the pipes.
    pub(crate) async fn order(&self, job: &Job) -> io::Result<(Errand, [Receiver; 2])> {
        while let Some(mut errand) = self.next_idle() {
            // One that died since did not begin the job.
            if let Ok(outputs) = errand.order(job).await {
                return Ok((errand, outputs));
            }
        }
        let mut errand = self.start()?;
        let outputs = errand.order(job).await?;
        Ok((errand, outputs))
    }

    /// Keeps an errand that did its job for the next one.
    pub(crate) fn give_back(&self, errand: Errand) {
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(errand);
        }
    }

    /// Sends away the errands that wait, and waits until they are gone.
    pub(crate) async fn close(&self) {
        while let Some(Errand { mut child, control }) = self.next_idle() {
            drop(control);
            let _ = timeout(CLOSE_MAX, child.wait()).await;
        }
    }

    fn next_idle(&self) -> Option<Errand> {
        self.idle().pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Errand>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> io::Result<Errand> {
        let (control, theirs) = connection()?;
        let child = self.command().stdin(theirs).stdout(Stdio::null()).spawn()?;
        Ok(Errand { child, control })
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

impl Errand {
    async fn order(&mut self, job: &Job) -> io::Result<[Receiver; 2]> {
        let (stdout, stdout_end) = pipe()?;
        let (stderr, stderr_end) = pipe()?;
        let frame = to_frame(job)?;
        let (length, body) = frame.split_at(4);
        let ends = || [stdout_end.as_fd(), stderr_end.as_fd()];
        let send = || send_with(&self.control, length, ends());
        let sent = self.control.async_io(Interest::WRITABLE, send).await?;
        self.control.write_all(&length[sent..]).await?;
        self.control.write_all(body).await?;
        Ok([stdout, stderr])
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
