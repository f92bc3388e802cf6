//! The matcher against an independent brute-force oracle, on random worlds and on small tables.

mod churn;
mod explain;
mod fairness;
mod oracle;
mod policy;
mod random;
mod world;
