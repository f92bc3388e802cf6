//! The worker and its master: dialling, the control link, and the loop in which all events meet.

mod backoff;
mod daemon;
mod dial;
mod facts;
mod link;
mod machine;
mod run;
mod socket;
mod telling;
mod work;

pub(crate) use backoff::Backoff;
pub(crate) use dial::{DialError, Dialer, Socket};
pub use run::run;
pub(crate) use socket::{Lost, SILENCE, receive, send, send_ping};
pub use work::{Order, Work};
