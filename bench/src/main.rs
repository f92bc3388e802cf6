//! Measures what Steading promises: `cargo run --release -p bench -- compare`, `queue`, `matcher`.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

mod brute;
mod compare;
mod explain;
mod farm;
mod measure;
mod mutants;
mod policy_of_shapes;
mod process;
mod queue;
mod shapes;
mod worlds;

// The oracle and the random worlds of the core's own tests: one file each, two programs.
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/churn.rs"]
mod churn;
#[path = "../../crates/core/tests/matcher/enumerate.rs"]
mod enumerate;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/in_order.rs"]
mod in_order;
#[path = "../../crates/core/tests/matcher/lend.rs"]
mod lend;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/policy.rs"]
mod policy;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/waits.rs"]
mod waits;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/world.rs"]
mod world;
#[allow(dead_code, reason = "the core's tests use more of it")]
#[path = "../../crates/core/tests/matcher/written.rs"]
mod written;
// Random policies as farm.star text, of the configuration's own tests.
#[path = "../../crates/config/tests/oracle/star.rs"]
mod star;

use std::process::ExitCode;

const USAGE: &str = "\
usage: bench compare [--quick] [--prepare] [--only PART,PART] [--peers NAME,NAME] [--rounds N]
                     [--markdown FILE] [--json FILE] [--docs DIR] [--steading FILE]
       bench queue [--quick] [--queued N] [--builders N] [--workers N] [--rounds N] [--builds N]
                   [--steading FILE]
       bench matcher [--events N] [--pending N] [--workers N] [--shape NAME]
                     [--rounds N]
       bench oracle [--decisions N] [--text N] [--seed N]
       bench enumerate [--requests N] [--workers N] [--events N]
       bench explain
       bench mutants [--only NAME]";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    if command == "compare" {
        return compared(words);
    }
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
            .zip(number("--rounds", 1))
            .zip(number("--pending", 100_000).zip(number("--workers", 10_000)))
            .map(|(events, size)| {
                let only = options.iter().find(|(option, _)| option == "--shape");
                measure::run(events, size, only.map(|(_, shape)| shape.as_str()))
            }),
        "oracle" => {
            let decisions = number("--decisions", 1_000_000).zip(number("--text", 120_000));
            let decisions = decisions.zip(number("--seed", 0));
            decisions.map(|((decisions, text), seed)| brute::run(decisions, text, seed))
        }
        "enumerate" => {
            let bound = number("--requests", 0).zip(number("--workers", 0));
            let bound = bound.zip(number("--events", 0));
            bound.map(|((requests, workers), events)| worlds::run(requests, workers, events))
        }
        "queue" => {
            let quick = options.iter().any(|(option, _)| option == "--quick");
            let (queued, rounds, builds) =
                if quick { (10_000, 3, 400) } else { (100_000, 7, 1_500) };
            let queue = || {
                Some(queue::Options {
                    queued: number("--queued", queued)?,
                    builders: number("--builders", 100)?,
                    workers: number("--workers", 10)?,
                    rounds: number("--rounds", rounds)?,
                    builds: number("--builds", builds)?,
                    steading: options
                        .iter()
                        .find(|(option, _)| option == "--steading")
                        .map(|(_, file)| file.into()),
                })
            };
            queue().map(|options| queue::run(&options))
        }
        "explain" => Some(explain::run()),
        "mutants" => {
            let only = options.iter().find(|(option, _)| option == "--only");
            Some(mutants::run(only.map_or("", |(_, name)| name)))
        }
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

fn compared(words: impl Iterator<Item = String>) -> ExitCode {
    match compare::Options::parse(words) {
        Some(options) => compare::run(&options),
        None => {
            println!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// `--name value` pairs; `--quick` needs no value.
fn options(mut words: impl Iterator<Item = String>) -> Option<Vec<(String, String)>> {
    let mut options = Vec::new();
    while let Some(name) = words.next() {
        let value = if name == "--quick" { String::new() } else { words.next()? };
        options.push((name, value));
    }
    Some(options)
}
