//! Checkouts from real repositories: exactly the revision, clean, on its branch.

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use steading_wire::worker::{Ending, Primitive, Report};

use crate::harness::{Farm, assert_exit, attempt, shell, test};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("checkouts::exactly_the_revision_on_its_branch", exactly_the_revision),
        test("checkouts::a_workspace_is_clean_again", a_workspace_is_clean_again),
        test("checkouts::a_rewritten_branch_is_no_obstacle", a_rewritten_branch_is_no_obstacle),
        test("checkouts::what_does_not_exist_is_named", what_does_not_exist_is_named),
        test("checkouts::submodules_come_and_go", submodules_come_and_go),
        test("checkouts::hooks_never_run", hooks_never_run),
        test("checkouts::a_broken_workspace_is_made_anew", a_broken_workspace_is_made_anew),
        test("checkouts::a_broken_mirror_is_made_anew", a_broken_mirror_is_made_anew),
        test("checkouts::a_shallow_clone_is_a_repository_too", a_shallow_clone_is_fine),
        test("checkouts::two_builds_share_a_mirror", two_builds_share_a_mirror),
    ]
}

/// A repository somebody works in.
pub(crate) struct Repo {
    pub(crate) path: PathBuf,
}

impl Repo {
    pub(crate) fn new(path: PathBuf) -> Repo {
        std::fs::create_dir_all(&path).expect("a directory");
        let repo = Repo { path };
        repo.git(&["init", "--quiet", "--initial-branch=main"]);
        repo
    }

    #[expect(clippy::disallowed_methods, reason = "the tests' own git")]
    fn git(&self, arguments: &[&str]) -> String {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(&self.path)
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits a file; answers the revision.
    pub(crate) fn commit(&self, file: &str, text: &str) -> String {
        std::fs::write(self.path.join(file), text).expect("written");
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", text]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn checkout(&self, branch: &str, revision: &str) -> Primitive {
        checkout(&self.path, branch, revision, false)
    }
}

fn checkout(url: &Path, branch: &str, revision: &str, submodules: bool) -> Primitive {
    Primitive::Checkout {
        url: url.to_str().expect("text").to_owned(),
        branch: branch.to_owned(),
        revision: revision.to_owned(),
        submodules,
    }
}

async fn farm() -> (Farm, Repo) {
    let farm = Farm::start().await;
    let repo = Repo::new(farm.dir.path().join("repo"));
    farm.accept(attempt(1), "hello").await;
    (farm, repo)
}

fn read(farm: &Farm, file: &str) -> String {
    std::fs::read_to_string(farm.workspace("hello").join(file)).unwrap_or_default()
}

async fn stderr(farm: &Farm, step: i64) -> String {
    let log = farm.master.log(attempt(1), step, "stderr").await;
    String::from_utf8_lossy(&log.raw()).into_owned()
}

async fn exactly_the_revision() {
    let (farm, repo) = farm().await;
    let first = repo.commit("a", "one");
    let second = repo.commit("a", "two");
    repo.git(&["tag", "v1", &first]);
    for (step, revision, text) in [(1, &first, "one"), (2, &second, "two"), (3, &first, "one")] {
        let report = farm.step(attempt(1), step, repo.checkout("main", revision)).await;
        assert_exit(&report, 0);
        assert_eq!(read(&farm, "a"), text);
        let place = Repo { path: farm.workspace("hello") };
        assert_eq!(place.git(&["rev-parse", "HEAD"]), *revision);
        assert_eq!(place.git(&["symbolic-ref", "--short", "HEAD"]), "main");
        assert_eq!(place.git(&["remote", "get-url", "origin"]), repo.path.to_str().expect("text"));
    }
    farm.end().await;
}

async fn a_workspace_is_clean_again() {
    let (farm, repo) = farm().await;
    repo.commit(".gitignore", "target\n");
    let revision = repo.commit("a", "one");
    let run = async |step: i64, what: Primitive| {
        assert_exit(&farm.step(attempt(1), step, what).await, 0);
    };
    run(1, repo.checkout("main", &revision)).await;
    let mess = "echo x > a; mkdir -p target deep; touch target/o deep/f; git init -q nested
        git checkout -q -b other; git rm -q --cached a; touch .git/index.lock";
    run(2, shell(mess)).await;
    run(3, repo.checkout("main", &revision)).await;
    assert_eq!(read(&farm, "a"), "one");
    let place = Repo { path: farm.workspace("hello") };
    assert_eq!(place.git(&["status", "--porcelain", "--ignored"]), "");
    let mut left: Vec<_> = std::fs::read_dir(&place.path)
        .expect("a directory")
        .map(|e| e.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    left.sort();
    assert_eq!(left, [".git", ".gitignore", "a"]);
    farm.end().await;
}

async fn a_rewritten_branch_is_no_obstacle() {
    let (farm, repo) = farm().await;
    let first = repo.commit("a", "one");
    let gone = repo.commit("a", "gone");
    assert_exit(&farm.step(attempt(1), 1, repo.checkout("main", &gone)).await, 0);
    repo.git(&["reset", "--quiet", "--hard", &first]);
    let fresh = repo.commit("a", "fresh");
    assert_exit(&farm.step(attempt(1), 2, repo.checkout("main", &fresh)).await, 0);
    assert_eq!(read(&farm, "a"), "fresh");
    // What the branch no longer has is still built if it is asked for, also by a new worker.
    assert_exit(&farm.step(attempt(1), 3, repo.checkout("main", &gone)).await, 0);
    assert_eq!(read(&farm, "a"), "gone");
    std::fs::remove_dir_all(farm.dir.path().join("worker/mirrors")).expect("removed");
    std::fs::create_dir(farm.dir.path().join("worker/mirrors")).expect("made");
    assert_exit(&farm.step(attempt(1), 4, repo.checkout("main", &gone)).await, 0);
    // A branch that is gone altogether does not matter either.
    assert_exit(&farm.step(attempt(1), 5, repo.checkout("was-here", &fresh)).await, 0);
    farm.end().await;
}

async fn what_does_not_exist_is_named() {
    let (farm, repo) = farm().await;
    let revision = repo.commit("a", "one");
    let missing = "0123456789012345678901234567890123456789";
    let report = farm.step(attempt(1), 1, repo.checkout("main", missing)).await;
    assert_no_revision(&report, missing);
    assert!(!report.stderr_tail.is_empty(), "{report:#?}");
    assert!(stderr(&farm, 1).await.contains(missing));
    let report = farm.step(attempt(1), 2, repo.checkout("main", "HEAD")).await;
    assert_no_revision(&report, "`HEAD` is no full revision");
    let report = farm.step(attempt(1), 3, repo.checkout("--evil", &revision)).await;
    assert_no_revision(&report, "`--evil` is no name of a branch");
    let nowhere = checkout(&farm.dir.path().join("nowhere"), "main", &revision, false);
    let report = farm.step(attempt(1), 4, nowhere).await;
    let Ending::Infrastructure { code, text } = &report.ending else { panic!("{report:#?}") };
    assert_eq!(code, "fetch_failed");
    assert!(text.contains("nowhere could not be fetched"), "{text}");
    assert!(report.stderr_tail.contains("nowhere"), "{report:#?}");
    farm.end().await;
}

fn assert_no_revision(report: &Report, expected: &str) {
    let Ending::NoSuchRevision { text } = &report.ending else { panic!("{report:#?}") };
    assert!(text.contains(expected), "{text}");
}

async fn submodules_come_and_go() {
    let (farm, repo) = farm().await;
    let part = Repo::new(farm.dir.path().join("part"));
    part.commit("p", "part one");
    repo.git(&["submodule", "--quiet", "add", "../part", "sub"]);
    let first = repo.commit("a", "one");
    part.commit("p", "part two");
    repo.git(&["submodule", "--quiet", "update", "--remote"]);
    let second = repo.commit("a", "two");
    let with = |revision: &str| checkout(&repo.path, "main", revision, true);
    for (step, what, expected) in [
        (1, with(&first), "part one"),
        (2, with(&second), "part two"),
        (3, repo.checkout("main", &second), ""),
        (4, with(&first), "part one"),
    ] {
        let report = farm.step(attempt(1), step, what).await;
        assert_exit(&report, 0);
        assert_eq!(read(&farm, "sub/p"), expected, "step {step}");
    }
    farm.end().await;
}

async fn hooks_never_run() {
    let (farm, repo) = farm().await;
    let revision = repo.commit("a", "one");
    assert_exit(&farm.step(attempt(1), 1, repo.checkout("main", &revision)).await, 0);
    let hook = "mkdir -p .git/hooks; cd .git/hooks
        printf '#!/bin/sh\\ntouch ../hooked\\n' > post-checkout
        chmod +x post-checkout; cp post-checkout reference-transaction";
    assert_exit(&farm.step(attempt(1), 2, shell(hook)).await, 0);
    assert_exit(&farm.step(attempt(1), 3, repo.checkout("main", &revision)).await, 0);
    assert!(!farm.workspace("hello").with_file_name("hooked").exists());
    farm.end().await;
}

async fn a_broken_workspace_is_made_anew() {
    let (farm, repo) = farm().await;
    let revision = repo.commit("a", "one");
    assert_exit(&farm.step(attempt(1), 1, repo.checkout("main", &revision)).await, 0);
    assert_exit(
        &farm.step(attempt(1), 2, shell("rm -rf .git/objects; echo x > .git/HEAD")).await,
        0,
    );
    assert_exit(&farm.step(attempt(1), 3, repo.checkout("main", &revision)).await, 0);
    assert_eq!(read(&farm, "a"), "one");
    farm.end().await;
}

/// What may have become of a mirror: of objects that are files, of one that a cut left, of locks.
const DAMAGE: [&str; 5] = [
    "find objects -type f | while read -r file; do chmod u+w $file; : > $file; done",
    "git cat-file --batch-all-objects --batch-check | sed -n 's,^\\(..\\)\\(.*\\) blob .*,\\1/\\2,p' |
        while read -r file; do rm -f objects/$file; done",
    "echo another boot > steading-whole; : > refs/heads/main",
    "echo another boot > steading-whole; rm -rf objects/??",
    "touch packed-refs.lock shallow.lock refs/heads/main.lock",
];

async fn a_broken_mirror_is_made_anew() {
    let (farm, repo) = farm().await;
    let mut revision = repo.commit("a", "one");
    assert_exit(&farm.step(attempt(1), 1, repo.checkout("main", &revision)).await, 0);
    let mirrors = std::fs::read_dir(farm.dir.path().join("worker/mirrors")).expect("mirrors");
    let mut mirrors = mirrors.map(|entry| entry.expect("read").path());
    let mirror = mirrors.find(|path| path.extension().is_some_and(|e| e == "git")).expect("one");
    let mut step = 2;
    for damage in DAMAGE {
        for newer in [false, true] {
            let text = format!("{step}");
            if newer {
                revision = repo.commit("b", &text);
            }
            #[expect(clippy::disallowed_methods, reason = "a mirror is nobody's workspace")]
            let spoilt = std::process::Command::new("sh")
                .args(["-ec", damage])
                .current_dir(&mirror)
                .status();
            assert!(spoilt.expect("it starts").success(), "{damage}");
            assert_exit(&farm.step(attempt(1), step, shell("rm -rf .git")).await, 0);
            let checkout = repo.checkout("main", &revision);
            assert_exit(&farm.step(attempt(1), step + 1, checkout).await, 0);
            assert_eq!(read(&farm, "a"), "one", "{damage}");
            assert!(!newer || read(&farm, "b") == text, "{damage}");
            step += 2;
        }
    }
    farm.end().await;
}

async fn a_shallow_clone_is_fine() {
    let (farm, repo) = farm().await;
    repo.commit("a", "one");
    let revision = repo.commit("a", "two");
    let url = format!("file://{}", repo.path.display());
    repo.git(&["clone", "--quiet", "--depth=1", &url, "../shallow"]);
    let shallow = checkout(&farm.dir.path().join("shallow"), "main", &revision, false);
    assert_exit(&farm.step(attempt(1), 1, shallow).await, 0);
    assert_eq!(read(&farm, "a"), "two");
    farm.end().await;
}

async fn two_builds_share_a_mirror() {
    let (farm, repo) = farm().await;
    let revision = repo.commit("a", "one");
    farm.accept(attempt(2), "hello").await;
    farm.begin(attempt(1), 1, repo.checkout("main", &revision)).await;
    farm.begin(attempt(2), 1, repo.checkout("main", &revision)).await;
    for request in [1, 2] {
        farm.master
            .until("a good end", |seen| {
                seen.messages.iter().find_map(|m| match m {
                    steading_wire::worker::ToMaster::StepDone { attempt: a, report, .. }
                        if *a == attempt(request) =>
                    {
                        assert_exit(report, 0);
                        Some(())
                    }
                    _ => None,
                })
            })
            .await;
    }
    assert_eq!(read(&farm, "a"), "one");
    assert_eq!(read(&farm, "../hello-2/a"), "one");
    farm.end().await;
}
