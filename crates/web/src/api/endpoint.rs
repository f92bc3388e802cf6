//! What is registered of an endpoint: its route and what the API document says of it.

use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use steading_core::words::Noun;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::State;

/// The verbs we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Delete,
}

impl Verb {
    pub(super) fn word(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::Post => "post",
            Verb::Delete => "delete",
        }
    }
}

/// What an endpoint answers.
#[derive(Debug, Clone)]
pub(super) enum Answers {
    /// Nothing but that it is done.
    Done,
    /// Rows of a noun.
    List(&'static Noun),
    /// One row of a noun.
    Item(&'static Noun),
    /// A schema of `wire::rest`.
    Json(String),
    /// A schema of `wire::rest`, made by this request.
    Created(String),
    /// Server-Sent Events.
    Stream,
    /// Bytes of this media type.
    Bytes(&'static str),
}

/// A parameter of the query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) integer: bool,
    pub(super) doc: &'static str,
}

/// A named schema of the document.
pub(super) type Named = (String, RefOr<Schema>);

/// One verb on one path.
pub(super) struct Endpoint {
    pub(super) verb: Verb,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) takes: Option<String>,
    pub(super) answers: Answers,
    pub(super) schemas: Vec<Named>,
    pub(super) handler: MethodRouter<State>,
}

impl Endpoint {
    fn new(verb: Verb, path: &str, summary: &str, handler: MethodRouter<State>) -> Endpoint {
        Endpoint {
            verb,
            path: path.to_owned(),
            summary: summary.to_owned(),
            parameters: Vec::new(),
            takes: None,
            answers: Answers::Done,
            schemas: Vec::new(),
            handler,
        }
    }

    pub(super) fn takes<T: ToSchema>(mut self) -> Endpoint {
        self.takes = Some(self.schema::<T>());
        self
    }

    pub(super) fn answers<T: ToSchema>(mut self) -> Endpoint {
        self.answers = Answers::Json(self.schema::<T>());
        self
    }

    pub(super) fn creates<T: ToSchema>(mut self) -> Endpoint {
        self.answers = Answers::Created(self.schema::<T>());
        self
    }

    pub(super) fn shows(mut self, answers: Answers) -> Endpoint {
        self.answers = answers;
        self
    }

    pub(super) fn number(mut self, name: &'static str, doc: &'static str) -> Endpoint {
        self.parameters.push(Parameter { name, integer: true, doc });
        self
    }

    pub(super) fn text(mut self, name: &'static str, doc: &'static str) -> Endpoint {
        self.parameters.push(Parameter { name, integer: false, doc });
        self
    }

    /// Remembers a schema, and those it refers to; yields its name.
    fn schema<T: ToSchema>(&mut self) -> String {
        let name = T::name().into_owned();
        T::schemas(&mut self.schemas);
        self.schemas.push((name.clone(), T::schema()));
        name
    }
}

pub(super) fn get<T: 'static, H: Handler<T, State>>(
    path: &str,
    summary: &str,
    handler: H,
) -> Endpoint {
    Endpoint::new(Verb::Get, path, summary, routing::get(handler))
}

pub(super) fn post<T: 'static, H: Handler<T, State>>(
    path: &str,
    summary: &str,
    handler: H,
) -> Endpoint {
    Endpoint::new(Verb::Post, path, summary, routing::post(handler))
}

pub(super) fn delete<T: 'static, H: Handler<T, State>>(
    path: &str,
    summary: &str,
    handler: H,
) -> Endpoint {
    Endpoint::new(Verb::Delete, path, summary, routing::delete(handler))
}
