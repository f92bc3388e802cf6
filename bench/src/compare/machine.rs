//! What everything ran on.

use std::time::Duration;

use super::system::{command, idle, output};

/// How long it is looked at before it counts as idle.
const LOOK: Duration = Duration::from_millis(200);
/// How often that is tried: what never rests is part of the measurement.
const LOOKS_MAX: usize = 25;
/// What share of the processors may be busy then, by systems that wait for their turn.
const BUSY_MAX: f64 = 0.05;

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

/// Waits until what the last system left behind is done, or for five seconds.
pub(crate) fn settle() {
    for _ in 0..LOOKS_MAX {
        let before = ticks();
        idle(LOOK);
        let after = ticks();
        let [busy, all] = [after.0 - before.0, after.1 - before.1];
        if busy <= BUSY_MAX * all {
            return;
        }
    }
}

/// Of all processors, since the system started: the ticks in which they did something, and all.
fn ticks() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
    let all: f64 = ticks.iter().sum();
    // The fourth and the fifth: idle, and idle while something is written or read.
    let rests: f64 = ticks.iter().skip(3).take(2).sum();
    (all - rests, all)
}

/// Today, UTC.
pub(crate) fn today() -> String {
    output(command(&["date", "-u", "+%Y-%m-%d %H:%M UTC"])).unwrap_or_default().trim().to_owned()
}
