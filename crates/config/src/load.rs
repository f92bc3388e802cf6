//! The way in: a farm's directory, or the stored texts of a configuration, to what they declare.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use steading_core::farm::{Farm, Policy};

use crate::files::{Folder, Stored, Texts};
use crate::policy::FarmPolicy;
use crate::{Diagnostic, Errors, Severity, interpreter};

/// The file a farm begins with.
const FARM_FILE: &str = "farm.star";
/// More findings than anybody reads.
const FINDINGS_MAX: usize = 100;
/// Parsing and compiling descend with the text, whose depth is bounded by `shape`: this is enough
/// for the deepest, and only what is used of it costs memory.
const STACK_BYTES: usize = 256 << 20;

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
    /// Whether it says `policy(…)`; otherwise its policy is the default one.
    pub declares_policy: bool,
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

impl ConfigurationText {
    fn of(files: BTreeMap<String, String>) -> ConfigurationText {
        let mut hasher = blake3::Hasher::new();
        for text in files.iter().flat_map(|(name, text)| [name, text]) {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        let hash = hasher.finalize().to_hex().to_string();
        ConfigurationText { hash, evaluator: interpreter::EVALUATOR.to_owned(), files }
    }
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
pub fn load_with(farm: &Path, options: &Options) -> Result<Loaded, Errors> {
    let (root, entry) = locate(farm)?;
    let mut loaded = evaluate_on_big_stack(&root, &entry, &Folder(&root), options)?;
    loaded.warnings.extend(missing_repositories(&loaded.farm));
    Ok(loaded)
}

/// The policy of a `.star` file, or of the farm in a directory, for trying it on another farm: the
/// file may be a whole farm, or say `policy(…)` and nothing else. It may load files beside it.
///
/// # Errors
/// Everything found wrong, with file, line and caret; and a file that says no `policy(…)`.
pub fn load_policy(file: &Path) -> Result<Arc<dyn Policy>, Errors> {
    let loaded = load(file)?;
    if !loaded.declares_policy {
        let message = format!("{} says no policy(…)", file.display());
        let help = "write what shall be tried; `policy()` alone is the default order";
        return Err(Diagnostic::error(message).help(help).into());
    }
    Ok(loaded.policy)
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
    files: &BTreeMap<String, String>,
    root: &Path,
    options: &Options,
) -> Result<Loaded, Errors> {
    let entry = on_big_stack(|| crate::files::entry(files).map(str::to_owned))?;
    let Some(entry) = entry else {
        return Err(Diagnostic::error("the stored configuration has no files").into());
    };
    evaluate_on_big_stack(root, &entry, &Stored(files), options)
}

/// The farm's directory and the file to begin with.
fn locate(farm: &Path) -> Result<(PathBuf, String), Errors> {
    let real = std::fs::canonicalize(farm).map_err(|error| {
        Diagnostic::error(format!("cannot read {}: {error}", farm.display()))
            .help("give the directory of a farm, or the path of its .star file")
    })?;
    if real.is_dir() {
        if !real.join(FARM_FILE).exists() {
            let message = format!("{} has no {FARM_FILE}", farm.display());
            let help = "a farm is a directory with a farm.star; examples/hello has a small one";
            return Err(Diagnostic::error(message).help(help).into());
        }
        return Ok((real, FARM_FILE.to_owned()));
    }
    let name = real.file_name().and_then(|n| n.to_str()).filter(|n| n.ends_with(".star"));
    match (real.parent(), name) {
        (Some(root), Some(name)) => Ok((root.to_owned(), name.to_owned())),
        _ => {
            let message = format!("{} is neither a directory nor a .star file", farm.display());
            Err(Diagnostic::error(message).into())
        }
    }
}

fn evaluate_on_big_stack(
    root: &Path,
    entry: &str,
    texts: &(dyn Texts + Sync),
    options: &Options,
) -> Result<Loaded, Errors> {
    on_big_stack(|| evaluate(root, entry, texts, options))?
}

fn evaluate(
    root: &Path,
    entry: &str,
    texts: &dyn Texts,
    options: &Options,
) -> Result<Loaded, Errors> {
    let (files, findings) = crate::files::collect(entry, texts);
    if !findings.is_empty() {
        return Err(Errors(findings));
    }
    let interpreter::Evaluation { mut draft, functions, whole } =
        interpreter::evaluate(root, &files);
    let (farm, findings) = crate::check::farm(&draft, options.local_slots);
    // What an interrupted evaluation did not reach would be missed by the whole for no fault.
    if whole {
        draft.findings.extend(findings);
    }
    let (errors, warnings): (Vec<_>, Vec<_>) =
        draft.findings.into_iter().partition(|f| f.severity == Severity::Error);
    let (errors, warnings) = (distinct(errors), distinct(warnings));
    if !errors.is_empty() {
        return Err(Errors(errors));
    }
    let declares_policy = draft.policy.is_some();
    let policy = draft.policy.map(|p| p.it).unwrap_or_default();
    let policy = FarmPolicy::new(policy, draft.properties, functions, farm.bounds_waits());
    let unknown = distinct(crate::check::unknown_attributes(&policy, &farm));
    if !unknown.is_empty() {
        return Err(Errors(unknown));
    }
    let policy = Arc::new(policy);
    let files = files.iter().map(|f| (f.name.clone(), f.text.clone())).collect();
    let text = ConfigurationText::of(files);
    Ok(Loaded { farm, policy, text, warnings, declares_policy })
}

/// Each finding once: a helper called from a loop finds the same in every round.
fn distinct(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut findings: Vec<Diagnostic> = Vec::new();
    for finding in found {
        if findings.len() == FINDINGS_MAX {
            let more = format!("there are more: only the first {FINDINGS_MAX} are shown");
            findings.push(Diagnostic { severity: finding.severity, ..Diagnostic::error(more) });
            break;
        }
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// Runs on a stack for deep texts; a fault of the interpreter is an error like others.
fn on_big_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Errors> {
    let failed = |why: &str| {
        let message = format!("the configuration cannot be evaluated: {why}");
        Errors::from(Diagnostic::error(message))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("farm.star".into()).stack_size(STACK_BYTES);
        let work = AssertUnwindSafe(work);
        let thread = thread.spawn_scoped(scope, move || {
            catch_unwind(AssertUnwindSafe(move || {
                let AssertUnwindSafe(work) = work;
                work()
            }))
        });
        let thread = thread.map_err(|error| failed(&format!("no thread for it: {error}")))?;
        let done = thread.join().unwrap_or_else(Err);
        done.map_err(|_| failed("the interpreter failed; please report this with your farm.star"))
    })
}

/// Paths of repositories that are not there: they may come, so it is only a warning.
fn missing_repositories(farm: &Farm) -> Vec<Diagnostic> {
    let local = farm.repositories.values().filter(|r| Path::new(&r.url).is_absolute());
    let missing = local.filter(|r| !Path::new(&r.url).exists());
    let warning = |url: &str| Diagnostic::warning(format!("there is no repository at {url}"));
    missing
        .map(|r| warning(&r.url).help("paths are taken from the directory of farm.star"))
        .collect()
}
