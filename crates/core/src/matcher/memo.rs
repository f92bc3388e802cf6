//! What the policy's functions answered, by what they read.
//!
//! A function is deterministic and its reads are tracked: on a tuple with the same values in the
//! attributes an earlier call read, it would read the same and answer the same. So requests and
//! workers that look alike to it are asked about once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::farm::{Evaluated, Fault, FunctionId, Reads, RequestView, WorkerView};
use crate::words::Value;

/// Answers kept before all are forgotten; bounds memory for policies that read unique attributes.
const ANSWERS_MAX: usize = 200_000;

/// Characters of what was read that are told.
const TOLD_MAX: usize = 1_000;

const REQUEST_FIELDS: [&str; 10] = [
    "id",
    "builder",
    "priority",
    "repository",
    "branch",
    "revision",
    "owner",
    "reason",
    "submitted_at",
    "properties",
];
const WORKER_FIELDS: [&str; 5] = ["name", "slots", "busy_slots", "last_builder", "labels"];

/// An attribute of a view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    Request(String),
    RequestProperty(String),
    Worker(String),
    WorkerLabel(String),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Request(field) => write!(f, "request.{field}"),
            Attribute::RequestProperty(name) => write!(f, "request.properties.{name}"),
            Attribute::Worker(field) => write!(f, "worker.{field}"),
            Attribute::WorkerLabel(name) => write!(f, "worker.labels.{name}"),
        }
    }
}

/// What an attribute was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Seen {
    Absent,
    One(Value),
    Many(BTreeMap<String, Value>),
}

/// The answers of one function, for each set of attributes it was seen to read.
#[derive(Debug, Clone)]
struct Answers<T> {
    by_reads: Vec<ByReads<T>>,
    /// What the newest answer read that is good for nobody else, and so was not kept.
    passing: Option<Reads>,
}

/// The answers given after reading just these attributes, by their values.
#[derive(Debug, Clone)]
struct ByReads<T> {
    attributes: Vec<Attribute>,
    answers: BTreeMap<Vec<Seen>, Result<T, Fault>>,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Answers { by_reads: Vec::new(), passing: None }
    }
}

/// The two views a function may see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Views<'a> {
    pub(super) request: Option<&'a RequestView>,
    pub(super) worker: Option<&'a WorkerView>,
}

/// Remembered answers of `allow` and of the terms.
#[derive(Debug, Clone, Default)]
pub(super) struct Memo {
    allow: Answers<bool>,
    terms: BTreeMap<FunctionId, Answers<Vec<Value>>>,
    kept: usize,
    /// What functions of both a request and a worker were ever seen to read.
    pub(super) pair_reads: BTreeSet<Attribute>,
    /// What functions of a worker alone were ever seen to read.
    pub(super) worker_reads: BTreeSet<Attribute>,
    /// How often a function was really called.
    pub(super) evaluations: u64,
}

/// An answer, whether it was new, and whether it is remembered.
pub(super) struct Answer<T> {
    pub(super) value: Result<T, Fault>,
    pub(super) fresh: bool,
    pub(super) kept: bool,
    /// Of a new fault that is remembered: what was read, and what it was.
    pub(super) seen: String,
}

impl Memo {
    pub(super) fn allow(
        &mut self,
        views: Views<'_>,
        call: impl FnOnce() -> Evaluated<bool>,
    ) -> Answer<bool> {
        self.make_room();
        let reads = &mut self.pair_reads;
        let tally = (&mut self.kept, &mut self.evaluations, reads);
        ask(&mut self.allow, views, call, tally)
    }

    pub(super) fn term(
        &mut self,
        function: FunctionId,
        views: Views<'_>,
        call: impl FnOnce() -> Evaluated<Vec<Value>>,
    ) -> Answer<Vec<Value>> {
        self.make_room();
        let answers = self.terms.entry(function).or_default();
        let both = views.request.is_some() && views.worker.is_some();
        let reads = if both { &mut self.pair_reads } else { &mut self.worker_reads };
        ask(answers, views, call, (&mut self.kept, &mut self.evaluations, reads))
    }

    /// From now on requests of different builders are of different classes.
    pub(super) fn tell_builders_apart(&mut self) {
        self.pair_reads.insert(Attribute::Request("builder".to_owned()));
    }

    fn make_room(&mut self) {
        if self.kept >= ANSWERS_MAX {
            self.allow = Answers::default();
            self.terms.clear();
            self.kept = 0;
        }
    }
}

fn ask<T: Clone>(
    answers: &mut Answers<T>,
    views: Views<'_>,
    call: impl FnOnce() -> Evaluated<T>,
    (kept, evaluations, all_reads): (&mut usize, &mut u64, &mut BTreeSet<Attribute>),
) -> Answer<T> {
    for class in &answers.by_reads {
        let values = project(&class.attributes, views);
        let known = values.and_then(|values| class.answers.get(&values));
        if let Some(value) = known {
            let seen = String::new();
            return Answer { value: value.clone(), fresh: false, kept: true, seen };
        }
    }
    *evaluations += 1;
    let Evaluated { value, reads } = call();
    if answers.passing.as_ref() == Some(&reads) {
        return Answer { value, fresh: true, kept: false, seen: String::new() };
    }
    let understood = understood(&reads, views);
    if views.worker.is_some() {
        match &understood {
            Some((attributes, _)) => all_reads.extend(attributes.iter().cloned()),
            None => all_reads.extend(everything()),
        }
    }
    let unique = understood.as_ref().is_some_and(|(attributes, _)| is_unique(attributes));
    answers.passing = unique.then_some(reads);
    let understood = understood.filter(|_| !unique);
    let remembered = understood.is_some();
    let seen = understood.as_ref().filter(|_| value.is_err()).map(told).unwrap_or_default();
    if let Some((attributes, values)) = understood {
        *kept += 1;
        let place = answers.by_reads.iter().position(|class| class.attributes == attributes);
        let place = place.unwrap_or_else(|| {
            answers.by_reads.push(ByReads { attributes, answers: BTreeMap::new() });
            answers.by_reads.len() - 1
        });
        answers.by_reads[place].answers.insert(values, value.clone());
    }
    Answer { value, fresh: true, kept: remembered, seen }
}

/// `request.branch = main, worker.labels.spot absent`
fn told((attributes, values): &(Vec<Attribute>, Vec<Seen>)) -> String {
    let each = attributes.iter().zip(values).map(|(attribute, seen)| match seen {
        Seen::Absent => format!("{attribute} absent"),
        Seen::One(value) => format!("{attribute} = {value}"),
        Seen::Many(values) => {
            let values: Vec<String> = values.iter().map(|(n, v)| format!("{n} = {v}")).collect();
            format!("{attribute} = {{{}}}", values.join(", "))
        }
    });
    let text = each.collect::<Vec<String>>().join(", ");
    text.chars().take(TOLD_MAX).collect()
}

/// Whether no other request will ever be seen with these: such an answer is good for nobody else.
fn is_unique(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|read| matches!(read, Attribute::Request(field) if field == "id"))
}

/// The reads as attributes with their values; `None` when one is unknown here: then the answer is
/// not kept, which costs time and never exactness.
fn understood(reads: &Reads, views: Views<'_>) -> Option<(Vec<Attribute>, Vec<Seen>)> {
    let attributes: Vec<Attribute> =
        reads.iter().map(|name| attribute(name)).collect::<Option<_>>()?;
    let values = project(&attributes, views)?;
    Some((attributes, values))
}

/// Every attribute there is: what a function may have looked at whose reads are not understood.
fn everything() -> impl Iterator<Item = Attribute> {
    let request = REQUEST_FIELDS.iter().map(|field| Attribute::Request((*field).to_owned()));
    let worker = WORKER_FIELDS.iter().map(|field| Attribute::Worker((*field).to_owned()));
    request.chain(worker)
}

fn attribute(name: &str) -> Option<Attribute> {
    let (side, field) = name.split_once('.')?;
    match (side, field.split_once('.')) {
        ("request", Some(("properties", "*"))) => Some(Attribute::Request("properties".into())),
        ("worker", Some(("labels", "*"))) => Some(Attribute::Worker("labels".into())),
        ("request", Some(("properties", name))) => Some(Attribute::RequestProperty(name.into())),
        ("worker", Some(("labels", name))) => Some(Attribute::WorkerLabel(name.into())),
        ("request", None) => Some(Attribute::Request(field.into())),
        ("worker", None) => Some(Attribute::Worker(field.into())),
        _ => None,
    }
}

fn project(attributes: &[Attribute], views: Views<'_>) -> Option<Vec<Seen>> {
    attributes.iter().map(|attribute| see(attribute, views)).collect()
}

/// What the attribute is on these views; `None` when it is none of theirs.
pub(super) fn see(attribute: &Attribute, views: Views<'_>) -> Option<Seen> {
    let one = |value: Option<Value>| value.map_or(Seen::Absent, Seen::One);
    match attribute {
        Attribute::Request(field) => request_field(views.request?, field),
        Attribute::RequestProperty(name) => Some(one(views.request?.properties.get(name).cloned())),
        Attribute::Worker(field) => worker_field(views.worker?, field),
        Attribute::WorkerLabel(name) => Some(one(views.worker?.labels.get(name).cloned())),
    }
}

fn request_field(view: &RequestView, field: &str) -> Option<Seen> {
    let text = |text: &str| Some(Seen::One(Value::Text(text.to_owned())));
    match field {
        "id" => Some(Seen::One(Value::Int(view.id.0))),
        "builder" => text(&view.builder),
        "priority" => Some(Seen::One(Value::Int(view.priority))),
        "repository" => text(&view.repository),
        "branch" => text(&view.branch),
        "revision" => text(&view.revision),
        "owner" => text(&view.owner),
        "reason" => text(&view.reason),
        "submitted_at" => Some(Seen::One(Value::Int(view.submitted_at.0))),
        "properties" => {
            let values = view.properties.iter().map(|(n, value)| (n.to_owned(), value.clone()));
            Some(Seen::Many(values.collect()))
        }
        _ => None,
    }
}

fn worker_field(view: &WorkerView, field: &str) -> Option<Seen> {
    let text = |text: &String| Some(Seen::One(Value::Text(text.clone())));
    match field {
        "name" => text(&view.name),
        "slots" => Some(Seen::One(Value::Int(view.slots))),
        "busy_slots" => Some(Seen::One(Value::Int(view.busy_slots))),
        "last_builder" => text(&view.last_builder),
        "labels" => Some(Seen::Many(view.labels.clone())),
        _ => None,
    }
}
