//! What an outcome means: of a step for its build, of builds for their buildset, of a loss for its
//! request.

mod algebra;
pub mod blame;
mod build;
mod loss;
mod step;
mod turn;

pub use algebra::{buildset_outcome, worst};
pub use build::{Cancel, Next, StepResult, after_condition, ahead, next, outcome_so_far};
pub use loss::rest;
pub use step::{StepReport, step_verdict};
pub use turn::{Turn, turn};
