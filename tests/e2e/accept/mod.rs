//! Acceptance: what the farm promises, shown with real processes. A slice of each run is a normal
//! test; the full runs are asked for by name, as `tests/README.md` says.

mod adopt;
mod chaos;
mod clock;
mod declared;
mod disk;
mod far;
mod faults;
mod kinds;
mod load;
mod machine;
mod mirror;
mod power;
mod proxy;
mod random;
mod sham;
mod soak;
mod stream;
mod upgrade;

/// A line for whoever runs it.
#[expect(clippy::print_stderr, reason = "the figures are what these runs are for")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// A number from the environment, so that a run can be made longer.
fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => default,
    }
}
