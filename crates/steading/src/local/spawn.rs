//! Starting a worker process.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// Variables that are ours and of no use to a worker, nor to its builds.
const OWN: [&str; 2] = ["STEADING_URL", "STEADING_TOKEN"];

/// Starts the worker `name` of a data directory. It outlives us if we die.
pub(super) async fn spawn(data: &Path, name: &str, token: &str) -> io::Result<Child> {
    let home = data.join("workers").join(name);
    fs_err::create_dir_all(&home)?;
    let log = fs_err::OpenOptions::new().create(true).append(true).open(home.join("worker.log"))?;
    let log = log.into_file();
    let mut command = command();
    command
        .arg("worker")
        .arg("--data")
        .arg(data)
        .args(["--name", name, "--token-file", "-"])
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        // A group of its own: Ctrl-C at our terminal is for us, who tell it what that means.
        .process_group(0);
    for variable in OWN {
        command.env_remove(variable);
    }
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(format!("{token}\n").as_bytes()).await?;
    }
    Ok(child)
}

/// The very program that runs here, also when an upgrade has put another in its place meanwhile:
/// the kernel resolves the path in the child, which is still us.
#[expect(clippy::disallowed_methods, reason = "the command starts its own workers")]
fn command() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("steading");
    command
}
