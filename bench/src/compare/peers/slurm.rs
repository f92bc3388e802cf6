//! Slurm on one node: controller, node daemon and authentication of its own, for root only.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::compare::system::{
    SUBMITTERS, System, Work, command, free_port, now_ns, output, scratch, until, which,
};
use crate::farm::{cpu_s, resident_mb};

/// What makes it fast: without it the scheduler looks once in a while.
const TUNED: &str = "sched_min_interval=0,batch_sched_delay=0,default_queue_depth=1000,\
    max_rpc_cnt=0,sched_interval=1";

/// An installed Slurm.
#[derive(Debug)]
pub(crate) struct Slurm {
    version: String,
}

impl Slurm {
    /// Looks for its programs.
    pub(crate) fn prepare() -> io::Result<Slurm> {
        for program in ["slurmctld", "slurmd", "munged", "sbatch", "squeue", "sinfo"] {
            if which(program).is_none() {
                return Err(io::Error::other(format!("no {program} (apt-get install slurm-wlm)")));
            }
        }
        if !rustix::process::getuid().is_root() {
            return Err(io::Error::other("its daemons want to be started by root"));
        }
        let said = output(program("slurmctld", &["-V"]))?;
        Ok(Slurm { version: said.trim().trim_start_matches("slurm-wlm ").to_owned() })
    }

    /// Version and what was changed.
    pub(crate) fn said(&self) -> String {
        format!("Slurm {}, one node, scheduler tuned ({TUNED})", self.version)
    }

    /// Starts its daemons with as many processors as there are workers.
    pub(crate) fn start(&self, work: &Work) -> io::Result<SlurmFarm> {
        let dir = scratch()?;
        let at = |name: &str| dir.path().join(name);
        for name in ["state", "spool", "munge"] {
            std::fs::create_dir(at(name))?;
        }
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711))?;
        let mut key = [0; 1024];
        io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut key)?;
        std::fs::write(at("munge/key"), key)?;
        std::fs::set_permissions(at("munge/key"), std::fs::Permissions::from_mode(0o400))?;
        std::fs::set_permissions(at("munge"), std::fs::Permissions::from_mode(0o711))?;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
        std::fs::write(at("slurm.conf"), configuration(&dir, host.trim(), work)?)?;
        let conf = at("slurm.conf");
        std::fs::write(at("job.sh"), script(work))?;
        let mut farm = SlurmFarm { dir, conf, children: Vec::new() };
        farm.daemons()?;
        Ok(farm)
    }
}

fn script(work: &Work) -> String {
    let words = work.command.iter().map(|word| format!("'{word}'"));
    let line = words.collect::<Vec<_>>().join(" ") + "\n";
    format!("#!/bin/sh\n{}", line.repeat(work.steps))
}

fn configuration(dir: &TempDir, host: &str, work: &Work) -> io::Result<String> {
    let (base, cpus) = (dir.path().display(), work.workers);
    Ok(format!(
        "ClusterName=compared\nSlurmctldHost={host}(127.0.0.1)\nAuthType=auth/munge\n\
         CommunicationParameters=NoInAddrAny,NoCtldInAddrAny\nCredType=cred/munge\n\
         AuthInfo=socket={base}/munge/socket\nSlurmUser=root\nSlurmdUser=root\n\
         SlurmctldPort={}\nSlurmdPort={}\nStateSaveLocation={base}/state\n\
         SlurmdSpoolDir={base}/spool\nSlurmctldPidFile={base}/ctld.pid\n\
         SlurmdPidFile={base}/slurmd.pid\nSlurmctldLogFile={base}/ctld.log\n\
         SlurmdLogFile={base}/slurmd.log\nProctrackType=proctrack/linuxproc\n\
         TaskPlugin=task/none\nSwitchType=switch/none\nMpiDefault=none\nReturnToService=2\n\
         SchedulerType=sched/backfill\nSchedulerParameters={TUNED}\n\
         SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\n\
         JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\n\
         SlurmdParameters=config_overrides\nMaxJobCount=200000\nMaxArraySize=100001\nMinJobAge=10\n\
         NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN\n\
         PartitionName=p Nodes=localhost Default=YES MaxTime=INFINITE State=UP\n",
        free_port()?,
        free_port()?
    ))
}

fn program(name: &str, args: &[&str]) -> Command {
    let mut command = command(&[which(name).unwrap_or_else(|| name.into())]);
    command.args(args);
    command
}

/// A Slurm that is up.
#[derive(Debug)]
pub(crate) struct SlurmFarm {
    dir: TempDir,
    conf: PathBuf,
    /// Controller, node daemon, authentication.
    children: Vec<Child>,
}

impl SlurmFarm {
    fn daemons(&mut self) -> io::Result<()> {
        let at = |name: &str| self.dir.path().join(name).display().to_string();
        let munge = [
            format!("--key-file={}", at("munge/key")),
            format!("--socket={}", at("munge/socket")),
            format!("--pid-file={}", at("munge/pid")),
            format!("--log-file={}", at("munge/log")),
            format!("--seed-file={}", at("munge/seed")),
        ];
        let mut munged = program("munged", &["-F", "--force", "--num-threads=2"]);
        let munged = munged.args(munge).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let socket = self.dir.path().join("munge/socket");
        until("munged listens", Duration::from_millis(50), || Ok(socket.exists().then_some(())))?;
        let mut controller = self.ask("slurmctld", &["-D"]);
        let controller = controller.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut node = self.ask("slurmd", &["-D", "-N", "localhost"]);
        let node = node.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        self.children = vec![controller, node, munged];
        until("Slurm's node is idle", Duration::from_millis(200), || {
            let state = output(self.ask("sinfo", &["-h", "-o", "%T"]));
            Ok(state.is_ok_and(|state| state.contains("idle")).then_some(()))
        })
    }

    fn ask(&self, name: &str, args: &[&str]) -> Command {
        let mut command = program(name, args);
        command.env("SLURM_CONF", &self.conf).current_dir(self.dir.path());
        command
    }

    fn batch(&self, args: &[&str]) -> io::Result<()> {
        let mut sbatch = self.ask("sbatch", &["-Q", "-o", "/dev/null"]);
        sbatch.args(args).arg(self.dir.path().join("job.sh"));
        output(sbatch).map(drop)
    }
}

impl System for SlurmFarm {
    fn name(&self) -> &'static str {
        "Slurm"
    }

    fn through(&mut self, builds: usize) -> io::Result<f64> {
        let began = now_ns();
        // Its own way to submit many: arrays, as many as others have connections.
        for part in 0..SUBMITTERS {
            let share = builds / SUBMITTERS + usize::from(part < builds % SUBMITTERS);
            if share > 0 {
                self.batch(&[&format!("--array=1-{share}")])?;
            }
        }
        self.quiet()?;
        Ok((now_ns() - began) as f64 / 1e9)
    }

    fn submit(&mut self) -> io::Result<()> {
        self.batch(&[])
    }

    fn quiet(&mut self) -> io::Result<()> {
        until("Slurm's queue is empty", Duration::from_millis(100), || {
            Ok(output(self.ask("squeue", &["-h"]))?.trim().is_empty().then_some(()))
        })
    }

    fn memory_mb(&self) -> f64 {
        self.children.first().map_or(0.0, |controller| resident_mb(controller.id()) as f64)
    }

    fn master_s(&self) -> f64 {
        self.children.first().map_or(0.0, |controller| cpu_s(controller.id()))
    }
}

impl Drop for SlurmFarm {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
