//! A workspace of the core alone, with a mutant in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::list::{LIVE, Mutant};

/// The comparison with brute force among the core's tests.
const COMPARISON: &str = "random::every_decision_is_the_oracles";

/// Random worlds that a mutant may survive.
const WORLDS: &str = "3000";

/// Built quickly, but not so that one that survives long keeps everybody waiting.
const FASTER: [&str; 2] = ["--config", "profile.dev.package.steading-core.opt-level=1"];

/// What the comparison came to.
pub(super) enum Told {
    Equal(String),
    Differs(String),
    Hangs,
}

pub(super) struct Copy {
    pub(super) root: PathBuf,
    pub(super) at: PathBuf,
}

impl Copy {
    /// Makes the copy what the core is now, but for the mutant.
    pub(super) fn renew(&self, mutant: Option<&Mutant>) -> Result<(), String> {
        let told = |error| format!("cannot copy to {}: {error}", self.at.display());
        copy_all(&self.root.join("crates/core"), &self.at.join("crates/core")).map_err(told)?;
        copy_changed(&self.root.join("Cargo.lock"), &self.at.join("Cargo.lock")).map_err(told)?;
        self.write_manifest().map_err(told)?;
        mutant.map_or(Ok(()), |mutant| self.change(mutant))
    }

    fn change(&self, mutant: &Mutant) -> Result<(), String> {
        let path = self.at.join(LIVE).join(mutant.file);
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        if text.matches(mutant.from).count() != 1 {
            return Err(format!("`{}` is not there just once", mutant.from));
        }
        let text = text.replace(mutant.from, mutant.to);
        std::fs::write(&path, text).map_err(|error| error.to_string())
    }

    fn write_manifest(&self) -> std::io::Result<()> {
        let manifest = std::fs::read_to_string(self.root.join("Cargo.toml"))?;
        let lines = manifest.lines().filter(|line| !line.starts_with("default-members"));
        let lines = lines.map(|line| match line.starts_with("members") {
            true => "members = [\"crates/core\"]",
            false => line,
        });
        std::fs::write(self.at.join("Cargo.toml"), lines.collect::<Vec<_>>().join("\n"))
    }

    /// Builds the core's tests; the program that they are.
    pub(super) fn build(&self) -> Result<PathBuf, String> {
        let words = ["test", "--quiet", "-p", "steading-core", "--test", "matcher", "--no-run"];
        let words = [&words[..], &["--message-format=json-render-diagnostics"], &FASTER].concat();
        let built = self.cargo(&words)?;
        if !built.status.success() {
            return Err(format!("does not compile:\n{}", String::from_utf8_lossy(&built.stderr)));
        }
        let told = String::from_utf8_lossy(&built.stdout);
        let parts = told.lines().filter_map(|line| serde_json::from_str(line).ok());
        let mut program = parts.filter_map(|part: serde_json::Value| {
            let of_tests = part["target"]["name"] == "matcher";
            part["executable"].as_str().filter(|_| of_tests).map(PathBuf::from)
        });
        program.next_back().ok_or_else(|| "cargo named no program of the tests".to_owned())
    }

    /// Runs the comparison, at most that long.
    #[expect(clippy::disallowed_methods, reason = "a mutant may not end, so it has a process")]
    pub(super) fn compare(&self, program: &Path, limit: Duration) -> Result<Told, String> {
        let told = |error| format!("cannot run {}: {error}", program.display());
        let mut command = Command::new(program);
        command.args([COMPARISON, "--exact", "--nocapture"]);
        command.current_dir(self.at.join("crates/core")).env("RUST_BACKTRACE", "0");
        command.env("WORLDS", WORLDS);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(told)?;
        let (pid, (end, ended)) = (child.id(), mpsc::channel());
        let waiter = std::thread::spawn(move || end.send(child.wait_with_output()));
        let output = ended.recv_timeout(limit).map_err(|_| pid);
        if let Err(pid) = output {
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
            let killed =
                pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
            killed.transpose().map_err(|error| format!("cannot end the comparison: {error}"))?;
        }
        let _ = waiter.join();
        let Ok(output) = output else { return Ok(Told::Hangs) };
        let output = output.map_err(told)?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Ok(match output.status.success() {
            true => Told::Equal(first(&said, "compared").to_owned()),
            false => Told::Differs(first(&said, "seed").to_owned()),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "cargo builds the mutants")]
    fn cargo(&self, words: &[&str]) -> Result<std::process::Output, String> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        // Cargo takes a package of the copy for the one it is a copy of: they may share nothing.
        command.args(words).current_dir(&self.at).env("CARGO_TARGET_DIR", self.at.join("target"));
        command.env("CARGO_PROFILE_DEV_DEBUG", "false");
        command.output().map_err(|error| format!("cannot run cargo: {error}"))
    }
}

/// The first line that has the word.
fn first<'a>(text: &'a str, word: &str) -> &'a str {
    text.lines().find(|line| line.contains(word)).unwrap_or("it stopped").trim()
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &to)?;
        } else {
            copy_changed(&entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Cargo builds anew what was written, so what is the same is left alone.
fn copy_changed(from: &Path, to: &Path) -> std::io::Result<()> {
    let text = std::fs::read(from)?;
    match std::fs::read(to).is_ok_and(|known| known == text) {
        true => Ok(()),
        false => std::fs::write(to, text),
    }
}
