//! Calls a user's function, within its limits.

use std::panic::{AssertUnwindSafe, catch_unwind};

use starlark::PrintHandler;
use starlark::environment::Module;
use starlark::eval::Evaluator;
use starlark::values::OwnedFrozenValue;
use steading_core::farm::{Evaluated, Fault, Reads};

use super::errors::diagnose;
use super::limits::{Limits, Watch};
use super::tracked::{Answer, Log, Tracked, answer};
use crate::Diagnostic;
use crate::place::Place;
use crate::views::View;

/// Calls and loop rounds of one call: a policy is asked thousands of times a second; this many take
/// about ten milliseconds.
const CALL_TICKS_MAX: u64 = 100_000;
/// Bytes of the values of one call.
const CALL_HEAP_BYTES_MAX: usize = 16 << 20;

/// Characters of a message that are kept: it is remembered for each class.
const MESSAGE_MAX: usize = 1_000;

const LIMITS: Limits =
    Limits { ticks: CALL_TICKS_MAX, heap_bytes: CALL_HEAP_BYTES_MAX, what: "this function" };

/// A user's function that no longer changes and may be called from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Frozen {
    value: OwnedFrozenValue,
    /// The call it was handed to.
    given: Place,
}

impl Frozen {
    pub(super) fn new(value: OwnedFrozenValue, given: Place) -> Frozen {
        Frozen { value, given }
    }

    /// A fault of the function as a whole.
    pub(crate) fn fault(&self, message: String) -> Fault {
        Fault { message: self.finding(message).to_string() }
    }

    fn finding(&self, mut message: String) -> Box<Diagnostic> {
        if let Some((end, _)) = message.char_indices().nth(MESSAGE_MAX) {
            message.truncate(end);
        }
        Box::new(self.given.error(&[], message))
    }
}

/// What came of a call.
pub(crate) struct Called {
    pub(crate) value: Result<Answer, Box<Diagnostic>>,
    pub(crate) reads: Reads,
    /// It failed for an attribute that no view of the kind has.
    pub(crate) unknown: bool,
}

/// Calls a function with views by the names of its parameters.
pub(crate) fn call(function: &Frozen, views: Vec<View>) -> Evaluated<Answer> {
    let Called { value, reads, .. } = attempt(function, views);
    Evaluated { value: value.map_err(|it| Fault { message: it.to_string() }), reads }
}

/// The same, with the finding as such.
pub(crate) fn attempt(function: &Frozen, views: Vec<View>) -> Called {
    let log = Log::default();
    // A fault of the interpreter itself must cost this answer, not the farm.
    let unwound = catch_unwind(AssertUnwindSafe(|| evaluate(function, views, &log)));
    let looked = log.take();
    let mut unknown = false;
    let value = match unwound {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(mut diagnostic)) => {
            unknown = missing_in_view(&diagnostic);
            // The interpreter names the missing attribute, the view also those that exist.
            if let (true, Some(message)) = (unknown, looked.in_vain) {
                diagnostic.message = message;
                diagnostic.help = None;
            }
            // A message made by the user's own code may be of any length.
            if let Some((end, _)) = diagnostic.message.char_indices().nth(MESSAGE_MAX) {
                diagnostic.message.truncate(end);
            }
            Err(diagnostic)
        }
        Err(_) => Err(function.finding("the interpreter failed in this function".to_owned())),
    };
    Called { value, reads: looked.reads, unknown }
}

fn missing_in_view(diagnostic: &Diagnostic) -> bool {
    let of = |kind| format!("object of type `{kind}` has no attribute");
    ["view", "view_map"].iter().any(|kind| diagnostic.message.contains(&of(kind)))
}

fn evaluate(function: &Frozen, views: Vec<View>, log: &Log) -> Result<Answer, Box<Diagnostic>> {
    let watch = Watch::new(LIMITS);
    let result = Module::with_temp_heap(|module| {
        let mut eval = Evaluator::new(&module);
        eval.set_print_handler(&Silent);
        eval.set_check_cancelled(watch.question(&module));
        let heap = module.heap();
        let named: Vec<_> = views
            .into_iter()
            .map(|view| (view.param, heap.alloc(Tracked::new(view, log.clone()))))
            .collect();
        let function = heap.access_owned_frozen_value(&function.value);
        Ok(answer(eval.eval_function(function, &[], &named)?))
    });
    result.map_err(|error: starlark::Error| Box::new(diagnose(&error, Some(&watch))))
}

/// What a policy prints goes nowhere: it would depend on how often it is asked.
struct Silent;

impl PrintHandler for Silent {
    fn println(&self, _text: &str) -> starlark::Result<()> {
        Ok(())
    }
}
