//! The way in: a farm's directory, or the stored texts of a configuration, to what they declare.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use steading_core::farm::{Farm, Policy};

use crate::{Diagnostic, Errors};

/// A configuration, evaluated and checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it declares.
    pub farm: Farm,
    /// The user's functions, and the built-in terms.
    pub policy: Arc<dyn Policy>,
    /// The texts it was made of.
    pub text: ConfigurationText,
    /// What works but should be looked at.
    pub warnings: Vec<Diagnostic>,
}

/// A configuration as it is stored: everything needed to evaluate it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationText {
    /// BLAKE3 over all file names and texts, in hex.
    pub hash: String,
    /// What evaluated it.
    pub evaluator: String,
    /// Texts by file name, relative to the farm.
    pub files: BTreeMap<String, String>,
}

/// What a configuration is evaluated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Slots of the worker `local` of a farm that declares no workers.
    pub local_slots: i64,
}

impl Default for Options {
    /// As many slots as this machine has cores.
    fn default() -> Options {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Options { local_slots: i64::try_from(cores).unwrap_or(1) }
    }
}

/// Loads a farm: its directory (with a `farm.star` in it), or the path of a `.star` file.
///
/// # Errors
/// Everything found wrong, with file, line and caret.
pub fn load(farm: &Path) -> Result<Loaded, Errors> {
    load_with(farm, &Options::default())
}

/// Like [`load`], for a machine of another size.
///
/// # Errors
/// Everything found wrong, with file, line and caret.
pub fn load_with(farm: &Path, _options: &Options) -> Result<Loaded, Errors> {
    Err(Diagnostic::error(format!("{} cannot be evaluated yet", farm.display())).into())
}

/// Evaluates a stored configuration again. `root` is the farm's directory: repositories may be
/// relative to it. Equal texts yield an equal farm and equal function ids.
///
/// # Errors
/// Everything found wrong, with file, line and caret.
pub fn load_texts(files: &BTreeMap<String, String>, root: &Path) -> Result<Loaded, Errors> {
    load_texts_with(files, root, &Options::default())
}

/// Like [`load_texts`], for a machine of another size.
///
/// # Errors
/// Everything found wrong, with file, line and caret.
pub fn load_texts_with(
    _files: &BTreeMap<String, String>,
    root: &Path,
    options: &Options,
) -> Result<Loaded, Errors> {
    load_with(root, options)
}
