//! Filters and orders: from text to a checked condition over a noun's fields.

use steading_core::words::{Cell, Field, Kind, Noun};

use crate::BadQuery;

/// How a field is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal; absent counts as not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// One of several.
    In,
    /// Holds the text, letter case included.
    Contains,
}

impl Op {
    /// Every operator.
    pub const ALL: [Op; 8] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::In, Op::Contains];

    /// The word after `__`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Op::Eq => "eq",
            Op::Ne => "ne",
            Op::Lt => "lt",
            Op::Le => "le",
            Op::Gt => "gt",
            Op::Ge => "ge",
            Op::In => "in",
            Op::Contains => "contains",
        }
    }

    /// The operator a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Op> {
        Op::ALL.into_iter().find(|op| op.word() == word)
    }
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The field's name.
    pub field: String,
    /// How it is compared.
    pub op: Op,
    /// What with: one value, or several for `In`. `Cell::Null` means absent.
    pub values: Vec<Cell>,
}

impl Filter {
    /// `field` equals `value`.
    pub fn eq(field: impl Into<String>, value: impl Into<Cell>) -> Filter {
        Filter { field: field.into(), op: Op::Eq, values: vec![value.into()] }
    }

    /// Reads a query parameter: `outcome=failure`, `started_at__ge=2026-11-21T00:00:00Z`,
    /// `builder__in=a,b`. The value `null` means absent where a field may be.
    ///
    /// # Errors
    /// Names the unknown field or operator, or the value that is none of the field's.
    pub fn parse(noun: &'static Noun, key: &str, value: &str) -> Result<Filter, BadQuery> {
        let (name, word) = key.split_once("__").unwrap_or((key, "eq"));
        let field = field_named(noun, name)?;
        let op = Op::from_word(word).ok_or_else(|| BadQuery::UnknownOperator {
            key: key.to_owned(),
            operator: word.to_owned(),
        })?;
        let texts = if op == Op::In { value.split(',').collect() } else { vec![value] };
        let values: Result<Vec<Cell>, BadQuery> =
            texts.into_iter().map(|text| parse_value(field, text)).collect();
        let filter = Filter { field: name.to_owned(), op, values: values? };
        filter.check(noun)?;
        Ok(filter)
    }

    /// The filter's field, if the filter makes sense for the noun.
    pub(super) fn check(&self, noun: &'static Noun) -> Result<&'static Field, BadQuery> {
        let field = field_named(noun, &self.field)?;
        let operator = self.op.word();
        let refuse = |why| Err(BadQuery::NotApplicable { field: field.name, operator, why });
        let ordered = matches!(self.op, Op::Lt | Op::Le | Op::Gt | Op::Ge);
        let null = self.values.contains(&Cell::Null);
        match (self.op, field.kind) {
            (_, Kind::Json) => refuse("it is a structure"),
            (Op::Contains, Kind::Int | Kind::Bool | Kind::Time | Kind::Word(_)) => {
                refuse("only texts can be searched")
            }
            (Op::Eq | Op::Ne, _) if null && !field.nullable => refuse("it is never absent"),
            (Op::In | Op::Contains, _) if null => refuse("null is compared with eq or ne only"),
            _ if ordered && null => refuse("null is compared with eq or ne only"),
            (op, _) if op != Op::In && self.values.len() != 1 => refuse("it takes one value"),
            _ => Ok(field),
        }
    }

    /// The condition as SQL; its values are pushed to the parameters.
    pub(super) fn condition(&self, field: &Field, params: &mut Vec<Cell>) -> String {
        let name = field.name;
        let mut place = |cell: &Cell| {
            params.push(cell.clone());
            format!("?{}", params.len())
        };
        match (self.op, self.values.as_slice()) {
            (Op::Eq, [Cell::Null]) => format!("{name} IS NULL"),
            (Op::Ne, [Cell::Null]) => format!("{name} IS NOT NULL"),
            (Op::In, []) => "1 = 0".to_owned(),
            (Op::In, values) => {
                let places: Vec<String> = values.iter().map(place).collect();
                format!("{name} IN ({})", places.join(", "))
            }
            (Op::Contains, [Cell::Text(text)]) if text.is_empty() => {
                format!("{name} IS NOT NULL")
            }
            // The one way to look for a text that both engines read alike, letter case included.
            (Op::Contains, [value]) => format!("REPLACE({name}, {}, '') <> {name}", place(value)),
            (Op::Ne, [value]) if field.nullable => {
                format!("({name} <> {} OR {name} IS NULL)", place(value))
            }
            (op, values) => {
                let sign = match op {
                    Op::Ne => "<>",
                    Op::Lt => "<",
                    Op::Le => "<=",
                    Op::Gt => ">",
                    Op::Ge => ">=",
                    Op::Eq | Op::In | Op::Contains => "=",
                };
                format!("{name} {sign} {}", place(&values[0]))
            }
        }
    }
}

/// The order of a page: by one field, ties by id in the same direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The field's name.
    pub field: String,
    /// Greatest first.
    pub descending: bool,
}

impl Order {
    /// Reads `started_at` or `-started_at`.
    ///
    /// # Errors
    /// Names the unknown field, or says that it has no order.
    pub fn parse(noun: &'static Noun, text: &str) -> Result<Order, BadQuery> {
        let (field, descending) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let order = Order { field: field.to_owned(), descending };
        order.check(noun)?;
        Ok(order)
    }

    pub(super) fn check(&self, noun: &'static Noun) -> Result<&'static Field, BadQuery> {
        let field = field_named(noun, &self.field)?;
        match field.kind {
            Kind::Json => Err(BadQuery::NotApplicable {
                field: field.name,
                operator: "order",
                why: "it is a structure",
            }),
            _ => Ok(field),
        }
    }
}

pub(super) fn field_named(noun: &'static Noun, name: &str) -> Result<&'static Field, BadQuery> {
    noun.field(name).ok_or_else(|| {
        let known: Vec<&str> = noun.fields.iter().map(|f| f.name).collect();
        let (field, known) = (name.to_owned(), known.join(", "));
        BadQuery::UnknownField { noun: noun.name, field, known }
    })
}

fn parse_value(field: &'static Field, text: &str) -> Result<Cell, BadQuery> {
    if field.nullable && text == "null" {
        return Ok(Cell::Null);
    }
    let expected = |expected: &str| BadQuery::BadValue {
        field: field.name,
        value: text.to_owned(),
        expected: expected.to_owned(),
    };
    match field.kind {
        Kind::Int => text.parse().map(Cell::Int).map_err(|_| expected("a whole number")),
        Kind::Bool => match text {
            "true" | "1" => Ok(Cell::Int(1)),
            "false" | "0" => Ok(Cell::Int(0)),
            _ => Err(expected("true or false")),
        },
        Kind::Time => text
            .parse::<jiff::Timestamp>()
            .map(|at| Cell::Int(at.as_microsecond()))
            .map_err(|_| expected("a time as in 2026-11-21T18:00:00Z")),
        Kind::Word(words) if !words.contains(&text) => Err(expected(&words.join(", "))),
        Kind::Word(_) | Kind::Text | Kind::Json => Ok(Cell::from(text)),
    }
}
