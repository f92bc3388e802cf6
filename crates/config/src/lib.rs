//! `farm.star` (Starlark) to a `Farm` of plain values and a `Policy` of the user's functions.
//!
//! The way of a configuration: `load` reads and evaluates the texts; every call of a farm function
//! (`declare`) leaves a draft and, where something is wrong, a diagnostic; `check` turns the draft
//! into a `Farm` and adds what only the whole can tell. All findings are told at once.
//!
//! Only the module `interpreter` names the Starlark crate. What is deliberately absent: clocks,
//! randomness, the network, the store; files are read for `load` alone.

mod args;
mod arguments;
mod check;
mod declare;
mod diagnostic;
mod draft;
mod files;
mod functions;
mod globs;
mod input;
mod interpreter;
mod library;
mod load;
mod place;
mod policy;
mod shape;
mod views;

pub use diagnostic::{Diagnostic, Errors, Severity};
pub use load::{
    ConfigurationText, Loaded, Options, load, load_policy, load_texts, load_texts_with, load_with,
};
