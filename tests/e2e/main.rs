//! End to end: the real binary, real repositories, real processes.

mod first;
mod fixture;
