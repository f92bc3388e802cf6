//! Loads texts as a farm at a made-up place.

#![allow(dead_code, reason = "each test file uses what it needs")]
#![allow(unreachable_pub, reason = "shared by test files as a module")]

use std::collections::BTreeMap;
use std::path::Path;

use steading_config::{Errors, Loaded, Options, load_texts_with};

/// Where the farms of these tests would be.
pub const ROOT: &str = "/farm";

/// Loads several files.
pub fn load_files(files: &[(&str, &str)]) -> Result<Loaded, Errors> {
    let files: BTreeMap<String, String> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    load_texts_with(&files, Path::new(ROOT), &Options { local_slots: 4 })
}

/// Loads one file.
pub fn load(text: &str) -> Result<Loaded, Errors> {
    load_files(&[("farm.star", text)])
}

/// Loads a farm that is right.
#[track_caller]
pub fn good(text: &str) -> Loaded {
    load(text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What is printed for a farm that is wrong.
#[track_caller]
pub fn bad(text: &str) -> String {
    match load(text) {
        Ok(loaded) => panic!("this was accepted: {:#?}", loaded.farm),
        Err(errors) => errors.to_string(),
    }
}
