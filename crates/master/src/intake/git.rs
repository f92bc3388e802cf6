//! The `git` command, run with deadlines. Credentials are the user's own git set-up; it never
//! prompts.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use steading_core::farm::without_password;

use crate::programs::Programs;

/// Longest answer of a remote to "which heads do you have".
const LOOK_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest fetch. A first fetch of a large repository takes minutes; one that hangs must still end.
const FETCH_TIMEOUT: Duration = Duration::from_secs(1800);
/// Longest local question.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(60);

/// What git sets for those it calls, so when the master is started from a hook: another repository.
const OF_ANOTHER_REPOSITORY: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_QUARANTINE_PATH",
];
/// How the user says which ssh git runs.
const SSH: [&str; 2] = ["GIT_SSH_COMMAND", "GIT_SSH"];

/// Why git gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// There is no git.
    #[error("cannot start `git`: {0}; install git and see that it is in PATH")]
    NotStarted(String),
    /// The mirror's place is not usable.
    #[error("the mirror cannot be made: {0}")]
    Mirror(String),
    /// It took too long and was killed.
    #[error("`git {command}` took longer than {seconds} s and was stopped")]
    TimedOut {
        /// The subcommand and its arguments.
        command: String,
        /// The deadline.
        seconds: u64,
    },
    /// It said no.
    #[error("`git {command}` failed: {stderr}")]
    Failed {
        /// The subcommand and its arguments.
        command: String,
        /// What it printed to stderr, trimmed.
        stderr: String,
    },
}

/// Which deadline a call is under.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deadline {
    /// A question to a remote.
    Look,
    /// A transfer from a remote.
    Fetch,
    /// A question to a local repository.
    Local,
}

impl Deadline {
    fn duration(self) -> Duration {
        match self {
            Deadline::Look => LOOK_TIMEOUT,
            Deadline::Fetch => FETCH_TIMEOUT,
            Deadline::Local => LOCAL_TIMEOUT,
        }
    }
}

/// Runs git and gives its stdout, bytes as they are.
pub(super) async fn git<S: AsRef<OsStr>>(
    programs: &Programs,
    directory: Option<&Path>,
    args: &[S],
    deadline: Deadline,
) -> Result<Vec<u8>, GitError> {
    let words: Vec<String> =
        args.iter().map(|a| a.as_ref().to_string_lossy().into_owned()).collect();
    let described = || words.iter().map(|w| without_password(w)).collect::<Vec<_>>().join(" ");
    if let Some(played) = programs.play(&words).await {
        return played.map_err(|stderr| GitError::Failed { command: described(), stderr });
    }
    #[expect(clippy::disallowed_methods, reason = "the one home of the master's git processes")]
    let mut command = tokio::process::Command::new("git");
    if let Some(directory) = directory {
        command.arg("-C").arg(directory);
    }
    command
        .args(args)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    for name in OF_ANOTHER_REPOSITORY {
        command.env_remove(name);
    }
    if SSH.iter().all(|name| std::env::var_os(name).is_none()) {
        // Without a terminal, ssh would wait for an answer nobody can give.
        command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    }
    let child = command.spawn().map_err(|e| GitError::NotStarted(e.to_string()))?;
    let limit = deadline.duration();
    let output = tokio::time::timeout(limit, child.wait_with_output())
        .await
        .map_err(|_| GitError::TimedOut { command: described(), seconds: limit.as_secs() })?
        .map_err(|e| GitError::NotStarted(e.to_string()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let unsaid = |text: String, word: &String| text.replace(word, &without_password(word));
    let secret = words.iter().filter(|word| without_password(word) != **word);
    let stderr = secret.fold(stderr.trim().to_owned(), unsaid);
    Err(GitError::Failed { command: described(), stderr })
}
