//! Log bytes on their way: sent from the spool on a link of their own, so that control never queues
//! behind them.

mod link;

pub(crate) use link::serve;
