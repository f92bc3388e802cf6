//! The house keeps its own rules: who may name whom, what a room may know, how long things may be.
//!
//! A failure names the file and the rule. Exceptions stand in `EXCEPTIONS` with a reason; the list
//! only shrinks.

mod edges;
mod lengths;
mod rooms;
mod sections;
mod sources;

/// `path: item` and why it may be longer than the limit, for now.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

/// Fails with every finding, a line each.
pub(crate) fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
