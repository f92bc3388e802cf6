//! Notifiers that would never have anything to say.

use steading_core::farm::{Farm, Notifier, matches_glob};

use crate::Diagnostic;
use crate::draft::Declared;
use crate::functions::nearest;
use crate::input::quoted;
use crate::place::Part;

/// The finding, if a glob of the notifier names no builder.
pub(super) fn watches_nothing(notifier: &Declared<Notifier>, farm: &Farm) -> Option<Diagnostic> {
    let names = || farm.builders.keys().map(String::as_str);
    let globs = notifier.it.builders.iter().enumerate();
    let none = |glob: &String| !names().any(|name| matches_glob(glob, name));
    let (index, glob) = globs.into_iter().find(|(_, glob)| none(glob))?;
    let path = [Part::Named("builders"), Part::Item(index)];
    let error = notifier.place.error(&path, format!("there is no builder {}", quoted(glob)));
    Some(match nearest(glob, names()) {
        Some(near) => error.help(format!("did you mean {}?", quoted(near))),
        None => error,
    })
}
