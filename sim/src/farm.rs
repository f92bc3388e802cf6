//! Farms as their users write them, drawn from a seed, and what each builder is bound to end with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use steading_core::farm::Direction;

use crate::judge::{Means, Meant};
use crate::mutant::Mutant;
use crate::programs::RESET;
use crate::rng::Rng;
use crate::scene::Scene;

/// Where people push.
pub(crate) const REPOSITORY: &str = "https://git.example.org/source.git";
/// What is built when somebody pushes.
pub(crate) const SOURCE: &str = "source";

/// The scheduler that builds each change.
pub(crate) const EACH: &str = "each";
/// The one that waits until it is quiet.
pub(crate) const QUIET: &str = "quiet";

/// A farm to simulate.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    /// `farm.star`.
    pub(crate) text: String,
    /// The same with other capacities, for a reload.
    pub(crate) other: String,
    /// The workers it names.
    pub(crate) workers: Vec<String>,
    /// The verdict of each builder when nothing goes wrong.
    pub(crate) verdicts: BTreeMap<String, &'static str>,
    /// Whether it has a repository.
    pub(crate) repository: bool,
    /// What its order means.
    pub(crate) order: Vec<Meant>,
}

/// What not every farm has.
#[derive(Debug, Clone, Copy)]
struct Extras {
    workers: u64,
    repository: bool,
    resets: bool,
    tells: bool,
    /// Its other variant wants more room on the disk than there is.
    fills: bool,
    /// A worker that is away is missed soon.
    misses: bool,
    /// A function of its policy fails now and then.
    fails: bool,
}

impl Extras {
    fn draw(rng: &mut Rng, scene: Scene) -> Extras {
        let rich = scene == Scene::Rich;
        let drawn = rng.range(1, 5);
        Extras {
            workers: match scene {
                Scene::Power => drawn.max(4),
                Scene::Away => drawn.max(3),
                _ => drawn,
            },
            repository: rng.chance(250) || rich,
            resets: rng.chance(150) || rich,
            tells: rng.chance(200) || rich,
            fills: rng.chance(100) || rich,
            misses: rng.chance(200) || scene == Scene::Away,
            fails: rng.chance(100) || rich,
        }
    }
}

/// A shell step that runs for so long, prints so much, and exits so. Machines read it from the
/// words of the command.
fn shell(rng: &mut Rng, longest_ms: u64, exit: u64, more: &str) -> String {
    let (ms, bytes) = (rng.range(1, longest_ms), rng.below(3) * rng.below(2000));
    format!("shell([\"model\", \"{ms}\", \"{exit}\", \"{bytes}\"]{more})")
}

/// Draws a farm.
pub(crate) fn draw(rng: &mut Rng, scene: Scene) -> Drawn {
    let extras = Extras::draw(rng, scene);
    let workers: Vec<String> = (0..extras.workers).map(|n| format!("w{n}")).collect();
    let slots: Vec<(u64, u64)> =
        workers.iter().map(|_| (rng.range(1, 3), rng.range(1, 6))).collect();
    let longest = *rng.pick(&[200, 5_000, 40_000]);
    let longest = if scene == Scene::Away { 40_000 } else { longest };
    let (builders, mut verdicts) = builders(rng, extras.workers, longest);
    if extras.repository {
        verdicts.insert(SOURCE.to_owned(), "success");
    }
    let (policy, order) = policy(rng, extras);
    let text = |gpu: u64, last: &str| {
        let mut text = format!("gpu = lock(\"gpu\", capacity = {gpu})\n");
        text.push_str("disk = lock(\"disk\", per_worker = True)\n");
        for (name, slots) in workers.iter().zip(&slots) {
            text.push_str(&worker(name, *slots, extras));
        }
        text + &builders + &policy + &more(extras) + last
    };
    let full = if extras.fills { "keep_free(\"1000000GiB\")\n" } else { "" };
    let (usual, other) = (text(2, ""), text(3, full));
    Drawn { text: usual, other, workers, verdicts, repository: extras.repository, order }
}

/// The text that the farm gets, which is another one where the judge is to find that out.
pub(crate) fn told(text: &str, mutant: Option<Mutant>) -> String {
    match mutant {
        Some(Mutant::OrdersOtherwise) if text.contains("order = ") => text
            .replace("highest(", "LOWEST(")
            .replace("lowest(", "highest(")
            .replace("LOWEST(", "lowest(")
            .replace("oldest()", "newest()"),
        Some(Mutant::OrdersOtherwise) => {
            let order = "order = [lowest(lambda request: request.priority), newest()]";
            match text.contains("policy(") {
                true => text.replace("policy(", &format!("policy({order}, ")),
                false => format!("{text}policy({order})\n"),
            }
        }
        Some(Mutant::LendsMore) => {
            text.replace("lock(\"gpu\", capacity = ", "lock(\"gpu\", capacity = 1")
        }
        _ => text.to_owned(),
    }
}

fn worker(name: &str, (slots, most): (u64, u64), extras: Extras) -> String {
    let first = name == "w0";
    let os = if first { "linux" } else { "bsd" };
    let missed = if extras.misses { ", missing_after = \"15s\"" } else { "" };
    let reset = match (extras.resets && first, slots) {
        (false, _) => String::new(),
        (true, 1) => format!(", reset = [\"{RESET}\"]"),
        (true, _) => format!(", reset = [\"{RESET}\"], reset_every = 3"),
    };
    let most = if most < slots { format!(", max_builds = {most}") } else { String::new() };
    let labels = format!("{{\"os\": \"{os}\"}}");
    format!("worker(\"{name}\", slots = {slots}, labels = {labels}{missed}{most}{reset})\n")
}

/// A repository whose changes are built, each at once and the newest when it is quiet; somebody to
/// be told, whom nobody can reach.
fn more(extras: Extras) -> String {
    let mut text = String::new();
    if extras.repository {
        let _ = write!(
            text,
            "repo = git(\"{REPOSITORY}\", poll = \"5s\")\n\
             builder(\"{SOURCE}\", steps = [checkout(repo), \
             shell([\"model\", \"900\", \"0\", \"100\"])])\n\
             on_change(repo, builders = \"{SOURCE}\", name = \"{EACH}\")\n\
             on_change(repo, builders = \"{SOURCE}\", quiet = \"8s\", name = \"{QUIET}\")\n"
        );
    }
    if extras.tells {
        text.push_str("notify(\"chat\", webhook(\"http://127.0.0.1:9/\", key = \"none\"))\n");
    }
    text
}

fn builders(rng: &mut Rng, workers: u64, longest: u64) -> (String, BTreeMap<String, &'static str>) {
    let mut text = String::new();
    let mut verdicts = BTreeMap::new();
    let mut add = |name: &str, verdict: &'static str, steps: Vec<String>, more: &str| {
        let steps = steps.join(", ");
        let _ = writeln!(text, "builder(\"{name}\", steps = [{steps}]{more})");
        verdicts.insert(name.to_owned(), verdict);
    };
    add("plain", "success", vec![shell(rng, longest, 0, "")], "");
    let many = (0..rng.range(2, 5)).map(|_| shell(rng, longest / 2, 0, "")).collect();
    let few = if rng.chance(300) { ", max_builds = 1" } else { "" };
    add("many", "success", many, few);
    let red = vec![shell(rng, longest, 3, ""), shell(rng, longest, 0, ", always = True")];
    add("red", "failure", red, "");
    let warns = vec![shell(rng, longest, 1, ", on_failure = \"warn\""), shell(rng, longest, 0, "")];
    add("warns", "warnings", warns, "");
    let alone = vec![shell(rng, longest, 0, ""), shell(rng, longest, 0, ", always = True")];
    add("alone", "success", alone, ", locks = [gpu.exclusive()], max_wait = \"6s\"");
    add("shared", "success", vec![shell(rng, longest, 0, "")], ", locks = [gpu.counting(1)]");
    let near = vec![shell(rng, longest, 0, ", locks = [disk]"), shell(rng, longest, 0, "")];
    add("near", "success", near, "");
    let asks = ", when = lambda build: build.number % 2 == 0";
    add("asks", "success", vec![shell(rng, longest, 0, asks), shell(rng, longest, 0, "")], "");
    let leaves = vec![shell(rng, longest, 0, ""), "upload(\"out/*\")".to_owned()];
    add("leaves", "success", leaves, "");
    let requires = if workers > 1 { "bsd" } else { "linux" };
    let picky = format!(", requires = {{\"os\": \"{requires}\"}}");
    add("picky", "success", vec![shell(rng, longest, 0, "")], &picky);
    (text, verdicts)
}

const REQUEST: (bool, bool) = (true, false);
const WORKER: (bool, bool) = (false, true);
const BOTH: (bool, bool) = (true, true);

/// Orders that farms have, and what they mean.
fn orders() -> [(&'static str, Vec<Meant>); 6] {
    let highest = |sides| (None, sides, Direction::Highest);
    let lowest = |sides| (None, sides, Direction::Lowest);
    let said = |means, direction| (Some(means), REQUEST, direction);
    let oldest = said(Means::Submitted, Direction::Lowest);
    let usual = vec![said(Means::Priority, Direction::Highest), oldest];
    let fair = said(Means::FairBuilder, Direction::Lowest);
    let aging = said(Means::Aging(30_000), Direction::Highest);
    [
        ("", usual.clone()),
        (
            "order = [highest(lambda request: request.priority), oldest()]",
            vec![highest(REQUEST), oldest],
        ),
        ("order = [fair(by = \"builder\"), aging(\"30s\"), oldest()]", vec![fair, aging, oldest]),
        ("collapse = lambda a, b: a.builder == \"plain\"", usual),
        (
            "order = [lowest(lambda worker: worker.busy_slots), \
             highest(lambda request, worker: worker.last_builder == request.builder), oldest()]",
            vec![lowest(WORKER), highest(BOTH), oldest],
        ),
        (
            "order = [aging(\"4s\"), lowest(lambda request, worker: \
             request.priority * (1 + worker.busy_slots)), oldest()]",
            vec![said(Means::Aging(4_000), Direction::Highest), lowest(BOTH), oldest],
        ),
    ]
}

fn policy(rng: &mut Rng, extras: Extras) -> (String, Vec<Meant>) {
    let (order, mut meant) = rng.pick(&orders()).clone();
    // There is a builder that says how long its requests wait at most.
    meant.insert(0, (Some(Means::Overdue), REQUEST, Direction::Lowest));
    // Where it fails another worker is left.
    let fails = "allow = lambda request, worker: \
                 fail(\"no\") if worker.name == \"w0\" and request.builder == \"plain\" else True";
    let idle = "allow = lambda request, worker: worker.busy_slots == 0 or request.priority > 0";
    let allow = match extras.fails && extras.workers > 1 {
        true => fails,
        false if rng.chance(150) => idle,
        false => "",
    };
    let said: Vec<&str> = [order, allow].into_iter().filter(|it| !it.is_empty()).collect();
    let text =
        if said.is_empty() { String::new() } else { format!("policy({})\n", said.join(", ")) };
    (text, meant)
}
