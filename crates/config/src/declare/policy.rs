//! `policy(…)` and the terms of its order; what the user's functions may ask for.

use steading_core::farm::{Direction, FairBy, FunctionId, Term, TermKind};
use steading_core::words::Duration;

use crate::args::Args;
use crate::draft::{Declared, Draft, PolicyDraft};
use crate::functions::nearest;
use crate::input::{Input, Object, quoted};
use crate::place::Part;

/// A label in `explain` has at most so many characters.
const LABEL_CHARS_MAX: usize = 60;

/// Properties that a build gets when it begins: no request that waits has them.
const OF_BUILDS: [&str; 4] = ["build_number", "reason", "revision", "worker"];

/// What functions of a policy may look at.
const REQUEST_WORKER: [&str; 2] = ["request", "worker"];

pub(crate) fn policy(args: &mut Args, draft: &mut Draft) -> Object {
    let allow = args.function("allow").map(|function| {
        takes(args, draft, "allow", &[], function, &REQUEST_WORKER, "`allow`");
        let (request, worker) = depends_on(draft, function);
        (function, request, worker)
    });
    let order = order(args, draft);
    let collapse = args.function("collapse");
    if collapse.is_some_and(|function| draft.params_of(function) != ["a", "b"]) {
        let help = "write `collapse = lambda a, b: …`: a is the older request, b the newer";
        args.wrong_with("collapse", &[], "`collapse` takes exactly `a` and `b`", help);
    }
    let backfill = args.bool("backfill").unwrap_or(false);
    if let Some(earlier) = &draft.policy {
        let error = args.place().error(&[], "a farm has one policy");
        args.findings.push(error.note(format!("it was given at {}", earlier.place.location())));
    } else {
        let it = PolicyDraft { allow, order, collapse, backfill };
        draft.policy = Some(Declared { it, place: args.place().clone() });
    }
    Object::Declared("a policy")
}

fn order(args: &mut Args, draft: &Draft) -> Option<Vec<Term>> {
    let inputs = args.list("order", "terms")?;
    let mut terms = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let path = [Part::Item(index)];
        match input {
            Input::Object(Object::Term(term)) => terms.push(draft.terms[*term].clone()),
            Input::Function(_) => {
                let message = format!("element {} of `order` has no direction", index + 1);
                let help = "write highest(…) or lowest(…) around the function";
                args.wrong_with("order", &path, message, help);
            }
            other => {
                let what = "a term like highest(…), oldest() or fair(…)";
                args.refuse("order", &path, what, other);
            }
        }
    }
    Some(terms)
}

pub(crate) fn highest(args: &mut Args, draft: &mut Draft) -> Object {
    by_function(args, draft, Direction::Highest)
}

pub(crate) fn lowest(args: &mut Args, draft: &mut Draft) -> Object {
    by_function(args, draft, Direction::Lowest)
}

pub(crate) fn oldest(args: &mut Args, draft: &mut Draft) -> Object {
    term(args, draft, Direction::Lowest, TermKind::Submitted)
}

pub(crate) fn newest(args: &mut Args, draft: &mut Draft) -> Object {
    term(args, draft, Direction::Highest, TermKind::Submitted)
}

pub(crate) fn aging(args: &mut Args, draft: &mut Draft) -> Object {
    let written = args.any("period");
    let period = args.duration("period");
    if period.is_some_and(|p| p <= Duration::millis(0)) {
        let help = "write the time after which a request ranks higher, as in aging(\"30m\")";
        args.wrong_with("period", &[], "`period` of `aging` must be longer than nothing", help);
    }
    let (Some(period), Some(Input::Text(written))) = (period, written) else {
        return refused(args, "period");
    };
    let label = format!("aging({})", quoted(&written));
    labelled(args, draft, label, Direction::Highest, TermKind::Aging { period })
}

pub(crate) fn fair(args: &mut Args, draft: &mut Draft) -> Object {
    let Some(name) = args.text("by") else { return refused(args, "by") };
    let known = "builder, owner, repository, branch, or the name of a property";
    if name.trim().is_empty() {
        let message = "`by` of `fair` says what makes a group, and is empty";
        args.wrong_with("by", &[], message, format!("write {known}"));
    } else if OF_BUILDS.contains(&name.as_str()) {
        let message = format!("requests that wait have no property {}", quoted(&name));
        args.wrong_with("by", &[], message, format!("group them by {known}"));
    }
    let label = format!("fair(by = {})", quoted(&name));
    let by = match name.as_str() {
        "builder" => FairBy::Builder,
        "owner" => FairBy::Owner,
        "repository" => FairBy::Repository,
        "branch" => FairBy::Branch,
        _ => FairBy::Property(draft.property(name)),
    };
    labelled(args, draft, label, Direction::Lowest, TermKind::Fair { by })
}

/// The end of a term whose one argument was `None`, or wrong and reported.
fn refused(args: &mut Args, param: &'static str) -> Object {
    if !args.wrong() && !args.was_refused(param) {
        let message = format!("`{param}` is None");
        args.wrong_with(param, &[], message, "");
    }
    Object::Broken
}

fn by_function(args: &mut Args, draft: &mut Draft, direction: Direction) -> Object {
    let Some(function) = args.function("function") else { return Object::Broken };
    takes(args, draft, "function", &[], function, &REQUEST_WORKER, "a term of the order");
    let (request, worker) = depends_on(draft, function);
    term(args, draft, direction, TermKind::Function { function, request, worker })
}

fn term(args: &mut Args, draft: &mut Draft, direction: Direction, kind: TermKind) -> Object {
    let call = args.place().call().map(|c| c.text().to_owned()).unwrap_or_default();
    labelled(args, draft, label(&call), direction, kind)
}

fn labelled(
    args: &Args,
    draft: &mut Draft,
    label: String,
    direction: Direction,
    kind: TermKind,
) -> Object {
    if args.wrong() {
        return Object::Broken;
    }
    draft.terms.push(Term { label, direction, kind });
    Object::Term(draft.terms.len() - 1)
}

/// The text of a call on one line, shortened.
fn label(call: &str) -> String {
    let line = call.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LABEL_CHARS_MAX {
        return line;
    }
    let short: String = line.chars().take(LABEL_CHARS_MAX - 1).collect();
    format!("{short}…")
}

fn depends_on(draft: &Draft, function: FunctionId) -> (bool, bool) {
    let has = |name: &str| draft.params_of(function).iter().any(|p| p == name);
    (has("request"), has("worker"))
}

/// Checks that a function asks only for what it will be given, and for something at all.
pub(super) fn takes(
    args: &mut Args,
    draft: &Draft,
    param: &'static str,
    path: &[Part<'_>],
    function: FunctionId,
    known: &[&str],
    what: &str,
) {
    let params = draft.params_of(function).to_vec();
    let list = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(" and ");
    let offer = match known {
        [one] => format!("it is called with one argument, `{one}`"),
        _ => format!("it may take {list}; the names say what it depends on"),
    };
    if params.is_empty() {
        let message = format!("the function of {what} takes no argument");
        args.wrong_with(param, path, message, &offer);
    }
    for unknown in params.iter().filter(|p| !known.contains(&p.as_str())) {
        let message = format!("the function of {what} has a parameter `{unknown}`");
        let help = match nearest(unknown, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? {offer}"),
            None => offer.clone(),
        };
        args.wrong_with(param, path, message, help);
    }
}
