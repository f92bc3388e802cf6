//! A farm of its own for a measurement: its directory, its master, its end.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::http::Http;
use crate::process::clock;

/// How long a farm may take to stop.
const STOP_MAX: Duration = Duration::from_secs(10);

/// How many workers and builders it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) workers: usize,
    pub(crate) builders: usize,
}

/// A farm that is up.
#[derive(Debug)]
pub(crate) struct Farm {
    steading: PathBuf,
    dir: TempDir,
    up: Child,
    host: String,
    token: String,
    verb: &'static str,
    pub(crate) size: Size,
}

/// The binary to measure: beside this one unless given.
pub(crate) fn steading(given: Option<&Path>) -> io::Result<PathBuf> {
    let steading = match given {
        Some(given) => given.canonicalize()?,
        None => std::env::current_exe()?.with_file_name("steading"),
    };
    match steading.is_file() {
        true => Ok(steading),
        false => {
            let name = steading.display();
            let text = format!("{name} is not there: cargo build --release -p steading");
            Err(io::Error::other(text))
        }
    }
}

impl Farm {
    /// Starts a farm whose builds run `true`, and keeps its workers from taking any yet.
    pub(crate) fn start(steading: &Path, size: Size) -> io::Result<Farm> {
        let farm = Farm::steps(steading, size, 1)?;
        farm.workers("pause")?;
        Ok(farm)
    }

    /// Starts a farm whose builds have so many steps, each running `true`.
    pub(crate) fn steps(steading: &Path, size: Size, steps: usize) -> io::Result<Farm> {
        let steps: Vec<String> =
            (0..steps).map(|n| format!("shell([\"true\"], name = \"s{n}\")")).collect();
        Farm::declared(steading, "up", size, &declaration(size, &steps.join(", ")))
    }

    /// Starts a farm from a text; `verb` is `up`, or `master` if nobody starts workers.
    pub(crate) fn declared(
        steading: &Path,
        verb: &'static str,
        size: Size,
        text: &str,
    ) -> io::Result<Farm> {
        Farm::prepared(steading, verb, size, text, |_| Ok(()))
    }

    /// The same, in a directory in which something is done first.
    pub(crate) fn prepared(
        steading: &Path,
        verb: &'static str,
        size: Size,
        text: &str,
        prepare: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Farm> {
        let dir = tempfile::Builder::new().prefix("steading-bench-").tempdir()?;
        std::fs::write(dir.path().join("farm.star"), text)?;
        prepare(dir.path())?;
        let (up, host, token) = spawn(steading, dir.path(), verb)?;
        Ok(Farm { steading: steading.to_owned(), dir, up, host, token, verb, size })
    }

    /// Kills the master as nothing else does, without a word to anybody.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.up.kill()?;
        self.up.wait().map(drop)
    }

    /// Starts the next master of the same farm, at the same address.
    pub(crate) fn again(&mut self) -> io::Result<()> {
        (self.up, self.host, self.token) =
            spawn_at(&self.steading, self.dir.path(), self.verb, &self.host)?;
        Ok(())
    }

    /// Another connection.
    pub(crate) fn connect(&self) -> io::Result<Http> {
        Http::connect(&self.host, &self.token)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// `pause` or `resume` of every worker.
    pub(crate) fn workers(&self, verb: &str) -> io::Result<()> {
        let mut http = self.connect()?;
        (0..self.size.workers).try_for_each(|n| http.post(&format!("/workers/w{n}/{verb}"), "{}"))
    }

    /// The process id of the master.
    pub(crate) fn master(&self) -> u32 {
        self.up.id()
    }

    /// Every invariant but those that need a stopped farm; what `audit` said.
    pub(crate) fn audit(&self) -> io::Result<Result<String, String>> {
        let audit = command(&self.steading, self.dir.path(), &["audit"]).output()?;
        let said = String::from_utf8_lossy(&audit.stdout).trim().to_owned();
        Ok(if audit.status.success() { Ok(said) } else { Err(said) })
    }

    /// Stops it in order and checks every invariant; what `audit` said.
    pub(crate) fn stop_and_audit(mut self) -> io::Result<Result<String, String>> {
        let pid = i32::try_from(self.up.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or_else(|| io::Error::other("no process"))?, Signal::TERM)?;
        self.up.wait()?;
        self.audit()
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        // In order, so that its workers end too: those of a killed master wait for the next one.
        let pid = i32::try_from(self.up.id()).ok().and_then(Pid::from_raw);
        let gave_up = clock() + STOP_MAX;
        if self.up.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        }
        while clock() < gave_up && self.up.try_wait().is_ok_and(|ended| ended.is_none()) {
            pause();
        }
        let _ = self.up.kill();
        let _ = self.up.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a process is asked again after a while")]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

fn spawn(steading: &Path, dir: &Path, verb: &str) -> io::Result<(Child, String, String)> {
    spawn_at(steading, dir, verb, "127.0.0.1:0")
}

fn spawn_at(
    steading: &Path,
    dir: &Path,
    verb: &str,
    at: &str,
) -> io::Result<(Child, String, String)> {
    let log = std::fs::File::create(dir.join("up.log"))?;
    let args = [verb, "--listen", at];
    let mut up = command(steading, dir, &args).stdout(Stdio::piped()).stderr(log).spawn()?;
    let stdout = up.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
    let mut said = String::new();
    BufReader::new(stdout).read_line(&mut said)?;
    let host = said.trim().strip_prefix("listening on http://");
    let Some(host) = host.map(str::to_owned) else {
        let _ = up.kill();
        let _ = up.wait();
        let log = std::fs::read_to_string(dir.join("up.log"))?;
        return Err(io::Error::other(format!("the farm said `{said}`\n{log}")));
    };
    let token = std::fs::read_to_string(dir.join(".steading/admin.token"))?;
    Ok((up, host, token.trim().to_owned()))
}

fn declaration(Size { workers, builders }: Size, steps: &str) -> String {
    format!(
        "[worker(\"w%d\" % n) for n in range({workers})]\n\
         [builder(\"b%d\" % n, steps = [{steps}]) for n in range({builders})]\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "what is measured is a process")]
fn command(program: &Path, dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).stdin(Stdio::null());
    command.env_remove("STEADING_URL").env_remove("STEADING_TOKEN");
    command
}
