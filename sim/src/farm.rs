//! Farms as their users write them, drawn from a seed, and what each builder is bound to end with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::rng::Rng;

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
}

/// A shell step that runs for so long, prints so much, and exits so. Machines read it from the
/// words of the command.
fn shell(rng: &mut Rng, longest_ms: u64, exit: u64, more: &str) -> String {
    let (ms, bytes) = (rng.range(1, longest_ms), rng.below(3) * rng.below(2000));
    format!("shell([\"model\", \"{ms}\", \"{exit}\", \"{bytes}\"]{more})")
}

/// Draws a farm.
pub(crate) fn draw(rng: &mut Rng) -> Drawn {
    let workers: Vec<String> = (0..rng.range(1, 5)).map(|n| format!("w{n}")).collect();
    let slots: Vec<u64> = workers.iter().map(|_| rng.range(1, 3)).collect();
    let (builders, verdicts) = builders(rng, workers.len() as u64);
    let policy = policy(rng);
    let text = |gpu: u64| {
        let mut text = format!("gpu = lock(\"gpu\", capacity = {gpu})\n");
        text.push_str("disk = lock(\"disk\", per_worker = True)\n");
        for (name, slots) in workers.iter().zip(&slots) {
            let os = if name == "w0" { "linux" } else { "bsd" };
            let _ = writeln!(
                text,
                "worker(\"{name}\", slots = {slots}, labels = {{\"os\": \"{os}\"}})"
            );
        }
        text + &builders + &policy
    };
    Drawn { text: text(2), other: text(3), workers: workers.clone(), verdicts }
}

fn builders(rng: &mut Rng, workers: u64) -> (String, BTreeMap<String, &'static str>) {
    let longest = *rng.pick(&[200, 5_000, 40_000]);
    let mut text = String::new();
    let mut verdicts = BTreeMap::new();
    let mut add = |name: &str, verdict: &'static str, steps: Vec<String>, more: &str| {
        let steps = steps.join(", ");
        let _ = writeln!(text, "builder(\"{name}\", steps = [{steps}]{more})");
        verdicts.insert(name.to_owned(), verdict);
    };
    add("plain", "success", vec![shell(rng, longest, 0, "")], "");
    let many = (0..rng.range(2, 5)).map(|_| shell(rng, longest / 2, 0, "")).collect();
    add("many", "success", many, "");
    let red = vec![shell(rng, longest, 3, ""), shell(rng, longest, 0, ", always = True")];
    add("red", "failure", red, "");
    let warns = vec![shell(rng, longest, 1, ", on_failure = \"warn\""), shell(rng, longest, 0, "")];
    add("warns", "warnings", warns, "");
    let alone = vec![shell(rng, longest, 0, ""), shell(rng, longest, 0, ", always = True")];
    add("alone", "success", alone, ", locks = [gpu.exclusive()]");
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

fn policy(rng: &mut Rng) -> String {
    let orders = [
        "",
        "policy(order = [highest(lambda request: request.priority), oldest()])\n",
        "policy(order = [fair(by = \"builder\"), aging(\"30s\"), oldest()])\n",
        "policy(collapse = lambda a, b: a.builder == \"plain\")\n",
    ];
    (*rng.pick(&orders)).to_owned()
}
