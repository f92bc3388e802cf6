//! The matcher against an independent brute-force oracle, on random worlds and on small tables.

mod churn;
mod enumerate;
mod explain;
mod fairness;
mod oracle;
mod policy;
mod random;
mod sight;
mod small;
mod steps;
mod world;
mod written;
