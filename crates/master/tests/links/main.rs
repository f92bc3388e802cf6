//! The links of workers, spoken by hand over real sockets to a real master.

mod handshake;
mod sessions;
mod world;
