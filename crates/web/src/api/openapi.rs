//! The API document, OpenAPI 3.1: made from the endpoints, the noun table and the types of `wire`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use steading_core::words::{Field, Kind, NOUNS, Noun};
use steading_wire::problem::{Code, Problem};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::endpoint::{Answers, Endpoint, Verb};
use super::endpoints::endpoints;
use super::query::{LIST_PARAMETERS, operators};

/// `GET /api/v1/openapi.json`.
pub(super) async fn show() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let endpoints = endpoints();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Steading",
            "version": "1",
            "description": "A build farm. Reading is open on the farm's own machine; every write \
                needs a token of scope `admin`. See docs/api.md.",
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "bearer": [] }, { "session": [] }, {}],
        "paths": paths(&endpoints),
        "components": {
            "schemas": schemas(&endpoints),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "steading_PORT" },
            },
            "responses": {
                "Problem": {
                    "description": "What was wrong, where, and what to do",
                    "content": { "application/problem+json": { "schema": reference("Problem") } },
                },
            },
        },
    })
}

fn paths(endpoints: &[Endpoint]) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints {
        let operations = paths.entry(&endpoint.path).or_default();
        operations.insert(endpoint.verb.word().to_owned(), operation(endpoint));
    }
    json!(paths)
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": responses(endpoint),
    });
    if let Some(body) = &endpoint.takes {
        let content = json!({ "application/json": { "schema": reference(body) } });
        operation["requestBody"] = json!({ "content": content });
    }
    if endpoint.verb != Verb::Get {
        operation["security"] = json!([{ "bearer": [] }, { "session": [] }]);
    }
    operation
}

/// A name for generated clients: `get_builds_id_steps`.
fn operation_id(endpoint: &Endpoint) -> String {
    let words = endpoint.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    std::iter::once(endpoint.verb.word()).chain(words).collect::<Vec<_>>().join("_")
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let segments = endpoint.path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = segments.map(|name| parameter("path", name, false, "")).collect();
    if let Answers::List(noun) = &endpoint.answers {
        all.extend(LIST_PARAMETERS.iter().map(|p| parameter("query", p.name, p.integer, p.doc)));
        all.extend(noun.fields.iter().filter_map(filter));
    }
    let own = endpoint.parameters.iter();
    all.extend(own.map(|p| parameter("query", p.name, p.integer, p.doc)));
    if endpoint.verb != Verb::Get {
        let doc = "The same key again gets the same answer and does nothing twice";
        all.push(parameter("header", "Idempotency-Key", false, doc));
    }
    all
}

fn parameter(place: &str, name: &str, integer: bool, doc: &str) -> Value {
    let kind = if integer { "integer" } else { "string" };
    let mut shown = json!({ "in": place, "name": name, "schema": { "type": kind } });
    if place == "path" {
        shown["required"] = json!(true);
    }
    if !doc.is_empty() {
        shown["description"] = json!(doc);
    }
    shown
}

/// A field as a filter, with the operators it takes.
fn filter(field: &Field) -> Option<Value> {
    let operators: Vec<String> =
        operators(field)?.iter().map(|op| format!("`{}__{op}`", field.name)).collect();
    let doc = format!("{} Also {}.", field.doc, operators.join(", "));
    let mut shown = parameter("query", field.name, false, &doc);
    shown["schema"] = kind(field.kind);
    Some(shown)
}

fn responses(endpoint: &Endpoint) -> Value {
    let (status, description, media, schema) = match &endpoint.answers {
        Answers::Done => ("204", "Done", None, Value::Null),
        Answers::List(noun) => ("200", "A page", Some("application/json"), list_of(noun)),
        Answers::Item(noun) => ("200", "The row", Some("application/json"), item_of(noun)),
        Answers::Json(name) => ("200", "The answer", Some("application/json"), reference(name)),
        Answers::Created(name) => ("201", "Made", Some("application/json"), reference(name)),
        Answers::Stream => ("200", "The stream", Some("text/event-stream"), text()),
        Answers::Bytes(media) => ("200", "The bytes", Some(*media), json!({})),
    };
    let mut answer = json!({ "description": description });
    if let Some(media) = media {
        answer["content"] = json!({ media: { "schema": schema } });
    }
    json!({ status: answer, "default": { "$ref": "#/components/responses/Problem" } })
}

fn list_of(noun: &Noun) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next", "as_of"],
        "properties": {
            "items": { "type": "array", "items": reference(noun.name) },
            "next": {
                "type": ["string", "null"],
                "description": "The cursor of the next page; null on the last",
            },
            "as_of": as_of(),
        },
    })
}

fn item_of(noun: &Noun) -> Value {
    json!({
        "type": "object",
        "required": ["item", "as_of"],
        "properties": { "item": reference(noun.name), "as_of": as_of() },
    })
}

fn as_of() -> Value {
    json!({
        "type": "integer",
        "description": "The newest event this answer knows of; `/events?since=` goes on from here",
    })
}

fn schemas(endpoints: &[Endpoint]) -> Value {
    let mut all: BTreeMap<String, Value> =
        NOUNS.iter().map(|noun| (noun.name.to_owned(), noun_schema(noun))).collect();
    let problem = [(Problem::name(), Problem::schema()), (Code::name(), Code::schema())];
    all.extend(problem.map(|(name, schema)| (name.into_owned(), json!(schema))));
    let named = endpoints.iter().flat_map(|endpoint| &endpoint.schemas);
    all.extend(named.map(|(name, schema)| (name.clone(), json!(schema))));
    json!(all)
}

/// A noun's row. Its fields are all there in every row; what is absent is null.
fn noun_schema(noun: &Noun) -> Value {
    let fields = noun.fields.iter().map(|field| (field.name.to_owned(), field_schema(field)));
    let names: Vec<&str> = noun.fields.iter().map(|field| field.name).collect();
    json!({
        "type": "object",
        "required": names,
        "properties": fields.collect::<Map<String, Value>>(),
    })
}

fn field_schema(field: &Field) -> Value {
    let mut schema = kind(field.kind);
    if field.nullable && field.kind != Kind::Json {
        schema["type"] = json!([schema["type"], "null"]);
        if let Some(words) = schema["enum"].as_array_mut() {
            words.push(Value::Null);
        }
    }
    schema["description"] = json!(field.doc);
    schema
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Int => json!({ "type": "integer" }),
        Kind::Text => text(),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::Json => json!({}),
    }
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
