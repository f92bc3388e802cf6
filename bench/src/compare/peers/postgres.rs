//! A PostgreSQL of one's own, for the peer that is faster with it.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::compare::system::{command, free_port, output, scratch, until, which};
use crate::farm::tree_s;

/// Who owns it if the measurement is run by root, whom it does not serve.
const NOBODY: u32 = 65_534;

/// A cluster that is up until it is dropped.
#[derive(Debug)]
pub(crate) struct Postgres {
    _dir: TempDir,
    server: Child,
    port: u16,
}

impl Postgres {
    /// Makes an empty cluster and starts it.
    pub(crate) fn start() -> io::Result<Postgres> {
        let (dir, port) = (scratch()?, free_port()?);
        let data = dir.path().join("data").display().to_string();
        if rustix::process::getuid().is_root() {
            std::os::unix::fs::chown(dir.path(), Some(NOBODY), Some(NOBODY))?;
        }
        output(plain(&["initdb", "-D", &data, "-A", "trust", "-U", "bench"], &dir)?)?;
        let sockets = format!("unix_socket_directories={}", dir.path().display());
        let mut server = plain(&["postgres", "-D", &data, "-c", &sockets], &dir)?;
        server.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        let server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let postgres = Postgres { _dir: dir, server, port };
        until("PostgreSQL starts", Duration::from_millis(100), || {
            Ok(postgres.sql("postgres", "\\q").ok())
        })?;
        Ok(postgres)
    }

    /// An empty database; its address for Python programs.
    pub(crate) fn database(&self, name: &str) -> io::Result<String> {
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgresql+psycopg2://bench@127.0.0.1:{}/{name}", self.port))
    }

    /// Runs a file of statements in which `:builds` stands for a number.
    pub(crate) fn file(&self, database: &str, file: &Path, builds: usize) -> io::Result<()> {
        let port = self.port.to_string();
        let words = ["psql", "-qAt", "-h", "127.0.0.1", "-p", &port, "-U", "bench", database];
        let mut psql = command(&words);
        psql.args(["-v", "ON_ERROR_STOP=1", "-v", &format!("builds={builds}"), "-f"]).arg(file);
        output(psql).map(drop)
    }

    /// Processor seconds of the server and its connections.
    pub(crate) fn spent_s(&self) -> f64 {
        tree_s(self.server.id())
    }

    fn sql(&self, database: &str, statement: &str) -> io::Result<String> {
        let port = self.port.to_string();
        let words = ["psql", "-qAt", "-h", "127.0.0.1", "-p", &port, "-U", "bench", database];
        let mut psql = command(&words);
        psql.args(["-c", statement]);
        output(psql)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The command, not as root.
fn plain(words: &[&str], home: &TempDir) -> io::Result<Command> {
    let program = which(words[0]).or_else(|| packaged(words[0]));
    let program = program.ok_or_else(|| io::Error::other(format!("no {}", words[0])))?;
    let mut command = command(&[program.as_os_str()]);
    command.args(&words[1..]).env("HOME", home.path()).current_dir(home.path());
    if rustix::process::getuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    Ok(command)
}

/// Debian keeps the server's programs out of the way.
fn packaged(program: &str) -> Option<std::path::PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    versions.map(|version| version.path().join("bin").join(program)).find(|file| file.is_file())
}
