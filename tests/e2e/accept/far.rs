//! A worker on "another machine": a daemon of its own directory, which dials through a proxy.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::proxy::Proxy;
use crate::farm::{Farm, until};

/// The daemon and its link.
pub(super) struct Far {
    pub(super) name: String,
    pub(super) proxy: Proxy,
    child: Child,
}

impl Far {
    /// Starts it; the farm is up and declares its name.
    pub(super) fn start(farm: &Farm, name: &str) -> Far {
        Far::start_as(farm, name, |command| command)
    }

    /// The same as a process that is more than the plain command.
    pub(super) fn start_as(
        farm: &Farm,
        name: &str,
        as_process: impl Fn(Command) -> Command,
    ) -> Far {
        let body = json!({ "name": name, "scope": "worker", "worker": name });
        let made = farm.client().post("/tokens", &body);
        let token = made["token"].as_str().expect("a token");
        std::fs::write(farm.outside(&format!("{name}.token")), token).expect("written");
        let proxy = Proxy::start(farm.client());
        let child = as_process(command(farm, name, &proxy)).spawn().expect("the binary starts");
        Far { name: name.to_owned(), proxy, child }
    }

    /// The directory it works in.
    pub(super) fn home(farm: &Farm, name: &str) -> PathBuf {
        farm.outside(name)
    }

    /// Starts it again if it is dead, as its service manager would; says whether it was.
    pub(super) fn revive(&mut self, farm: &Farm) -> bool {
        let dead = self.child.try_wait().expect("it was started").is_some();
        if dead {
            self.start_again(farm, |command| command);
        }
        dead
    }

    /// Starts it again, it being dead.
    pub(super) fn start_again(&mut self, farm: &Farm, as_process: impl Fn(Command) -> Command) {
        self.child.wait().expect("it was started");
        let command = as_process(command(farm, &self.name, &self.proxy));
        self.child = { command }.spawn().expect("the binary starts");
    }

    /// Ends it and all it runs.
    pub(super) fn end(mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(pid, Signal::INT).expect("it is our child");
        until("a worker ends", || self.child.try_wait().expect("it was started"));
    }
}

fn command(farm: &Farm, name: &str, proxy: &Proxy) -> Command {
    let log = farm.outside(&format!("{name}.log"));
    let log = File::options().create(true).append(true).open(log).expect("a log");
    let token = farm.outside(&format!("{name}.token"));
    let home = Far::home(farm, name);
    let url = proxy.url();
    let mut command = farm.command(&["worker", "--master", &url, "--name", name]);
    command.arg("--token-file").arg(token).arg("--dir").arg(home);
    // Not in the master's directory: that is another machine.
    command.current_dir(farm.outside("")).stdout(Stdio::null()).stderr(log);
    command
}
