//! What the servers say of themselves, on standard error. `STEADING_LOG` is a filter as in
//! `RUST_LOG`.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Begins to log; without `STEADING_LOG`, at this level.
pub(super) fn start(level: &str) {
    let filter = EnvFilter::try_from_env("STEADING_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second start in one process keeps the first.
    let _ = subscriber.try_init();
}
