//! `git(…)`: a repository the farm watches and checks out.

use std::path::{Component, Path, PathBuf};

use steading_core::farm::Repository;
use steading_core::words::Duration;

use super::names::once;
use crate::args::Args;
use crate::draft::{Declared, Draft};
use crate::input::Object;

/// How often a repository is looked at unless said otherwise.
const POLL_DEFAULT: Duration = Duration::seconds(30);
/// Looking more often than this only loads the server.
const POLL_LEAST: Duration = Duration::seconds(1);

pub(crate) fn git(args: &mut Args, draft: &mut Draft) -> Object {
    let name = args.text("url");
    let branches = args.globs("branches").unwrap_or_default();
    let poll = args.duration("poll").unwrap_or(POLL_DEFAULT);
    if poll < POLL_LEAST {
        args.wrong_with("poll", &[], "`poll` of `git` must be at least \"1s\"", "");
    }
    let Some(name) = name else { return Object::Broken };
    if name.is_empty() || name.starts_with('-') || name.chars().any(char::is_control) {
        args.wrong_with("url", &[], "this is neither a URL nor a path of a repository", "");
        return Object::Broken;
    }
    let earlier = draft.repositories.iter().find(|r| r.it.name == name);
    if let Some(error) = once(args, "url", "repository", &name, earlier) {
        args.findings.push(error.help("declare it once and use what `git` answered"));
    } else {
        let url = address(&name, &draft.root);
        let it = Repository { name: name.clone(), url, branches, poll };
        draft.repositories.push(Declared { it, place: args.place().clone() });
    }
    Object::Repository(name)
}

/// Where to fetch from: URLs and `host:path` as written, paths made absolute from the farm.
fn address(written: &str, root: &Path) -> String {
    if is_remote(written) {
        return written.to_owned();
    }
    let mut clean = PathBuf::new();
    for component in root.join(written).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean.to_string_lossy().into_owned()
}

/// Whether git would go over a link: a scheme, or `host:path` with the colon before any slash.
pub(crate) fn is_remote(written: &str) -> bool {
    let host_and_path = written.find(':').is_some_and(|colon| !written[..colon].contains('/'));
    written.contains("://") || host_and_path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_farm_and_addresses_stay() {
        let check = |written, expected| {
            assert_eq!(address(written, Path::new("/farms/a")), expected, "{written}");
        };
        check("https://git.example.org/hello.git", "https://git.example.org/hello.git");
        check("git@example.org:hello.git", "git@example.org:hello.git");
        check("../hello", "/farms/hello");
        check(".", "/farms/a");
        check("/srv/hello.git", "/srv/hello.git");
        check("./a:b", "/farms/a/a:b");
    }
}
