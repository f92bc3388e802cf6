//! How long things may be: 600 lines a file, 70 a function, 100 columns, 80 a table of contents.

use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::sources::{Source, sources};
use crate::{EXCEPTIONS, report};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const CONTENTS_LINES_MAX: usize = 80;
const COLUMNS_MAX: usize = 100;

fn excepted(item: &str) -> bool {
    EXCEPTIONS.iter().any(|(name, _)| *name == item)
}

/// The lines of a file before its own tests.
fn lines_without_tests(source: &Source) -> usize {
    let lines = source.text.lines();
    lines.take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

fn product() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|source| !source.is_test())
}

#[test]
fn files_are_small() {
    let long: Vec<String> = product()
        .map(|source| (lines_without_tests(&source), source.path))
        .filter(|(lines, path)| *lines > FILE_LINES_MAX && !excepted(path))
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    report("a file has at most 600 lines without tests", &long);
}

#[test]
fn tables_of_contents_hold_no_chapters() {
    let is_contents = |path: &str| path.ends_with("/mod.rs") || path.ends_with("/lib.rs");
    let long: Vec<String> = product()
        .filter(|source| is_contents(&source.path))
        .map(|source| (lines_without_tests(&source), source.path))
        .filter(|(lines, path)| *lines > CONTENTS_LINES_MAX && !excepted(path))
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    report("mod.rs and lib.rs are tables of contents of at most 80 lines", &long);
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for source in product() {
        let file = syn::parse_file(&source.text).expect("sources parse");
        let mut visitor = Functions { path: &source.path, long: &mut long };
        visitor.visit_file(&file);
    }
    report("a function has at most 70 lines", &long);
}

#[test]
fn lines_fit() {
    let mut wide = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            // A test's expected text may be as wide as what it expects.
            if line.chars().count() > COLUMNS_MAX && !source.is_test() && !line.contains('"') {
                wide.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    report("a line has at most 100 columns, long texts excepted", &wide);
}

struct Functions<'a> {
    path: &'a str,
    long: &'a mut Vec<String>,
}

impl Functions<'_> {
    fn measure(&mut self, name: &syn::Ident, block: &syn::Block) {
        let span = block.span();
        let lines = span.end().line - span.start().line + 1;
        let item = format!("{}: {name}", self.path);
        if lines > FUNCTION_LINES_MAX && !excepted(&item) {
            self.long.push(format!("{item}: {lines} lines"));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        };
        if !module.attrs.iter().any(is_test) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig.ident, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig.ident, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }
}
