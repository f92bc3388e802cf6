//! The store from outside: sections, opening, the life of requests and builds, pages, and the proof
//! that events fold to rows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod blame;
mod compile;
mod farm;
mod faults;
mod holding;
mod life;
mod limits;
mod opening;
mod pages;
mod past;
mod random;
mod sections;
mod usual;
