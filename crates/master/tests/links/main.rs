//! The master's doors, knocked at by hand: the links of workers over real sockets, and commands.

mod asked;
mod cancels;
mod forecast;
mod handshake;
mod losses;
mod missing;
mod sessions;
mod troubles;
mod world;
