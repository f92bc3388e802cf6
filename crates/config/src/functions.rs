//! The functions of `farm.star`: their names, their parameters, and what is still to come.
//!
//! One table: binding, suggestions and the "not implemented yet" answers all come from it.

use crate::args::Args;
use crate::declare;
use crate::draft::Draft;
use crate::input::Object;

/// A function a farm may call.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes; the first `positional` of them also by place.
    pub(crate) params: &'static [Param],
    /// How many may be given by place.
    pub(crate) positional: usize,
    /// Takes any number of further values by place, as its last positional parameter.
    pub(crate) rest: bool,
    /// Keywords that exist by name and are refused until they work.
    pub(crate) later: &'static [&'static str],
    /// What it does.
    pub(crate) run: Run,
}

/// What a function does with its arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// Of its own.
    Plain(fn(&mut Args, &mut Draft) -> Object),
    /// A method of a lock, with the lock's place in the draft.
    OfLock(fn(&mut Args, &mut Draft, usize) -> Object),
}

/// A parameter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Param {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it must be given.
    pub(crate) required: bool,
}

const fn must(name: &'static str) -> Param {
    Param { name, required: true }
}

const fn may(name: &'static str) -> Param {
    Param { name, required: false }
}

/// A function that works; the first `positional` of its parameters may be given by place.
const fn function(
    name: &'static str,
    run: fn(&mut Args, &mut Draft) -> Object,
    positional: usize,
    params: &'static [Param],
) -> Function {
    Function { name, params, positional, rest: false, later: &[], run: Run::Plain(run) }
}

const fn method(
    name: &'static str,
    run: fn(&mut Args, &mut Draft, usize) -> Object,
    params: &'static [Param],
) -> Function {
    let positional = params.len();
    Function { name, params, positional, rest: false, later: &[], run: Run::OfLock(run) }
}

/// Every function that works, in the order of the reference.
pub(crate) const FUNCTIONS: &[Function] = &[
    function("git", declare::git, 1, &[must("url"), may("branches"), may("poll")]),
    Function {
        later: &["isolation"],
        ..function(
            "worker",
            declare::worker,
            1,
            &[
                must("name"),
                may("slots"),
                may("labels"),
                may("max_builds"),
                may("grace"),
                may("missing_after"),
                may("reset"),
                may("reset_timeout"),
                may("reset_every"),
            ],
        )
    },
    Function {
        later: &["isolation"],
        ..function(
            "workers",
            declare::workers,
            1,
            &[
                must("glob"),
                may("slots"),
                may("labels"),
                may("max_builds"),
                may("grace"),
                may("missing_after"),
                may("reset"),
                may("reset_timeout"),
                may("reset_every"),
            ],
        )
    },
    function("lock", declare::lock, 1, &[must("name"), may("capacity"), may("per_worker")]),
    function(
        "builder",
        declare::builder,
        1,
        &[
            must("name"),
            must("steps"),
            may("requires"),
            may("workers"),
            may("locks"),
            may("max_builds"),
            may("max_wait"),
            may("retries"),
            may("rerun"),
            may("log_limit"),
        ],
    ),
    function(
        "checkout",
        declare::checkout,
        1,
        &[
            must("repo"),
            may("submodules"),
            may("name"),
            may("when"),
            may("on_failure"),
            may("always"),
            may("locks"),
        ],
    ),
    function(
        "shell",
        declare::shell,
        1,
        &[
            must("command"),
            may("name"),
            may("env"),
            may("workdir"),
            may("timeout"),
            may("idle_timeout"),
            may("when"),
            may("on_failure"),
            may("always"),
            may("locks"),
        ],
    ),
    function(
        "upload",
        declare::upload,
        1,
        &[must("paths"), may("name"), may("when"), may("on_failure"), may("always"), may("locks")],
    ),
    function("prop", declare::prop, 1, &[must("name"), may("default")]),
    Function { rest: true, ..function("join", declare::join, 1, &[must("parts")]) },
    function(
        "on_change",
        declare::on_change,
        1,
        &[
            must("repo"),
            must("builders"),
            may("branch"),
            may("files"),
            may("quiet"),
            may("max_wait"),
            may("priority"),
            may("start_within"),
            may("cancel_superseded"),
            may("fail_fast"),
            may("name"),
        ],
    ),
    function(
        "force",
        declare::force,
        1,
        &[must("name"), must("builders"), may("params"), may("start_within")],
    ),
    function("choice", declare::choice, 2, &[must("name"), must("choices"), may("default")]),
    function("text", declare::text, 1, &[must("name"), may("default")]),
    function(
        "notify",
        declare::notify,
        2,
        &[must("name"), must("to"), may("builders"), may("branch"), may("link")],
    ),
    function(
        "mail",
        declare::mail,
        1,
        &[must("to"), must("sender"), may("server"), may("security"), may("user"), may("password")],
    ),
    function("keep_free", declare::keep_free, 1, &[must("size")]),
    function("webhook", declare::webhook, 1, &[must("url"), may("key")]),
    function(
        "policy",
        declare::policy,
        0,
        &[may("allow"), may("order"), may("collapse"), may("backfill")],
    ),
    function("highest", declare::highest, 1, &[must("function")]),
    function("lowest", declare::lowest, 1, &[must("function")]),
    function("oldest", declare::oldest, 0, &[]),
    function("newest", declare::newest, 0, &[]),
    function("aging", declare::aging, 1, &[must("period")]),
    function("fair", declare::fair, 1, &[must("by")]),
];

/// The methods of a lock.
pub(crate) const LOCK_METHODS: &[Function] = &[
    method("counting", declare::counting, &[may("n")]),
    method("exclusive", declare::exclusive, &[]),
];

/// Names that exist and are refused until they work.
pub(crate) const LATER: &[&str] = &["after", "container", "cron", "secret"];

impl Function {
    /// Every keyword it knows, for suggestions.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &'static str> {
        self.params.iter().map(|p| p.name)
    }
}

/// The known name nearest to what was written, if any is near.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = if written.chars().count() <= 3 { 1 } else { 2 };
    let distances = known.into_iter().map(|k| (distance(written, k), k));
    distances.filter(|(d, _)| *d <= allowed).min().map(|(_, k)| k)
}

/// How many letters must be added, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_recognised() {
        let check = |written, expected| {
            assert_eq!(nearest(written, ["timeout", "env", "workdir"]), expected, "{written}");
        };
        check("timout", Some("timeout"));
        check("tiemout", Some("timeout"));
        check("evn", Some("env"));
        check("capacity", None);
        check("", None);
    }

    #[test]
    fn the_reference_names_every_function_and_what_is_to_come() {
        let reference = include_str!("../../../docs/farm-star.md");
        for function in FUNCTIONS {
            let heading = format!("`{}(", function.name);
            assert!(reference.contains(&heading), "docs/farm-star.md lacks {heading}…)`");
            for param in function.params.iter().filter(|p| !p.required) {
                let named = [format!("{} =", param.name), format!("`{}`", param.name)];
                let (function, param) = (function.name, param.name);
                assert!(named.iter().any(|n| reference.contains(n)), "`{param}` of {function}");
            }
        }
        let (_, to_come) = reference.split_once("## Not yet").expect("the list");
        let later = FUNCTIONS.iter().flat_map(|f| f.later).chain(LATER);
        for name in later {
            assert!(to_come.contains(name), "docs/farm-star.md lacks {name}");
        }
    }
}
