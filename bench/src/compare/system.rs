//! What a system is asked to do, whichever it is.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Connections, or client processes, that submit at once.
pub(crate) const SUBMITTERS: usize = 4;
/// How long anything may take before it counts as broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// A farm to start: the same for everybody.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) builders: usize,
    /// Of one slot each.
    pub(crate) workers: usize,
    /// Each runs the command.
    pub(crate) steps: usize,
    pub(crate) command: Vec<String>,
}

impl Work {
    /// Builds whose steps run `true`.
    pub(crate) fn no_op(builders: usize, workers: usize, steps: usize) -> Work {
        Work { builders, workers, steps, command: vec!["true".to_owned()] }
    }

    /// One builder whose process appends the time of its start to a file.
    pub(crate) fn stamp(workers: usize, file: &Path) -> Work {
        let script = format!("date +%s%N >> {}", file.display());
        let command = ["/bin/sh", "-c", &script].map(str::to_owned).to_vec();
        Work { builders: 1, workers, steps: 1, command }
    }
}

/// A system that is up.
pub(crate) trait System {
    /// As the table calls it.
    fn name(&self) -> &'static str;

    /// Submits so many builds at once, over all builders in turn; seconds from the first
    /// submission to the last end.
    fn through(&mut self, builds: usize) -> io::Result<f64>;

    /// Submits one build, and comes back when the system has said that it knows.
    fn submit(&mut self) -> io::Result<()>;

    /// Waits until nothing runs and nothing waits.
    fn quiet(&mut self) -> io::Result<()>;

    /// Megabytes its master has in memory.
    fn memory_mb(&self) -> f64;

    /// Processor seconds of its master so far, with its database if that is a server.
    fn master_s(&self) -> f64;

    /// Checks everything that can be checked while it is up.
    fn audit(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A fresh directory for a measurement.
pub(crate) fn scratch() -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix("steading-compare-").tempdir()
}

/// A command whose words are given; it reads nothing.
#[expect(clippy::disallowed_methods, reason = "what is measured is a process")]
pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> std::process::Command {
    let mut command = std::process::Command::new(words.first().expect("a program").as_ref());
    command.args(&words[1..]).stdin(std::process::Stdio::null());
    command
}

/// Runs a command to its end; its output, or why not.
pub(crate) fn output(mut command: std::process::Command) -> io::Result<String> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = said.trim().lines().last().unwrap_or_default().to_owned();
            let program = command.get_program().display();
            Err(io::Error::other(format!("{program}: {}: {last}", output.status)))
        }
    }
}

/// Where a program is found.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    let places = std::env::split_paths(&path).chain(usual);
    places.map(|place| place.join(program)).find(|file| file.is_file())
}

/// Asks again and again until there is an answer.
#[expect(clippy::disallowed_methods, reason = "a system is asked again after a while")]
pub(crate) fn until<T>(
    what: &str,
    every: Duration,
    mut ask: impl FnMut() -> io::Result<Option<T>>,
) -> io::Result<T> {
    let gave_up = crate::process::clock() + PATIENCE;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if crate::process::clock() > gave_up {
            return Err(io::Error::other(format!("waited in vain: {what}")));
        }
        std::thread::sleep(every);
    }
}

/// Does nothing for a while.
#[expect(clippy::disallowed_methods, reason = "an idle farm is measured by leaving it alone")]
pub(crate) fn idle(span: Duration) {
    std::thread::sleep(span);
}

/// Nanoseconds since the epoch, as `date +%s%N` prints them.
#[expect(clippy::disallowed_methods, reason = "compared with what other processes wrote down")]
pub(crate) fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |span| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX))
}

/// A port of loopback that nobody listens on now.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
