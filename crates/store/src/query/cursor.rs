//! Cursors: where a page ended, as an opaque text.

use serde_json::json;
use steading_core::words::{Cell, Noun};

use super::Order;
use crate::BadQuery;

/// The last row of a page: the next one begins behind it, whatever was inserted meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The value of the order's field.
    pub(super) value: Cell,
    /// The row's id.
    pub(super) id: i64,
}

impl Cursor {
    /// Opaque: hex of what only this file reads.
    pub(super) fn encode(&self, noun: &Noun, order: &Order) -> String {
        let Cursor { value, id } = self;
        hex::encode(json!([noun.name, order.field, order.descending, value, id]).to_string())
    }

    /// Refuses a cursor of another noun or order.
    pub(super) fn decode(text: &str, noun: &Noun, order: &Order) -> Result<Cursor, BadQuery> {
        let bytes = hex::decode(text).map_err(|_| BadQuery::BadCursor)?;
        let parts: (String, String, bool, Cell, i64) =
            serde_json::from_slice(&bytes).map_err(|_| BadQuery::BadCursor)?;
        let (of, field, descending, value, id) = parts;
        let same = of == noun.name && field == order.field && descending == order.descending;
        if same { Ok(Cursor { value, id }) } else { Err(BadQuery::BadCursor) }
    }
}
