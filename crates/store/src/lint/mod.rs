//! The SQL lint: every statement of the crate, parsed in both dialects and prepared on a real
//! PostgreSQL, so that the second engine stays within reach.

mod dialects;
mod plans;
mod postgres;
mod schema;
mod statements;
