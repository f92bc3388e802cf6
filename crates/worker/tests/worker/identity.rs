//! Who may be a worker, and on which directory.

use libtest_mimic::Trial;
use steading_wire::worker::{PROTOCOL, ToMaster};
use steading_worker::{Error, Shutdown, holder, run};

use crate::harness::{Farm, options, test, write_address};
use crate::master::Master;

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("identity::a_worker_says_what_it_is", a_worker_says_what_it_is),
        test("identity::a_wrong_token_ends_the_worker", a_wrong_token_ends_the_worker),
        test("identity::a_rejected_worker_ends", a_rejected_worker_ends),
        test("identity::a_second_worker_is_refused", a_second_worker_is_refused),
        test("identity::an_address_that_is_none_is_named", an_address_that_is_none_is_named),
    ]
}

async fn a_worker_says_what_it_is() {
    let farm = Farm::start().await;
    let hello = farm
        .master
        .hear("a hello", |m| match m {
            ToMaster::Hello(hello) => Some(hello.clone()),
            _ => None,
        })
        .await;
    assert_eq!((hello.protocol, hello.name.as_str()), (PROTOCOL, "barn"));
    assert!(hello.held.is_empty());
    for fact in ["hostname", "kernel", "cpus", "memory_mib", "disk_free_mib", "git"] {
        assert!(hello.facts.get(fact).is_some_and(|v| !v.is_empty()), "{fact}: {hello:#?}");
    }
    farm.end().await;
}

/// Runs a worker that must end with an error.
async fn fails(master: &Master, change: impl FnOnce(&mut steading_worker::Options)) -> Error {
    let dir = tempfile::tempdir().expect("a directory");
    write_address(dir.path(), master);
    let mut options = options(dir.path());
    change(&mut options);
    run(options, Shutdown::default()).await.expect_err("an error")
}

async fn a_wrong_token_ends_the_worker() {
    let master = Master::start(1).await;
    let error = fails(&master, |o| o.token = "wrong".into()).await.to_string();
    assert!(error.contains("refused the token of worker `barn`"), "{error}");
    assert!(error.contains("steading token worker barn"), "{error}");
}

async fn a_rejected_worker_ends() {
    let master = Master::start(1).await;
    master.seen().reject = Some("protocol".into());
    let error = fails(&master, |_| {}).await.to_string();
    assert_eq!(error, "the master refused worker `barn` (protocol): install the same version");
}

async fn a_second_worker_is_refused() {
    let farm = Farm::start().await;
    farm.master.hear("a hello", |m| matches!(m, ToMaster::Hello(_)).then_some(())).await;
    let home = farm.dir.path().join("worker");
    assert_eq!(holder(&home), Some(std::process::id()));
    let second = run(options(farm.dir.path()), Shutdown::default()).await;
    let error = second.expect_err("taken").to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    let dir = farm.dir.path().to_owned();
    farm.shutdown.end.cancel();
    farm.worker.await.expect("no panic").expect("a clean end");
    assert_eq!(holder(&dir.join("worker")), None);
}

async fn an_address_that_is_none_is_named() {
    let master = Master::start(1).await;
    let check = async |url: &str, expected: &str| {
        let url = url.to_owned();
        let error = fails(&master, |o| o.master = steading_worker::Master::Url(url)).await;
        let error = error.to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("localhost:8040", "`localhost:8040` is no address of a master").await;
    check("https://farm", "https is not served yet").await;
    check("http://a b", "`http://a b` is no address").await;
}
