//! What everything ran on.

use super::system::{command, output};

/// One line: processors, memory, system, and how busy others keep it.
pub(crate) fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |model| model.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let kilobytes = memory.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok());
    let release = read("/etc/os-release");
    let system = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{model}, {cores} cores, {} GiB, {}, Linux {}",
        kilobytes.unwrap_or(0) >> 20,
        system.unwrap_or("unknown").trim_matches('"'),
        kernel.trim()
    )
}

/// How many others wanted a processor, on average of the last minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

/// Today, UTC.
pub(crate) fn today() -> String {
    output(command(&["date", "-u", "+%Y-%m-%d %H:%M UTC"])).unwrap_or_default().trim().to_owned()
}
