//! A model of a process: what the words of its command say it does.

use steading_wire::worker::Primitive;

/// What a step does.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Script {
    /// How long it runs.
    pub(crate) ms: u64,
    /// Its exit code.
    pub(crate) exit: i32,
    /// What it prints.
    pub(crate) bytes: usize,
    /// Whether it is an upload.
    pub(crate) upload: bool,
}

impl Script {
    /// `["model", MS, EXIT, BYTES]`, a checkout, or an upload.
    pub(crate) fn of(primitive: &Primitive) -> Script {
        let argv = match primitive {
            Primitive::Process { argv, .. } => argv,
            Primitive::Checkout { .. } => return Script { ms: 100, ..Script::default() },
            Primitive::Upload { .. } => return Script { upload: true, ..Script::default() },
        };
        let word = |index: usize| argv.get(index).and_then(|word| word.parse::<u64>().ok());
        Script {
            ms: word(1).unwrap_or_default(),
            exit: word(2).and_then(|code| i32::try_from(code).ok()).unwrap_or_default(),
            bytes: word(3).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default(),
            upload: false,
        }
    }
}
