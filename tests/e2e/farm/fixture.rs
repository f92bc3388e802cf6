//! The fixture itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::feed::Feed;
use super::process::{self, Beside, Output, Up};
use super::repository::Repository;
use super::sweep;

/// A farm directory with `farm.star`, a repository `code` beside it, and what was started there.
pub(crate) struct Farm {
    dir: TempDir,
    /// The repository, `../code` for `farm.star`.
    pub(crate) code: Repository,
    up: Option<Up>,
}

impl Farm {
    /// A farm with this `farm.star`; `DIR` in it stands for a directory outside the farm. Nothing
    /// runs yet.
    pub(crate) fn new(star: &str) -> Farm {
        let dir = tempfile::Builder::new().prefix("farm-").tempdir().expect("a directory");
        let code = Repository::new(dir.path().join("code"));
        for name in ["farm", "outside"] {
            std::fs::create_dir(dir.path().join(name)).expect("created");
        }
        let farm = Farm { dir, code, up: None };
        farm.configure(star);
        farm
    }

    /// Such a farm, up.
    pub(crate) fn started(star: &str) -> Farm {
        let mut farm = Farm::new(star);
        farm.up();
        farm
    }

    /// Replaces `farm.star`.
    pub(crate) fn configure(&self, star: &str) {
        let outside = self.dir.path().join("outside");
        let star = star.replace("DIR", &outside.to_string_lossy());
        std::fs::write(self.path().join("farm.star"), star).expect("written");
    }

    /// The farm's directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("farm")
    }

    /// The farm's data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join(".steading")
    }

    /// A file outside the farm: what `DIR/name` is in `farm.star`.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join("outside").join(name)
    }

    /// What stands in a file outside the farm; nothing if it is not there.
    pub(crate) fn written(&self, name: &str) -> String {
        std::fs::read_to_string(self.outside(name)).unwrap_or_default()
    }

    /// The command with these arguments, in the farm's directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        process::steading(Path::new(process::STEADING), &self.path(), args)
    }

    /// Runs the command to its end, in the farm's directory.
    pub(crate) fn steading(&self, args: &[&str]) -> Output {
        process::run(self.command(args))
    }

    /// Starts the command, to run beside the test.
    pub(crate) fn beside(&self, args: &[&str]) -> Beside {
        Beside::start(self.command(args))
    }

    /// Starts `up` on a free port and waits until it listens; answers its address. What ran when it
    /// was stopped before runs on.
    pub(crate) fn up(&mut self) -> String {
        self.up_by(Path::new(process::STEADING))
    }

    /// Starts `up` of a copy of the binary, which is gone when it is up: as after an upgrade.
    pub(crate) fn up_by_a_binary_that_goes(&mut self) {
        let copy = self.outside("steading-of-yesterday");
        std::fs::copy(process::STEADING, &copy).expect("copied");
        self.up_by(&copy);
        std::fs::remove_file(copy).expect("removed");
    }

    /// Starts `up` of this binary.
    pub(crate) fn up_by(&mut self, program: &Path) -> String {
        let args = ["up", "--listen", "127.0.0.1:0"];
        self.up_as(process::steading(program, &self.path(), &args))
    }

    /// Starts `up` by this command.
    pub(crate) fn up_as(&mut self, command: Command) -> String {
        let up = process::start(command, &self.log());
        let url = up.url.clone();
        self.up = Some(up);
        url
    }

    /// Kills the master the hard way; its workers live on.
    pub(crate) fn kill9(&mut self) {
        if let Some(mut up) = self.up.take() {
            up.child.kill().expect("it was started");
            up.child.wait().expect("it was started");
        }
    }

    /// The master died with its machine: it is no longer waited for.
    pub(crate) fn buried(&mut self) {
        if let Some(mut up) = self.up.take() {
            up.child.wait().expect("it was started");
        }
    }

    /// Kills the daemon of a worker the hard way; answers its process.
    pub(crate) fn kill_worker(&self, name: &str) -> i32 {
        self.signal_holder(&format!("{name}/lock"), Signal::KILL)
    }

    /// Signals whoever holds a lock below the workers' directory; answers its process.
    pub(crate) fn signal_holder(&self, lock: &str, signal: Signal) -> i32 {
        let text = std::fs::read_to_string(self.data().join("workers").join(lock));
        let text = text.expect("the lock names its holder");
        let pid = text.trim().parse().ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("it lives");
        pid.as_raw_nonzero().get()
    }

    /// Who stands in a lock file below the workers' directory, and lives.
    pub(crate) fn holder(&self, lock: &str) -> Option<i32> {
        let text = std::fs::read_to_string(self.data().join("workers").join(lock)).ok()?;
        let pid = text.trim().parse::<i32>().ok()?;
        sweep::ours(pid, self.dir.path()).map(|_| pid)
    }

    /// Signals whoever stands in a lock file, if that is a process of this farm; answers it.
    pub(crate) fn signal_ours(&self, lock: &Path, signal: Signal) -> Option<i32> {
        let pid = std::fs::read_to_string(lock).ok()?.trim().parse::<i32>().ok()?;
        sweep::ours(pid, self.dir.path())?;
        kill_process(Pid::from_raw(pid)?, signal).ok()?;
        Some(pid)
    }

    /// Stops the farm in order; answers the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.up.take().expect("the farm is up").wait()
    }

    /// Sends the master a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let up = self.up.as_ref().expect("the farm is up");
        let pid = i32::try_from(up.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(pid, signal).expect("it lives");
    }

    /// What the farm that is up said on standard error.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("up.log")
    }

    /// A client of the farm; it goes on with the next start.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.data())
    }

    /// Follows the farm's events from the first on.
    pub(crate) fn feed(&self) -> Feed {
        Feed::follow(self.client())
    }

    /// Processes that belong to this farm.
    pub(crate) fn processes(&self) -> Vec<(i32, String)> {
        sweep::processes(self.dir.path())
    }

    /// Nothing of the farm is left, and its history holds every invariant.
    #[track_caller]
    pub(crate) fn is_gone_and_sound(&self) {
        assert_eq!(self.processes(), []);
        let audit = self.steading(&["audit"]);
        assert_eq!(audit.code, Some(0), "{audit:?}");
    }

    /// What the workers said, for the reader of a failed test.
    fn worker_logs(&self) -> String {
        let homes = std::fs::read_dir(self.data().join("workers")).into_iter().flatten().flatten();
        let said = homes.map(|home| {
            let text = std::fs::read_to_string(home.path().join("worker.log")).unwrap_or_default();
            format!("--- worker {}\n{}", home.file_name().display(), tail(&text))
        });
        said.collect()
    }
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    const LINES: usize = 40;
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LINES);
    lines[first..].iter().map(|line| format!("{line}\n")).collect()
}

impl Drop for Farm {
    #[expect(clippy::print_stderr, reason = "the reader of a failed test wants to know")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the farm\n{}{}", tail(&self.said()), self.worker_logs());
        }
        if let Some(mut up) = self.up.take() {
            let _ = up.child.kill();
            let _ = up.child.wait();
        }
        let dir: &Path = self.dir.path();
        sweep::kill_all(dir);
    }
}
