//! `worker(…)` and `workers(…)`: machines, by name or by glob.

use steading_core::farm::{Reset, WorkerSpec};
use steading_core::words::Duration;

use super::names::{name, once};
use crate::args::Args;
use crate::draft::{Declared, Draft};
use crate::input::{Input, Object};

/// How long a reset may take unless said otherwise.
const RESET_TIMEOUT: Duration = Duration::seconds(300);

pub(crate) fn worker(args: &mut Args, draft: &mut Draft) -> Object {
    let name = name(args, "name");
    declare(args, draft, name, "name", false)
}

pub(crate) fn workers(args: &mut Args, draft: &mut Draft) -> Object {
    let glob = args.globs("glob").and_then(|globs| globs.into_iter().next());
    declare(args, draft, glob, "glob", true)
}

fn declare(
    args: &mut Args,
    draft: &mut Draft,
    name: Option<String>,
    param: &'static str,
    pattern: bool,
) -> Object {
    let slots = args.int("slots", 1).unwrap_or(1);
    let labels = args.labels("labels").unwrap_or_default();
    let max_builds = args.int("max_builds", 1);
    if max_builds.is_some_and(|most| most > slots) {
        let message = format!("`max_builds` has no effect: there are only {slots} slots");
        draft.findings.push(args.place().warning(&args.path_of("max_builds"), message));
    }
    let grace = args.duration("grace");
    let missing_after = args.duration("missing_after");
    let reset = reset(args, slots);
    let Some(name) = name else { return Object::Declared("a worker") };
    let earlier = draft.workers.iter().find(|w| w.it.name == name && w.it.pattern == pattern);
    if let Some(error) = once(args, param, "worker", &name, earlier) {
        args.findings.push(error);
        return Object::Declared("a worker");
    }
    let it = WorkerSpec { name, pattern, slots, labels, max_builds, grace, missing_after, reset };
    draft.workers.push(Declared { it, place: args.place().clone() });
    Object::Declared("a worker")
}

/// How it is brought back to a clean state. With more than one slot there is no moment between any
/// two builds: it must say after how many.
fn reset(args: &mut Args, slots: i64) -> Option<Reset> {
    let timeout = args.duration("reset_timeout");
    let every = args.int("reset_every", 1);
    let Some(given) = args.any("reset") else {
        for param in ["reset_timeout", "reset_every"] {
            if args.any(param).is_some() {
                args.wrong_with(param, &[], format!("`{param}` without `reset`"), "");
            }
        }
        return None;
    };
    let command = match given {
        Input::List(_) => args.texts("reset")?,
        other => {
            args.refuse("reset", &[], "a list of strings: the command and its arguments", &other);
            return None;
        }
    };
    if command.first().is_none_or(String::is_empty) {
        args.wrong_with("reset", &[], "a reset needs a command", "");
        return None;
    }
    if timeout.is_some_and(|timeout| timeout.0 == 0) {
        args.wrong_with("reset_timeout", &[], "`reset_timeout` must not be zero", "");
    }
    if slots > 1 && every.is_none() {
        let help = "a worker with several slots is reset after `reset_every` builds, once empty";
        args.wrong_with("reset", &[], "this worker never has a moment between two builds", help);
    }
    let timeout = timeout.unwrap_or(RESET_TIMEOUT);
    Some(Reset { command, timeout, every: every.unwrap_or(1) })
}
