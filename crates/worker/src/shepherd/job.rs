//! What an errand is told and what it says. Both sides are the same program, so there is no
//! version.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use steading_wire::worker::ExitRecord;

/// The largest message, in bytes: an environment and an argument list fit by far.
const FRAME_BYTES_MAX: u32 = 64 << 20;

/// One command to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Program and arguments.
    pub(crate) argv: Vec<String>,
    /// Added to the environment the shepherd was started with.
    pub(crate) env: BTreeMap<String, String>,
    /// Where to run it.
    pub(crate) cwd: PathBuf,
    /// The same, as the record shows it: below the workspace.
    pub(crate) shown_cwd: String,
    /// A file whose lock is shared for as long as anything of the command may live.
    pub(crate) hold: PathBuf,
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// The command never ran.
    NotStarted {
        /// What the system said, and of what.
        text: String,
        /// True when the machine had no room for one more process: not the command's fault.
        exhausted: bool,
    },
    /// It ran and ended.
    Ended {
        /// The record.
        exit: ExitRecord,
        /// True when the ladder ended it.
        killed: bool,
    },
}

/// A message as bytes: its length, then JSON.
pub(crate) fn to_frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|n| *n <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::other("the command line is over 64 MiB"))?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend(body);
    Ok(frame)
}

/// Reads one message.
pub(crate) fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::other("a message over 64 MiB between worker and shepherd"));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}
