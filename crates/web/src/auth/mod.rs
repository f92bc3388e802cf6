//! Who may do what: one guard before every route, and nothing allowed that it does not allow.
//!
//! A request passes three doors, in this order: the host it names (`host`), who asks (`token`), and
//! whether they may (`access`, a pure table). Access follows from the verb alone, so a new route
//! cannot forget it: GET reads, everything else writes.

mod access;
mod caller;
mod guard;
mod host;
mod refusal;
mod signin;
mod token;

pub use caller::Caller;
pub(crate) use token::Owners;
pub use token::{fresh as fresh_token, hash as token_hash};

pub(crate) use guard::guard;
pub(crate) use host::Hosts;
pub(crate) use signin::{signin, signout};
