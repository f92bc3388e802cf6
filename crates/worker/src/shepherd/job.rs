//! What an errand is told and what it says. Both sides are the same program, so there is no
//! version.
//!
//! Its control socket carries one job at a time: a length with which two descriptors come (where
//! the command's output goes), the job, and back the answer. Any byte before that means "end it";
//! an errand that was sent one is not used again.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use steading_wire::worker::ExitRecord;

use super::kernel::receive_with;

/// What "end it" looks like on the control socket.
pub(crate) const END: &[u8] = b"x";
/// The largest message, in bytes: an environment and an argument list fit by far.
const FRAME_BYTES_MAX: u32 = 64 << 20;

/// One command to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Program and arguments.
    pub(crate) argv: Vec<String>,
    /// Added to the environment the errand was started with.
    pub(crate) env: BTreeMap<String, String>,
    /// Where to run it.
    pub(crate) cwd: PathBuf,
    /// The same, as the record shows it: below the workspace.
    pub(crate) shown_cwd: String,
    /// A file whose lock is shared for as long as anything of the command may live.
    pub(crate) hold: PathBuf,
}

/// What an errand says of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// How it went.
    pub(crate) verdict: Verdict,
    /// True when nothing of it is left and the errand waits for the next job; else it ends.
    pub(crate) ready: bool,
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// It was told to end before the command ran.
    Withdrawn,
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

/// The next job of an errand, and where stdout and stderr go; `None` when nobody wants another.
pub(crate) fn next_job(control: &mut UnixStream) -> io::Result<Option<(Job, [OwnedFd; 2])>> {
    let mut length = [0; 4];
    let (count, outputs) = receive_with(control, &mut length)?;
    let rest = match count {
        0 => return Ok(None),
        count => control.read_exact(&mut length[count..]),
    };
    if rest.is_err() {
        // An order to end what has ended, and nothing after it.
        return Ok(None);
    }
    let outputs = <[OwnedFd; 2]>::try_from(outputs)
        .map_err(|_| io::Error::other("a job came without its two descriptors"))?;
    let job = read_frame(&mut length.chain(control))?;
    Ok(Some((job, outputs)))
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd as _;

    use super::*;
    use crate::shepherd::send_with;

    fn job() -> Job {
        Job {
            argv: vec!["true".into()],
            env: BTreeMap::new(),
            cwd: "/".into(),
            shown_cwd: String::new(),
            hold: "/hold".into(),
        }
    }

    fn send(to: &mut UnixStream, descriptors: bool) {
        let frame = to_frame(&job()).unwrap();
        let (length, body) = frame.split_at(4);
        let null = std::fs::File::open("/dev/null").unwrap();
        match descriptors {
            true => drop(send_with(to, length, [null.as_fd(), null.as_fd()]).unwrap()),
            false => to.write_all(length).unwrap(),
        }
        to.write_all(body).unwrap();
    }

    #[test]
    fn jobs_come_one_after_another_until_nobody_wants_more() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        for _ in 0..2 {
            send(&mut ours, true);
            assert_eq!(next_job(&mut theirs).unwrap().unwrap().0.argv, ["true"]);
        }
        // An order to end that came too late is no job.
        ours.write_all(END).unwrap();
        drop(ours);
        assert!(next_job(&mut theirs).unwrap().is_none());
    }

    #[test]
    fn a_job_without_its_descriptors_is_none() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        send(&mut ours, false);
        assert!(next_job(&mut theirs).unwrap_err().to_string().contains("descriptors"));
    }

    #[test]
    fn half_a_job_is_none() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let frame = to_frame(&job()).unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        send_with(&ours, &frame[..4], [null.as_fd(), null.as_fd()]).unwrap();
        ours.write_all(&frame[4..20]).unwrap();
        drop(ours);
        assert!(next_job(&mut theirs).is_err());
    }
}
