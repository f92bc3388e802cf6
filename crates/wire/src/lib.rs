//! What others see, versioned: the worker protocol, REST bodies, problems and the event stream.
//!
//! Only this crate and `web` know JSON; only this crate knows MessagePack. What is absent: the
//! database, the configuration, sockets.

pub mod command;
pub mod forecast;
pub mod problem;
pub mod render;
pub mod rest;
pub mod worker;
