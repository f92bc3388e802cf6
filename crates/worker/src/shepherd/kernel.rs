//! Three things only the kernel can do, and only by calls that Rust holds unsafe: say what a dead
//! child used, hand over descriptors, and close those that nobody meant to hand over.

#![expect(unsafe_code, reason = "no safe call: wait4, received descriptors, close_range")]

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::libc;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// Closes every descriptor but the standard three: what whoever started the worker left open would
/// be held by shepherds for as long as they live, and by every command. Only as the first thing a
/// process does, while it owns none of them.
pub(super) fn close_inherited() {
    // SAFETY: takes numbers, no memory. Nothing in this process owns one of these descriptors yet,
    // so nothing can use one that is closed.
    // A kernel that does not know the call leaves them open, as all did before.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// A child that is dead.
#[derive(Debug)]
pub(super) struct Dead {
    /// Which.
    pub(super) pid: i32,
    /// How it ended.
    pub(super) status: ExitStatus,
    /// Processor time it and those it waited for used, in microseconds: its own, the kernel's.
    pub(super) used_us: (i64, i64),
    /// The most memory one of them used, in KiB.
    pub(super) max_rss_kib: i64,
}

/// Collects a child that is dead; `None` when all of them live.
///
/// # Errors
/// `ECHILD` when there is none.
pub(super) fn bury_one() -> io::Result<Option<Dead>> {
    let mut status = 0;
    // SAFETY: a structure of integers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { zeroed() };
    // SAFETY: both places are ours and outlive the call, which keeps neither.
    let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage) };
    match pid {
        0 => Ok(None),
        pid if pid < 0 => Err(io::Error::last_os_error()),
        pid => Ok(Some(Dead {
            pid,
            status: ExitStatus::from_raw(status),
            used_us: (micros(usage.ru_utime), micros(usage.ru_stime)),
            max_rss_kib: usage.ru_maxrss,
        })),
    }
}

fn micros(span: libc::timeval) -> i64 {
    span.tv_sec * 1_000_000 + span.tv_usec
}

/// Sends bytes and, with the first of them, two descriptors; answers how many bytes left.
pub(crate) fn send_with(
    to: &impl AsRawFd,
    bytes: &[u8],
    descriptors: [BorrowedFd<'_>; 2],
) -> io::Result<usize> {
    let raw = descriptors.map(|fd| fd.as_raw_fd());
    let rights = [ControlMessage::ScmRights(&raw)];
    let flags = MsgFlags::MSG_NOSIGNAL;
    Ok(sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(bytes)], &rights, flags, None)?)
}

/// Receives bytes and the descriptors that came with them, none of which a child inherits; no
/// bytes at the end of the stream.
pub(super) fn receive_with(
    from: &UnixStream,
    bytes: &mut [u8],
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = nix::cmsg_space!([RawFd; 2]);
    let mut parts = [IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let received = loop {
        match recvmsg::<()>(from.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            Err(nix::Error::EINTR) => {}
            other => break other?,
        }
    };
    let mut owned = Vec::new();
    for message in received.cmsgs().map_err(|e| io::Error::new(ErrorKind::InvalidData, e))? {
        if let ControlMessageOwned::ScmRights(raw) = message {
            // SAFETY: the kernel made these for this very message; nobody else knows of them.
            owned.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok((received.bytes, owned))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _, pipe};
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn descriptors_travel_with_their_bytes_and_are_not_inherited() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut read, write) = pipe().unwrap();
        assert_eq!(send_with(&ours, b"four", [write.as_fd(), write.as_fd()]).unwrap(), 4);
        drop(write);
        let mut bytes = [0; 8];
        let (count, descriptors) = receive_with(&theirs, &mut bytes).unwrap();
        assert_eq!((&bytes[..count], descriptors.len()), (&b"four"[..], 2));
        for fd in &descriptors {
            let flags = rustix::io::fcntl_getfd(fd).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
        for fd in descriptors {
            std::fs::File::from(fd).write_all(b"x").unwrap();
        }
        let mut said = String::new();
        read.read_to_string(&mut said).unwrap();
        assert_eq!(said, "xx", "the pipe ends with the last of its writers");
        drop(ours);
        assert_eq!(receive_with(&theirs, &mut bytes).unwrap().0, 0);
    }
}
