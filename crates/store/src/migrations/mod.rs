//! The schema's history: numbered files, only ever appended to. A file that was released never
//! changes; what is wrong in it is put right by the next one.

mod run;

pub(crate) use run::{Migration, migrate, require_current};
#[cfg(test)]
pub(crate) use run::{STATEMENTS, lines_for};

/// Every migration, in order.
pub(crate) const ALL: &[Migration] = &[
    Migration { number: 1, sql: include_str!("0001_history.sql") },
    Migration { number: 2, sql: include_str!("0002_operations.sql") },
    Migration { number: 3, sql: include_str!("0003_troubles.sql") },
    Migration { number: 4, sql: include_str!("0004_resumed.sql") },
];
