//! Measures what Steading promises: `cargo run --release -p bench -- matcher`, or `oracle`.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

mod compare;
mod measure;
mod mutants;
mod policy_of_shapes;
mod process;
mod shapes;

// The oracle and the random worlds of the core's own tests: one file each, two programs.
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/churn.rs"]
mod churn;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/policy.rs"]
mod policy;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/world.rs"]
mod world;

use std::process::ExitCode;

const USAGE: &str = "\
usage: bench matcher [--events N] [--pending N] [--workers N] [--shape NAME]
       bench oracle [--decisions N] [--seed N]
       bench mutants";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let Some(options) = options(words) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    let number = |name: &str, default: u64| {
        let given = options.iter().find(|(option, _)| option == name);
        given.map_or(Some(default), |(_, value)| value.parse().ok())
    };
    let done = match command.as_str() {
        "matcher" => number("--events", 200_000)
            .zip(number("--pending", 100_000))
            .zip(number("--workers", 10_000))
            .map(|((events, pending), workers)| {
                let only = options.iter().find(|(option, _)| option == "--shape");
                measure::run(events, (pending, workers), only.map(|(_, shape)| shape.as_str()))
            }),
        "oracle" => {
            let decisions = number("--decisions", 1_000_000).zip(number("--seed", 0));
            decisions.map(|(decisions, seed)| compare::run(decisions, seed))
        }
        "mutants" => Some(mutants::run()),
        _ => None,
    };
    match done {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => {
            println!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// `--name value` pairs.
fn options(mut words: impl Iterator<Item = String>) -> Option<Vec<(String, String)>> {
    let mut options = Vec::new();
    while let Some(name) = words.next() {
        options.push((name, words.next()?));
    }
    Some(options)
}
