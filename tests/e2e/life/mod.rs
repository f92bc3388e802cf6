//! The life of changes, requests and builds, each test with a farm of its own.

mod away;
mod backfill;
mod cancel;
mod changes;
mod cost;
mod farms;
mod keep;
mod locks;
mod policy;
mod queue;
mod reload;
