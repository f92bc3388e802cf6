//! Sizes, and `keep_free(…)`: room on the master's disk.

use steading_core::words::parse_size;

use crate::args::Args;
use crate::draft::{Declared, Draft};
use crate::input::{Object, quoted};

/// A size as a string with a unit.
pub(super) fn bytes(args: &mut Args, param: &'static str) -> Option<i64> {
    let text = args.text(param)?;
    let size = parse_size(&text).ok();
    if size.is_none() {
        let help = "write a whole number and a unit, one of B, KiB, MiB, GiB, as in \"64MiB\"";
        args.wrong_with(param, &[], format!("{} is no size", quoted(&text)), help);
        return None;
    }
    size
}

pub(crate) fn keep_free(args: &mut Args, draft: &mut Draft) -> Object {
    let size = bytes(args, "size");
    if let Some(earlier) = &draft.keep_free {
        let error = args.place().error(&[], "`keep_free` is given twice");
        let note = format!("first given at {}", earlier.place.location());
        args.findings.push(error.note(note));
    } else if let Some(it) = size {
        draft.keep_free = Some(Declared { it, place: args.place().clone() });
    }
    Object::Declared("room on the disk")
}
