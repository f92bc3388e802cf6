//! Ways to get the matcher wrong, and whether the oracle notices: each is made in a copy of the
//! core, which is then compared with brute force. None of it is in the product's code.

use std::path::{Path, PathBuf};

/// Decisions that a mutant may survive.
const DECISIONS: &str = "60000";

/// Built quickly, but not so that one that survives long keeps everybody waiting.
const FASTER: &[&str] = &[
    "--config",
    "profile.dev.package.steading-core.opt-level=1",
    "--config",
    "profile.dev.package.bench.opt-level=1",
];

/// A change of one line that makes the matcher wrong.
struct Mutant {
    /// The case it belongs to: T1 … T11 are bugs that matchers of this kind had.
    name: &'static str,
    /// Below `crates/core/src/matcher/live`.
    file: &'static str,
    /// Occurs just once.
    from: &'static str,
    to: &'static str,
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "T1 an entry is true if its classes have heads, whatever they say by now",
        file: "live_order.rs",
        from: "if self.graph.rank(request, worker).as_ref() == Some(&rank) {",
        to: "if self.graph.rank(request, worker).is_some() {",
    },
    Mutant {
        name: "T2 a tie between worker classes goes to whoever is met first",
        file: "graph.rs",
        from: "known).then(head.label.cmp(&seat.label)).is_gt()",
        to: "known).is_gt()",
    },
    Mutant {
        name: "T3 a worker that says more than before offers nothing",
        file: "place_worker.rs",
        from: "let rose = !stays || spot.key > old.head.key;",
        to: "let rose = !stays;",
    },
    Mutant {
        name: "T4 a group with fewer builds than before rises unnoticed",
        file: "groups.rs",
        from: "if key > *known {",
        to: "if key > *known && self.terms.is_empty() {",
    },
    Mutant {
        name: "T5 the release of a lock wakes nobody",
        file: "follow.rs",
        from: "                self.write_all(lane);",
        to: "",
    },
    Mutant {
        name: "T6 a lane that slept has the entries of before",
        file: "follow.rs",
        from: "                self.heap(lane).clear();\n            } else if was && !asleep {",
        to: "            } else if was && !asleep {\n if !self.heap(lane).is_empty() { continue; }",
    },
    Mutant {
        name: "T7 a class whose head was cancelled keeps it",
        file: "queue.rs",
        from: "self.first = self.behind.pop_first().map(|(key, id)| (key.0, id));",
        to: "if self.behind.pop_first().is_none() { self.first = None; }",
    },
    Mutant {
        name: "T8 a request that comes back does not bid",
        file: "place_request.rs",
        from: "if new > old {",
        to: "if new > old && old.is_some() {",
    },
    Mutant {
        name: "T9 workers are told apart by when they came",
        file: "key.rs",
        from: "let above = self.by_value.range(value..).next().map(|(_, n)| *n);",
        to: "let below = self.by_number.keys().next_back().copied().or(below);\
             let above: Option<i64> = None;",
    },
    Mutant {
        name: "T11 an entry found untrue is dropped, not rewritten",
        file: "live_order.rs",
        from: "            self.rewrite(owner, lane);",
        to: "            let _ = owner; self.heap(lane).pop();",
    },
    Mutant {
        name: "reservation: who waits reserves nothing",
        file: "walk.rs",
        from: "            of_lock.taken.add(*access);",
        to: "",
    },
    Mutant {
        name: "reservation: the second of a class is never met",
        file: "walk.rs",
        from: "walk.ahead.extend(self.next_of_class(visit, nth + 1));",
        to: "let _ = self.next_of_class(visit, nth + 1);",
    },
    Mutant {
        name: "reservation: a lane is left though a request will be met again",
        file: "walk.rs",
        from: "            walk.reserved.later.push((visit.id, visit.lane));",
        to: "",
    },
    Mutant {
        name: "reservation: who stands first at a worker is never worked out again",
        file: "room.rs",
        from: "            lines.clear();",
        to: "            let _ = lines;",
    },
    Mutant {
        name: "slices: a class takes part before it was held against all others",
        file: "graph.rs",
        from: "self.queue.first().filter(|_| self.seen)",
        to: "self.queue.first()",
    },
    Mutant {
        name: "slices: workers of a class that is seen now stay away",
        file: "sight.rs",
        from: "self.again.extend(self.sight.waiting.remove(&class).into_iter().flatten());",
        to: "self.sight.waiting.remove(&class);",
    },
    Mutant {
        name: "steps: a step waits also for those who wait for its build",
        file: "../steps.rs",
        from: "if self.is_sure(request, worker, &blocking) {",
        to: "if self.is_sure(request, worker, &blocking) || !blocking.is_empty() {",
    },
    Mutant {
        name: "steps: what a waiting step wants is kept from nobody",
        file: "../steps.rs",
        from: "        self.wanted.reserve(request, worker, locks);",
        to: "",
    },
    Mutant {
        name: "ageing: nobody grows older",
        file: "ages.rs",
        from: "            self.grow(id, key, self.ages.next_tick(view, now));",
        to: "            let _ = (id, key);",
    },
];

/// Tries all mutants; true when each is caught.
pub(crate) fn run() -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let copy = root.join("target/mutants");
    let mut caught = 0;
    for mutant in MUTANTS {
        let told = match try_one(root, &copy, mutant) {
            Ok(true) => {
                caught += 1;
                "caught".to_owned()
            }
            Ok(false) => "NOT CAUGHT".to_owned(),
            Err(why) => format!("NOT TRIED: {why}"),
        };
        println!("{told:<12} {}", mutant.name);
    }
    println!("{caught} of {} mutants caught", MUTANTS.len());
    caught == MUTANTS.len()
}

/// Whether the oracle finds the mutant out.
fn try_one(root: &Path, copy: &Path, mutant: &Mutant) -> Result<bool, String> {
    renew(root, copy).map_err(|error| format!("cannot copy to {}: {error}", copy.display()))?;
    let path = copy.join("crates/core/src/matcher/live").join(mutant.file);
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    if text.matches(mutant.from).count() != 1 {
        return Err(format!("`{}` is not there just once", mutant.from));
    }
    let text = text.replace(mutant.from, mutant.to);
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    let built = cargo(copy, &[&["build", "--quiet", "-p", "bench"], FASTER].concat())?;
    if !built.status.success() {
        return Err(format!("does not compile:\n{}", String::from_utf8_lossy(&built.stderr)));
    }
    let (run, oracle) =
        (&["run", "--quiet", "-p", "bench"], &["--", "oracle", "--decisions", DECISIONS]);
    let oracle = [&run[..], FASTER, oracle, &["--text", "0"]].concat();
    Ok(!cargo(copy, &oracle)?.status.success())
}

/// The copy is a workspace of the core, the configuration and this program, as they are now.
fn renew(root: &Path, copy: &Path) -> std::io::Result<()> {
    for part in ["crates/core", "crates/config", "bench"] {
        copy_all(&root.join(part), &copy.join(part))?;
    }
    std::fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock"))?;
    let manifest = std::fs::read_to_string(root.join("Cargo.toml"))?;
    let lines = manifest.lines().filter(|line| !line.starts_with("default-members"));
    let lines = lines.map(|line| match line.starts_with("members") {
        true => "members = [\"crates/core\", \"crates/config\", \"bench\"]",
        false => line,
    });
    std::fs::write(copy.join("Cargo.toml"), lines.collect::<Vec<_>>().join("\n"))
}

fn copy_all(from: &Path, to: &PathBuf) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "cargo builds the mutants")]
fn cargo(copy: &Path, words: &[&str]) -> Result<std::process::Output, String> {
    let mut command =
        std::process::Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    // Cargo takes a package of the copy for the one it is a copy of: they may not share artifacts.
    command.args(words).current_dir(copy).env("CARGO_TARGET_DIR", copy.join("target"));
    command.env("CARGO_PROFILE_DEV_DEBUG", "false");
    command.output().map_err(|error| format!("cannot run cargo: {error}"))
}
