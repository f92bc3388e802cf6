//! Side by side: Steading and its peers, on the same work, on the same machine, in one run.

mod history;
mod machine;
mod options;
mod parts;
mod peers;
mod row;
mod run;
mod sham;
mod svg;
mod system;
mod table;

pub(crate) use options::Options;
pub(crate) use run::run;
