//! What surrounds every page: where one is, how the farm is, what waits.

use serde::Serialize;
use steading_core::words::{EventKind, FarmRow, Micros};

use super::mark::{self, Mark, saying};
use super::row::Row;

/// What every page needs to know of the farm.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surround {
    /// The time of the read.
    pub(crate) now: Micros,
    /// The newest event the read knows of.
    pub(crate) as_of: i64,
    /// The workers.
    pub(crate) workers: Vec<Row>,
    /// Pending requests, oldest first; perhaps not all.
    pub(crate) pending: Vec<Row>,
    /// How many requests are pending in all.
    pub(crate) waiting: i64,
    /// Whether the farm starts builds, and why not.
    pub(crate) farm: FarmRow,
}

/// The frame as templates see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Frame {
    /// The title: it answers the page's question.
    pub(crate) title: String,
    /// The navigation entry this page belongs to.
    pub(crate) here: &'static str,
    /// How the workers are.
    pub(crate) health: Mark,
    /// The same in words with numbers.
    pub(crate) health_text: String,
    /// How many requests wait.
    pub(crate) waiting: i64,
    /// Why nothing is started; empty when builds are.
    pub(crate) held: String,
    /// Whether a person may let it go on.
    pub(crate) held_by_person: bool,
    /// Where live events continue.
    pub(crate) as_of: i64,
    /// The nouns whose events make this page newer, or empty when nothing does.
    pub(crate) live: &'static str,
    /// The kinds of those events.
    pub(crate) kinds: String,
    /// The time of the read, in milliseconds since 1970.
    pub(crate) now_ms: i64,
    /// The one row the page is about, as `build:17`; empty when it is about many.
    pub(crate) scope: String,
    /// Whether buttons are shown.
    pub(crate) may_write: bool,
    /// Who is signed in.
    pub(crate) caller: String,
}

/// Who looks at a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    /// Their name.
    pub(crate) name: String,
    /// Whether buttons are shown to them.
    pub(crate) may_write: bool,
}

/// The frame of a page about `scope` (or about many) that events of the nouns `live` make newer.
pub(crate) fn frame(
    surround: &Surround,
    reader: &Reader,
    here: &'static str,
    title: &str,
    live: &'static str,
) -> Frame {
    let (health, health_text) = health(&surround.workers);
    let kinds: Vec<&str> = EventKind::ALL
        .iter()
        .map(|kind| kind.word())
        .filter(|word| live.split(',').any(|noun| word.split('.').next() == Some(noun)))
        .collect();
    Frame {
        title: title.to_owned(),
        here,
        health,
        health_text,
        waiting: surround.waiting,
        held: surround.farm.held().unwrap_or_default(),
        held_by_person: surround.farm.paused.is_some(),
        as_of: surround.as_of,
        live,
        kinds: kinds.join(" "),
        now_ms: surround.now.0 / 1000,
        scope: String::new(),
        may_write: reader.may_write,
        caller: reader.name.clone(),
    }
}

/// The state of all workers in a mark and a few words.
pub(crate) fn health(workers: &[Row]) -> (Mark, String) {
    let ready = workers.iter().filter(|w| w.text("state") == "ready").count();
    let paused = |w: &&Row| w.text("state") == "ready" && w.maybe_text("paused_by").is_some();
    let troubled = |w: &&Row| w.text("state") == "ready" && !paused(w) && mark::troubled(w);
    let troubled = workers.iter().filter(troubled).count();
    let paused = workers.iter().filter(paused).count();
    match (workers.len(), ready) {
        (0, _) => (saying("wait", "dash", "no workers"), "no worker has ever connected".into()),
        (_, 0) => (saying("bad", "cross", "no worker"), "no worker is connected".into()),
        (_, ready) if paused == ready => {
            (saying("warn", "pause", "paused"), "every connected worker is paused".into())
        }
        (_, ready) if paused + troubled == ready => {
            (saying("bad", "pause", "troubled"), "no connected worker takes anything".into())
        }
        (all, ready) => {
            let able = ready - paused - troubled;
            let of = if able == all { String::new() } else { format!(" of {all}") };
            let workers = if all == 1 { "worker" } else { "workers" };
            let paused = if paused > 0 { format!(", {paused} paused") } else { String::new() };
            let troubled =
                if troubled > 0 { format!(", {troubled} troubled") } else { String::new() };
            let text = format!("{able}{of} {workers} ready{paused}{troubled}");
            (saying("ok", "tick", "ready"), text)
        }
    }
}

#[cfg(test)]
mod tests {
    use steading_core::words::Cell;

    use super::*;

    #[test]
    fn health_says_what_is_the_matter() {
        let worker = |state: &str, paused: Option<&str>| {
            Row::from_iter([("state", Cell::from(state)), ("paused_by", paused.into())])
        };
        let check = |workers: &[Row], expected: &str| assert_eq!(health(workers).1, expected);
        check(&[], "no worker has ever connected");
        check(&[worker("offline", None)], "no worker is connected");
        check(&[worker("ready", Some("ann"))], "every connected worker is paused");
        check(&[worker("ready", None), worker("offline", None)], "1 of 2 workers ready");
        check(&[worker("ready", None)], "1 worker ready");
        let paused = [worker("ready", None), worker("ready", Some("ann"))];
        check(&paused, "1 of 2 workers ready, 1 paused");
        let full = Row::from_iter([("state", Cell::from("ready")), ("troubles", "[…]".into())]);
        check(&[worker("ready", None), full.clone()], "1 of 2 workers ready, 1 troubled");
        check(&[full, worker("ready", Some("ann"))], "no connected worker takes anything");
    }
}
