//! Views as values of the interpreter: every read of an attribute is written down.

#![expect(unsafe_code, reason = "derived: the marker trait of the interpreter's value types")]

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use allocative::Allocative;
use starlark::any::ProvidesStaticType;
use starlark::eval::{Arguments, Evaluator};
use starlark::starlark_simple_value;
use starlark::values::tuple::TupleRef;
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value,
};
use steading_core::farm::Reads;
use steading_core::words::Value as Plain;

use crate::input::article;
use crate::views::{Attribute, View};

/// What a user's function looked at, and what it looked for in vain.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// `request.branch`, `worker.labels.os`; `worker.labels.*` when all of them were asked for.
    pub(super) reads: Reads,
    /// The newest look at something that does not exist, as a message.
    pub(super) in_vain: Option<String>,
}

/// Shared by the views of one call.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Looked>>);

impl Log {
    fn with<T>(&self, f: impl FnOnce(&mut Looked) -> T) -> T {
        // A poisoned log is of a call that panicked: its reads are still true.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self, what: String) {
        self.with(|looked| looked.reads.insert(what));
    }

    fn in_vain(&self, message: String) {
        self.with(|looked| looked.in_vain = Some(message));
    }

    /// What was looked at so far.
    pub(super) fn take(&self) -> Looked {
        self.with(std::mem::take)
    }
}

/// A view handed to a function.
#[derive(Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(super) struct Tracked {
    #[allocative(skip)]
    view: View,
    #[allocative(skip)]
    log: Log,
}
starlark_simple_value!(Tracked);

/// `labels` or `properties`.
#[derive(Debug, Clone, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
struct Map {
    /// `worker.labels`.
    path: String,
    #[allocative(skip)]
    entries: std::collections::BTreeMap<String, Plain>,
    #[allocative(skip)]
    log: Log,
}
starlark_simple_value!(Map);

/// `labels.get` and its kin.
#[derive(Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
struct Method {
    name: &'static str,
    map: Map,
}
starlark_simple_value!(Method);

const METHODS: [&str; 4] = ["get", "items", "keys", "values"];

impl Tracked {
    /// A view whose reads go to a log.
    pub(super) fn new(view: View, log: Log) -> Tracked {
        Tracked { view, log }
    }
}

impl fmt::Display for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.view.kind)
    }
}

impl fmt::Display for Map {
    /// Without its entries: what is printed must not depend on what was not read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.path)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.map.path, self.name)
    }
}

#[starlark_value(type = "view")]
impl<'v> StarlarkValue<'v> for Tracked {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        let View { param, kind, attributes } = &self.view;
        let Some((name, value)) = attributes.iter().find(|a| a.0 == attribute) else {
            let known: Vec<&str> = attributes.iter().map(|a| a.0).collect();
            self.log.in_vain(unknown(kind, attribute, &known));
            return None;
        };
        let path = format!("{param}.{name}");
        match value {
            Attribute::Plain(value) => {
                self.log.read(path);
                Some(alloc(heap, value))
            }
            Attribute::Map(entries) => {
                let (entries, log) = (entries.clone(), self.log.clone());
                Some(heap.alloc(Map { path, entries, log }))
            }
        }
    }

    fn dir_attr(&self) -> Vec<String> {
        self.view.attributes.iter().map(|a| a.0.to_owned()).collect()
    }
}

fn unknown(kind: &str, attribute: &str, known: &[&str]) -> String {
    let near = crate::functions::nearest(attribute, known.iter().copied());
    let near = near.map(|n| format!("did you mean `{n}`? ")).unwrap_or_default();
    format!("a {kind} has no attribute `{attribute}`; {near}it has {}", known.join(", "))
}

#[starlark_value(type = "view_map")]
impl<'v> StarlarkValue<'v> for Map {
    fn at(&self, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let Some(key) = index.unpack_str() else {
            return wrong(format!("the keys of {} are strings", self.path));
        };
        match self.look(key) {
            Some(value) => Ok(alloc(heap, value)),
            None => wrong(format!(
                "{path} has no \"{key}\" here; use {path}.get(\"{key}\") or \"{key}\" in {path}",
                path = self.path
            )),
        }
    }

    fn is_in(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.unpack_str().is_some_and(|key| self.look(key).is_some()))
    }

    fn length(&self) -> starlark::Result<i32> {
        self.look_at_all();
        Ok(i32::try_from(self.entries.len()).unwrap_or(i32::MAX))
    }

    fn to_bool(&self) -> bool {
        self.look_at_all();
        !self.entries.is_empty()
    }

    fn iterate_collect(&self, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        self.look_at_all();
        Ok(self.entries.keys().map(|key| heap.alloc(key.as_str())).collect())
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        let Some(name) = METHODS.iter().find(|m| **m == attribute) else {
            let path = &self.path;
            self.log.in_vain(format!(
                "{path} has no attribute `{attribute}`; write {path}[\"{attribute}\"] or \
                 {path}.get(\"{attribute}\")"
            ));
            return None;
        };
        Some(heap.alloc(Method { name, map: self.clone() }))
    }

    fn dir_attr(&self) -> Vec<String> {
        METHODS.iter().map(|m| (*m).to_owned()).collect()
    }
}

impl Map {
    fn look(&self, key: &str) -> Option<&Plain> {
        self.log.read(format!("{}.{key}", self.path));
        self.entries.get(key)
    }

    fn look_at_all(&self) {
        self.log.read(format!("{}.*", self.path));
    }
}

#[starlark_value(type = "function")]
impl<'v> StarlarkValue<'v> for Method {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let heap = eval.heap();
        args.no_named_args()?;
        let given: Vec<Value<'v>> = args.positions(heap)?.collect();
        if self.name == "get" {
            return self.get(&given, heap);
        }
        if !given.is_empty() {
            return wrong(format!("{self} takes no argument"));
        }
        self.map.look_at_all();
        let entries = self.map.entries.iter();
        let values: Vec<Value<'v>> = match self.name {
            "keys" => entries.map(|(key, _)| heap.alloc(key.as_str())).collect(),
            "values" => entries.map(|(_, value)| alloc(heap, value)).collect(),
            _ => entries
                .map(|(key, value)| heap.alloc((heap.alloc(key.as_str()), alloc(heap, value))))
                .collect(),
        };
        Ok(heap.alloc(values))
    }
}

impl Method {
    fn get<'v>(&self, given: &[Value<'v>], heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let (Some(key), true) = (given.first().and_then(|k| k.unpack_str()), given.len() <= 2)
        else {
            return wrong(format!("{self} takes a name and, if wanted, a default"));
        };
        let found = self.map.look(key).map(|value| alloc(heap, value));
        Ok(found.or(given.get(1).copied()).unwrap_or_else(Value::new_none))
    }
}

fn alloc<'v>(heap: Heap<'v>, value: &Plain) -> Value<'v> {
    match value {
        Plain::Bool(yes) => Value::new_bool(*yes),
        Plain::Int(number) => heap.alloc(*number),
        Plain::Text(text) => heap.alloc(text.as_str()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrong(String);

fn wrong<T>(message: String) -> starlark::Result<T> {
    Err(starlark::Error::new_kind(starlark::ErrorKind::Value(Wrong(message).into())))
}

/// What a function answered: the elements of a tuple, or one plain value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Bool, int, string, or a tuple of them.
    Values(Vec<Plain>),
    /// Something else: `a float`.
    Other(String),
}

/// Reads a function's answer.
pub(super) fn answer(value: Value<'_>) -> Answer {
    let elements = match TupleRef::from_value(value) {
        Some(tuple) => tuple.content().to_vec(),
        None => vec![value],
    };
    let mut values = Vec::with_capacity(elements.len());
    for element in elements {
        match plain(element) {
            Some(value) => values.push(value),
            None if value.ptr_eq(element) => return Answer::Other(what(element)),
            None => return Answer::Other(format!("a tuple with {}", what(element))),
        }
    }
    Answer::Values(values)
}

fn what(value: Value<'_>) -> String {
    if value.is_none() { "None".to_owned() } else { article(value.get_type()) }
}

fn plain(value: Value<'_>) -> Option<Plain> {
    if let Some(yes) = value.unpack_bool() {
        return Some(Plain::Bool(yes));
    }
    if let Some(text) = value.unpack_str() {
        return Some(Plain::Text(text.to_owned()));
    }
    (value.get_type() == "int").then(|| value.to_str().parse().ok()).flatten().map(Plain::Int)
}
