//! The arguments of a call, bound to parameters and read as what they must be.
//!
//! A wrong argument is a finding with its place, never the end: reading goes on, so that all that
//! is wrong is reported at once. A getter answers `None` for what was not given, or was wrong.

use std::collections::BTreeMap;

use steading_core::farm::{Arg, FunctionId};
use steading_core::words::{Duration, Value};

use crate::Diagnostic;
use crate::functions::{Function, nearest};
use crate::input::{Call, Input, Object, quoted};
use crate::place::{Part, Place};

/// Bound arguments.
#[derive(Debug)]
pub(crate) struct Args {
    function: &'static Function,
    place: Place,
    given: BTreeMap<&'static str, (Input, Position)>,
    /// What was wrong so far.
    pub(crate) findings: Vec<Diagnostic>,
}

/// How an argument was given.
#[derive(Debug, Clone, Copy)]
enum Position {
    Named,
    At(usize),
}

/// What a printed farm object looks like; found in a text, it was meant as a value.
pub(crate) const OBJECT_MARK: &str = "<steading:";

impl Args {
    /// Binds what was given to the parameters of a function.
    pub(crate) fn bind(function: &'static Function, call: Call) -> Args {
        let place = call.place;
        let mut args = Args { function, place, given: BTreeMap::new(), findings: Vec::new() };
        args.bind_positional(call.positional);
        let overflow = args.wrong();
        args.bind_named_all(call.named);
        for param in function.params.iter().filter(|p| p.required && !overflow) {
            if !args.given.contains_key(param.name) {
                let message = format!("`{}` needs `{}`", function.name, param.name);
                args.findings.push(args.place.error(&[], message));
            }
        }
        args
    }

    fn bind_positional(&mut self, inputs: Vec<Input>) {
        let function = self.function;
        if function.rest {
            let name = function.params[0].name;
            self.given.insert(name, (Input::List(inputs), Position::Named));
            return;
        }
        let count = inputs.len();
        for (index, input) in inputs.into_iter().enumerate().take(function.positional) {
            self.given.insert(function.params[index].name, (input, Position::At(index)));
        }
        if count > function.positional {
            let allowed = match function.positional {
                0 if function.params.is_empty() => "takes no arguments".to_owned(),
                0 => "takes its arguments by name".to_owned(),
                1 => format!("takes only `{}` by its place", function.params[0].name),
                n => format!("takes only {n} arguments by their places"),
            };
            let path = [Part::Position(function.positional)];
            let mut error = self.place.error(&path, format!("`{}` {allowed}", function.name));
            if let Some(param) = function.params.get(function.positional) {
                error = error.help(format!("name it, as in `{} = …`", param.name));
            }
            self.findings.push(error);
        }
    }

    fn bind_named_all(&mut self, named: Vec<(String, Input)>) {
        for (name, input) in named {
            self.bind_named(&name, input);
        }
    }

    fn bind_named(&mut self, name: &str, input: Input) {
        let function = self.function.name;
        let path = [Part::Keyword(name)];
        let Some(param) = self.function.params.iter().find(|p| p.name == name) else {
            let finding = if self.function.later.contains(&name) {
                not_implemented(&self.place, &path, &format!("`{name}` of `{function}`"))
            } else {
                self.unknown_keyword(name)
            };
            self.findings.push(finding);
            return;
        };
        if self.given.contains_key(param.name) {
            let message = format!("`{name}` of `{function}` is given twice");
            self.findings.push(self.place.error(&path, message));
        }
        self.given.insert(param.name, (input, Position::Named));
    }

    fn unknown_keyword(&self, name: &str) -> Diagnostic {
        let message = format!("`{}` has no argument `{name}`", self.function.name);
        let error = self.place.error(&[Part::Keyword(name)], message);
        if let Some(near) = nearest(name, self.function.keywords()) {
            return error.help(format!("did you mean `{near}`?"));
        }
        let known: Vec<String> = self.function.keywords().map(|k| format!("`{k}`")).collect();
        match known.is_empty() {
            true => error.help("it takes none"),
            false => error.help(format!("it takes {}", known.join(", "))),
        }
    }

    /// Where the call is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether something was wrong so far.
    pub(crate) fn wrong(&self) -> bool {
        !self.findings.is_empty()
    }

    /// The input of a parameter; `None` stands for a value not given.
    fn input(&self, name: &'static str) -> Option<Input> {
        debug_assert!(self.function.keywords().any(|k| k == name), "{name}");
        let input = &self.given.get(name)?.0;
        (*input != Input::Nothing && !input.is_broken()).then(|| input.clone())
    }

    /// Whether something that was already refused was given.
    pub(crate) fn was_refused(&self, name: &'static str) -> bool {
        self.given.get(name).is_some_and(|g| g.0.is_broken())
    }

    /// Reports something wrong with a parameter, or with a part of it.
    pub(crate) fn wrong_with(
        &mut self,
        name: &'static str,
        path: &[Part<'_>],
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let help = help.into();
        let mut error = self.place.error(&self.path(name, path), message);
        if !help.is_empty() {
            error = error.help(help);
        }
        self.findings.push(error);
    }

    /// Where a parameter was given.
    pub(crate) fn path_of(&self, name: &'static str) -> Vec<Part<'static>> {
        self.path(name, &[])
    }

    fn path<'a>(&self, name: &'static str, path: &[Part<'a>]) -> Vec<Part<'a>> {
        let first = match self.given.get(name) {
            Some((_, Position::At(index))) => Some(Part::Position(*index)),
            Some(_) if self.function.rest => None,
            _ => Some(Part::Named(name)),
        };
        // The values of a function that takes any number of them are its positions.
        let positions = first.is_none();
        let path = path.iter().map(|part| match part {
            Part::Item(index) if positions => Part::Position(*index),
            part => *part,
        });
        first.into_iter().chain(path).collect()
    }

    fn expected(&mut self, name: &'static str, path: &[Part<'_>], what: &str, input: &Input) {
        let part = match path.last() {
            Some(Part::Item(index)) => format!("element {} of `{name}`", index + 1),
            Some(Part::Key(key)) => format!("{} in `{name}`", quoted(key)),
            _ => format!("`{name}`"),
        };
        let function = self.function.name;
        let message = format!("{part} of `{function}` must be {what}, not {}", input.what());
        self.wrong_with(name, path, message, "");
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let input = self.input(name)?;
        self.as_text(name, &[], "a string", &input)
    }

    /// A text at a part of a parameter.
    fn as_text(
        &mut self,
        name: &'static str,
        path: &[Part<'_>],
        what: &str,
        input: &Input,
    ) -> Option<String> {
        match input {
            Input::Text(text) if text.contains(OBJECT_MARK) => {
                let message = "a value that is only known to the build was put into a string";
                let help = "use join(\"…\", prop(\"…\")), or hand it over in `env`";
                self.wrong_with(name, path, message, help);
                None
            }
            Input::Text(text) if text.contains('\0') => {
                self.wrong_with(name, path, "a text must not contain NUL", "");
                None
            }
            Input::Text(text) => Some(text.clone()),
            input if input.is_broken() => None,
            input => {
                self.expected(name, path, what, input);
                None
            }
        }
    }

    /// A whole number of at least `least`.
    pub(crate) fn int(&mut self, name: &'static str, least: i64) -> Option<i64> {
        match self.input(name)? {
            Input::Int(number) => self.at_least(name, &[], number, least),
            input => {
                self.expected(name, &[], "a whole number", &input);
                None
            }
        }
    }

    fn at_least(
        &mut self,
        name: &'static str,
        path: &[Part<'_>],
        number: i64,
        least: i64,
    ) -> Option<i64> {
        if number >= least {
            return Some(number);
        }
        let message =
            format!("`{name}` of `{}` must be at least {least}, not {number}", self.function.name);
        self.wrong_with(name, path, message, "");
        None
    }

    /// Yes or no.
    pub(crate) fn bool(&mut self, name: &'static str) -> Option<bool> {
        match self.input(name)? {
            Input::Bool(yes) => Some(yes),
            input => {
                self.expected(name, &[], "True or False", &input);
                None
            }
        }
    }

    /// A span of time, as a string with a unit.
    pub(crate) fn duration(&mut self, name: &'static str) -> Option<Duration> {
        const HELP: &str = "write a whole number and a unit, one of ms, s, m, h, d, as in \"30s\"";
        let input = self.input(name)?;
        if let Input::Int(number) = input {
            let message = format!("`{name}` of `{}` has no unit", self.function.name);
            self.wrong_with(name, &[], message, format!("write \"{number}s\" for seconds"));
            return None;
        }
        let text = self.as_text(name, &[], "a duration like \"30s\"", &input)?;
        let duration = Duration::parse(&text).ok();
        if duration.is_none() {
            let message = format!("{} is not a duration", quoted(&text));
            self.wrong_with(name, &[], message, HELP);
        }
        duration
    }

    /// The elements of a list.
    pub(crate) fn list(&mut self, name: &'static str, of: &str) -> Option<Vec<Input>> {
        match self.input(name)? {
            Input::List(inputs) => Some(inputs),
            input => {
                self.expected(name, &[], &format!("a list of {of}"), &input);
                None
            }
        }
    }

    /// A text or a list of texts, each with its path.
    pub(crate) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        match self.input(name)? {
            Input::List(inputs) => {
                let texts = inputs.iter().enumerate().filter_map(|(index, input)| {
                    self.as_text(name, &[Part::Item(index)], "a string", input)
                });
                Some(texts.collect())
            }
            input => {
                let text = self.as_text(name, &[], "a string or a list of strings", &input)?;
                Some(vec![text])
            }
        }
    }

    /// Globs, each checked.
    pub(crate) fn globs(&mut self, name: &'static str) -> Option<Vec<String>> {
        let globs = self.texts(name)?;
        let many = matches!(self.given.get(name), Some((Input::List(_), _)));
        for (index, glob) in globs.iter().enumerate() {
            if let Err(why) = check_glob(glob) {
                let path = if many { vec![Part::Item(index)] } else { vec![] };
                let message = format!("{} is not a glob: {why}", quoted(glob));
                self.wrong_with(name, &path, message, GLOB_HELP);
            }
        }
        Some(globs)
    }

    /// The entries of a dict with texts as keys.
    pub(crate) fn dict(&mut self, name: &'static str) -> Option<Vec<(String, Input)>> {
        let entries = match self.input(name)? {
            Input::Dict(entries) => entries,
            input => {
                self.expected(name, &[], "a dict", &input);
                return None;
            }
        };
        let mut read = Vec::new();
        for (key, value) in entries {
            match key {
                Input::Text(key) => read.push((key, value)),
                key => {
                    let message = format!("the keys of `{name}` must be strings");
                    self.wrong_with(name, &[], format!("{message}, not {}", key.what()), "");
                }
            }
        }
        Some(read)
    }

    /// A dict of strings, whole numbers and booleans.
    pub(crate) fn labels(&mut self, name: &'static str) -> Option<BTreeMap<String, Value>> {
        let mut labels = BTreeMap::new();
        for (key, input) in self.dict(name)? {
            let value = match &input {
                Input::Bool(yes) => Value::Bool(*yes),
                Input::Int(number) => Value::Int(*number),
                input => {
                    let what = "a string, a whole number, True or False";
                    match self.as_text(name, &[Part::Key(&key)], what, input) {
                        Some(text) => Value::Text(text),
                        None => continue,
                    }
                }
            };
            labels.insert(key, value);
        }
        Some(labels)
    }

    /// A function of the user.
    pub(crate) fn function(&mut self, name: &'static str) -> Option<FunctionId> {
        match self.input(name)? {
            Input::Function(function) => Some(function),
            input => {
                self.expected(name, &[], "a lambda or a function of the farm", &input);
                None
            }
        }
    }

    /// A value that may depend on the build: a text, a number, `prop(…)` or `join(…)`.
    pub(crate) fn arg(
        &mut self,
        name: &'static str,
        path: &[Part<'_>],
        input: &Input,
    ) -> Option<Arg> {
        match input {
            Input::Object(Object::Arg(arg)) => Some(arg.clone()),
            Input::Int(number) => Some(Arg::Text(number.to_string())),
            input => {
                let what = "a string, a whole number, prop(…) or join(…)";
                self.as_text(name, path, what, input).map(Arg::Text)
            }
        }
    }

    /// The input of a parameter that may be several things.
    pub(crate) fn any(&self, name: &'static str) -> Option<Input> {
        self.input(name)
    }

    /// Reports an input that is not what it must be.
    pub(crate) fn refuse(&mut self, name: &'static str, path: &[Part<'_>], what: &str, it: &Input) {
        if !it.is_broken() {
            self.expected(name, path, what, it);
        }
    }

    /// A capacity given as a dict entry.
    pub(crate) fn units(&mut self, name: &'static str, key: &str, input: &Input) -> Option<i64> {
        match input {
            Input::Int(number) => self.at_least(name, &[Part::Key(key)], *number, 0),
            input => {
                self.expected(name, &[Part::Key(key)], "a whole number", input);
                None
            }
        }
    }
}

/// What globs may contain.
pub(crate) const GLOB_HELP: &str = "`*` stands for anything within one segment, `**` across `/`, `?` for one letter; \
     `[ab]` and `{a,b}` for a choice";

/// Whether a glob can be used at all.
pub(crate) fn check_glob(glob: &str) -> Result<(), String> {
    if glob.is_empty() {
        return Err("it is empty".to_owned());
    }
    let built = globset::GlobBuilder::new(glob).literal_separator(true).build();
    built.map(|_| ()).map_err(|error| error.kind().to_string())
}

/// The answer to what later versions will bring.
pub(crate) fn not_implemented(place: &Place, path: &[Part<'_>], what: &str) -> Diagnostic {
    place.error(path, format!("{what} is not implemented yet in this version of Steading"))
}
