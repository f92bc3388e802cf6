//! Buildbot: one master, workers in at most ten processes, its faster database if that is there.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Postgres;
use crate::compare::system::{
    SUBMITTERS, System, Work, command, free_port, now_ns, output, scratch, until,
};
use crate::farm::{Http, cpu_s, resident_mb};

/// The release that is compared with.
const VERSION: &str = "4.3.0";
/// What is installed besides it: the pages (its API), and the faster database's driver.
const PACKAGES: &[&str] = &["buildbot", "buildbot-worker", "buildbot-www"];
/// Processes that its workers live in.
const WORKER_PROCESSES: usize = 10;

const MASTER_CFG: &str = include_str!("../../../peers/buildbot/master.cfg");
const QUEUE_SQL: &str = include_str!("../../../peers/buildbot/queue.sql");
const FILL_SQL: &str = include_str!("../../../peers/buildbot/fill.sql");
const WORKERS_PY: &str = include_str!("../../../peers/buildbot/workers.py");

/// An installed Buildbot.
#[derive(Debug)]
pub(crate) struct Buildbot {
    bin: PathBuf,
    versions: String,
    postgres: Result<Postgres, String>,
    databases: AtomicU32,
}

impl Buildbot {
    /// Installs it in a virtual environment, unless it is there.
    pub(crate) fn prepare(home: &Path) -> io::Result<Buildbot> {
        let venv = home.join(format!("buildbot-{VERSION}"));
        let bin = venv.join("bin");
        if !bin.join("buildbot").is_file() {
            output(command(&[Path::new("python3"), "-m".as_ref(), "venv".as_ref(), &venv]))?;
            let mut pip = command(&[bin.join("pip")]);
            pip.args(["install", "--quiet", "psycopg2-binary"]);
            pip.args(PACKAGES.iter().map(|package| format!("{package}=={VERSION}")));
            output(pip)?;
        }
        let said = output(command(&[bin.join("buildbot").as_os_str(), "--version".as_ref()]))?;
        let versions: Vec<&str> = said.lines().filter_map(|l| l.split(' ').next_back()).collect();
        let versions = format!("{} (Twisted {})", VERSION, versions.last().unwrap_or(&"?"));
        let postgres = Postgres::start().map_err(|error| error.to_string());
        Ok(Buildbot { bin, versions, postgres, databases: AtomicU32::new(0) })
    }

    /// Version and database.
    pub(crate) fn said(&self) -> String {
        let database = match &self.postgres {
            Ok(_) => "on PostgreSQL, which is faster than its default".to_owned(),
            Err(why) => format!("on SQLite, its default, as there is no PostgreSQL ({why})"),
        };
        format!("Buildbot {}, {database}", self.versions)
    }

    /// Starts master and workers.
    pub(crate) fn start(&self, work: &Work) -> io::Result<BuildbotFarm<'_>> {
        let mut farm = self.master(work)?;
        farm.workers(work.workers)?;
        Ok(farm)
    }

    /// Starts a master alone.
    pub(crate) fn master(&self, work: &Work) -> io::Result<BuildbotFarm<'_>> {
        let dir = scratch()?;
        let base = dir.path().join("master");
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("compared{number}");
        let database = match &self.postgres {
            Ok(postgres) => postgres.database(&name)?,
            Err(_) => "sqlite:///state.sqlite".to_owned(),
        };
        let (pb, www) = (free_port()?, free_port()?);
        let buildbot = self.bin.join("buildbot");
        let run = |verb: &str, option: &str| {
            let words = [buildbot.as_os_str(), verb.as_ref(), option.as_ref(), base.as_os_str()];
            output(command(&words))
        };
        run("create-master", "--relocatable")?;
        let said = json!({
            "builders": work.builders, "workers": work.workers, "steps": work.steps,
            "command": work.command, "url": format!("http://127.0.0.1:{www}/"),
            "pb": pb, "www": www, "database": database,
        });
        std::fs::write(base.join("work.json"), said.to_string())?;
        std::fs::write(base.join("master.cfg"), MASTER_CFG)?;
        std::fs::write(dir.path().join("workers.py"), WORKERS_PY)?;
        run("upgrade-master", "--quiet")?;
        let host = format!("127.0.0.1:{www}");
        let master = spawn(&self.bin, &base)?;
        let mut farm = BuildbotFarm {
            kit: self,
            name,
            dir,
            master,
            workers: Vec::new(),
            host,
            pb,
            builders: work.builders,
        };
        farm.answers()?;
        Ok(farm)
    }
}

fn spawn(bin: &Path, base: &Path) -> io::Result<Child> {
    let log = std::fs::File::create(base.join("stdout.log"))?;
    let mut twistd = command(&[bin.join("twistd")]);
    twistd.args(["--nodaemon", "--no_save", "-y", "buildbot.tac"]).current_dir(base);
    twistd.stdout(log.try_clone()?).stderr(log).spawn()
}

/// A Buildbot that is up.
#[derive(Debug)]
pub(crate) struct BuildbotFarm<'k> {
    kit: &'k Buildbot,
    /// Of its database.
    name: String,
    dir: TempDir,
    master: Child,
    workers: Vec<Child>,
    host: String,
    pb: u16,
    builders: usize,
}

/// What the master said, when, and of which row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) what: String,
    pub(crate) at_ns: i64,
}

impl BuildbotFarm<'_> {
    /// Starts so many workers and waits until the master knows them.
    fn workers(&mut self, count: usize) -> io::Result<()> {
        let processes = count.min(WORKER_PROCESSES);
        for process in 0..processes {
            let mut python = command(&[self.kit.bin.join("python")]);
            python.arg(self.dir.path().join("workers.py")).arg(self.pb.to_string());
            python.arg(self.dir.path().join("workers"));
            python.args((process..count).step_by(processes).map(|n| format!("w{n}")));
            self.workers.push(python.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        }
        let mut http = self.connect()?;
        until("Buildbot's workers connect", Duration::from_millis(200), || {
            let all = get(&mut http, "/api/v2/workers?limit=10000")?;
            let all = all["workers"].as_array().cloned().unwrap_or_default();
            let connected = |worker: &&Value| {
                worker["connected_to"].as_array().is_some_and(|masters| !masters.is_empty())
            };
            Ok((all.iter().filter(connected).count() >= count).then_some(()))
        })
    }

    fn answers(&mut self) -> io::Result<()> {
        until("Buildbot's master answers", Duration::from_millis(100), || {
            if let Some(status) = self.master.try_wait()? {
                let log = std::fs::read_to_string(self.dir.path().join("master/stdout.log"))?;
                return Err(io::Error::other(format!("Buildbot ended, {status}: {log}")));
            }
            let asked = self.connect().and_then(|mut http| get(&mut http, "/api/v2/masters"));
            Ok(asked.ok())
        })?;
        Ok(())
    }

    /// A connection to its API.
    pub(crate) fn connect(&self) -> io::Result<Http> {
        Http::connect(&self.host, "-")
    }

    /// What the master said since this byte of its diary.
    pub(crate) fn said(&self, since: usize) -> Vec<Said> {
        let diary = self.dir.path().join("master/diary");
        let text = std::fs::read(diary).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(since..).unwrap_or_default()).into_owned();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let (what, at) = (words.next()?, words.next()?);
            Some(Said { what: what.to_owned(), at_ns: at.parse().ok()? })
        });
        lines.collect()
    }

    /// How long its diary is.
    pub(crate) fn diary(&self) -> usize {
        let file = std::fs::metadata(self.dir.path().join("master/diary"));
        file.map_or(0, |file| usize::try_from(file.len()).unwrap_or(0))
    }

    /// Waits until so many requests are complete; when the last was.
    fn complete(&self, since: usize, requests: usize) -> io::Result<i64> {
        until("Buildbot's builds end", Duration::from_millis(20), || {
            let said = self.said(since);
            let ends: Vec<i64> = said
                .iter()
                .filter(|said| said.what == "buildrequests.complete")
                .map(|said| said.at_ns)
                .collect();
            Ok(if ends.len() >= requests { ends.into_iter().max() } else { None })
        })
    }

    /// Gives it a history of so many builds; false if it has no PostgreSQL.
    pub(crate) fn fill(&self, builds: usize) -> io::Result<bool> {
        let Ok(postgres) = &self.kit.postgres else { return Ok(false) };
        let file = self.dir.path().join("fill.sql");
        std::fs::write(&file, FILL_SQL)?;
        postgres.file(&self.name, &file, builds)?;
        Ok(true)
    }

    /// Puts so many requests in its queue, and starts it anew with them; false if it has no
    /// PostgreSQL.
    pub(crate) fn queue(&mut self, requests: usize) -> io::Result<bool> {
        let Ok(postgres) = &self.kit.postgres else { return Ok(false) };
        let file = self.dir.path().join("queue.sql");
        std::fs::write(&file, QUEUE_SQL)?;
        self.kill()?;
        postgres.file(&self.name, &file, requests)?;
        self.again()?;
        Ok(true)
    }

    /// Kills the master without a word to anybody.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.master.kill()?;
        self.master.wait().map(drop)
    }

    /// Starts the next master.
    pub(crate) fn again(&mut self) -> io::Result<()> {
        let base = self.dir.path().join("master");
        // The dead one could not take its own away.
        let _ = std::fs::remove_file(base.join("twistd.pid"));
        self.master = spawn(&self.kit.bin, &base)?;
        self.answers()
    }

    /// Stops the first process its workers live in, without ending it.
    pub(crate) fn freeze(&self) -> io::Result<()> {
        let process = self.workers.first().ok_or_else(|| io::Error::other("no workers"))?;
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no process"))?;
        Ok(kill_process(pid, Signal::STOP)?)
    }

    /// The process id of its master.
    pub(crate) fn master(&self) -> u32 {
        self.master.id()
    }
}

/// Reads from its API.
fn get(http: &mut Http, path: &str) -> io::Result<Value> {
    serde_json::from_str(&http.ask("GET", path, "")?).map_err(io::Error::other)
}

fn force(http: &mut Http, builder: usize) -> io::Result<()> {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "force",
        "params": { "builderNames": [format!("b{builder}")], "reason": "compared",
                    "username": "bench <bench@example.org>" },
    });
    let said = http.ask("POST", "/api/v2/forceschedulers/force", &body.to_string())?;
    match said.contains("\"result\"") {
        true => Ok(()),
        false => Err(io::Error::other(said)),
    }
}

impl System for BuildbotFarm<'_> {
    fn name(&self) -> &'static str {
        "Buildbot"
    }

    fn through(&mut self, builds: usize) -> io::Result<f64> {
        let (since, began, next) = (self.diary(), now_ns(), AtomicUsize::new(0));
        let farm = &*self;
        let host = &farm.host;
        let builders = farm.builders;
        let one = || -> io::Result<()> {
            let mut http = Http::connect(host, "-")?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= builds {
                    return Ok(());
                }
                force(&mut http, number % builders)?;
            }
        };
        scope(|scope| {
            let threads: Vec<_> = (0..SUBMITTERS).map(|_| scope.spawn(one)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
        })?;
        Ok((farm.complete(since, builds)? - began) as f64 / 1e9)
    }

    fn submit(&mut self) -> io::Result<()> {
        force(&mut self.connect()?, 0)
    }

    fn quiet(&mut self) -> io::Result<()> {
        let mut http = self.connect()?;
        until("Buildbot has nothing to do", Duration::from_millis(50), || {
            let open = get(&mut http, "/api/v2/buildrequests?complete=false&limit=1")?;
            Ok(open["buildrequests"].as_array().is_some_and(Vec::is_empty).then_some(()))
        })
    }

    fn memory_mb(&self) -> f64 {
        resident_mb(self.master()) as f64
    }

    fn master_s(&self) -> f64 {
        let database = self.kit.postgres.as_ref().map_or(0.0, Postgres::spent_s);
        cpu_s(self.master()) + database
    }
}

impl Drop for BuildbotFarm<'_> {
    fn drop(&mut self) {
        for child in self.workers.iter_mut().chain([&mut self.master]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
