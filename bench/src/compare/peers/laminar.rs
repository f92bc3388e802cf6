//! Laminar: one daemon that runs jobs itself, and a client process for every call.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::compare::system::{
    SUBMITTERS, System, Work, command, free_port, now_ns, output, scratch, until, which,
};
use crate::farm::{cpu_s, resident_mb};

/// An installed Laminar.
#[derive(Debug)]
pub(crate) struct Laminar {
    version: String,
}

impl Laminar {
    /// Looks for its programs.
    pub(crate) fn prepare() -> io::Result<Laminar> {
        for program in ["laminard", "laminarc"] {
            if which(program).is_none() {
                let text = format!("no {program} (https://laminar.ohwg.net; not in Debian 12)");
                return Err(io::Error::other(text));
            }
        }
        let said = command(&["laminard", "--help"]).output()?;
        let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        let version = said.lines().next().and_then(|line| line.split(' ').next_back());
        Ok(Laminar { version: version.unwrap_or("of unknown version").to_owned() })
    }

    /// Its version.
    pub(crate) fn said(&self) -> String {
        format!("Laminar {}", self.version)
    }

    /// Starts it with as many executors as there are workers.
    pub(crate) fn start(&self, work: &Work) -> io::Result<LaminarFarm> {
        let dir = scratch()?;
        for name in ["cfg/jobs", "cfg/contexts"] {
            std::fs::create_dir_all(dir.path().join(name))?;
        }
        let executors = format!("EXECUTORS={}\nJOBS=*\n", work.workers);
        std::fs::write(dir.path().join("cfg/contexts/default.conf"), executors)?;
        let words = work.command.iter().map(|word| format!("'{word}'"));
        let line = words.collect::<Vec<_>>().join(" ") + "\n";
        for builder in 0..work.builders {
            use std::os::unix::fs::PermissionsExt as _;
            let file = dir.path().join(format!("cfg/jobs/b{builder}.run"));
            std::fs::write(&file, format!("#!/bin/sh\n{}", line.repeat(work.steps)))?;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
        }
        let rpc = format!("127.0.0.1:{}", free_port()?);
        let mut daemon = command(&["laminard"]);
        daemon.env("LAMINAR_HOME", dir.path()).env("LAMINAR_BIND_RPC", &rpc);
        daemon.env("LAMINAR_BIND_HTTP", format!("127.0.0.1:{}", free_port()?));
        let daemon = daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let farm = LaminarFarm { _dir: dir, daemon, rpc, builders: work.builders };
        until("Laminar answers", Duration::from_millis(50), || {
            Ok(output(farm.client(&["show-queued"])).ok())
        })?;
        Ok(farm)
    }
}

/// A Laminar that is up.
#[derive(Debug)]
pub(crate) struct LaminarFarm {
    _dir: TempDir,
    daemon: Child,
    rpc: String,
    builders: usize,
}

impl LaminarFarm {
    fn client(&self, args: &[&str]) -> Command {
        let mut client = command(&["laminarc"]);
        client.args(args).env("LAMINAR_HOST", &self.rpc);
        client
    }
}

impl System for LaminarFarm {
    fn name(&self) -> &'static str {
        "Laminar"
    }

    fn through(&mut self, builds: usize) -> io::Result<f64> {
        let began = now_ns();
        // Its own way to submit many: a client that is given them all waits until they ended.
        let clients = (0..SUBMITTERS.min(builds)).map(|part| {
            let jobs =
                (part..builds).step_by(SUBMITTERS).map(|n| format!("b{}", n % self.builders));
            let mut client = self.client(&["run"]);
            client.args(jobs).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        });
        for client in clients.collect::<io::Result<Vec<_>>>()? {
            let status = client.wait_with_output()?.status;
            if !status.success() {
                return Err(io::Error::other(format!("laminarc: {status}")));
            }
        }
        Ok((now_ns() - began) as f64 / 1e9)
    }

    fn submit(&mut self) -> io::Result<()> {
        output(self.client(&["queue", "b0"])).map(drop)
    }

    fn quiet(&mut self) -> io::Result<()> {
        until("Laminar has nothing to do", Duration::from_millis(20), || {
            let busy = ["show-queued", "show-running"]
                .map(|verb| output(self.client(&[verb])).map(|said| said.trim().is_empty()));
            let [queued, running] = busy;
            Ok((queued? && running?).then_some(()))
        })
    }

    fn memory_mb(&self) -> f64 {
        resident_mb(self.daemon.id()) as f64
    }

    fn master_s(&self) -> f64 {
        cpu_s(self.daemon.id())
    }
}

impl Drop for LaminarFarm {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
