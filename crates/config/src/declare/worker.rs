//! `worker(…)` and `workers(…)`: machines, by name or by glob.

use steading_core::farm::WorkerSpec;

use super::names::{name, once};
use crate::args::Args;
use crate::draft::{Declared, Draft};
use crate::input::Object;

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
    let Some(name) = name else { return Object::Declared("a worker") };
    let earlier = draft.workers.iter().find(|w| w.it.name == name && w.it.pattern == pattern);
    if let Some(error) = once(args, param, "worker", &name, earlier) {
        args.findings.push(error);
        return Object::Declared("a worker");
    }
    let it = WorkerSpec { name, pattern, slots, labels };
    draft.workers.push(Declared { it, place: args.place().clone() });
    Object::Declared("a worker")
}
