//! What a worker says of its machine.

use std::collections::BTreeMap;
use std::thread::available_parallelism;

use tokio_util::sync::CancellationToken;

use crate::attempts::Tools;
use crate::checkout::git_version;

/// Kernel, cpus, memory, git: as plain facts, for people. What changes while the worker runs is
/// found in `machine`.
pub(crate) async fn facts(tools: &Tools) -> BTreeMap<String, String> {
    let uname = rustix::system::uname();
    let text = |s: &std::ffi::CStr| s.to_string_lossy().into_owned();
    let mut facts = BTreeMap::from([
        ("hostname".to_owned(), text(uname.nodename())),
        ("kernel".to_owned(), format!("{} {}", text(uname.sysname()), text(uname.release()))),
        ("machine".to_owned(), text(uname.machine())),
    ]);
    let mut add = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| (name.to_owned(), value)));
    };
    add("cpus", available_parallelism().ok().map(|n| n.to_string()));
    add("memory_mib", memory_mib());
    add("git", git_version(&tools.launcher, &CancellationToken::new()).await);
    facts
}

fn memory_mib() -> Option<String> {
    let info = fs_err::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some((kib / 1024).to_string())
}
