//! A worker and its master in a directory of their own, for as long as a test runs.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use libtest_mimic::Trial;
use steading_wire::worker::{
    Attempt, BuildId, ClaimId, Ending, Primitive, Report, RequestId, ToMaster, ToWorker,
};
use steading_worker::{Error, Options, Shutdown, run};
use tokio::task::JoinHandle;

use crate::master::{Master, TOKEN};

/// What a worker in a process of its own is called.
pub(crate) const WORKER: &str = "worker-under-test";

/// The life of such a worker: its argument is the data directory.
pub(crate) fn main() -> ExitCode {
    let dir = std::env::args().nth(1).expect("a data directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = runtime.block_on(run(options(Path::new(&dir)), Shutdown::default()));
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A worker that runs, and the master it found through the data directory.
pub(crate) struct Farm {
    pub(crate) master: Master,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) shutdown: Shutdown,
    pub(crate) worker: JoinHandle<Result<(), Error>>,
}

/// A test by its name.
pub(crate) fn test<F>(name: &str, body: fn() -> F) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    Trial::test(name, move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(body());
        runtime.shutdown_timeout(Duration::from_secs(5));
        Ok(())
    })
}

/// The attempt of a request.
pub(crate) fn attempt(request: i64) -> Attempt {
    Attempt { request: RequestId(request), epoch: 1 }
}

/// A process step.
pub(crate) fn process(argv: &[&str]) -> Primitive {
    Primitive::Process {
        argv: argv.iter().map(|a| (*a).to_owned()).collect(),
        env: BTreeMap::new(),
        workdir: None,
        timeout_ms: None,
        idle_timeout_ms: None,
        log_bytes_max: None,
    }
}

/// A shell script as a step.
pub(crate) fn shell(script: &str) -> Primitive {
    process(&["/bin/sh", "-c", script])
}

impl Farm {
    /// Starts a worker with two slots.
    pub(crate) async fn start() -> Farm {
        Farm::start_with(|_| {}).await
    }

    /// The same with other options.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Farm {
        let dir = tempfile::tempdir().expect("a directory");
        let master = Master::start(2).await;
        write_address(dir.path(), &master);
        let mut options = options(dir.path());
        change(&mut options);
        let shutdown = Shutdown::default();
        let worker = tokio::spawn(run(options, shutdown.clone()));
        Farm { master, dir, shutdown, worker }
    }

    /// Starts a worker in a process of its own; the one of this process ends.
    pub(crate) async fn start_process() -> (Farm, Child) {
        let mut farm = Farm::start().await;
        farm.shutdown.end.cancel();
        (&mut farm.worker).await.expect("no panic").expect("a clean end");
        let child = farm.start_again();
        (farm, child)
    }

    /// Starts such a worker again, after it was killed.
    pub(crate) fn start_again(&self) -> Child {
        self.start_program(&std::env::current_exe().expect("a program"))
    }

    /// The same, by another program: a copy of this one.
    pub(crate) fn start_upgraded(&self) -> Child {
        let copy = self.dir.path().join("upgraded");
        std::fs::copy(std::env::current_exe().expect("a program"), &copy).expect("copied");
        self.start_program(&copy)
    }

    #[expect(clippy::disallowed_methods, reason = "a worker that can be killed")]
    fn start_program(&self, program: &Path) -> Child {
        self.master.seen().forget_messages();
        Command::new(program).arg0(WORKER).arg(self.dir.path()).spawn().expect("a process")
    }

    /// Starts a worker in this process again, after it ended.
    pub(crate) fn begin_again(&mut self) {
        self.shutdown = Shutdown::default();
        self.worker = tokio::spawn(run(options(self.dir.path()), self.shutdown.clone()));
    }

    /// Where a builder's first workspace is.
    pub(crate) fn workspace(&self, builder: &str) -> PathBuf {
        self.dir.path().join("worker/work").join(format!("{builder}-1"))
    }

    /// Offers a build and waits for its acceptance.
    pub(crate) async fn accept(&self, attempt: Attempt, builder: &str) {
        let claim = ClaimId(attempt.request.0);
        let builder = builder.to_owned();
        self.master.say(ToWorker::Offer { claim, attempt, builder }).await;
        self.master
            .hear("an acceptance", |m| {
                let ToMaster::Accepted { claim: taken, attempt: held, .. } = m else { return None };
                ((*taken, *held) == (claim, attempt)).then_some(())
            })
            .await;
    }

    /// Starts a step.
    pub(crate) async fn begin(&self, attempt: Attempt, number: i64, primitive: Primitive) {
        let build = BuildId(attempt.request.0);
        let then = Vec::new();
        self.master.say(ToWorker::Run { attempt, build, number, primitive, then }).await;
    }

    /// Waits for the report of a step.
    pub(crate) async fn report(&self, attempt: Attempt, number: i64) -> Report {
        self.master
            .hear("a report", |m| match m {
                ToMaster::StepDone { attempt: a, number: n, report }
                    if (*a, *n) == (attempt, number) =>
                {
                    Some(report.clone())
                }
                _ => None,
            })
            .await
    }

    /// Runs a step to its end.
    pub(crate) async fn step(&self, attempt: Attempt, number: i64, what: Primitive) -> Report {
        self.begin(attempt, number, what).await;
        self.report(attempt, number).await
    }

    /// A build with one step.
    pub(crate) async fn build(&self, what: Primitive) -> Report {
        self.accept(attempt(1), "hello").await;
        self.step(attempt(1), 1, what).await
    }

    /// What a log of the first build's first step holds.
    pub(crate) async fn text(&self, name: &str) -> String {
        let log = self.master.log(attempt(1), 1, name).await;
        String::from_utf8_lossy(&log.raw()).into_owned()
    }

    /// Waits until nothing is spooled.
    pub(crate) async fn spool_is_empty(&self) {
        let spool = self.dir.path().join("worker/spool");
        until("an empty spool", || {
            (std::fs::read_dir(&spool).expect("a spool").count() == 0).then_some(())
        })
        .await;
    }

    /// Ends the worker; it must end well.
    pub(crate) async fn end(self) {
        self.shutdown.end.cancel();
        self.worker.await.expect("no panic").expect("a clean end");
    }
}

/// Writes where the master is, as the real one does.
pub(crate) fn write_address(dir: &Path, master: &Master) {
    std::fs::write(dir.join("address"), format!("{}\n", master.address)).expect("written");
}

/// Options of a worker below `dir`.
pub(crate) fn options(dir: &Path) -> Options {
    let master = steading_worker::Master::DataDir(dir.to_owned());
    Options::new("barn".into(), master, TOKEN.into(), dir.join("worker"))
}

/// Waits until a file has text; the writer may still be on its way.
pub(crate) async fn file(path: &Path) -> String {
    until("a file with text", || {
        std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'))
    })
    .await
}

/// Waits for a condition that only looking can tell.
pub(crate) async fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = condition() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(60), looking).await {
        Ok(found) => found,
        Err(_) => panic!("{what} did not come"),
    }
}

/// Kills a worker the hard way.
pub(crate) fn kill(worker: &mut Child) {
    worker.kill().expect("it was started");
    worker.wait().expect("it was started");
}

/// Whether a process runs (a zombie does not).
pub(crate) fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|s| s.starts_with(" Z")))
}

/// The code a step must have exited with.
pub(crate) fn assert_exit(report: &Report, code: i32) {
    assert_eq!(report.ending, Ending::Exited { code }, "{report:#?}");
}
