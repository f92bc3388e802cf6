//! A shape, a colour and a word for every state: any two of the three would do.

use comfy_table::Color;
use serde_json::{Map, Value};

/// How a state looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// One character wide.
    pub(crate) glyph: &'static str,
    /// The word, as everywhere.
    pub(crate) word: &'static str,
    /// On terminals.
    pub(crate) colour: Option<Color>,
}

impl Look {
    /// Glyph and word.
    pub(crate) fn text(self) -> String {
        format!("{} {}", self.glyph, self.word)
    }
}

const LOOKS: &[Look] = &[
    at("✓", "success", Some(Color::Green)),
    at("!", "warnings", Some(Color::Yellow)),
    at("✗", "failure", Some(Color::Red)),
    at("–", "skipped", Some(Color::DarkGrey)),
    at("✱", "exception", Some(Color::Magenta)),
    at("↻", "retry", Some(Color::Blue)),
    at("⊘", "cancelled", Some(Color::DarkGrey)),
    at("○", "pending", None),
    at("◌", "claimed", Some(Color::Cyan)),
    at("⤳", "collapsed", Some(Color::DarkGrey)),
    at("●", "complete", None),
    at("▶", "running", Some(Color::Cyan)),
    at("◼", "cancelling", Some(Color::Yellow)),
    at("▷", "gathering", Some(Color::Cyan)),
    at("?", "lost", Some(Color::Yellow)),
    at("●", "finished", None),
    at("○", "offline", Some(Color::DarkGrey)),
    at("◌", "resetting", Some(Color::Yellow)),
    at("●", "ready", Some(Color::Green)),
    at("‖", "paused", Some(Color::Yellow)),
    at("‖", "draining", Some(Color::Yellow)),
    at("‖", "troubled", Some(Color::Red)),
    at("✗", "missing", Some(Color::Red)),
    at("◌", "waiting", Some(Color::Cyan)),
    at("✓", "sent", Some(Color::Green)),
    at("✗", "failed", Some(Color::Red)),
];

const fn at(glyph: &'static str, word: &'static str, colour: Option<Color>) -> Look {
    Look { glyph, word, colour }
}

/// How a word of a state or an outcome looks; words of later versions look plain.
pub(crate) fn look(word: &str) -> Look {
    LOOKS.iter().copied().find(|l| l.word == word).unwrap_or(at("·", "unknown", None))
}

/// The word that tells most of a row: its outcome if it has one, else where it is in its life.
pub(crate) fn state_of(row: &Map<String, Value>) -> &str {
    let word = |field: &str| row.get(field).and_then(Value::as_str);
    let ready = word("state") == Some("ready");
    if ready && row.get("paused_by").is_some_and(|by| !by.is_null()) {
        return "paused";
    }
    if ready && row.get("draining").and_then(Value::as_bool) == Some(true) {
        return "draining";
    }
    if ready && row.get("troubles").is_some_and(Value::is_array) {
        return "troubled";
    }
    let missing = row.get("missing_at").is_some_and(|at| !at.is_null());
    if missing && word("state") == Some("offline") {
        return "missing";
    }
    word("outcome").or_else(|| word("state")).unwrap_or("pending")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use steading_core::words::{BuildState, Outcome, RequestState, WorkerState};

    use super::*;

    #[test]
    fn every_state_and_outcome_has_a_look_of_its_own_name() {
        let outcomes = Outcome::ALL.map(Outcome::word);
        let words =
            [outcomes.as_slice(), RequestState::WORDS, BuildState::WORDS, WorkerState::WORDS];
        for word in words.concat() {
            assert_eq!(look(word).word, word);
        }
    }

    #[test]
    fn the_most_telling_word_is_shown() {
        let check = |row: Value, expected: &str| {
            let row = row.as_object().expect("an object");
            assert_eq!(state_of(row), expected);
        };
        check(json!({"state": "finished", "outcome": "failure"}), "failure");
        check(json!({"state": "running", "outcome": null}), "running");
        check(json!({"state": "ready", "paused_by": "eve", "draining": false}), "paused");
        check(json!({"state": "offline", "paused_by": "eve"}), "offline");
        check(json!({"state": "ready", "draining": true}), "draining");
        check(json!({"state": "offline", "draining": true}), "offline");
        let troubles = json!([{"code": "disk_full", "text": "no room"}]);
        check(json!({"state": "ready", "troubles": troubles}), "troubled");
        check(json!({"state": "offline", "troubles": troubles}), "offline");
        check(json!({"state": "ready", "troubles": null}), "ready");
        check(json!({"state": "offline", "missing_at": "2026-01-01T00:00:00Z"}), "missing");
        check(json!({"state": "offline", "missing_at": null}), "offline");
        check(json!({"complete_at": null, "outcome": null}), "pending");
    }
}
