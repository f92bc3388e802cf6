//! What the user's functions see: documented names over plain data.

use std::collections::BTreeMap;

use steading_core::farm::{BuildView, RequestView, WorkerView};
use steading_core::words::Value;

/// Something a user's function is handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// The parameter it is handed as; reads begin with it.
    pub(crate) param: &'static str,
    /// What it is: `request`, `worker`, `build`.
    pub(crate) kind: &'static str,
    /// Its attributes.
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// A plain value.
    Plain(Value),
    /// Values by name.
    Map(BTreeMap<String, Value>),
}

/// The attributes of a request.
pub(crate) fn request(param: &'static str, view: &RequestView) -> View {
    let attributes = vec![
        ("id", int(view.id.0)),
        ("builder", text(&view.builder)),
        ("priority", int(view.priority)),
        ("repository", text(&view.repository)),
        ("branch", text(&view.branch)),
        ("revision", text(&view.revision)),
        ("owner", text(&view.owner)),
        ("reason", text(&view.reason)),
        ("properties", properties(view.properties.iter())),
        ("submitted_at", int(view.submitted_at.0)),
    ];
    View { param, kind: "request", attributes }
}

/// The attributes of a worker.
pub(crate) fn worker(view: &WorkerView) -> View {
    let attributes = vec![
        ("name", text(&view.name)),
        ("labels", Attribute::Map(view.labels.clone())),
        ("slots", int(view.slots)),
        ("busy_slots", int(view.busy_slots)),
        ("last_builder", text(&view.last_builder)),
    ];
    View { param: "worker", kind: "worker", attributes }
}

/// The attributes of a build.
pub(crate) fn build(view: &BuildView) -> View {
    let named = view.properties.iter().map(|(name, property)| (name.as_str(), &property.value));
    let attributes = vec![
        ("builder", text(&view.builder)),
        ("number", int(view.number)),
        ("repository", text(&view.repository)),
        ("branch", text(&view.branch)),
        ("revision", text(&view.revision)),
        ("worker", text(&view.worker)),
        ("owner", text(&view.owner)),
        ("reason", text(&view.reason)),
        ("properties", properties(named)),
        ("outcome", text(&view.outcome)),
    ];
    View { param: "build", kind: "build", attributes }
}

fn text(text: &str) -> Attribute {
    Attribute::Plain(Value::Text(text.to_owned()))
}

fn int(number: i64) -> Attribute {
    Attribute::Plain(Value::Int(number))
}

fn properties<'a>(properties: impl Iterator<Item = (&'a str, &'a Value)>) -> Attribute {
    Attribute::Map(properties.map(|(name, value)| (name.to_owned(), value.clone())).collect())
}
