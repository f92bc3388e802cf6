//! Writing to standard output, where the reader may have gone away.

use std::io::{self, IsTerminal as _, Write as _};

/// Prints a line.
pub(crate) fn line(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Prints an empty line.
pub(crate) fn blank() -> io::Result<()> {
    line("")
}

/// Prints an answer as it came, ending its last line.
pub(crate) fn json_line(text: &str) -> io::Result<()> {
    line(text.trim_end())
}

/// Prints bytes as they are.
pub(crate) fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Whether a person reads along.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
