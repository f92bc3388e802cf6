//! The master's doors, knocked at by hand: the links of workers over real sockets, and commands.

mod asked;
mod handshake;
mod sessions;
mod world;
