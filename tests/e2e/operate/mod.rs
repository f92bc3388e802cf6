//! Operators' day one: holding things back, resets, a full disk, being told, being restarted.

mod disk;
mod gone;
mod limit;
mod pause;
mod reset;
mod service;
mod sinks;
mod told;
