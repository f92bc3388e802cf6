//! Work that blocks, or takes long, away from the threads that serve others.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;

/// Runs such work beside the runtime's threads; a panic in it is the handle's error. A runtime of
/// one thread runs it in turn with its other tasks: it has none to spare for others, and a
/// simulation repeats exactly only what no other thread has a say in.
pub fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => tokio::spawn(async move { work() }),
        _ => tokio::task::spawn_blocking(work),
    }
}
