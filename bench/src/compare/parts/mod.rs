//! The parts of the comparison, one file each: a part measures and hands back its rows.

mod throughput;

use std::io;

use super::row::Row;
use super::run::Bench;

/// Measures a part.
pub(crate) type Part = fn(&Bench) -> io::Result<Vec<Row>>;

/// Name, whether a quick run has it, and what it does.
pub(crate) const PARTS: &[(&str, bool, Part)] = &[("throughput", true, throughput::run)];
