//! A machine whose power can be cut: its disk loses what was not synced, all its processes die at
//! once, and what starts there afterwards finds that it was booted anew.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use steading_faults::{Disk, Figures, Loss};

use crate::farm::{kill_all, kill_once, processes};

/// Gives a process another boot id than the real one. Nobody outside its namespace sees that.
const BOOTED: &str = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"";

/// Its disk, and how often it was booted.
pub(super) struct Machine {
    disk: Disk,
    /// Whatever has to do with this directory runs on this machine.
    home: PathBuf,
    /// What its boot id is read from.
    boot: PathBuf,
    boots: u32,
}

impl Machine {
    /// A machine with an empty disk mounted over `at`; nothing, said loudly, where there can be no
    /// such disk. `boot` is a file that it may write.
    pub(super) fn new(home: &Path, at: &Path, boot: &Path) -> Option<Machine> {
        let say = |why: &dyn std::fmt::Display| {
            // Past the capture of test output: who reads green must see what was not tested.
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "SKIPPED, durability is NOT tested: {why}");
        };
        let disk = Disk::mount(at).inspect_err(|why| say(why)).ok()?;
        let (home, boot) = (home.to_owned(), boot.to_owned());
        let mut machine = Machine { disk, home, boot, boots: 0 };
        machine.booted();
        #[expect(clippy::disallowed_methods, reason = "whether this works is found by trying it")]
        let plain = machine.process(Command::new("true"));
        let works = { plain }.output().is_ok_and(|output| output.status.success());
        if !works {
            say(&"`unshare -m` (package util-linux) cannot give a process a boot id of its own");
        }
        works.then_some(machine)
    }

    /// The command as a process of this machine.
    pub(super) fn process(&self, command: Command) -> Command {
        #[expect(clippy::disallowed_methods, reason = "the command it wraps was the test's")]
        let mut process = Command::new("unshare");
        let namespaces = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
        process.args([namespaces, "sh", "-c", BOOTED]).arg(&self.boot);
        process.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
        command.get_current_dir().map(|dir| process.current_dir(dir));
        process.stdin(std::process::Stdio::null());
        process
    }

    /// Cuts the power. What must be there afterwards is what was synced before this was called.
    pub(super) fn cut(&mut self, loss: Loss) {
        // Looked up before: who reads of a process that waits for the disk may wait with it.
        let doomed = processes(&self.home);
        self.disk.cut(loss);
        kill_once(&doomed);
        self.disk.release();
        kill_all(&self.home);
        assert_eq!(processes(&self.home), [], "nothing runs without power");
    }

    /// Gives it power again; what ran there is to be started by whoever wants it.
    pub(super) fn boot(&mut self) {
        self.disk.restore().expect("mounted again");
        self.booted();
    }

    fn booted(&mut self) {
        self.boots += 1;
        let _ = std::fs::remove_file(&self.boot);
        std::fs::write(&self.boot, format!("boot-{}\n", self.boots)).expect("written");
    }

    /// Its disk: slow, or nearly full.
    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// What was done with its disk.
    pub(super) fn figures(&self) -> Figures {
        self.disk.figures()
    }
}
