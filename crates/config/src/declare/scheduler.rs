//! `on_change(…)`, `force(…)` and the fields of its form.

use steading_core::farm::{Param, ParamKind};

use super::names::{bound, name, once};
use super::step::repository;
use crate::args::Args;
use crate::draft::{Declared, Draft, SchedulerDraft, SchedulerKind};
use crate::functions::nearest;
use crate::input::{Input, Object, quoted};
use crate::place::Part;

/// How many quiet periods a change waits at most, unless said otherwise.
const MAX_WAIT_QUIETS: i64 = 10;

/// Properties every build has: a form may not set them.
const FARM_PROPERTIES: [&str; 8] =
    ["repository", "branch", "revision", "builder", "worker", "build_number", "reason", "owner"];

pub(crate) fn on_change(args: &mut Args, draft: &mut Draft) -> Object {
    let repository = repository(args);
    let builders = builders(args);
    let branches = args.globs("branch").unwrap_or_default();
    let files = args.globs("files").unwrap_or_default();
    let quiet = args.duration("quiet").unwrap_or_default();
    let max_wait = args.duration("max_wait");
    let priority = args.int("priority", i64::MIN).unwrap_or(0);
    let start_within = bound(args, "start_within");
    let cancel_superseded = args.bool("cancel_superseded").unwrap_or(false);
    let fail_fast = args.bool("fail_fast").unwrap_or(false);
    if max_wait.is_some_and(|max| max < quiet) {
        let help = "`max_wait` caps the quiet period that every further change begins anew";
        args.wrong_with("max_wait", &[], "`max_wait` is shorter than `quiet`", help);
    }
    let max_wait = max_wait.unwrap_or_else(|| quiet.times(MAX_WAIT_QUIETS));
    let given = args.any("name").is_some();
    let name = name(args, "name");
    if let (Some(repository), Some(_)) = (&repository, args.any("branch")) {
        unwatched(args, draft, repository, &branches);
    }
    if given && name.is_none() {
        return Object::Declared("a scheduler");
    }
    let kind = SchedulerKind::OnChange {
        repository,
        branches,
        files,
        quiet,
        max_wait,
        priority,
        cancel_superseded,
        fail_fast,
    };
    declare(args, draft, SchedulerDraft { name, builders, start_within, kind })
}

/// A branch nobody watches brings no change: said where it can be known.
fn unwatched(args: &mut Args, draft: &mut Draft, repository: &str, branches: &[String]) {
    let Some(watched) = draft.repositories.iter().find(|r| r.it.name == repository) else { return };
    if watched.it.branches.is_empty() {
        return;
    }
    let meets = |b: &String| watched.it.branches.iter().any(|w| crate::globs::may_meet(w, b));
    if let Some(branch) = branches.iter().find(|b| !meets(b)) {
        let message = format!("branch {} of this repository is not watched", quoted(branch));
        let note = format!("`branches` of `git` at {}", watched.place.location());
        let warning = args.place().warning(&args.path_of("branch"), message).note(note);
        draft.findings.push(warning.help("add it to `branches` of `git(…)`"));
    }
}

fn builders(args: &mut Args) -> Vec<String> {
    let given = args.any("builders");
    let builders = args.globs("builders").unwrap_or_default();
    if given == Some(Input::List(vec![])) {
        args.wrong_with("builders", &[], "a scheduler without builders does nothing", "");
    }
    builders
}

pub(crate) fn force(args: &mut Args, draft: &mut Draft) -> Object {
    let name = name(args, "name");
    let builders = builders(args);
    let mut params: Vec<Param> = Vec::new();
    let inputs = args.list("params", "choice(…) and text(…)").unwrap_or_default();
    for (index, input) in inputs.iter().enumerate() {
        let path = [Part::Item(index)];
        let Input::Object(Object::Param(at)) = input else {
            args.refuse("params", &path, "choice(…) or text(…)", input);
            continue;
        };
        let param = draft.params[*at].clone();
        if params.iter().any(|p| p.name == param.name) {
            let message = format!("the form has two fields named {}", quoted(&param.name));
            args.wrong_with("params", &path, message, "");
        }
        params.push(param);
    }
    let start_within = bound(args, "start_within");
    let Some(name) = name else { return Object::Declared("a scheduler") };
    let kind = SchedulerKind::Force { params };
    declare(args, draft, SchedulerDraft { name: Some(name), builders, start_within, kind })
}

fn declare(args: &mut Args, draft: &mut Draft, it: SchedulerDraft) -> Object {
    let earlier = draft.schedulers.iter().find(|s| it.name.is_some() && s.it.name == it.name);
    let name = it.name.clone().unwrap_or_default();
    if let Some(error) = once(args, "name", "scheduler", &name, earlier) {
        args.findings.push(error);
    } else {
        draft.schedulers.push(Declared { it, place: args.place().clone() });
    }
    Object::Declared("a scheduler")
}

pub(crate) fn choice(args: &mut Args, draft: &mut Draft) -> Object {
    let choices = match args.any("choices") {
        Some(Input::List(_)) => args.texts("choices").unwrap_or_default(),
        Some(other) => {
            args.refuse("choices", &[], "a list of strings", &other);
            vec![]
        }
        None => vec![],
    };
    if choices.is_empty() && !args.wrong() && !args.was_refused("choices") {
        args.wrong_with("choices", &[], "a choice needs something to choose from", "");
    }
    let default = args.text("default");
    if let Some(default) = default.as_ref().filter(|d| !choices.contains(d)) {
        let message = format!("{} is not among the choices", quoted(default));
        let near = nearest(default, choices.iter().map(String::as_str));
        let help = near.map(|n| format!("did you mean {}?", quoted(n))).unwrap_or_default();
        args.wrong_with("default", &[], message, help);
    }
    let default = default.or_else(|| choices.first().cloned());
    param(args, draft, ParamKind::Choice(choices), default)
}

pub(crate) fn text(args: &mut Args, draft: &mut Draft) -> Object {
    let default = args.text("default").unwrap_or_default();
    param(args, draft, ParamKind::Text, Some(default))
}

fn param(args: &mut Args, draft: &mut Draft, kind: ParamKind, default: Option<String>) -> Object {
    let name = name(args, "name");
    if let Some(name) = name.as_ref().filter(|n| FARM_PROPERTIES.contains(&n.as_str())) {
        let message = format!("every build has a property {} already", quoted(name));
        args.wrong_with("name", &[], message, "choose another name");
    }
    match name {
        Some(name) if !args.wrong() => {
            draft.params.push(Param { name, kind, default });
            Object::Param(draft.params.len() - 1)
        }
        _ => Object::Broken,
    }
}
