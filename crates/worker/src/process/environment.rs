//! What a build sees of the worker's environment: all of it but what is the farm's own.

use std::env;
use std::ffi::OsString;

/// What git sets for its hooks: a worker started from one must not build in that repository.
const GITS_OWN: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// Whether a name belongs to the farm and never reaches a build.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with("STEADING_")
}

/// The worker's own environment without the farm's names and without its token, under any name.
pub(crate) fn inherited(token: &str) -> Vec<(OsString, OsString)> {
    env::vars_os().filter(|(name, value)| is_for_builds(name, value, token)).collect()
}

fn is_for_builds(name: &OsString, value: &OsString, token: &str) -> bool {
    let reveals = !token.is_empty() && value.to_string_lossy().contains(token);
    let name = name.to_string_lossy();
    !is_reserved(&name) && !GITS_OWN.contains(&&*name) && !reveals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_farms_own_names_and_its_token_stay_outside() {
        let check = |name: &str, value: &str, expected: bool| {
            assert_eq!(is_for_builds(&name.into(), &value.into(), "t0ken"), expected, "{name}");
        };
        check("PATH", "/bin", true);
        check("STEADING_TOKEN", "x", false);
        check("STEADING_", "x", false);
        check("AUTH", "Bearer t0ken", false);
        check("GIT_DIR", "/repo/.git", false);
        check("GIT_SSH_COMMAND", "ssh -i key", true);
        check("MY_STEADING_X", "x", true);
    }
}
