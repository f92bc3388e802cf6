//! What a list is asked: parameters of the query, as history understands them.

use steading_core::words::{Field, Kind, Noun};
use steading_store::{Filter, Op, Order, Query};
use steading_wire::problem::Code;

use super::endpoint::Parameter;
use crate::Failure;

/// The parameters every list takes, besides its fields.
pub(super) const LIST_PARAMETERS: [Parameter; 4] = [
    Parameter { name: "order", integer: false, doc: "By this field; `-id` for greatest first" },
    Parameter { name: "limit", integer: true, doc: "At most this many rows: 1 to 1000, else 100" },
    Parameter { name: "cursor", integer: false, doc: "`next` of the page before" },
    Parameter { name: "fields", integer: false, doc: "Only these fields, comma-separated" },
];

/// The operators a field takes besides equality; none if it cannot be filtered at all.
pub(super) fn operators(field: &Field) -> Option<Vec<&'static str>> {
    let ops: &[Op] = match field.kind {
        Kind::Json => return None,
        Kind::Text => &[Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::In, Op::Contains],
        Kind::Int | Kind::Bool | Kind::Time | Kind::Word(_) => {
            &[Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::In]
        }
    };
    Some(ops.iter().map(|op| op.word()).collect())
}

/// Reads the parameters of a list of `noun`.
pub(super) fn parse(
    noun: &'static Noun,
    parameters: Vec<(String, String)>,
) -> Result<Query, Failure> {
    let mut query = Query::default();
    for (key, value) in parameters {
        let repeated = match key.as_str() {
            "order" => query.order.replace(Order::parse(noun, &value).map_err(bad)?).is_some(),
            "limit" => query.limit.replace(limit(&value)?).is_some(),
            "cursor" => query.cursor.replace(value).is_some(),
            "fields" => query.fields.replace(words(&value)).is_some(),
            _ => {
                query.filters.push(Filter::parse(noun, &key, &value).map_err(bad)?);
                false
            }
        };
        if repeated {
            return Err(Failure::new(Code::BadRequest, format!("`{key}` is given twice")));
        }
    }
    Ok(query)
}

fn bad(error: steading_store::BadQuery) -> Failure {
    steading_store::Error::from(error).into()
}

fn limit(value: &str) -> Result<usize, Failure> {
    value.parse().map_err(|_| {
        let detail = format!("`limit` is `{value}`; it must be a whole number");
        Failure::new(Code::BadRequest, detail)
    })
}

fn words(value: &str) -> Vec<String> {
    value.split(',').map(|word| word.trim().to_owned()).collect()
}
