//! Steps: `checkout(…)`, `shell(…)`, `upload(…)`, and what they have in common.

use std::collections::BTreeMap;

use steading_core::farm::{Arg, Command, OnFailure, StepKind};

use super::locks::locks;
use super::names::step_name;
use super::policy::takes;
use crate::args::{Args, GLOB_HELP, check_glob};
use crate::draft::{Declared, Draft, StepDraft};
use crate::functions::nearest;
use crate::input::{Input, Object, quoted};
use crate::place::Part;

pub(crate) fn checkout(args: &mut Args, draft: &mut Draft) -> Object {
    let submodules = args.bool("submodules").unwrap_or(false);
    let repository = repository(args);
    let Some(repository) = repository else {
        common(args, draft, None, "checkout".to_owned());
        return Object::Broken;
    };
    let kind = StepKind::Checkout { repository, submodules };
    common(args, draft, Some(kind), "checkout".to_owned())
}

/// The repository a function was given.
pub(super) fn repository(args: &mut Args) -> Option<String> {
    match args.any("repo")? {
        Input::Object(Object::Repository(name)) => Some(name),
        other => {
            args.refuse("repo", &[], "a repository, as in `repo = git(\"…\")`", &other);
            None
        }
    }
}

pub(crate) fn shell(args: &mut Args, draft: &mut Draft) -> Object {
    let command = command(args);
    let derived = command.as_ref().map(first_word).unwrap_or_default();
    let env = env(args);
    let workdir = args.text("workdir");
    if let Some(workdir) = &workdir {
        check_below(args, "workdir", &[], workdir);
    }
    let timeout = args.duration("timeout");
    let idle_timeout = args.duration("idle_timeout");
    for (name, span) in [("timeout", timeout), ("idle_timeout", idle_timeout)] {
        if span.is_some_and(|s| s.0 == 0) {
            args.wrong_with(name, &[], format!("`{name}` of `shell` must not be zero"), "");
        }
    }
    let kind =
        command.map(|command| StepKind::Shell { command, env, workdir, timeout, idle_timeout });
    common(args, draft, kind, derived)
}

fn command(args: &mut Args) -> Option<Command> {
    const WHAT: &str = "a script (a string) or a list of words";
    match args.any("command")? {
        Input::Text(_) => {
            let script = args.text("command")?;
            if script.trim().is_empty() {
                args.wrong_with("command", &[], "an empty command does nothing", "");
            }
            Some(Command::Script(script))
        }
        Input::List(words) => {
            if words.is_empty() {
                args.wrong_with("command", &[], "an empty command does nothing", "");
            }
            let words = words.iter().enumerate();
            let words = words.filter_map(|(at, word)| args.arg("command", &[Part::Item(at)], word));
            Some(Command::Words(words.collect()))
        }
        Input::Object(Object::Arg(_)) => {
            let help = "write the words of the command as a list: [\"program\", prop(\"…\")]";
            args.wrong_with("command", &[], "a value never becomes a script", help);
            None
        }
        other => {
            args.refuse("command", &[], WHAT, &other);
            None
        }
    }
}

/// The name of a step from its command: the program, without its directory.
fn first_word(command: &Command) -> String {
    let word = match command {
        Command::Words(words) => match words.first() {
            Some(Arg::Text(word)) => Some(word.as_str()),
            _ => None,
        },
        Command::Script(script) => {
            let lines = script.lines().map(str::trim);
            let line = lines.filter(|l| !l.starts_with('#')).find(|l| !l.is_empty());
            let mut words = line.unwrap_or("").split_whitespace();
            words.find(|w| !w.contains('='))
        }
    };
    let program = word.and_then(|w| w.rsplit('/').next()).unwrap_or("");
    let plain = |c: &char| c.is_alphanumeric() || "._+-".contains(*c);
    let name: String = program.chars().take_while(plain).take(40).collect();
    if name.is_empty() { "shell".to_owned() } else { name }
}

fn env(args: &mut Args) -> BTreeMap<String, Arg> {
    let mut env = BTreeMap::new();
    for (key, input) in args.dict("env").unwrap_or_default() {
        if key.is_empty() || key.contains(['=', '\0']) {
            let message = format!("{} cannot be the name of a variable", quoted(&key));
            args.wrong_with("env", &[Part::Key(&key)], message, "");
        } else if key.starts_with("STEADING_") {
            let message = format!("{} is a name the farm keeps for itself", quoted(&key));
            args.wrong_with("env", &[Part::Key(&key)], message, "choose another name");
        } else if let Some(value) = args.arg("env", &[Part::Key(&key)], &input) {
            env.insert(key, value);
        }
    }
    env
}

pub(crate) fn upload(args: &mut Args, draft: &mut Draft) -> Object {
    let inputs = match args.any("paths") {
        Some(Input::List(inputs)) => inputs.into_iter().enumerate().collect(),
        Some(one) => vec![(usize::MAX, one)],
        None => vec![],
    };
    if inputs.is_empty() && matches!(args.any("paths"), Some(Input::List(_))) {
        args.wrong_with("paths", &[], "`upload` needs at least one path", "");
    }
    let mut paths = Vec::new();
    for (index, input) in inputs {
        let item = [Part::Item(index)];
        let path: &[Part<'_>] = if index == usize::MAX { &[] } else { &item };
        let Some(arg) = args.arg("paths", path, &input) else { continue };
        if let Arg::Text(glob) = &arg {
            check_path(args, path, glob);
        }
        paths.push(arg);
    }
    common(args, draft, Some(StepKind::Upload { paths }), "upload".to_owned())
}

fn check_path(args: &mut Args, path: &[Part<'_>], glob: &str) {
    if let Err(why) = check_glob(glob) {
        let message = format!("{} is not a glob: {why}", quoted(glob));
        args.wrong_with("paths", path, message, GLOB_HELP);
    } else {
        check_below(args, "paths", path, glob);
    }
}

fn check_below(args: &mut Args, param: &'static str, path: &[Part<'_>], written: &str) {
    if written.starts_with('/') || written.split('/').any(|segment| segment == "..") {
        let message = format!("{} is outside of the workspace", quoted(written));
        args.wrong_with(param, path, message, "write a path below the workspace");
    }
}

/// What all steps have; answers the step.
fn common(args: &mut Args, draft: &mut Draft, kind: Option<StepKind>, derived: String) -> Object {
    let name = step_name(args);
    let when = args.function("when");
    if let Some(function) = when {
        takes(args, draft, "when", &[], function, &["build"], "a step's condition");
    }
    let on_failure = on_failure(args);
    let always = args.bool("always").unwrap_or(false);
    let locks = locks(args, draft);
    let Some(kind) = kind else { return Object::Broken };
    let it = StepDraft { name, derived, kind, locks, when, on_failure, always };
    draft.steps.push(Declared { it, place: args.place().clone() });
    Object::Step(draft.steps.len() - 1)
}

fn on_failure(args: &mut Args) -> OnFailure {
    const WORDS: [(&str, OnFailure); 3] =
        [("fail", OnFailure::Fail), ("warn", OnFailure::Warn), ("ignore", OnFailure::Ignore)];
    let Some(word) = args.text("on_failure") else { return OnFailure::Fail };
    if let Some((_, meaning)) = WORDS.iter().find(|w| w.0 == word) {
        return *meaning;
    }
    let message = format!("`on_failure` cannot be {}", quoted(&word));
    let help = match nearest(&word, WORDS.iter().map(|w| w.0)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "write \"fail\", \"warn\" or \"ignore\"".to_owned(),
    };
    args.wrong_with("on_failure", &[], message, help);
    OnFailure::Fail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_called_after_its_program() {
        let check = |script: &str, expected: &str| {
            assert_eq!(first_word(&Command::Script(script.to_owned())), expected, "{script}");
        };
        check("cargo build --locked", "cargo");
        check("./scripts/test.sh --all", "test.sh");
        check("CC=clang make", "make");
        check("\n# build\n make docs\n", "make");
        check("(cd a; make)", "shell");
        check("echo; true", "echo");
        check("$TOOL", "shell");
    }
}
