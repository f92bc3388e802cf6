//! The farm's functions and objects as values of the interpreter.

#![expect(unsafe_code, reason = "derived: the marker trait of the interpreter's value types")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use allocative::Allocative;
use starlark::any::ProvidesStaticType;
use starlark::codemap::FileSpan;
use starlark::environment::{Globals, GlobalsBuilder, LibraryExtension};
use starlark::eval::{Arguments, Evaluator};
use starlark::starlark_simple_value;
use starlark::values::dict::DictRef;
use starlark::values::list::ListRef;
use starlark::values::tuple::TupleRef;
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use steading_core::farm::FunctionId;

use crate::args::{Args, OBJECT_MARK, not_implemented};
use crate::draft::{Draft, UserFunction};
use crate::functions::{FUNCTIONS, Function, LATER, LOCK_METHODS, Run};
use crate::input::{Call, Input, Object};
use crate::place::{File, Place, Span};

/// What the functions of a configuration share while it is evaluated.
#[derive(Debug, Default, ProvidesStaticType)]
pub(super) struct Shared {
    /// What they leave behind.
    pub(super) draft: RefCell<Draft>,
    /// The files evaluated, by name.
    pub(super) files: RefCell<BTreeMap<String, Arc<File>>>,
}

/// A function of the farm.
#[derive(Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
struct Builtin {
    name: &'static str,
    /// `None`: its name exists, it does not work yet.
    #[allocative(skip)]
    function: Option<&'static Function>,
    /// The lock it is a method of.
    receiver: Option<usize>,
}
starlark_simple_value!(Builtin);

/// What a function of the farm answered.
#[derive(Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
struct Thing(#[allocative(skip)] Object);
starlark_simple_value!(Thing);

impl fmt::Display for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Thing {
    /// Marked, so that an object printed into a command is noticed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OBJECT_MARK}{}>", self.0.what().trim_start_matches("a "))
    }
}

/// All names a configuration begins with.
pub(super) fn globals() -> Globals {
    let mut builder = GlobalsBuilder::extended_by(&[
        LibraryExtension::StructType,
        LibraryExtension::Map,
        LibraryExtension::Filter,
        LibraryExtension::Print,
        LibraryExtension::Json,
        LibraryExtension::Typing,
    ]);
    for function in FUNCTIONS {
        let it = Builtin { name: function.name, function: Some(function), receiver: None };
        builder.set(function.name, it);
    }
    for name in LATER {
        builder.set(name, Builtin { name, function: None, receiver: None });
    }
    builder.build()
}

#[starlark_value(type = "function")]
impl<'v> StarlarkValue<'v> for Builtin {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let call = read_call(args, eval)?;
        let shared = shared(eval)?;
        let mut draft = shared.draft.borrow_mut();
        let answer = match self.function {
            Some(function) => run(function, self.receiver, call, &mut draft),
            None => {
                let what = format!("`{}`", self.name);
                draft.findings.push(not_implemented(&call.place, &[], &what));
                Object::Broken
            }
        };
        drop(draft);
        Ok(eval.heap().alloc(Thing(answer)))
    }

    fn name_for_call_stack(&self, _me: Value<'v>) -> String {
        self.name.to_owned()
    }
}

fn run(
    function: &'static Function,
    receiver: Option<usize>,
    call: Call,
    draft: &mut Draft,
) -> Object {
    let mut args = Args::bind(function, call);
    let answer = match (function.run, receiver) {
        (Run::Plain(run), _) => run(&mut args, draft),
        (Run::OfLock(run), Some(lock)) => run(&mut args, draft, lock),
        (Run::OfLock(_), None) => Object::Broken,
    };
    if args.wrong() {
        draft.refused.insert(function.name);
    }
    draft.findings.append(&mut args.findings);
    answer
}

#[starlark_value(type = "farm_object")]
impl<'v> StarlarkValue<'v> for Thing {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        let Object::Lock(lock) = self.0 else { return None };
        let function = LOCK_METHODS.iter().find(|m| m.name == attribute)?;
        let it = Builtin { name: function.name, function: Some(function), receiver: Some(lock) };
        Some(heap.alloc(it))
    }

    fn dir_attr(&self) -> Vec<String> {
        match self.0 {
            Object::Lock(_) => LOCK_METHODS.iter().map(|m| m.name.to_owned()).collect(),
            _ => vec![],
        }
    }

    fn add(&self, _other: Value<'v>, _heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(self.no_text())
    }

    fn radd(&self, _other: Value<'v>, _heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(self.no_text())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.downcast_ref::<Thing>().is_some_and(|o| o.0 == self.0))
    }
}

impl Thing {
    fn no_text<T>(&self) -> starlark::Result<T> {
        let why = match self.0 {
            Object::Arg(_) => "a value that is only known to the build cannot be added to; \
                 use join(\"…\", prop(\"…\"))"
                .to_owned(),
            ref other => format!("{} cannot be added to", other.what()),
        };
        Err(starlark::Error::new_kind(starlark::ErrorKind::Value(Wrong(why).into())))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrong(String);

fn shared<'a>(eval: &Evaluator<'_, 'a, '_>) -> starlark::Result<&'a Shared> {
    let shared = eval.extra.and_then(|extra| extra.downcast_ref::<Shared>());
    shared.ok_or_else(|| {
        let why = "the functions of a farm work while farm.star is evaluated, not afterwards";
        starlark::Error::new_kind(starlark::ErrorKind::Value(Wrong(why.to_owned()).into()))
    })
}

fn read_call<'v>(
    args: &Arguments<'v, '_>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<Call> {
    let place = place(eval)?;
    let values: Vec<Value<'v>> = args.positions(eval.heap())?.collect();
    let mut positional = Vec::with_capacity(values.len());
    for value in values {
        positional.push(Reader { eval, place: &place }.read(value, 0)?);
    }
    let mut named = Vec::new();
    for (name, value) in args.names_map()? {
        let value = Reader { eval, place: &place }.read(value, 0)?;
        named.push((name.as_str().to_owned(), value));
    }
    Ok(Call { positional, named, place })
}

/// Where the function was called, and from where that was called.
fn place(eval: &Evaluator<'_, '_, '_>) -> starlark::Result<Place> {
    let shared = shared(eval)?;
    let mut files = shared.files.borrow_mut();
    // Unlike the locations by number, these frames name functions that were inlined.
    let frames = eval.call_stack().into_frames();
    let spans = frames.iter().rev().filter_map(|frame| frame.location.as_ref());
    let calls = spans.map(|span| to_span(span, &mut files)).collect();
    Ok(Place { calls })
}

/// The interpreter's span as ours; files are kept once.
pub(super) fn to_span(span: &FileSpan, files: &mut BTreeMap<String, Arc<File>>) -> Span {
    let file = files.entry(span.filename().to_owned()).or_insert_with(|| {
        Arc::new(File { name: span.filename().to_owned(), text: span.file.source().to_owned() })
    });
    let (begin, end) = (span.span.begin().get(), span.span.end().get());
    Span { file: file.clone(), begin: begin as usize, end: end as usize }
}

/// Values nested deeper than this are no configuration (a list may even contain itself).
const VALUE_DEPTH_MAX: usize = 8;

/// Reads the values given to a call.
struct Reader<'r, 'v, 'a, 'e> {
    eval: &'r mut Evaluator<'v, 'a, 'e>,
    place: &'r Place,
}

impl<'v> Reader<'_, 'v, '_, '_> {
    fn read(&mut self, value: Value<'v>, depth: usize) -> starlark::Result<Input> {
        if let Some(thing) = value.downcast_ref::<Thing>() {
            return Ok(Input::Object(thing.0.clone()));
        }
        if let Some(plain) = read_plain(value) {
            return Ok(plain);
        }
        if depth >= VALUE_DEPTH_MAX {
            return Ok(Input::Other("value nested too deep".to_owned()));
        }
        if let Some(elements) = elements(value) {
            let read = elements.into_iter().map(|element| self.read(element, depth + 1));
            return Ok(Input::List(read.collect::<starlark::Result<_>>()?));
        }
        if let Some(dict) = DictRef::from_value(value) {
            let entries: Vec<_> = dict.iter().collect();
            drop(dict);
            let read = entries
                .into_iter()
                .map(|(key, value)| Ok((self.read(key, depth + 1)?, self.read(value, depth + 1)?)));
            return Ok(Input::Dict(read.collect::<starlark::Result<_>>()?));
        }
        match (params(value), value.get_type()) {
            (Some(params), _) => Ok(Input::Function(self.keep(value, params)?)),
            (None, "function") => Ok(Input::Other("built-in function".to_owned())),
            (None, kind) => Ok(Input::Other(kind.to_owned())),
        }
    }

    /// Remembers a function of the user under a name no configuration can write.
    fn keep(&mut self, value: Value<'v>, params: Vec<String>) -> starlark::Result<FunctionId> {
        let mut draft = shared(self.eval)?.draft.borrow_mut();
        let id = FunctionId(u32::try_from(draft.functions.len()).unwrap_or(u32::MAX));
        self.eval.module().set(&slot(id), value);
        draft.functions.push(UserFunction { params, given: self.place.clone() });
        Ok(id)
    }
}

fn elements(value: Value<'_>) -> Option<Vec<Value<'_>>> {
    let list = ListRef::from_value(value).map(|list| list.content().to_vec());
    list.or_else(|| TupleRef::from_value(value).map(|tuple| tuple.content().to_vec()))
}

fn read_plain(value: Value<'_>) -> Option<Input> {
    if value.is_none() {
        return Some(Input::Nothing);
    }
    if let Some(yes) = value.unpack_bool() {
        return Some(Input::Bool(yes));
    }
    if let Some(text) = value.unpack_str() {
        return Some(Input::Text(text.to_owned()));
    }
    (value.get_type() == "int").then(|| match value.to_str().parse() {
        Ok(number) => Input::Int(number),
        Err(_) => Input::Other("number too large".to_owned()),
    })
}

/// The parameters of a function written in the configuration.
fn params(value: Value<'_>) -> Option<Vec<String>> {
    use starlark::docs::{DocItem, DocMember};
    // Functions of the interpreter have no parameter specification; those of the farm neither.
    value.parameters_spec()?;
    let DocItem::Member(DocMember::Function(docs)) = value.documentation() else { return None };
    let docs = docs.params;
    let plain = docs.pos_only.iter().chain(&docs.pos_or_named).chain(&docs.named_only);
    let mut params: Vec<String> = plain.map(|p| p.name.clone()).collect();
    params.extend(docs.args.map(|p| format!("*{}", p.name.trim_start_matches('*'))));
    params.extend(docs.kwargs.map(|p| format!("**{}", p.name.trim_start_matches('*'))));
    Some(params)
}

/// The variable a user's function is kept in.
pub(super) fn slot(id: FunctionId) -> String {
    format!("${}", id.0)
}
