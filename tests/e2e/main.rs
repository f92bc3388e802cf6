//! End to end: the real binary, real repositories, real processes.

mod accept;
mod bad_input;
mod browser;
mod farm;
mod kill;
mod life;
mod operate;
mod replay;
mod run;
mod worker;
