//! Log bytes on their way: spooled to disk until the master says they are durable, and sent on a
//! link of their own, so that control never queues behind them.

mod link;
mod log;
mod spool;

pub(crate) use link::serve;
pub(crate) use log::SpooledLog;
pub(crate) use spool::Spool;
