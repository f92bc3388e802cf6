//! Every statement is prepared by a real PostgreSQL of its own, started from PATH on a socket in a
//! temporary directory. Without one the test is skipped by name, except where `CI=true` demands it.

#![expect(clippy::disallowed_methods, reason = "the test starts a PostgreSQL of its own")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use postgres::{Client, Config, NoTls};

use super::statements::{all, for_postgres};
use crate::migrations::{ALL, lines_for};

/// PostgreSQL refuses to run as root; this user exists everywhere.
const USER: &str = "nobody";
const NAME: &str = "farm";

#[test]
fn postgres_prepares_every_statement() {
    let Some(programs) = programs() else {
        let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!must, "CI needs initdb and postgres in PATH");
        eprintln!("skipped postgres_prepares_every_statement: no initdb and postgres in PATH");
        return;
    };
    let mut server = Server::start(&programs);
    let mut client = server.connect();
    for migration in ALL {
        let migrated = client.batch_execute(&lines_for(migration.sql, "postgres"));
        assert!(migrated.is_ok(), "migration {}: {migrated:?}", migration.number);
    }
    client
        .batch_execute("CREATE TABLE schema_version (version BIGINT, migrated_at BIGINT)")
        .unwrap();
    let refused: Vec<String> = all()
        .into_iter()
        .filter_map(|(name, sql)| {
            let error = client.prepare(&for_postgres(&sql)).err()?;
            let why = error.as_db_error().map_or_else(|| error.to_string(), |e| e.to_string());
            Some(format!("{name}: {why}\n  {sql}"))
        })
        .collect();
    drop(client);
    server.stop();
    assert!(refused.is_empty(), "PostgreSQL refuses:\n{}", refused.join("\n"));
}

/// `initdb` and `postgres`, from PATH.
fn programs() -> Option<(PathBuf, PathBuf)> {
    let path = std::env::var_os("PATH")?;
    let find = |name: &str| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    };
    Some((find("initdb")?, find("postgres")?))
}

/// A server on a socket in a directory of its own, gone with the test.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start((initdb, postgres): &(PathBuf, PathBuf)) -> Server {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let root = is_root();
        if root {
            let chown = Command::new("chown").arg(USER).arg(folder.path()).status().unwrap();
            assert!(chown.success(), "cannot give the directory to {USER}");
        }
        let data = folder.path().join("data");
        let init = as_user(initdb, root)
            .current_dir(folder.path())
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", NAME])
            .arg("-D")
            .arg(&data)
            .output()
            .unwrap();
        assert!(init.status.success(), "initdb: {}", String::from_utf8_lossy(&init.stderr));
        let mut child = as_user(postgres, root)
            .current_dir(folder.path())
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        while !said.contains("ready to accept connections") {
            let read = lines.read_line(&mut said).unwrap();
            assert!(read > 0, "postgres ended: {said}");
        }
        // Its later words are drained, so that a full pipe cannot stop it.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Server { child, folder }
    }

    fn connect(&self) -> Client {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user(NAME).dbname("postgres");
        config.connect(NoTls).unwrap()
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim() == "0"
}

/// The program itself, or as an unprivileged user when this is root. `setpriv` replaces itself by
/// the program, so that killing the child kills the server.
fn as_user(program: &Path, root: bool) -> Command {
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={USER}"), "--clear-groups".to_owned()]).arg(program);
    command
}
