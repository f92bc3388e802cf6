//! Sizes, and `keep_free(…)`: room on the master's disk.

use crate::args::Args;
use crate::draft::{Declared, Draft};
use crate::input::{Object, quoted};

/// A size as a string with a unit.
pub(super) fn bytes(args: &mut Args, param: &'static str) -> Option<i64> {
    const UNITS: [(&str, i64); 4] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let text = args.text(param)?;
    let unit = UNITS.iter().find_map(|(word, size)| Some((text.strip_suffix(word)?, *size)));
    let size = unit.and_then(|(number, size)| number.trim().parse::<i64>().ok()?.checked_mul(size));
    if size.is_none_or(|size| size < 1) {
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
