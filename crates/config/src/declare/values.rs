//! `prop(…)` and `join(…)`: values a build brings along.

use steading_core::farm::Arg;

use crate::args::Args;
use crate::draft::Draft;
use crate::input::{Input, Object};
use crate::place::Part;

pub(crate) fn prop(args: &mut Args, _draft: &mut Draft) -> Object {
    let name = args.text("name");
    if name.as_deref() == Some("") {
        args.wrong_with("name", &[], "a property has a name", "");
    }
    let default = match args.any("default") {
        Some(Input::Int(number)) => Some(number.to_string()),
        Some(Input::Bool(yes)) => Some(yes.to_string()),
        Some(_) => args.text("default"),
        None => None,
    };
    match name {
        Some(name) if !args.wrong() => Object::Arg(Arg::Prop { name, default }),
        _ => Object::Broken,
    }
}

pub(crate) fn join(args: &mut Args, _draft: &mut Draft) -> Object {
    let inputs = args.list("parts", "values").unwrap_or_default();
    let parts = inputs.iter().enumerate();
    let parts: Vec<Arg> =
        parts.filter_map(|(at, part)| args.arg("parts", &[Part::Item(at)], part)).collect();
    if args.wrong() || parts.len() < inputs.len() {
        return Object::Broken;
    }
    Object::Arg(Arg::Join(parts))
}
