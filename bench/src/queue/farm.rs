//! A farm of its own for a measurement: its directory, its `up`, its end.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::http::Http;

/// How many workers and builders it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) workers: usize,
    pub(super) builders: usize,
}

/// A farm that is up.
#[derive(Debug)]
pub(super) struct Farm {
    steading: PathBuf,
    dir: TempDir,
    up: Child,
    host: String,
    token: String,
    pub(super) size: Size,
}

impl Farm {
    /// Starts a farm whose builds run `true`, and keeps its workers from taking any yet.
    pub(super) fn start(steading: &Path, size: Size) -> io::Result<Farm> {
        let dir = tempfile::Builder::new().prefix("steading-bench-").tempdir()?;
        std::fs::write(dir.path().join("farm.star"), declaration(size))?;
        let args = ["up", "--listen", "127.0.0.1:0"];
        let log = std::fs::File::create(dir.path().join("up.log"))?;
        let mut up =
            command(steading, dir.path(), &args).stdout(Stdio::piped()).stderr(log).spawn()?;
        let stdout = up.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said)?;
        let host = said.trim().strip_prefix("listening on http://");
        let Some(host) = host.map(str::to_owned) else {
            let _ = up.kill();
            let log = std::fs::read_to_string(dir.path().join("up.log"))?;
            return Err(io::Error::other(format!("the farm said `{said}`\n{log}")));
        };
        let token = std::fs::read_to_string(dir.path().join(".steading/admin.token"))?;
        let (steading, token) = (steading.to_owned(), token.trim().to_owned());
        let farm = Farm { steading, dir, up, host, token, size };
        farm.workers("pause")?;
        Ok(farm)
    }

    /// Another connection.
    pub(super) fn connect(&self) -> io::Result<Http> {
        Http::connect(&self.host, &self.token)
    }

    /// `pause` or `resume` of every worker.
    pub(super) fn workers(&self, verb: &str) -> io::Result<()> {
        let mut http = self.connect()?;
        (0..self.size.workers).try_for_each(|n| http.post(&format!("/workers/w{n}/{verb}"), "{}"))
    }

    /// The process id of the master.
    pub(super) fn master(&self) -> u32 {
        self.up.id()
    }

    /// Stops it in order and checks every invariant; what `audit` said.
    pub(super) fn stop_and_audit(mut self) -> io::Result<Result<String, String>> {
        let pid = i32::try_from(self.up.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or_else(|| io::Error::other("no process"))?, Signal::TERM)?;
        self.up.wait()?;
        let audit = command(&self.steading, self.dir.path(), &["audit"]).output()?;
        let said = String::from_utf8_lossy(&audit.stdout).trim().to_owned();
        Ok(if audit.status.success() { Ok(said) } else { Err(said) })
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        // After an orderly stop there is nothing left to kill. Workers of a killed master end by
        // themselves.
        let _ = self.up.kill();
        let _ = self.up.wait();
    }
}

fn declaration(Size { workers, builders }: Size) -> String {
    format!(
        "[worker(\"w%d\" % n) for n in range({workers})]\n\
         [builder(\"b%d\" % n, steps = [shell([\"true\"])]) for n in range({builders})]\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "what is measured is a process")]
fn command(program: &Path, dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).stdin(Stdio::null());
    command.env_remove("STEADING_URL").env_remove("STEADING_TOKEN");
    command
}
