//! Pages of any noun, asked for by field names: what the API's lists are made of.

mod cursor;
mod few;
mod filter;
mod lent;
mod page;

pub use filter::{Filter, Op, Order};
pub use lent::Lent;
pub use page::{LIMIT_DEFAULT, LIMIT_MAX, Page, Query, Row};
pub(crate) use page::{all_sql, row_of};

#[cfg(test)]
pub(crate) use page::{generated, newest};
