//! What the master starts on its own machine, played: git over one repository that people push to,
//! and the command that brings a worker back to a clean state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steading_master::{Play, Programs};

use crate::rng::Rng;

/// The command of a reset.
pub(crate) const RESET: &str = "model-reset";
/// How often a reset fails, in a thousand.
const RESET_FAILS: u64 = 250;

/// The repository and the resets of a farm. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    rng: Rng,
    /// Of the one branch, oldest first.
    revisions: Vec<String>,
}

impl Played {
    /// A repository with one commit.
    pub(crate) fn new(rng: Rng) -> Played {
        let played = Played { inner: Arc::new(Mutex::new(Inner { rng, revisions: Vec::new() })) };
        played.push();
        played
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody pushes a commit.
    pub(crate) fn push(&self) {
        let mut inner = self.lock();
        let number = inner.revisions.len();
        inner.revisions.push(format!("{number:040x}"));
    }

    /// The newest commit.
    pub(crate) fn head(&self) -> String {
        self.lock().revisions.last().cloned().unwrap_or_default()
    }

    /// What a master is given.
    pub(crate) fn programs(&self) -> Programs {
        let played = self.clone();
        let play: Play = Arc::new(move |words| played.lock().run(words));
        Programs::Played(play)
    }
}

impl Inner {
    fn run(&mut self, words: &[String]) -> (Duration, Result<Vec<u8>, String>) {
        let first = words.first().map_or("", String::as_str);
        if first == RESET {
            let takes = Duration::from_millis(self.rng.range(100, 6_000));
            let fails = self.rng.chance(RESET_FAILS);
            return (
                takes,
                if fails { Err("the machine does not answer".into()) } else { Ok(vec![]) },
            );
        }
        let takes = Duration::from_millis(self.rng.below(300));
        let said = self.git(first, words).map(String::into_bytes);
        (takes, said)
    }

    fn git(&self, command: &str, words: &[String]) -> Result<String, String> {
        let last = words.last().map_or("", String::as_str);
        let head = self.revisions.last().ok_or("an empty repository")?;
        let place = |revision: &str| {
            let found = self.revisions.iter().position(|known| known == revision);
            found.ok_or_else(|| format!("fatal: bad revision {revision}"))
        };
        Ok(match command {
            "ls-remote" => {
                format!("ref: refs/heads/main\tHEAD\n{head}\tHEAD\n{head}\trefs/heads/main\n")
            }
            "init" => {
                let made = std::fs::create_dir_all(last);
                made.and_then(|()| std::fs::write(format!("{last}/HEAD"), ""))
                    .map_err(|e| e.to_string())?;
                String::new()
            }
            "rev-parse" => match last.trim_end_matches("^{commit}") {
                "main" => head.clone(),
                revision => self.revisions[place(revision)?].clone(),
            },
            "merge-base" => {
                let (old, new) = (place(&words[words.len() - 2])?, place(last)?);
                if old > new { Err("not an ancestor")? } else { String::new() }
            }
            "rev-list" => {
                let (old, new) = last.split_once("..").ok_or("no range")?;
                let (old, new) = (place(old)?, place(new)?);
                self.revisions.get(old + 1..=new).unwrap_or_default().join("\n")
            }
            "show" => format!("ann <ann@example.org>\0{}\0change {last}\n", 1_700_000_000),
            // `git -c … log --name-only`: the files of a revision.
            "-c" => "src/main.rs\0".to_owned(),
            _ => String::new(),
        })
    }
}
