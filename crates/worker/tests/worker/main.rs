//! The worker against a small master: real processes, real sockets, real repositories.
//!
//! This program is its own worker binary: called `steading-shepherd` it is one, as the real
//! command is; called `worker-under-test` it is a worker that can be killed; and else it runs the
//! tests.

mod artifacts;
mod checkouts;
mod harness;
mod identity;
mod links;
mod logs;
mod master;
mod processes;
mod room;
mod stopping;
mod survival;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial, run};

fn main() -> ExitCode {
    match std::env::args().next().as_deref() {
        Some("steading-shepherd") => return steading_worker::shepherd::main(),
        Some(harness::WORKER) => return harness::main(),
        _ => {}
    }
    let tests: [fn() -> Vec<Trial>; 9] = [
        artifacts::tests,
        checkouts::tests,
        identity::tests,
        links::tests,
        logs::tests,
        processes::tests,
        room::tests,
        stopping::tests,
        survival::tests,
    ];
    let tests = tests.into_iter().flat_map(|tests| tests()).collect();
    run(&Arguments::from_args(), tests).exit_code()
}
