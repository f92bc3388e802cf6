//! Workers: who is there, what they do, and who keeps them from it.

use std::collections::BTreeMap;

use serde::Serialize;
use steading_core::words::{Reason, Value};

use super::code::Subjects;
use super::frame::{Surround, health};
use super::line::{BuildLine, line};
use super::mark::{self, Mark};
use super::row::Row;
use super::when::{When, ago};
use super::words::{sentence, size};

/// How many slots are drawn; more are only counted.
const SLOTS_DRAWN_MAX: i64 = 32;

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Workers {
    /// The answer.
    pub(crate) headline: String,
    /// Each worker.
    pub(crate) items: Vec<WorkerLine>,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WorkerLine {
    /// Its name.
    pub(crate) name: String,
    /// How it stands.
    pub(crate) mark: Mark,
    /// Builds it may run at once.
    pub(crate) slots: i64,
    /// Builds it runs.
    pub(crate) busy: usize,
    /// Its slots to draw: true for busy.
    pub(crate) drawn: Vec<bool>,
    /// What it runs.
    pub(crate) builds: Vec<BuildLine>,
    /// Who paused it.
    pub(crate) paused_by: String,
    /// Why they did.
    pub(crate) paused_why: String,
    /// Whether it takes nothing new.
    pub(crate) draining: bool,
    /// Who drains it and why, if a person does.
    pub(crate) drained: String,
    /// Why it is in quarantine, or takes one build at a time after one.
    pub(crate) quarantine: String,
    /// What it found itself to take nothing for.
    pub(crate) troubles: Vec<String>,
    /// Why its last reset failed, if it did.
    pub(crate) reset_error: String,
    /// What it offers.
    pub(crate) labels: Vec<String>,
    /// Its Steading version.
    pub(crate) version: String,
    /// Its machine.
    pub(crate) facts: Vec<(String, String)>,
    /// When its session began.
    pub(crate) connected: Option<When>,
    /// When its last session ended.
    pub(crate) lost: Option<When>,
}

/// The view of all workers.
pub(crate) fn workers(surround: &Surround, live: &[Row], subjects: &Subjects) -> Workers {
    let items: Vec<WorkerLine> =
        surround.workers.iter().map(|w| worker(w, surround, live, subjects)).collect();
    let busy: usize = items.iter().map(|w| w.busy).sum();
    let slots: i64 = items.iter().filter(|w| w.mark.look != "wait").map(|w| w.slots).sum();
    let headline = match items.len() {
        0 => "No worker has ever connected".to_owned(),
        _ => {
            let health = sentence(&health(&surround.workers).1);
            match busy {
                0 => format!("{health}, all idle"),
                _ => format!("{health}, {busy} of {slots} slots busy"),
            }
        }
    };
    Workers { headline, items }
}

fn worker(row: &Row, surround: &Surround, live: &[Row], subjects: &Subjects) -> WorkerLine {
    let now = surround.now;
    let own = live.iter().filter(|b| b.text("worker") == row.text("name"));
    let builds: Vec<BuildLine> = own.map(|b| line(b, subjects, now)).collect();
    let busy = builds.len();
    let slots = row.int("slots");
    let drawn = (0..slots.min(SLOTS_DRAWN_MAX)).map(|i| usize::try_from(i).is_ok_and(|i| i < busy));
    let labels: BTreeMap<String, Value> = row.json("labels").unwrap_or_default();
    let facts: BTreeMap<String, serde_json::Value> = row.json("facts").unwrap_or_default();
    let connected = row.text("state") != "offline";
    let troubles: Vec<Reason> = row.json("troubles").unwrap_or_default();
    WorkerLine {
        name: row.text("name").to_owned(),
        mark: mark::of_worker(row),
        slots,
        busy,
        drawn: drawn.collect(),
        builds,
        paused_by: row.text("paused_by").to_owned(),
        paused_why: row.text("paused_why").to_owned(),
        draining: row.flag("draining"),
        drained: match (row.text("draining_by"), row.text("draining_why")) {
            ("", _) => String::new(),
            (by, "") => format!("by {by}"),
            (by, why) => format!("by {by}: {why}"),
        },
        quarantine: match row.time("quarantined_until") {
            None => String::new(),
            Some(until) if until > now => {
                format!("{} left: {}", until.since(now), row.text("quarantined_why"))
            }
            Some(_) => format!("takes one build at a time: {}", row.text("quarantined_why")),
        },
        troubles: troubles.into_iter().filter(|_| connected).map(|it| it.text).collect(),
        reset_error: row.text("reset_error").to_owned(),
        labels: labels.iter().map(|(name, value)| format!("{name} = {value}")).collect(),
        version: row.text("version").to_owned(),
        facts: facts.iter().map(|(name, value)| fact(name, value)).collect(),
        connected: row.time("connected_at").filter(|_| connected).map(|at| ago(at, now)),
        lost: row.time("lost_at").filter(|_| !connected).map(|at| ago(at, now)),
    }
}

/// A fact for people: `memory_mib 24152` is `memory 23 GiB`.
fn fact(name: &str, value: &serde_json::Value) -> (String, String) {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (name.strip_suffix("_mib"), text.parse::<i64>()) {
        (Some(name), Ok(mib)) => (name.replace('_', " "), size(mib.saturating_mul(1 << 20))),
        _ => (name.replace('_', " "), text),
    }
}

#[cfg(test)]
mod tests {
    use steading_core::words::Cell;

    use super::*;

    #[test]
    fn facts_are_said_in_round_numbers() {
        let check = |name: &str, value: serde_json::Value, expected: (&str, &str)| {
            assert_eq!(fact(name, &value), (expected.0.to_owned(), expected.1.to_owned()));
        };
        check("memory_mib", "24152".into(), ("memory", "23 GiB"));
        check("disk_free_mib", 68_517.into(), ("disk free", "66 GiB"));
        check("kernel", "Linux 6.18".into(), ("kernel", "Linux 6.18"));
    }

    #[test]
    fn slots_are_derived_from_builds() {
        let barn = Row::from_iter([
            ("name", Cell::from("barn")),
            ("state", "ready".into()),
            ("slots", 3.into()),
        ]);
        let build = Row::from_iter([("worker", Cell::from("barn")), ("state", "running".into())]);
        let surround = Surround { workers: vec![barn], ..Surround::default() };
        let view = workers(&surround, &[build], &Subjects::new());
        assert_eq!(view.headline, "1 worker ready, 1 of 3 slots busy");
        assert_eq!(view.items[0].drawn, [true, false, false]);
        assert_eq!(workers(&surround, &[], &Subjects::new()).headline, "1 worker ready, all idle");
    }
}
