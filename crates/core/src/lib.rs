//! The functional core: what a farm's things are called, which transitions are legal, what a change
//! sets off, which request goes to which worker and when, what an outcome means, and what would
//! have been under another policy.
//!
//! Everything here is a pure function over plain values. What is deliberately absent: I/O, clocks,
//! async, randomness, system time zones, and iteration over hash maps. Time and seeds are
//! arguments.

pub mod farm;
pub mod forecast;
pub mod lifecycle;
pub mod matcher;
pub mod replay;
pub mod settle;
pub mod trigger;
pub mod words;
