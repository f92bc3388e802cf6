//! Runs git: each command through a shepherd, its words in the step's log, with one deadline.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use steading_core::farm::without_password;
use steading_wire::worker::{Ending, ExitRecord};
use tokio::task::block_in_place;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::capture::{Logs, Sink};
use crate::process::{Command, Finished, Launcher, failed, infrastructure, run};

/// How much of an answer is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How long a question about the machine may take.
const VERSION_MAX: Duration = Duration::from_secs(10);
/// What holds for every command: no hooks or watchers a build left, nothing in the background, no
/// transfer that stands still.
const SETTINGS: [&str; 7] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "advice.detachedHead=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
];

/// Why a checkout does not go on.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// How the step ends.
    pub(crate) ending: Ending,
    /// Of the command that ended it.
    pub(crate) exit: Option<Box<ExitRecord>>,
}

impl Trouble {
    /// Trouble of another kind, by the same command.
    pub(crate) fn become_(self, ending: Ending) -> Trouble {
        Trouble { ending, ..self }
    }

    /// Trouble with a file.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Trouble {
        Trouble { ending: failed("workspace_failed", what, error), exit: None }
    }

    /// Whether git itself said no, rather than a limit, a cancel or the machine.
    pub(crate) fn is_gits(&self) -> bool {
        matches!(self.ending, Ending::Exited { .. } | Ending::Signalled { .. })
    }
}

/// Git, for one step.
pub(crate) struct Git<'a> {
    launcher: &'a Launcher,
    logs: &'a mut Logs,
    cancel: &'a CancellationToken,
    local: bool,
    deadline: Instant,
}

impl<'a> Git<'a> {
    /// For a step that must end within `limit`; `local`: submodules may be directories too.
    pub(crate) fn new(
        launcher: &'a Launcher,
        logs: &'a mut Logs,
        cancel: &'a CancellationToken,
        local: bool,
        limit: Duration,
    ) -> Git<'a> {
        Git { launcher, logs, cancel, local, deadline: Instant::now() + limit }
    }

    /// Runs a command that must succeed.
    pub(crate) async fn run(&mut self, cwd: &Path, arguments: &[&str]) -> Result<(), Trouble> {
        self.note(&format!("$ git {}", shown(arguments)))?;
        let command = self.command(cwd, arguments);
        let (out, err) = (Sink::Log(&mut self.logs.stdout), Sink::Log(&mut self.logs.stderr));
        let finished = run(self.launcher, command, out, err, self.cancel).await;
        self.judge(finished)
    }

    /// Asks; `None` when git says no.
    pub(crate) async fn ask(
        &mut self,
        cwd: &Path,
        arguments: &[&str],
    ) -> Result<Option<String>, Trouble> {
        let command = self.command(cwd, arguments);
        let (mut answer, mut unheard) = (Vec::new(), Vec::new());
        let out = Sink::Memory { bytes: &mut answer, limit: ANSWER_BYTES_MAX };
        let err = Sink::Memory { bytes: &mut unheard, limit: 0 };
        let finished = run(self.launcher, command, out, err, self.cancel).await;
        match self.judge(finished) {
            Ok(()) => Ok(Some(String::from_utf8_lossy(&answer).trim().to_owned())),
            Err(trouble) if trouble.is_gits() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Writes a line to the step's log.
    pub(crate) fn note(&mut self, line: &str) -> Result<(), Trouble> {
        let line = format!("{line}\n");
        let stdout = &mut self.logs.stdout;
        let written = block_in_place(|| stdout.write(line.as_bytes()));
        written.map_err(|error| Trouble::io("the step's log could not be kept", &error))
    }

    /// The directory is no option, and a token still lets a command be cancelled.
    pub(crate) fn cancel(&self) -> &CancellationToken {
        self.cancel
    }

    /// Until when all must be done.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    fn command(&self, cwd: &Path, arguments: &[&str]) -> Command {
        let mut argv = vec!["git".to_owned()];
        let local = self.local.then_some("protocol.file.allow=always");
        for setting in SETTINGS.into_iter().chain(local) {
            argv.extend(["-c".to_owned(), setting.to_owned()]);
        }
        argv.extend(arguments.iter().map(|a| (*a).to_owned()));
        let wall = self.deadline.saturating_duration_since(Instant::now());
        let mut command = plain(argv, cwd, wall);
        if !self.launcher.has("GIT_SSH_COMMAND") && !self.launcher.has("GIT_SSH") {
            command.env.insert("GIT_SSH_COMMAND".into(), "ssh -oBatchMode=yes".into());
        }
        command
    }

    fn judge(&self, finished: Finished) -> Result<(), Trouble> {
        let Finished { ending, exit } = finished;
        let ending = match ending {
            Ending::Exited { code: 0 } => return Ok(()),
            Ending::TimedOut { limit_ms, .. } => infrastructure(
                "fetch_timeout",
                format!("the checkout did not end in time (git was ended after {limit_ms} ms)"),
            ),
            Ending::NotStarted { text } => infrastructure("no_git", text),
            other => other,
        };
        let exit = exit.map(|mut exit| {
            exit.argv.iter_mut().for_each(|word| *word = without_password(word));
            Box::new(exit)
        });
        Err(Trouble { ending, exit })
    }
}

/// The version of the machine's git.
pub(crate) async fn git_version(launcher: &Launcher, cancel: &CancellationToken) -> Option<String> {
    let command = plain(vec!["git".into(), "version".into()], Path::new("/"), VERSION_MAX);
    let (mut answer, mut unheard) = (Vec::new(), Vec::new());
    let out = Sink::Memory { bytes: &mut answer, limit: 256 };
    let err = Sink::Memory { bytes: &mut unheard, limit: 0 };
    let finished = run(launcher, command, out, err, cancel).await;
    let text = String::from_utf8_lossy(&answer);
    (finished.ending == Ending::Exited { code: 0 })
        .then(|| text.trim().trim_start_matches("git version ").to_owned())
}

fn plain(argv: Vec<String>, cwd: &Path, wall: Duration) -> Command {
    let env = [("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C.UTF-8")];
    let env: BTreeMap<String, String> =
        env.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let shown_cwd = cwd.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Command { argv, env, cwd: cwd.to_owned(), shown_cwd, wall: Some(wall), idle: None }
}

/// A command line for people: no passwords.
fn shown(arguments: &[&str]) -> String {
    arguments.iter().map(|a| without_password(a)).collect::<Vec<_>>().join(" ")
}
