//! The poller against real git: every new commit, in order, once.
#![expect(clippy::disallowed_methods, reason = "tests drive git themselves")]

use std::path::Path;
use std::process::Command;

use steading_core::farm::Repository;
use steading_core::words::{Duration, Micros};
use steading_store::{Options, Store};

use super::{Mirrors, poll, resolve, tell};

/// A repository, a store and a mirror cache in a temporary directory.
struct World {
    directory: tempfile::TempDir,
    store: Store,
    repository: Repository,
}

impl World {
    fn new(branches: &[&str]) -> World {
        let directory = tempfile::tempdir().expect("a directory");
        let origin = directory.path().join("origin");
        std::fs::create_dir(&origin).expect("a directory");
        let repository = Repository {
            name: "origin".to_owned(),
            url: origin.display().to_string(),
            branches: branches.iter().map(|b| (*b).to_owned()).collect(),
            poll: Duration::seconds(1),
        };
        let store = open(directory.path());
        let world = World { directory, store, repository };
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.commit("first");
        world
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.directory.path().join("origin"), args)
    }

    fn commit(&self, file: &str) -> String {
        let path = self.directory.path().join("origin").join(file);
        std::fs::write(path, file).expect("a file");
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "-m", file]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn mirrors(&self) -> Mirrors {
        Mirrors::new(self.directory.path().join("mirrors"))
    }

    /// Looks once; gives branch and message of what was new, in order.
    async fn poll(&self) -> Vec<String> {
        let mirrors = self.mirrors();
        let added = poll(&self.store, &mirrors, &self.repository).await.expect("a look");
        let changes = self.store.read(move |r| added.iter().map(|id| r.change(*id)).collect());
        let changes: Vec<_> = changes.await.expect("changes");
        let said = |c: steading_core::words::Change| format!("{} {}", c.branch, c.message);
        changes.into_iter().flatten().map(said).collect()
    }

    /// The same directory, opened again: as after a restart.
    async fn restarted(self) -> World {
        self.store.close().await.expect("closes");
        let World { directory, store, repository } = self;
        drop(store);
        let store = open(directory.path());
        World { directory, store, repository }
    }
}

fn open(data: &Path) -> Store {
    Store::open(Options::new(data, || Micros(1_000_000))).expect("a store")
}

fn git(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(["-c", "user.name=T", "-c", "user.email=t@example.org"])
        .args(args)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn commits_are_found_in_order_and_once() {
    let world = World::new(&[]);
    assert_eq!(world.poll().await, Vec::<String>::new(), "the first look is the baseline");
    world.commit("a");
    world.commit("b");
    assert_eq!(world.poll().await, ["main a", "main b"]);
    assert_eq!(world.poll().await, Vec::<String>::new());
    world.commit("c");
    let world = world.restarted().await;
    assert_eq!(world.poll().await, ["main c"]);
    assert_eq!(world.poll().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_force_push_is_one_change_its_head() {
    let world = World::new(&[]);
    world.commit("a");
    world.poll().await;
    world.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    world.commit("x");
    world.commit("y");
    assert_eq!(world.poll().await, ["main y"]);
}

#[tokio::test]
async fn a_branch_that_comes_back_where_it_was_is_no_news() {
    let world = World::new(&["*"]);
    world.poll().await;
    world.git(&["checkout", "--quiet", "-b", "topic"]);
    world.commit("t");
    assert_eq!(world.poll().await, ["topic t"]);
    world.git(&["checkout", "--quiet", "main"]);
    world.git(&["branch", "--quiet", "-m", "topic", "parked-elsewhere"]);
    world.git(&["update-ref", "refs/kept", "parked-elsewhere"]);
    world.git(&["branch", "--quiet", "-D", "parked-elsewhere"]);
    assert_eq!(world.poll().await, Vec::<String>::new());
    world.git(&["branch", "--quiet", "topic", "refs/kept"]);
    assert_eq!(world.poll().await, Vec::<String>::new(), "its identity is known");
    world.git(&["checkout", "--quiet", "topic"]);
    world.commit("u");
    assert_eq!(world.poll().await, ["topic u"]);
}

#[tokio::test]
async fn unwatched_branches_are_not_looked_at() {
    let world = World::new(&["main", "release/*"]);
    world.poll().await;
    world.git(&["branch", "--quiet", "topic"]);
    world.git(&["branch", "--quiet", "release/1"]);
    assert_eq!(world.poll().await, ["release/1 first"]);
}

#[tokio::test]
async fn files_are_those_against_the_first_parent() {
    let world = World::new(&[]);
    world.poll().await;
    world.git(&["checkout", "--quiet", "-b", "side"]);
    world.commit("from the side");
    world.git(&["checkout", "--quiet", "main"]);
    world.commit("on main");
    world.git(&["merge", "--quiet", "--no-ff", "-m", "merge", "side"]);
    let mirrors = world.mirrors();
    let added = poll(&world.store, &mirrors, &world.repository).await.expect("a look");
    let newest = *added.last().expect("two changes");
    assert_eq!(added.len(), 2, "first-parent order: the side's own commit is not a change");
    let merge = world.store.read(move |r| r.change(newest)).await.expect("a read").expect("it");
    assert_eq!((merge.message.as_str(), merge.files), ("merge", vec!["from the side".to_owned()]));
}

#[tokio::test]
async fn a_missing_repository_is_named_with_what_git_said() {
    let world = World::new(&[]);
    std::fs::remove_dir_all(world.directory.path().join("origin")).expect("removed");
    let error = poll(&world.store, &world.mirrors(), &world.repository).await.expect_err("gone");
    let said = error.to_string();
    assert!(said.contains("ls-remote") && said.contains("does not"), "{said}");
}

#[tokio::test]
async fn names_are_made_full_revisions() {
    let world = World::new(&[]);
    let head = world.commit("a");
    let mirrors = world.mirrors();
    let resolved = resolve(&mirrors, &world.repository, None, None).await.expect("the head");
    assert_eq!((resolved.branch.as_str(), &resolved.revision), ("main", &head));
    let short = resolve(&mirrors, &world.repository, None, Some(&head[..8])).await;
    assert_eq!(short.expect("an abbreviation").revision, head);
    let error = resolve(&mirrors, &world.repository, Some("nope"), None).await.expect_err("none");
    assert_eq!(error.to_string(), "repository `origin` has no branch `nope`");
    let error = resolve(&mirrors, &world.repository, None, Some("beef")).await.expect_err("none");
    assert_eq!(error.to_string(), "repository `origin` has no revision `beef`");
}

#[tokio::test]
async fn a_change_that_is_told_is_not_found_again() {
    let world = World::new(&[]);
    world.poll().await;
    let head = world.commit("a");
    let mirrors = world.mirrors();
    let told = tell(&world.store, &mirrors, &world.repository, "main", &head).await;
    assert_eq!(told.expect("told").len(), 1);
    assert_eq!(world.poll().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_mirror_that_a_crash_left_broken_is_made_anew() {
    let world = World::new(&["main"]);
    assert!(world.poll().await.is_empty());
    world.commit("second");
    assert_eq!(world.poll().await, ["main second"]);
    let mirrors = world.mirrors();
    let mirror = mirrors.fetch(&world.repository).await.expect("fetched").directory().to_owned();
    for (number, broken) in ["packed-refs.lock", "refs/heads/main.lock", "HEAD"].iter().enumerate()
    {
        match *broken {
            "HEAD" => std::fs::remove_file(mirror.join("HEAD")).expect("removed"),
            lock => std::fs::write(mirror.join(lock), "").expect("written"),
        }
        world.commit(&format!("after {number}"));
        assert_eq!(world.poll().await, [format!("main after {number}")], "{broken}");
    }
}

#[tokio::test]
async fn a_password_in_an_address_is_not_shown() {
    let world = World::new(&["main"]);
    let url = "http://ann:s3cret@127.0.0.1:1/r.git".to_owned();
    let error = world.mirrors().heads(&Repository { url, ..world.repository.clone() }).await;
    let text = error.expect_err("nobody listens there").to_string();
    assert!(text.contains("***@127.0.0.1") && !text.contains("s3cret"), "{text}");
}
