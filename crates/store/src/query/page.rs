//! One page of one noun: filters, an order, a limit, and where the page before ended.

use steading_core::words::{Cell, Delta, Field, Noun};

use super::cursor::Cursor;
use super::few;
use super::filter::{Filter, Order, field_named};
use super::lent::{Lent, keep};
use crate::ops::Param;
use crate::{BadQuery, Error, Read};

/// Rows of a page when nothing else is asked.
pub const LIMIT_DEFAULT: usize = 100;
/// The most rows of a page.
pub const LIMIT_MAX: usize = 1000;

/// A row by field names; `wire` renders it as it renders deltas.
pub type Row = Delta;

/// What is asked of a noun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// All must hold.
    pub filters: Vec<Filter>,
    /// By id, lowest first, when absent.
    pub order: Option<Order>,
    /// At most this many rows; `LIMIT_DEFAULT` when absent.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Only these fields; all when absent.
    pub fields: Option<Vec<String>>,
}

/// Rows, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// The cursor of the next page; `None` when this is the last.
    pub next: Option<String>,
}

impl Read<'_> {
    /// One page of a noun, each row lent to `each`; where the next page begins, if there is one.
    /// Pages follow each other by (field, id), so rows inserted meanwhile neither repeat nor hide
    /// others.
    ///
    /// # Errors
    /// `BadQuery` naming the unknown field or operator, the bad value, limit or cursor; what
    /// `each` says.
    pub fn lend_page(
        &self,
        noun: &'static Noun,
        query: &Query,
        mut each: impl FnMut(&Lent<'_, '_>) -> Result<(), Error>,
    ) -> Result<Option<String>, Error> {
        let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(BadQuery::BadLimit { limit, max: LIMIT_MAX }.into());
        }
        let Prepared { sql, params, order, by, shown } = prepare(noun, query, limit)?;
        let params = rusqlite::params_from_iter(params.iter().map(Param));
        let (mut count, mut last, mut more) = (0, None, false);
        self.each(&sql, params, |row| {
            count += 1;
            more = count > limit;
            if count == limit {
                // Behind what is shown stand what the page is ordered by, and the id.
                let value = keep(row, shown.len(), by)?;
                last = Some(Cursor { value, id: row.get(shown.len() + 1)? });
            }
            if more { Ok(()) } else { each(&Lent::new(row, &shown)) }
        })?;
        let last = last.filter(|_| more);
        Ok(last.map(|cursor| cursor.encode(noun, &order)))
    }

    /// One page of a noun, to keep.
    ///
    /// # Errors
    /// `BadQuery` naming the unknown field or operator, the bad value, limit or cursor.
    pub fn page(&self, noun: &'static Noun, query: &Query) -> Result<Page, Error> {
        let mut rows = Vec::new();
        let next = self.lend_page(noun, query, |row| row.keep().map(|row| rows.push(row)))?;
        Ok(Page { rows, next })
    }

    /// One row of a noun.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn one(&self, noun: &'static Noun, id: i64) -> Result<Option<Row>, Error> {
        self.row(&one_sql(noun), [id], |row| row_of(row, noun.fields))
    }
}

impl Read<'_> {
    /// How many rows of a noun meet all of these.
    ///
    /// # Errors
    /// `BadQuery` when a filter names no field or does not apply.
    pub fn count(&self, noun: &'static Noun, filters: &[Filter]) -> Result<i64, Error> {
        let (sql, params) = count_sql(noun, filters)?;
        self.int(&sql, rusqlite::params_from_iter(params.iter().map(Param)))
    }
}

struct Prepared {
    sql: String,
    params: Vec<Cell>,
    order: Order,
    by: &'static Field,
    /// The columns, but for the two by which the next page is found.
    shown: Vec<&'static Field>,
}

fn prepare(noun: &'static Noun, query: &Query, limit: usize) -> Result<Prepared, BadQuery> {
    let by_id = || Order { field: "id".to_owned(), descending: false };
    let order = query.order.clone().unwrap_or_else(by_id);
    let by = order.check(noun)?;
    let shown = shown(noun, query.fields.as_deref())?;
    let mut params = Vec::new();
    let mut conditions = conditions(noun, &query.filters, &mut params)?;
    if let Some(text) = &query.cursor {
        let cursor = Cursor::decode(text, noun, &order)?;
        conditions.push(behind(&cursor, by, order.descending, &mut params));
    }
    let mut sql = select(noun, shown.iter().copied().chain([by, id_of(noun)]));
    if !conditions.is_empty() {
        sql += &format!(" WHERE {}", conditions.join(" AND "));
    }
    // One row more than asked tells whether there is a next page.
    params.push(Cell::Int(i64::try_from(limit + 1).unwrap_or(i64::MAX)));
    sql += &format!(" ORDER BY {} LIMIT ?{}", order_by(by, order.descending), params.len());
    Ok(Prepared { sql, params, order, by, shown })
}

/// The fields asked for, in the order of the table; all where nothing is said.
fn shown(noun: &'static Noun, asked: Option<&[String]>) -> Result<Vec<&'static Field>, BadQuery> {
    for name in asked.unwrap_or_default() {
        field_named(noun, name)?;
    }
    let is_asked = |field: &&Field| asked.is_none_or(|asked| asked.iter().any(|n| n == field.name));
    Ok(noun.fields.iter().filter(is_asked).collect())
}

fn id_of(noun: &'static Noun) -> &'static Field {
    noun.fields.first().expect("every noun has an id, its first field")
}

fn conditions(
    noun: &'static Noun,
    filters: &[Filter],
    params: &mut Vec<Cell>,
) -> Result<Vec<String>, BadQuery> {
    let condition = |filter: &Filter| Ok(filter.condition(filter.check(noun)?, params));
    let mut conditions: Vec<String> = filters.iter().map(condition).collect::<Result<_, _>>()?;
    conditions.extend(few::also(noun, filters).map(str::to_owned));
    Ok(conditions)
}

fn count_sql(noun: &'static Noun, filters: &[Filter]) -> Result<(String, Vec<Cell>), BadQuery> {
    let mut params = Vec::new();
    let conditions = conditions(noun, filters, &mut params)?;
    let mut sql = format!("SELECT COUNT(*) FROM {}", noun.name);
    if !conditions.is_empty() {
        sql += &format!(" WHERE {}", conditions.join(" AND "));
    }
    Ok((sql, params))
}

/// Absent values come first going up and last going down, in every engine.
fn order_by(by: &Field, descending: bool) -> String {
    let direction = if descending { "DESC" } else { "ASC" };
    let nulls = match (by.nullable, descending) {
        (false, _) => "",
        (true, false) => " NULLS FIRST",
        (true, true) => " NULLS LAST",
    };
    match by.name {
        "id" => format!("id {direction}"),
        name => format!("{name} {direction}{nulls}, id {direction}"),
    }
}

/// The rows behind a cursor, in the order of `order_by`.
fn behind(cursor: &Cursor, by: &Field, descending: bool, params: &mut Vec<Cell>) -> String {
    let name = by.name;
    let sign = if descending { "<" } else { ">" };
    let mut place = |cell: Cell| {
        params.push(cell);
        format!("?{}", params.len())
    };
    let id = Cell::Int(cursor.id);
    if name == "id" {
        return format!("id {sign} {}", place(id));
    }
    if cursor.value == Cell::Null {
        let same = format!("({name} IS NULL AND id {sign} {})", place(id));
        return if descending { same } else { format!("({same} OR {name} IS NOT NULL)") };
    }
    let value = place(cursor.value.clone());
    let tuple = format!("({name}, id) {sign} ({value}, {})", place(id));
    if by.nullable && descending { format!("({tuple} OR {name} IS NULL)") } else { tuple }
}

fn select<'n>(noun: &Noun, fields: impl IntoIterator<Item = &'n Field>) -> String {
    let columns: Vec<&str> = fields.into_iter().map(|field| field.name).collect();
    format!("SELECT {} FROM {}", columns.join(", "), noun.name)
}

fn one_sql(noun: &Noun) -> String {
    format!("{} WHERE id = ?1", select(noun, noun.fields))
}

/// Every row of a noun, by id.
pub(crate) fn all_sql(noun: &Noun) -> String {
    format!("{} ORDER BY id", select(noun, noun.fields))
}

/// The public fields of a row selected in the order of the noun's fields.
pub(crate) fn row_of(row: &rusqlite::Row<'_>, fields: &[Field]) -> Result<Row, Error> {
    let mut cells = Row::new();
    for (column, field) in fields.iter().enumerate() {
        cells.insert(field.name.to_owned(), keep(row, column, field)?);
    }
    Ok(cells)
}

/// The newest page of a noun under one filter.
#[cfg(test)]
pub(crate) fn newest(noun: &'static Noun, filter: Filter) -> String {
    let order = Some(Order { field: "id".to_owned(), descending: true });
    let query = Query { filters: vec![filter], order, ..Query::default() };
    prepare(noun, &query, LIMIT_DEFAULT).unwrap().sql
}

/// One page of every shape: each field ordered both ways from behind a value and from behind an
/// absent one, filtered by each operator that applies. For the SQL lint.
#[cfg(test)]
pub(crate) fn generated() -> Vec<(String, String)> {
    use super::Op;
    use steading_core::words::NOUNS;

    let mut all = Vec::new();
    for noun in NOUNS {
        all.push((format!("all {}", noun.name), all_sql(noun)));
        all.push((format!("one {}", noun.name), one_sql(noun)));
        for field in noun.fields {
            let value = match field.kind {
                steading_core::words::Kind::Text | steading_core::words::Kind::Word(_) => {
                    Cell::from("x")
                }
                _ => Cell::Int(1),
            };
            let counted =
                Filter { field: field.name.to_owned(), op: Op::Eq, values: vec![value.clone()] };
            if let Ok((sql, _)) = count_sql(noun, &[counted]) {
                all.push((format!("count {} {}", noun.name, field.name), sql));
            }
            let mut push = |what: String, query: &Query| {
                if let Ok(prepared) = prepare(noun, query, LIMIT_MAX) {
                    all.push((format!("page {} {} {what}", noun.name, field.name), prepared.sql));
                }
            };
            for op in Op::ALL {
                for value in [value.clone(), Cell::Null] {
                    let filter = Filter { field: field.name.to_owned(), op, values: vec![value] };
                    let what = format!("{filter:?}");
                    push(what, &Query { filters: vec![filter], ..Query::default() });
                }
            }
            for (descending, value) in [
                (false, value.clone()),
                (true, value.clone()),
                (false, Cell::Null),
                (true, Cell::Null),
            ] {
                let order = Order { field: field.name.to_owned(), descending };
                let cursor = Cursor { value, id: 1 }.encode(noun, &order);
                let what = format!("{order:?} {cursor}");
                let (order, cursor) = (Some(order), Some(cursor));
                let fields = Some(vec![field.name.to_owned()]);
                push(what, &Query { order, cursor, fields, ..Query::default() });
            }
        }
    }
    all
}
