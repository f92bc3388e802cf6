//! The interpreter's errors as findings.

use std::collections::{BTreeMap, HashSet};

use starlark::analysis::AstModuleLint as _;
use starlark::environment::Globals;
use starlark::syntax::AstModule;
use starlark::{Error, ErrorKind};

use super::builtins::to_span;
use super::limits::Watch;
use crate::Diagnostic;
use crate::functions::nearest;

/// An error with its place, who called on the way, and what to do.
pub(super) fn diagnose(error: &Error, watch: Option<&Watch>) -> Diagnostic {
    let exceeded = watch.and_then(Watch::exceeded);
    let mut diagnostic = exceeded.unwrap_or_else(|| reword(error));
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
            let caller = to_span(caller, &mut files).location();
            let same = diagnostic.notes.iter().filter(|n| n.ends_with(&caller)).count();
            if same == 0 {
                diagnostic.notes.push(format!("called from {caller}"));
            }
        }
    }
    diagnostic
}

fn reword(error: &Error) -> Diagnostic {
    let text = error.without_diagnostic().to_string();
    match error.kind() {
        ErrorKind::StackOverflow(_) => Diagnostic::error("functions call each other too deep")
            .help("look for a function that calls itself without an end"),
        ErrorKind::Fail(message) => Diagnostic::error(message.to_string().trim()),
        _ => {
            let text = text.trim_start_matches("Parse error: ");
            let text = text.replace("object of type `farm_object`", "this object");
            let text = text.replace("Object of type `farm_object`", "this object");
            match text.split_once(", did you mean ") {
                Some((what, better)) => {
                    Diagnostic::error(sentence(what)).help(format!("did you mean {better}"))
                }
                None => Diagnostic::error(sentence(&text)),
            }
        }
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

/// Every name a file uses that exists nowhere; the interpreter itself would stop at the first.
pub(super) fn undefined_names(ast: &AstModule, globals: &Globals) -> Vec<Diagnostic> {
    let known: Vec<String> = globals.names().map(|n| n.as_str().to_owned()).collect();
    let set: HashSet<String> = known.iter().cloned().collect();
    let mut files = BTreeMap::new();
    let lints = ast.lint(Some(&set)).into_iter().filter(|l| l.short_name == "using-undefined");
    let findings = lints.map(|lint| {
        let span = to_span(&lint.location, &mut files);
        let name = span.text().to_owned();
        let error = span.mark(Diagnostic::error(format!("there is nothing named `{name}`")));
        match nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        }
    });
    findings.collect()
}
