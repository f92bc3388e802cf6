//! How much evaluation may take: counted in calls, loop rounds and bytes, never in seconds, so that
//! the same text always comes to the same end.
//!
//! The interpreter has limits of its own, but reports them without a place. It also asks, once per
//! thousand ticks and at the end, whether to go on; that is where these are enforced, and its
//! refusal carries the place.

use std::cell::Cell;

use starlark::environment::Module;

use crate::Diagnostic;

/// The interpreter asks whether to go on once per so many calls and loop rounds.
const TICKS_PER_QUESTION: u64 = 1000;

/// What one evaluation may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Function calls and loop rounds.
    pub(super) ticks: u64,
    /// Bytes of all values.
    pub(super) heap_bytes: usize,
    /// What is limited, for the message.
    pub(super) what: &'static str,
}

/// Watches one evaluation.
#[derive(Debug)]
pub(super) struct Watch {
    limits: Limits,
    /// Ticks of the modules that are done.
    done: Cell<u64>,
    /// Questions about the one that is not.
    questions: Cell<u64>,
    exceeded: Cell<Option<Exceeded>>,
}

/// Which limit it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exceeded {
    Ticks,
    Heap,
}

impl Watch {
    pub(super) fn new(limits: Limits) -> Watch {
        let (done, questions) = (Cell::new(0), Cell::new(0));
        Watch { limits, done, questions, exceeded: Cell::new(None) }
    }

    /// Begins to watch the evaluation of one more module.
    pub(super) fn question<'a, 'v>(&'a self, module: &'a Module<'v>) -> Box<dyn Fn() -> bool + 'a> {
        Box::new(move || {
            self.questions.set(self.questions.get() + 1);
            let ticks = self.done.get() + self.questions.get() * TICKS_PER_QUESTION;
            let bytes =
                module.heap().peak_allocated_bytes() + module.frozen_heap().allocated_bytes();
            let exceeded = match () {
                () if ticks > self.limits.ticks => Exceeded::Ticks,
                () if bytes > self.limits.heap_bytes => Exceeded::Heap,
                () => return false,
            };
            // Said once: a second refusal, at the end, would hide the place of the first.
            self.exceeded.replace(Some(exceeded)).is_none()
        })
    }

    /// Ends to watch a module that took so many ticks.
    pub(super) fn done(&self, ticks: u64) {
        self.done.set(self.done.get() + ticks);
        self.questions.set(0);
    }

    /// What to say if the watched evaluation was stopped.
    pub(super) fn exceeded(&self) -> Option<Diagnostic> {
        let Limits { ticks, heap_bytes, what } = self.limits;
        Some(match self.exceeded.get()? {
            Exceeded::Ticks => Diagnostic::error(format!(
                "{what} takes too long: the limit is {ticks} calls and loop rounds"
            ))
            .help("look for a loop with too many rounds"),
            Exceeded::Heap => Diagnostic::error(format!(
                "{what} needs too much memory: the limit is {} MiB",
                heap_bytes >> 20
            ))
            .help("look for what grows; it is noticed a bit late"),
        })
    }
}
