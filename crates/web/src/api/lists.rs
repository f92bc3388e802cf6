//! History as lists and items: the same few lines for every noun of the table.

use axum::extract;
use axum::response::Response;
use steading_core::words::{Noun, noun};
use steading_store::{self as store, Error, Filter, Read, Row};
use steading_wire::render;

use super::answers::Asked;
use super::extract::{Path, Query};
use super::query;
use crate::{Failure, State};

type Parameters = Query<Vec<(String, String)>>;

/// `GET /{nouns}`.
pub(super) async fn list(
    noun: &'static Noun,
    extract::State(state): extract::State<State>,
    Query(parameters): Parameters,
    asked: Asked,
) -> Result<Response, Failure> {
    let query = query::parse(noun, parameters)?;
    asked.answer(&state, move |r| page(r, noun, &query)).await
}

/// `GET /{nouns}/{id}`, or by name where the noun has one.
pub(super) async fn item(
    noun: &'static Noun,
    extract::State(state): extract::State<State>,
    Path(key): Path<String>,
    asked: Asked,
) -> Result<Response, Failure> {
    asked.answer(&state, move |r| shown(r, noun, &found(r, noun, &key)?)).await
}

/// `GET /builds/{builder}/{number}`.
pub(super) async fn numbered(
    extract::State(state): extract::State<State>,
    Path((builder, number)): Path<(String, i64)>,
    asked: Asked,
) -> Result<Response, Failure> {
    let noun = noun("build").expect("the table has builds");
    let read = move |r: &Read<'_>| {
        let filters = vec![Filter::eq("builder", &builder), Filter::eq("number", number)];
        let row = first(r, noun, filters)?;
        shown(r, noun, &row.ok_or_else(|| missing(noun, format!("{builder}/{number}")))?)
    };
    asked.answer(&state, read).await
}

/// One row, for those who need its fields.
pub(super) async fn row(state: &State, noun_name: &'static str, id: i64) -> Result<Row, Failure> {
    let noun = noun(noun_name).expect("ids name nouns of the table");
    Ok(state.store.read(move |r| found(r, noun, &id.to_string())).await?)
}

/// What belongs to something else: the child's `field` equals the parent's `key`.
#[derive(Debug)]
pub(super) struct Nesting {
    parent: &'static str,
    child: &'static str,
    field: &'static str,
    key: &'static str,
}

const fn nesting(
    parent: &'static str,
    child: &'static str,
    field: &'static str,
    key: &'static str,
) -> Nesting {
    Nesting { parent, child, field, key }
}

/// Every nesting.
pub(super) static NESTINGS: &[Nesting] = &[
    nesting("builder", "build", "builder", "name"),
    nesting("builder", "request", "builder", "name"),
    nesting("worker", "build", "worker", "name"),
    nesting("buildset", "request", "buildset_id", "id"),
    nesting("buildset", "build", "buildset_id", "id"),
    nesting("request", "build", "request_id", "id"),
    nesting("request", "claim", "request_id", "id"),
    nesting("build", "step", "build_id", "id"),
    nesting("build", "log", "build_id", "id"),
    nesting("build", "artifact", "build_id", "id"),
    nesting("step", "log", "step_id", "id"),
    nesting("request", "cause", "request_id", "id"),
    nesting("build", "cause", "build_id", "id"),
    nesting("worker", "cause", "worker", "name"),
    nesting("request", "fault", "request_id", "id"),
];

impl Nesting {
    /// Parent and child.
    pub(super) fn nouns(&self) -> (&'static Noun, &'static Noun) {
        let of = |name| noun(name).expect("nestings name nouns of the table");
        (of(self.parent), of(self.child))
    }
}

/// `GET /{parents}/{id}/{children}`.
pub(super) async fn nested(
    nesting: &'static Nesting,
    extract::State(state): extract::State<State>,
    Path(key): Path<String>,
    Query(parameters): Parameters,
    asked: Asked,
) -> Result<Response, Failure> {
    let (parent, child) = nesting.nouns();
    let mut query = query::parse(child, parameters)?;
    let read = move |r: &Read<'_>| {
        let owner = found(r, parent, &key)?;
        query.filters.push(Filter::eq(nesting.field, owner[nesting.key].clone()));
        page(r, child, &query)
    };
    asked.answer(&state, read).await
}

/// The row of that id or name. Digits are an id first.
fn found(r: &Read<'_>, noun: &'static Noun, key: &str) -> Result<Row, Error> {
    if let Ok(id) = key.parse()
        && let Some(row) = r.one(noun, id)?
    {
        return Ok(row);
    }
    let by_name = || first(r, noun, vec![Filter::eq("name", key)]);
    let named = if is_named(noun) { by_name()? } else { None };
    named.ok_or_else(|| missing(noun, key.to_owned()))
}

/// Whether a name alone tells which one is meant; a step's or a log's does not.
pub(super) fn is_named(noun: &Noun) -> bool {
    ["builder", "worker", "scheduler", "lock"].contains(&noun.name)
}

fn first(r: &Read<'_>, noun: &'static Noun, filters: Vec<Filter>) -> Result<Option<Row>, Error> {
    let query = store::Query { filters, limit: Some(1), ..store::Query::default() };
    Ok(r.page(noun, &query)?.rows.into_iter().next())
}

fn missing(noun: &'static Noun, id: String) -> Error {
    Error::NotFound { noun: noun.name, id }
}

/// A page as JSON. Its rows go straight into the text, within one section: `as_of` is true of
/// exactly these.
fn page(r: &Read<'_>, noun: &'static Noun, query: &store::Query) -> Result<Vec<u8>, Error> {
    let mut list = render::List::default();
    let next = r.lend_page(noun, query, |row| {
        list.row(|shown| row.each(|field, cell| shown.field(field, cell)))
    })?;
    Ok(list.end(next.as_deref(), r.newest_seq()?.0))
}

/// A row as JSON.
fn shown(r: &Read<'_>, noun: &'static Noun, row: &Row) -> Result<Vec<u8>, Error> {
    Ok(render::item(noun, row, r.newest_seq()?.0))
}
