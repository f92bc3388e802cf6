//! The one place where errors become words on the terminal and an exit code.

use std::error::Error as _;
use std::io::{self, Write as _};

use crate::exit::Exit;
use crate::{client, serve};

/// What a command can fail with. Each message names what, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Declared in the design, not built yet.
    #[error("`steading {0}` is not implemented yet in this version")]
    NotYet(&'static str),
    /// The farm could not be asked, or said no.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The farm could not be started.
    #[error(transparent)]
    Serve(#[from] serve::Error),
    /// A file or a terminal failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    /// The exit code of the failure.
    fn exit(&self) -> Exit {
        match self {
            Error::Usage(_) | Error::NotYet(_) => Exit::Usage,
            Error::Client(error) => error.exit(),
            Error::Serve(error) => error.exit(),
            Error::Io(_) => Exit::Infrastructure,
        }
    }

    /// The reader of our output went away: nothing to say, and nobody to say it to.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Prints the error with its causes, and says what to exit with.
pub(crate) fn report(error: &Error) -> Exit {
    if error.is_broken_pipe() {
        return Exit::Green;
    }
    // When stderr is gone too there is no one left to tell.
    let _ = io::stderr().write_all(text(error).as_bytes());
    error.exit()
}

/// `error: …`, then each cause that says something new.
fn text(error: &Error) -> String {
    let mut shown = error.to_string();
    // Diagnostics of a configuration bring their own word.
    let lead = if shown.starts_with("error: ") { "" } else { "error: " };
    let mut text = format!("{lead}{shown}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !shown.contains(&words) {
            text.push_str(&format!("  because: {words}\n"));
            shown = words;
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_one_sentence_and_a_code() {
        let error = Error::NotYet("try");
        assert_eq!(text(&error), "error: `steading try` is not implemented yet in this version\n");
        assert_eq!(error.exit(), Exit::Usage);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let error = Error::Io(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(report(&error), Exit::Green);
    }
}
