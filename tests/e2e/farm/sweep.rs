//! Which processes belong to a directory, and their end.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Processes that have to do with `dir`: it stands in their command line, they work in it, or they
/// have one of its files open. Ourselves excepted.
pub(crate) fn processes(dir: &Path) -> Vec<(i32, String)> {
    let mine = i32::try_from(std::process::id()).unwrap_or_default();
    let entries = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| *pid != mine).filter_map(|pid| Some((pid, ours(pid, dir)?))).collect()
}

/// The command line of a process that belongs to `dir`.
pub(super) fn ours(pid: i32, dir: &Path) -> Option<String> {
    let proc = Path::new("/proc").join(pid.to_string());
    let line = std::fs::read(proc.join("cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    let in_dir = |link: &Path| std::fs::read_link(link).is_ok_and(|to| to.starts_with(dir));
    let holds_file = || {
        let open = std::fs::read_dir(proc.join("fd")).into_iter().flatten().flatten();
        open.into_iter().any(|entry| in_dir(&entry.path()))
    };
    let named = line.contains(&*dir.to_string_lossy());
    (named || in_dir(&proc.join("cwd")) || holds_file()).then_some(line)
}

/// Kills what belongs to `dir`, and what that had started meanwhile.
pub(crate) fn kill_all(dir: &Path) {
    const ROUNDS_MAX: usize = 20;
    for _ in 0..ROUNDS_MAX {
        let left = processes(dir);
        if left.is_empty() {
            return;
        }
        kill_once(&left);
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}

/// Kills these; waits for none of them.
pub(crate) fn kill_once(processes: &[(i32, String)]) {
    for pid in processes.iter().filter_map(|(pid, _)| Pid::from_raw(*pid)) {
        let _ = kill_process(pid, Signal::KILL);
    }
}
