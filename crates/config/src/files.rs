//! Which files a configuration consists of, and in what order they are evaluated.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::Diagnostic;
use crate::interpreter::loads;
use crate::library;
use crate::place::{File, Span};
use crate::shape::check_shape;

/// A configuration file larger than this is no configuration.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;
/// Files of a configuration.
const FILES_MAX: usize = 1000;

/// Where texts come from: a folder, or a stored configuration.
pub(crate) trait Texts {
    /// The text of a file, by its name relative to the farm.
    fn text(&self, name: &str) -> Result<String, Box<Diagnostic>>;
}

/// The files, each after those it loads.
pub(crate) fn collect(entry: &str, texts: &dyn Texts) -> (Vec<Arc<File>>, Vec<Diagnostic>) {
    let mut walk =
        Walk { texts, done: Vec::new(), seen: BTreeMap::new(), path: vec![], findings: vec![] };
    walk.visit(entry, None);
    (walk.done, walk.findings)
}

struct Walk<'a> {
    texts: &'a dyn Texts,
    done: Vec<Arc<File>>,
    /// Files begun, and whether they are done.
    seen: BTreeMap<String, bool>,
    /// The files that are being read, outermost first.
    path: Vec<String>,
    findings: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn visit(&mut self, name: &str, from: Option<&Span>) {
        match self.seen.get(name) {
            Some(true) => return,
            Some(false) => return self.cycle(name, from),
            None if self.seen.len() >= FILES_MAX => {
                let message = format!("a configuration has at most {FILES_MAX} files");
                return self.report(Diagnostic::error(message), from);
            }
            None => {}
        }
        let text = match self.texts.text(name) {
            Ok(text) => text,
            Err(finding) => {
                self.seen.insert(name.to_owned(), true);
                return self.report(*finding, from);
            }
        };
        self.seen.insert(name.to_owned(), false);
        self.path.push(name.to_owned());
        let file = Arc::new(File { name: name.to_owned(), text });
        match check_shape(&file).and_then(|()| loads(&file)) {
            Ok(loads) => self.follow(&loads),
            Err(finding) => self.findings.push(*finding),
        }
        self.path.pop();
        self.seen.insert(name.to_owned(), true);
        self.done.push(file);
    }

    fn follow(&mut self, loads: &[(String, Span)]) {
        for (written, span) in loads {
            match resolve(written) {
                Ok(name) => self.visit(name, Some(span)),
                Err(finding) => self.report(*finding, Some(span)),
            }
        }
    }

    fn report(&mut self, finding: Diagnostic, from: Option<&Span>) {
        self.findings.push(match from {
            Some(span) => span.mark(finding),
            None => finding,
        });
    }

    fn cycle(&mut self, name: &str, from: Option<&Span>) {
        let begin = self.path.iter().position(|p| p == name).unwrap_or(0);
        let around: Vec<&str> = self.path[begin..].iter().map(String::as_str).collect();
        let message = format!("files load each other in a circle: {} → {name}", around.join(" → "));
        let help = "move what both need to a third file";
        self.report(Diagnostic::error(message).help(help), from);
    }
}

/// The file a `load` means, relative to the farm, or in full when it is of Steading.
fn resolve(written: &str) -> Result<&str, Box<Diagnostic>> {
    if written.starts_with(library::PREFIX) {
        return Ok(written);
    }
    let Some(name) = written.strip_prefix("//") else {
        let message = format!("\"{written}\" is not a file of the farm");
        let name = written.trim_start_matches(['.', '/', ':', '@']);
        let help = format!("files are named from the farm's directory: \"//{name}\"");
        return Err(Box::new(Diagnostic::error(message).help(help)));
    };
    if name.split('/').any(|segment| matches!(segment, ".." | "." | "")) {
        let outside = name.split('/').any(|segment| segment == "..");
        let what = if outside { "is outside of the farm" } else { "is not a plain path" };
        let message = format!("\"{written}\" {what}");
        let help = "files are named from the farm's directory, as in \"//lib/rust.star\"";
        return Err(Box::new(Diagnostic::error(message).help(help)));
    }
    Ok(name)
}

/// The text of a file of Steading itself.
fn of_steading(name: &str) -> Result<String, Box<Diagnostic>> {
    library::text(name).map(str::to_owned).ok_or_else(|| {
        let message = format!("this version of Steading has no file \"{name}\"");
        let known: Vec<String> = library::names().map(|name| format!("\"{name}\"")).collect();
        Box::new(Diagnostic::error(message).help(format!("it has {}", known.join(", "))))
    })
}

/// How a `load` names a file: the opposite of `resolve`.
pub(crate) fn written(name: &str) -> String {
    if name.starts_with(library::PREFIX) { name.to_owned() } else { format!("//{name}") }
}

/// The texts of a folder.
#[derive(Debug)]
pub(crate) struct Folder<'a>(pub(crate) &'a Path);

impl Texts for Folder<'_> {
    fn text(&self, name: &str) -> Result<String, Box<Diagnostic>> {
        if name.starts_with(library::PREFIX) {
            return of_steading(name);
        }
        let path = self.0.join(name);
        let problem = |message: String| Box::new(Diagnostic::error(message).in_file(name));
        // Links may lead out of the farm, and what is outside is not stored with it.
        let real = std::fs::canonicalize(&path).map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            problem(message)
        })?;
        if !real.starts_with(self.0) {
            return Err(problem(format!("{name} is a link to outside of the farm")));
        }
        read(&real).map_err(problem)
    }
}

fn read(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let shown = path.display();
    let failed = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let file = std::fs::File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{shown} is larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        format!("{shown} is not UTF-8: line {line} has a byte that is no letter")
    })
}

/// The texts of a stored configuration.
#[derive(Debug)]
pub(crate) struct Stored<'a>(pub(crate) &'a BTreeMap<String, String>);

impl Texts for Stored<'_> {
    fn text(&self, name: &str) -> Result<String, Box<Diagnostic>> {
        // What it loaded from Steading is stored with it, and goes before what there is today.
        match self.0.get(name) {
            Some(text) => Ok(text.clone()),
            None if name.starts_with(library::PREFIX) => of_steading(name),
            None => {
                let message = format!("the stored configuration has no {name}");
                Err(Box::new(Diagnostic::error(message)))
            }
        }
    }
}

/// The file of a stored configuration that evaluation began with: no other loads it.
pub(crate) fn entry(files: &BTreeMap<String, String>) -> Option<&str> {
    let mut loaded = std::collections::BTreeSet::new();
    for (name, text) in files {
        let file = Arc::new(File { name: name.clone(), text: text.clone() });
        let loads = check_shape(&file).and_then(|()| loads(&file)).unwrap_or_default();
        loaded.extend(loads.into_iter().map(|(name, _)| name));
    }
    let roots = files.keys().find(|name| !loaded.contains(&written(name)));
    roots.or_else(|| files.keys().next()).map(String::as_str)
}
