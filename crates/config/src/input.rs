//! What a farm function was called with, as plain values: the interpreter's own stop here.

use steading_core::farm::{Arg, FunctionId};

use crate::place::Place;

/// A value given to a farm function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// `None`.
    Nothing,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A string.
    Text(String),
    /// A list or tuple.
    List(Vec<Input>),
    /// A dict, in its order.
    Dict(Vec<(Input, Input)>),
    /// A function written by the user.
    Function(FunctionId),
    /// What another farm function answered.
    Object(Object),
    /// Anything else, by its type.
    Other(String),
}

/// What farm functions answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Object {
    /// `git(…)`: its name.
    Repository(String),
    /// `lock(…)`: its place among the locks of the draft.
    Lock(usize),
    /// `lock.counting(…)` or `lock.exclusive()`: its place among the uses of the draft.
    LockUse(usize),
    /// A step: its place among the steps of the draft.
    Step(usize),
    /// `prop(…)` or `join(…)`.
    Arg(Arg),
    /// `choice(…)` or `text(…)`: its place among the parameters of the draft.
    Param(usize),
    /// A term of an order: its place among the terms of the draft.
    Term(usize),
    /// `mail(…)` or `webhook(…)`: its place among the receivers of the draft.
    Receiver(usize),
    /// A worker, builder or scheduler: nothing more is done with it.
    Declared(&'static str),
    /// The answer of a call that was wrong; taken everywhere without a further word.
    Broken,
}

/// A call of a farm function.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Arguments by place.
    pub(crate) positional: Vec<Input>,
    /// Arguments by keyword.
    pub(crate) named: Vec<(String, Input)>,
    /// Where.
    pub(crate) place: Place,
}

impl Input {
    /// What it is, for a message: `the string "x"`, `a list`.
    pub(crate) fn what(&self) -> String {
        match self {
            Input::Nothing => "None".to_owned(),
            Input::Bool(true) => "True".to_owned(),
            Input::Bool(false) => "False".to_owned(),
            Input::Int(number) => format!("the number {number}"),
            Input::Text(text) => format!("the string {}", quoted(text)),
            Input::List(_) => "a list".to_owned(),
            Input::Dict(_) => "a dict".to_owned(),
            Input::Function(_) => "a function".to_owned(),
            Input::Object(object) => object.what().to_owned(),
            Input::Other(kind) => article(kind),
        }
    }

    /// Whether it is the answer of a call that was already reported.
    pub(crate) fn is_broken(&self) -> bool {
        *self == Input::Object(Object::Broken)
    }
}

impl Object {
    /// What it is, for a message.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Object::Repository(_) => "a repository",
            Object::Lock(_) => "a lock",
            Object::LockUse(_) => "a use of a lock",
            Object::Step(_) => "a step",
            Object::Arg(Arg::Join(_)) => "a join(…)",
            Object::Arg(_) => "a prop(…)",
            Object::Param(_) => "a parameter of a form",
            Object::Term(_) => "a term of an order",
            Object::Receiver(_) => "a receiver of notifications",
            Object::Declared(what) => what,
            Object::Broken => "something that was refused",
        }
    }
}

/// A text in quotes, shortened, for a message.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", short.escape_debug())
}

/// A kind with its article.
pub(crate) fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}
