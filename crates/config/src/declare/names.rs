//! Names people give: what they may look like, and that they are given once.

use steading_core::words::Duration;

use crate::Diagnostic;
use crate::args::Args;
use crate::draft::Declared;
use crate::input::quoted;
use crate::place::Part;

/// Names longer than this do not fit a terminal, nor the path of a workspace.
const NAME_CHARS_MAX: usize = 100;

/// Reads the name of a worker, builder, lock or scheduler. They appear in paths and addresses.
pub(super) fn name(args: &mut Args, param: &'static str) -> Option<String> {
    let name = args.text(param)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+@:-".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if begins && name.chars().all(|c| plain(c) || c == '_') && name.len() <= NAME_CHARS_MAX {
        return Some(name);
    }
    let message = format!("{} cannot be a name", quoted(&name));
    let help = format!(
        "a name begins with a letter, a digit or _, goes on with these and . + @ : -, \
         and has at most {NAME_CHARS_MAX} of them"
    );
    args.wrong_with(param, &[], message, help);
    None
}

/// An error when something of that name exists already.
pub(super) fn once<T>(
    args: &Args,
    param: &'static str,
    what: &str,
    name: &str,
    earlier: Option<&Declared<T>>,
) -> Option<Diagnostic> {
    let earlier = earlier?;
    let path = if param.is_empty() { vec![] } else { args.path_of(param) };
    let error = args.place().error(&path, format!("the {what} {} exists already", quoted(name)));
    Some(error.note(format!("first declared at {}", earlier.place.location())))
}

/// The longest that requests wait before they go before all others.
pub(super) fn bound(args: &mut Args, param: &'static str) -> Option<Duration> {
    let bound = args.duration(param)?;
    if bound.0 == 0 {
        let message = format!("`{param}` must not be zero");
        let help = "every request would go before the others at once, and none before another";
        args.wrong_with(param, &[], message, help);
    }
    Some(bound)
}

/// A name of its own for a step: control characters would spoil every listing.
pub(super) fn step_name(args: &mut Args) -> Option<String> {
    let name = args.text("name")?;
    let fits = !name.trim().is_empty()
        && name.trim() == name
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    if !fits {
        let message = format!("{} cannot be the name of a step", quoted(&name));
        let help = format!("a step's name is one line of at most {NAME_CHARS_MAX} characters");
        args.wrong_with("name", &[] as &[Part<'_>], message, help);
    }
    fits.then_some(name)
}
