//! Limits for workspaces and mirrors, with real repositories and steps that run.

use std::path::Path;

use libtest_mimic::Trial;
use steading_wire::worker::ToWorker;

use crate::checkouts::Repo;
use crate::harness::{Farm, assert_exit, attempt, file, shell, test, until};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("room::a_workspace_nobody_needs_goes", a_workspace_nobody_needs_goes),
        test("room::a_mirror_nobody_needs_goes_and_comes_again", a_mirror_goes_and_comes_again),
    ]
}

fn count(dir: &Path, suffix: &str) -> usize {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let names = entries.map(|entry| entry.expect("read").file_name());
    names.filter(|name| name.to_string_lossy().ends_with(suffix)).count()
}

async fn a_workspace_nobody_needs_goes() {
    let farm = Farm::start_with(|options| options.work_bytes_max = Some(1 << 20)).await;
    for (request, builder) in [(1, "first"), (2, "second")] {
        farm.accept(attempt(request), builder).await;
        let fill = "head -c 800000 /dev/urandom > fill; mkdir shut; : > shut/x; chmod 500 shut";
        assert_exit(&farm.step(attempt(request), 1, shell(fill)).await, 0);
    }
    // Two are too many, and both are in use.
    let wait = shell("echo begun > pid; while [ ! -e go ]; do sleep 0.01; done; test -e fill");
    let second = farm.dir.path().join("worker/work/second-2");
    farm.begin(attempt(2), 2, wait).await;
    file(&second.join("pid")).await;
    assert!(farm.workspace("first").join("fill").exists());
    farm.master.say(ToWorker::Finish { attempt: attempt(1) }).await;
    until("room", || (!farm.workspace("first").exists()).then_some(())).await;
    std::fs::write(second.join("go"), "").expect("written");
    assert_exit(&farm.report(attempt(2), 2).await, 0);
    // Who builds there again begins anew.
    farm.accept(attempt(3), "first").await;
    assert_exit(&farm.step(attempt(3), 1, shell("test ! -e fill")).await, 0);
    farm.end().await;
}

async fn a_mirror_goes_and_comes_again() {
    let farm = Farm::start_with(|options| options.mirror_bytes_max = Some(1 << 20)).await;
    let noise = |seed: u8| {
        let mut x = u64::from(seed);
        let next = |_| {
            x = x * 16_807 % 2_147_483_647;
            char::from(b'!' + u8::try_from(x % 90).expect("small"))
        };
        (0..900_000).map(next).collect::<String>()
    };
    let mut heads = Vec::new();
    for (seed, name) in [(1, "one"), (2, "two")] {
        let repo = Repo::new(farm.dir.path().join(name));
        let text = noise(seed);
        std::fs::write(repo.path.join("noise"), text).expect("written");
        let head = repo.commit("a", name);
        heads.push((repo, head));
    }
    let mirrors = farm.dir.path().join("worker/mirrors");
    farm.accept(attempt(1), "hello").await;
    for (step, at) in [(1, 0), (2, 1), (3, 0)] {
        let (repo, head) = &heads[at];
        assert_exit(&farm.step(attempt(1), step, repo.checkout("main", head)).await, 0);
        assert!(farm.workspace("hello").join("noise").exists());
        let (request, builder) = (attempt(10 + step), format!("other-{step}"));
        // A workspace that is given back makes the worker look.
        farm.accept(request, &builder).await;
        farm.master.say(ToWorker::Finish { attempt: request }).await;
        until("one mirror", || (count(&mirrors, ".git") == 1).then_some(())).await;
    }
    farm.end().await;
}
