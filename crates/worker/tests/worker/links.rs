//! To come.

use libtest_mimic::Trial;

pub(crate) fn tests() -> Vec<Trial> {
    vec![]
}
