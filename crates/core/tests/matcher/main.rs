//! The matcher against an independent brute-force oracle, on random worlds and on small tables.

mod backfill;
mod churn;
mod enumerate;
mod explain;
mod fairness;
mod in_order;
mod lend;
mod oracle;
mod policy;
mod random;
mod sight;
mod small;
mod steps;
mod waits;
mod world;
mod written;
