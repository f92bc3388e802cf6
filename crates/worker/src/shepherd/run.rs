//! Which of the two a process called `steading-shepherd` is.

use std::env;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use super::kernel::close_inherited;
use super::{errand, slot};

/// The whole life of a process called `steading-shepherd`. Nothing may have started before it.
#[must_use]
pub fn main() -> ExitCode {
    close_inherited();
    let _ = rustix::thread::set_name(c"steading-shep");
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let ended = match arguments.as_slice() {
        [] => errand::run(),
        [what, dir] if what == "slot" => slot::run(Path::new(dir)),
        _ => Err(io::Error::other("it is started by a worker, never by hand")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "steading-shepherd: {error}");
            ExitCode::FAILURE
        }
    }
}
