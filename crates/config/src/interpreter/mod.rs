//! The Starlark interpreter: the only module that names its crate, whose API promises no stability.
//!
//! Inward it speaks the plain values of `input` and `views`; no interpreter type leaves it but
//! `Frozen`, a user's function that may be called from any thread.

mod builtins;
mod errors;
mod limits;
mod modules;
mod run;
mod tracked;

pub(crate) use modules::{EVALUATOR, Evaluation, evaluate, loads};
pub(crate) use run::{Called, Frozen, attempt, call};
pub(crate) use tracked::Answer;
