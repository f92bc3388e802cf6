//! The shepherd's end of its connection to a daemon, and where that is made.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::event::PollFlags;
use steading_wire::worker::{MESSAGE_BYTES_MAX, decode, encode};

use super::message::{FromShepherd, ToShepherd};

/// The socket's name in the slot's directory.
const SOCKET: &str = "socket";
/// How much waits for a daemon that does not listen before it counts as gone, in bytes.
const OUTPUT_BYTES_MAX: usize = 8 << 20;

/// A directory by a path that is short, however deep it lies: a socket's address has 108 bytes.
fn place(dir: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()))
}

/// Connects to the shepherd of a slot.
pub(crate) fn connect(dir: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(place(&File::open(dir)?).join(SOCKET))
}

/// Listens for daemons.
pub(super) fn listen(dir: &Path) -> io::Result<UnixListener> {
    match fs_err::remove_file(dir.join(SOCKET)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(place(&File::open(dir)?).join(SOCKET))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A message as bytes: its length, then MessagePack.
pub(crate) fn to_bytes<T: serde::Serialize>(message: &T) -> Vec<u8> {
    let body = encode(message);
    let length = u32::try_from(body.len()).expect("a message is far below 4 GiB");
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(body);
    bytes
}

/// Takes the first whole message out of what was received.
pub(crate) fn take<T: serde::de::DeserializeOwned>(input: &mut Vec<u8>) -> io::Result<Option<T>> {
    let Some((length, rest)) = input.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::other("a message over 1 MiB between daemon and shepherd"));
    }
    let Some(body) = rest.get(..length) else { return Ok(None) };
    let message = decode(body).map_err(io::Error::other)?;
    input.drain(..4 + length);
    Ok(Some(message))
}

/// A connection that never makes the shepherd wait.
pub(super) struct Link {
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    /// False once the other side is gone.
    pub(super) stands: bool,
}

impl Link {
    /// Takes a connection over.
    pub(super) fn new(stream: UnixStream) -> io::Result<Link> {
        stream.set_nonblocking(true)?;
        Ok(Link { stream, input: Vec::new(), output: Vec::new(), stands: true })
    }

    /// What there is to wait for.
    pub(super) fn interest(&self) -> (BorrowedFd<'_>, PollFlags) {
        let out = if self.output.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        (self.stream.as_fd(), PollFlags::IN | out)
    }

    /// Everything that was said up to now.
    pub(super) fn hear(&mut self) -> Vec<ToShepherd> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break self.stands = false,
                Ok(n) => self.input.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => break self.stands = false,
            }
        }
        let mut heard = Vec::new();
        loop {
            match take(&mut self.input) {
                Ok(Some(message)) => heard.push(message),
                Ok(None) => return heard,
                Err(_) => {
                    self.stands = false;
                    return heard;
                }
            }
        }
    }

    /// Says something; it leaves when the other side takes it.
    pub(super) fn say(&mut self, message: &FromShepherd) {
        self.output.extend(to_bytes(message));
        if self.output.len() > OUTPUT_BYTES_MAX {
            self.stands = false;
        }
        self.flush();
    }

    /// Whether all that was said has left.
    pub(super) fn is_clear(&self) -> bool {
        self.output.is_empty()
    }

    /// Lets as much leave as the other side takes.
    pub(super) fn flush(&mut self) {
        while self.stands && !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(n) => drop(self.output.drain(..n)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.stands = false,
            }
        }
    }
}
