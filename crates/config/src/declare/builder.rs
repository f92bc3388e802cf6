//! `builder(…)`: a recipe.

use steading_core::farm::Rerun;

use super::locks::locks;
use super::names::{bound, name, once};
use super::sizes::bytes;
use crate::args::Args;
use crate::draft::{BuilderDraft, Declared, Draft};
use crate::input::{Input, Object, quoted};
use crate::place::Part;

pub(crate) fn builder(args: &mut Args, draft: &mut Draft) -> Object {
    let name = name(args, "name");
    let steps = steps(args);
    let requires = args.labels("requires").unwrap_or_default();
    let workers = args.globs("workers").unwrap_or_default();
    let locks = locks(args, draft);
    let max_builds = args.int("max_builds", 1);
    let max_wait = bound(args, "max_wait");
    let log_limit = bytes(args, "log_limit");
    let retries = args.int("retries", 1);
    let rerun = rerun(args);
    let Some(name) = name else { return Object::Declared("a builder") };
    let earlier = draft.builders.iter().find(|b| b.it.name == name);
    if let Some(error) = once(args, "name", "builder", &name, earlier) {
        args.findings.push(error);
    } else {
        let it = BuilderDraft {
            name,
            steps,
            requires,
            workers,
            locks,
            max_builds,
            max_wait,
            log_limit,
            retries,
            rerun,
        };
        draft.builders.push(Declared { it, place: args.place().clone() });
    }
    Object::Declared("a builder")
}

/// Whether a build that was lost may be run again.
fn rerun(args: &mut Args) -> Rerun {
    match args.text("rerun").as_deref() {
        None | Some("safe") => Rerun::Safe,
        Some("never") => Rerun::Never,
        Some(other) => {
            let message = format!("`rerun` is {}", quoted(other));
            let help = "write \"safe\" if a lost build may be run again, \"never\" if it may not";
            args.wrong_with("rerun", &[], message, help);
            Rerun::Safe
        }
    }
}

fn steps(args: &mut Args) -> Vec<usize> {
    let Some(inputs) = args.list("steps", "steps") else { return vec![] };
    if inputs.is_empty() {
        let help = "give it at least one, as in `steps = [shell(\"make\")]`";
        args.wrong_with("steps", &[], "a builder without steps builds nothing", help);
    }
    let mut steps = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let path = [Part::Item(index)];
        match input {
            Input::Object(Object::Step(step)) => steps.push(*step),
            Input::List(_) => {
                let message = format!("element {} of `steps` is a list", index + 1);
                args.wrong_with("steps", &path, message, "join lists of steps with `+`");
            }
            other => args.refuse("steps", &path, "a step", other),
        }
    }
    steps
}
