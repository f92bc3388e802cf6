//! What pages show, as plain values made by pure functions: rows and a time in, texts out.
//!
//! Templates get these values and nothing else, so an overriding template sees the same words, and
//! a view can be tested without a farm. What is absent: the store, HTTP, a clock, HTML.

pub(crate) mod ansi;
pub(crate) mod build;
pub(crate) mod builder;
pub(crate) mod code;
pub(crate) mod form;
pub(crate) mod frame;
pub(crate) mod home;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod mark;
pub(crate) mod phases;
pub(crate) mod queue;
pub(crate) mod rest;
pub(crate) mod row;
pub(crate) mod step;
pub(crate) mod when;
pub(crate) mod words;
pub(crate) mod worker;
