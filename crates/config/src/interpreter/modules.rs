//! Parses and evaluates the files of a configuration, the loaded before the loading.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use starlark::environment::{FrozenModule, Globals, Module};
use starlark::eval::{Evaluator, ReturnFileLoader};
use starlark::syntax::{AstModule, Dialect};
use starlark::{ErrorKind, PrintHandler};
use steading_core::farm::FunctionId;

use super::builtins::{Shared, globals, slot, to_span};
use super::errors::{diagnose, undefined_names};
use super::limits::{Limits, Watch};
use super::run::Frozen;
use crate::Diagnostic;
use crate::draft::Draft;
use crate::files::written;
use crate::place::{File, Span};

/// What evaluates a configuration; stored with it. The last number grows when the same text may
/// come to mean something else.
pub(crate) const EVALUATOR: &str = "starlark 0.14.2 / steading 1";

/// Function calls and loop rounds of all files together. A thousand builders take some ten
/// thousand; this many take a second where the interpreter is built without optimisation.
const LOAD_TICKS_MAX: u64 = 1_000_000;
/// Bytes of the values of one file: a thousand builders take about ten megabytes.
const LOAD_HEAP_BYTES_MAX: usize = 256 << 20;
/// Lines that `print` may leave behind.
const PRINTS_MAX: usize = 100;

const LIMITS: Limits =
    Limits { ticks: LOAD_TICKS_MAX, heap_bytes: LOAD_HEAP_BYTES_MAX, what: "farm.star" };

fn dialect() -> Dialect {
    Dialect {
        enable_keyword_only_arguments: true,
        enable_top_level_stmt: true,
        enable_f_strings: true,
        enable_load_reexport: false,
        enable_types: starlark::syntax::DialectTypes::Enable,
        ..Dialect::Standard
    }
}

fn parse(file: &File) -> Result<AstModule, Box<Diagnostic>> {
    AstModule::parse(&file.name, file.text.clone(), &dialect())
        .map_err(|e| Box::new(diagnose(&e, None)))
}

/// The files a file loads, as written, with their places.
pub(crate) fn loads(file: &Arc<File>) -> Result<Vec<(String, Span)>, Box<Diagnostic>> {
    let mut files = BTreeMap::from([(file.name.clone(), file.clone())]);
    let ast = parse(file)?;
    let loads = ast.loads();
    Ok(loads.iter().map(|l| (l.module_id.to_owned(), to_span(&l.span, &mut files))).collect())
}

/// What evaluation leaves behind.
#[derive(Debug)]
pub(crate) struct Evaluation {
    /// What the files declare, and what was found wrong.
    pub(crate) draft: Draft,
    /// The user's functions, by their ids.
    pub(crate) functions: Vec<Frozen>,
    /// Whether it came to the end of every file.
    pub(crate) whole: bool,
}

/// Evaluates files in order, each after those it loads.
pub(crate) fn evaluate(root: &Path, files: &[Arc<File>]) -> Evaluation {
    let shared = Shared::default();
    shared.draft.borrow_mut().root = root.to_owned();
    let by_name = files.iter().map(|f| (f.name.clone(), f.clone()));
    *shared.files.borrow_mut() = by_name.collect();
    let globals = globals();
    let mut modules: BTreeMap<String, FrozenModule> = BTreeMap::new();
    let mut functions = Vec::new();
    let watch = Watch::new(LIMITS);
    let mut whole = true;
    for file in files {
        match one(file, &globals, &shared, &modules, &watch) {
            Ok(module) => {
                let draft = shared.draft.borrow();
                for (id, function) in draft.functions.iter().enumerate().skip(functions.len()) {
                    let id = FunctionId(u32::try_from(id).unwrap_or(u32::MAX));
                    let value = module.get(&slot(id)).expect("it was kept in this module");
                    functions.push(Frozen::new(value, function.given.clone()));
                }
                modules.insert(written(&file.name), module);
            }
            Err(findings) => {
                shared.draft.borrow_mut().findings.extend(findings);
                whole = false;
                break;
            }
        }
    }
    Evaluation { draft: shared.draft.into_inner(), functions, whole }
}

fn one(
    file: &File,
    globals: &Globals,
    shared: &Shared,
    modules: &BTreeMap<String, FrozenModule>,
    watch: &Watch,
) -> Result<FrozenModule, Vec<Diagnostic>> {
    let ast = parse(file).map_err(|finding| vec![*finding])?;
    let loaded: HashMap<&str, &FrozenModule> =
        modules.iter().map(|(name, module)| (name.as_str(), module)).collect();
    let loader = ReturnFileLoader { modules: &loaded };
    let prints = Prints::default();
    let result = Module::with_temp_heap(|module| {
        {
            let mut eval = Evaluator::new(&module);
            eval.extra = Some(shared);
            eval.set_loader(&loader);
            eval.set_print_handler(&prints);
            eval.set_check_cancelled(watch.question(&module));
            eval.eval_module(ast, globals)?;
            watch.done(eval.get_total_tick_count());
        }
        module.freeze().map_err(starlark::Error::from)
    });
    let printed = prints.0.into_inner().into_iter();
    let printed = printed.map(|line| Diagnostic::warning(format!("print: {line}")));
    shared.draft.borrow_mut().findings.extend(printed.map(|p| p.in_file(file.name.clone())));
    result.map_err(|error| {
        let undefined = match (error.kind(), parse(file)) {
            (ErrorKind::Scope(_), Ok(ast)) => undefined_names(&ast, globals),
            _ => vec![],
        };
        if undefined.is_empty() { vec![diagnose(&error, Some(watch))] } else { undefined }
    })
}

/// What `print` said, kept as warnings.
#[derive(Default)]
struct Prints(RefCell<Vec<String>>);

impl PrintHandler for Prints {
    fn println(&self, text: &str) -> starlark::Result<()> {
        let mut lines = self.0.borrow_mut();
        if lines.len() < PRINTS_MAX {
            lines.push(text.to_owned());
        }
        Ok(())
    }
}
