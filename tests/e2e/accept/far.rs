//! A worker on "another machine": a daemon of its own directory, which dials through a proxy.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Stdio};

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
        let body = json!({ "name": name, "scope": "worker", "worker": name });
        let made = farm.client().post("/tokens", &body);
        let token = made["token"].as_str().expect("a token");
        std::fs::write(farm.outside(&format!("{name}.token")), token).expect("written");
        let proxy = Proxy::start(farm.client());
        let child = spawn(farm, name, &proxy);
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
            self.child = spawn(farm, &self.name, &self.proxy);
        }
        dead
    }

    /// Ends it and all it runs.
    pub(super) fn end(mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(pid, Signal::INT).expect("it is our child");
        until("a worker ends", || self.child.try_wait().expect("it was started"));
    }
}

fn spawn(farm: &Farm, name: &str, proxy: &Proxy) -> Child {
    let log = farm.outside(&format!("{name}.log"));
    let log = File::options().create(true).append(true).open(log).expect("a log");
    let token = farm.outside(&format!("{name}.token"));
    let home = Far::home(farm, name);
    let url = proxy.url();
    let mut command = farm.command(&["worker", "--master", &url, "--name", name]);
    command.arg("--token-file").arg(token).arg("--dir").arg(home);
    command.stdout(Stdio::null()).stderr(log);
    command.spawn().expect("the binary starts")
}
