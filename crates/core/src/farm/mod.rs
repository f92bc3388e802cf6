//! A farm as plain values: what `farm.star` says once evaluated, and the seam to the user's
//! functions.

mod address;
mod builder;
mod declared;
mod names;
mod notifier;
mod policy;
mod property_list;
mod scheduler;
mod worker;

pub use address::without_password;
pub use builder::{Arg, Builder, Command, OnFailure, Plan, PlanStep, Rerun, StepKind};
pub use declared::Farm;
pub use names::matches_glob;
pub(crate) use names::{compiled, is_plain};
pub use notifier::{Mail, Notifier, Receiver, Security, Webhook};
pub use policy::{
    BuildView, Direction, Evaluated, FairBy, Fault, FunctionId, Policy, PropertyId, Reads,
    RequestView, Term, TermKind, WorkerView,
};
pub use property_list::PropertyList;
pub use scheduler::{Force, OnChange, Param, ParamKind, Scheduler};
pub use worker::{Lock, LockCapacity, Repository, Reset, WorkerSpec};
