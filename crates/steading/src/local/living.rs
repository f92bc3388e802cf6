//! A worker process that lives: our child, or one that an earlier `up` left.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

/// A living worker.
pub(super) enum Living {
    /// Started by us.
    Child(Child),
    /// Found.
    Found(Found),
}

/// A worker that is not our child.
pub(super) struct Found {
    pid: Pid,
    fd: AsyncFd<OwnedFd>,
}

impl Living {
    /// The worker that holds this directory, if one does.
    pub(super) fn find(home: &Path) -> io::Result<Option<Living>> {
        let Some(pid) = steading_worker::holder(home) else { return Ok(None) };
        let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        let fd = match pidfd_open(id, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // The lock again: only if it is still held is the descriptor that worker's.
        if steading_worker::holder(home) != Some(pid) {
            return Ok(None);
        }
        #[expect(
            deprecated,
            reason = "its successor is unsafe for types that lie about their descriptor; OwnedFd \
                      cannot, and this workspace has no unsafe code"
        )]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Some(Living::Found(Found { pid: id, fd })))
    }

    /// Waits for its end; says how it ended, where that is known.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            Living::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => format!("unknown end: {error}"),
            },
            Living::Found(found) => {
                // Readable when the process is dead; an error would say the same of the descriptor.
                let _ = found.fd.readable().await;
                "it ended".to_owned()
            }
        }
    }

    /// Sends a signal; a process that is gone already needs none.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = match self {
            Living::Child(child) => child.id().and_then(|id| i32::try_from(id).ok()),
            Living::Found(found) => Some(found.pid.as_raw_nonzero().get()),
        };
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}
