//! The shepherd's side of its errand: started once, given one job after another.

use std::io::{self, PipeReader, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::socket::{MsgFlags, recv, send};
use rustix::process::{Pid, getpid};

use super::job::{END, Job, to_frame};
use super::kernel::send_with;
use super::ladder::{LEFTOVER_GRACE, end_all};
use super::reaper::Reaper;
use crate::capture::READ_BYTES;

/// An errand that lives, as far as anybody knows.
pub(super) struct Errand {
    child: Child,
    control: UnixStream,
}

impl Errand {
    /// Starts one, from the very program that runs here. It costs about as much as two commands
    /// that do nothing, so it is kept for the next step.
    #[expect(clippy::disallowed_methods, reason = "the shepherd exists to start processes")]
    pub(super) fn start() -> io::Result<Errand> {
        let (control, theirs) = UnixStream::pair()?;
        let child = Command::new("/proc/self/exe")
            .arg0("steading-shepherd")
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()?;
        Ok(Errand { child, control })
    }

    /// Gives it a job; what the command prints comes out of the pipes.
    ///
    /// # Errors
    /// When it is not there any more: then it did not begin the job, which was not whole.
    pub(super) fn order(&mut self, job: &Job) -> io::Result<[PipeReader; 2]> {
        let (stdout, stdout_end) = pipe()?;
        let (stderr, stderr_end) = pipe()?;
        let frame = to_frame(job)?;
        let (length, body) = frame.split_at(4);
        let sent = send_with(&self.control, length, [stdout_end.as_fd(), stderr_end.as_fd()])?;
        self.control.write_all(&length[sent..])?;
        self.control.write_all(body)?;
        Ok([stdout, stderr])
    }

    /// Has it end what it runs. If it is over, its answer is there to be read.
    pub(super) fn end(&self) {
        let _ =
            send(self.control.as_raw_fd(), END, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
    }

    /// What becomes readable when it answers.
    pub(super) fn source(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Reads what there is of its answer, without waiting.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.control.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?)
    }

    /// Kills it: whatever it runs is ours then.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Sends it away, and waits until it and all it left are gone.
    pub(super) fn dismiss(mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        drop(self.control);
        let _ = self.child.wait();
        let mut reaper = Reaper::new(id.unwrap_or_else(getpid));
        reaper.reap();
        if !reaper.childless {
            end_all(getpid(), &mut reaper, LEFTOVER_GRACE);
        }
    }
}

fn pipe() -> io::Result<(PipeReader, io::PipeWriter)> {
    let (read, write) = io::pipe()?;
    // A small pipe only costs speed; an unprivileged worker may have used up its share.
    let _ = rustix::pipe::fcntl_setpipe_size(&read, READ_BYTES);
    rustix::io::ioctl_fionbio(&read, true)?;
    Ok((read, write))
}
