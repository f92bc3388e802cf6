//! The interpreter's errors as findings.

use std::collections::BTreeMap;

use starlark::{Error, ErrorKind};

use super::builtins::to_span;
use crate::Diagnostic;

/// A limit that evaluation may run into, for its message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Function calls and loop rounds.
    pub(super) ticks: u64,
    /// Bytes of all values.
    pub(super) heap_bytes: usize,
    /// What is limited: `farm.star`, `a function`.
    pub(super) what: &'static str,
}

/// An error with its place, what it called on the way, and what to do.
pub(super) fn diagnose(error: &Error, limits: Limits) -> Diagnostic {
    let text = error.without_diagnostic().to_string();
    let mut diagnostic = reword(error, &text, limits);
    let mut files = BTreeMap::new();
    let frames = error.call_stack().frames.iter().rev();
    let mut places: Vec<_> = frames.filter_map(|f| f.location.as_ref()).collect();
    let at = match error.span() {
        Some(span) => Some(span),
        None => (!places.is_empty()).then(|| places.remove(0)),
    };
    if let Some(at) = at {
        diagnostic = to_span(at, &mut files).mark(diagnostic);
        for caller in places.iter().filter(|p| **p != at) {
            let caller = to_span(caller, &mut files);
            diagnostic.notes.push(format!("called from {}", caller.location()));
        }
    }
    diagnostic
}

fn reword(error: &Error, text: &str, limits: Limits) -> Diagnostic {
    if text.contains("ticks has been exceeded") {
        let Limits { ticks, what, .. } = limits;
        let message = format!("{what} takes too long: the limit is {ticks} calls and loop rounds");
        return Diagnostic::error(message).help("look for a loop that has too many rounds");
    }
    if text.contains("Heap memory limit") {
        let mib = limits.heap_bytes / (1 << 20);
        let message = format!("{} needs too much memory: the limit is {mib} MiB", limits.what);
        let place = "the caret shows where it was noticed, perhaps a bit late";
        return Diagnostic::error(message).help(format!("look for what grows; {place}"));
    }
    match error.kind() {
        ErrorKind::StackOverflow(_) => Diagnostic::error("functions call each other too deep")
            .help("look for a function that calls itself without an end"),
        ErrorKind::Parser(_) => {
            Diagnostic::error(sentence(text.trim_start_matches("Parse error: ")))
        }
        ErrorKind::Fail(message) => Diagnostic::error(message.to_string()),
        ErrorKind::Scope(_) => match text.split_once(", did you mean ") {
            Some((what, better)) => {
                Diagnostic::error(sentence(what)).help(format!("did you mean {better}"))
            }
            None => Diagnostic::error(sentence(text)),
        },
        _ => Diagnostic::error(sentence(text)),
    }
}

/// Messages begin with a small letter here.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(a), Some(b)) if a.is_ascii_uppercase() && b.is_ascii_lowercase() => {
            format!("{}{}", a.to_ascii_lowercase(), &text[1..])
        }
        _ => text.to_owned(),
    }
}
