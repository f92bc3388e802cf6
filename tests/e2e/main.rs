//! End to end: the real binary, real repositories, real processes.

mod farm;
mod first;
mod kill;
