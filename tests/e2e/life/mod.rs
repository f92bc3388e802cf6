//! The life of changes, requests and builds, each test with a farm of its own.

mod cancel;
mod changes;
mod farms;
mod keep;
mod queue;
mod reload;
