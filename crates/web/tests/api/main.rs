//! The API end to end: the real router over a real store and archive; only the master is a
//! stand-in.

mod access;
mod bytes;
mod commands;
mod document;
mod events;
mod house;
mod lists;
mod problems;
mod signin;
