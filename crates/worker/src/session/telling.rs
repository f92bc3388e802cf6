//! When a master is told that the machine is otherwise: of troubles at once, of figures that moved
//! by much now and then, of nothing twice.

use std::collections::BTreeMap;

use steading_wire::worker::Machine;

/// Heartbeats between two that tell of facts alone: a minute.
const BEATS: u32 = 20;
/// A figure in MiB has moved by much when it did by an eighth, and by this.
const MUCH_MIB: u64 = 64;

/// What was said on the link that stands, and what is the case.
#[derive(Debug, Default)]
pub(super) struct Telling {
    said: Machine,
    now: Machine,
    /// Heartbeats since something was said.
    beats: u32,
}

impl Telling {
    /// The machine was looked at. True when the master is to be told now.
    pub(super) fn observe(&mut self, machine: Machine) -> bool {
        self.now = machine;
        self.is_urgent()
    }

    /// A heartbeat is sent: what it tells of the machine.
    pub(super) fn beat(&mut self) -> Option<Machine> {
        self.beats = self.beats.saturating_add(1);
        let moved = self.beats >= BEATS && have_moved(&self.said.facts, &self.now.facts);
        (self.is_urgent() || moved).then(|| self.whole())
    }

    /// All of it, which is said now.
    pub(super) fn whole(&mut self) -> Machine {
        self.beats = 0;
        self.said = self.now.clone();
        self.now.clone()
    }

    /// Its texts have figures that go on moving: what counts is which troubles there are.
    fn is_urgent(&self) -> bool {
        let codes = |of: &Machine| of.troubles.iter().map(|it| it.code.clone()).collect::<Vec<_>>();
        codes(&self.said) != codes(&self.now)
    }
}

fn have_moved(said: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> bool {
    let moved = |(name, value): (&String, &String)| match said.get(name) {
        Some(before) if name.ends_with("_mib") => {
            match (before.parse::<u64>(), value.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.abs_diff(b) >= (a.max(b) / 8).max(MUCH_MIB),
                _ => before != value,
            }
        }
        before => before != Some(value),
    };
    said.len() != now.len() || now.iter().any(moved)
}

#[cfg(test)]
mod tests {
    use steading_wire::worker::Reason;

    use super::*;

    fn machine(free_mib: &str, full: bool) -> Machine {
        let facts = BTreeMap::from([("disk_free_mib".to_owned(), free_mib.to_owned())]);
        let trouble = Reason::new("disk_full", format!("{free_mib} MiB left"));
        Machine { facts, troubles: full.then_some(trouble).into_iter().collect() }
    }

    #[test]
    fn troubles_are_told_at_once_and_once() {
        let mut telling = Telling::default();
        assert!(!telling.observe(machine("9000", false)));
        assert_eq!(telling.whole(), machine("9000", false), "the hello");
        assert_eq!(telling.beat(), None);
        assert!(telling.observe(machine("200", true)));
        assert_eq!(telling.beat(), Some(machine("200", true)));
        assert!(!telling.observe(machine("100", true)), "the same trouble");
        assert_eq!(telling.beat(), None);
        assert!(telling.observe(machine("9000", false)), "it is gone");
        assert_eq!(telling.beat(), Some(machine("9000", false)));
        assert_eq!(telling.beat(), None);
    }

    #[test]
    fn what_nobody_heard_is_in_the_next_hello() {
        let mut telling = Telling::default();
        assert!(telling.observe(machine("200", true)));
        let _ = telling.beat();
        assert_eq!(telling.whole(), machine("200", true), "whether the link stood or not");
    }

    #[test]
    fn facts_are_told_once_a_minute_and_only_when_they_moved_by_much() {
        let mut telling = Telling::default();
        telling.observe(machine("8000", false));
        let _ = telling.whole();
        let mut told = |free_mib: &str| {
            assert!(!telling.observe(machine(free_mib, false)), "never at once");
            (1..=BEATS).find(|_| telling.beat().is_some())
        };
        assert_eq!(told("7500"), None, "less than an eighth");
        assert_eq!(told("6900"), Some(1), "nothing was said for a minute");
        assert_eq!(told("5000"), Some(BEATS));
        assert_eq!(told("5000"), None);
    }

    #[test]
    fn a_fact_has_moved() {
        let facts = |text: &str| {
            let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let check = |said: &str, now: &str, expected| {
            assert_eq!(have_moved(&facts(said), &facts(now)), expected, "{said} → {now}");
        };
        check("work_mib=10", "work_mib=10", false);
        check("work_mib=10", "work_mib=73", false);
        check("work_mib=10", "work_mib=74", true);
        check("work_mib=8000", "work_mib=7001", false);
        check("work_mib=8000", "work_mib=7000", true);
        check("git=2.39", "git=2.40", true);
        check("", "work_mib=1", true);
        check("work_mib=1", "", true);
        check("work_mib=some", "work_mib=many", true);
    }
}
