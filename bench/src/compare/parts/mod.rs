//! The parts of the comparison: a part measures and adds its rows.

mod deep;
mod growth;
mod idle;
mod latency;
mod logs;
mod reads;
mod recovery;
mod small;
mod throughput;

use std::io;

pub(crate) use growth::curves;

use super::row::Row;
use super::run::Bench;

/// Measures a part; the rows it came to before an error stay.
pub(crate) type Part = fn(&Bench, &mut Vec<Row>) -> io::Result<()>;

/// Name, whether a quick run has it, and what it does.
pub(crate) const PARTS: &[(&str, bool, Part)] = &[
    ("limits", true, small::limits),
    ("throughput", true, throughput::run),
    ("latency", true, latency::run),
    ("gap", true, deep::gap),
    ("cost", false, deep::cost),
    ("deep", false, deep::deep),
    ("ingest", true, logs::ingest),
    ("screen", false, logs::screen),
    ("reads", false, reads::run),
    ("idle", false, idle::run),
    ("recovery", true, recovery::run),
    ("frozen", false, small::frozen),
    ("memory", true, small::memory),
    ("decision", true, small::decision),
    ("growth", false, growth::run),
];
