//! Telling people and programs outside: what is news goes into the outbox in the section that looks
//! at it, and from there on its way, again and again, until it is told or given up. Nothing here is
//! in anybody's way: it follows events, and nobody waits for it.

mod deliver;
mod follow;
mod mail;
mod message;
mod rounds;
mod secrets;
mod webhook;

pub(crate) use deliver::run as deliver;
pub(crate) use follow::run as follow;
