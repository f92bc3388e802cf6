//! The worker against a small master: real processes, real sockets, real repositories.
//!
//! This program is its own worker binary: called `steading-shepherd` it is one, as the real
//! command is, and else it runs the tests.

mod artifacts;
mod checkouts;
mod harness;
mod identity;
mod links;
mod logs;
mod master;
mod processes;
mod stopping;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial, run};

fn main() -> ExitCode {
    if std::env::args_os().next().is_some_and(|name| name == "steading-shepherd") {
        return steading_worker::shepherd::main();
    }
    let tests: [fn() -> Vec<Trial>; 7] = [
        artifacts::tests,
        checkouts::tests,
        identity::tests,
        links::tests,
        logs::tests,
        processes::tests,
        stopping::tests,
    ];
    let tests = tests.into_iter().flat_map(|tests| tests()).collect();
    run(&Arguments::from_args(), tests).exit_code()
}
