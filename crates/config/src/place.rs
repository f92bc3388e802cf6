//! Places in the texts: where a function was called, and which of its arguments is meant.

use std::sync::Arc;

use crate::{Diagnostic, Severity};

/// A piece of a file, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// The file.
    pub(crate) file: Arc<File>,
    /// Its first byte.
    pub(crate) begin: usize,
    /// The byte after its last.
    pub(crate) end: usize,
}

/// A file of the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the farm.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// A call of a farm function: its own span, and who called the functions around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The call, innermost first; never empty.
    pub(crate) calls: Vec<Span>,
}

/// A step from a call to a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The value of a keyword.
    Named(&'a str),
    /// The word of a keyword itself.
    Keyword(&'a str),
    /// An argument by its place, from 0.
    Position(usize),
    /// An element of a list, from 0.
    Item(usize),
    /// The value of a key of a dict.
    Key(&'a str),
}

impl Span {
    /// Line and column, both from 1, the column in characters.
    fn position(&self) -> (usize, usize) {
        let before = self.file.text.get(..self.begin).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// `file:line:column`, as people click on it.
    pub(crate) fn location(&self) -> String {
        let (line, column) = self.position();
        format!("{}:{line}:{column}", self.file.name)
    }

    /// The text covered.
    pub(crate) fn text(&self) -> &str {
        self.file.text.get(self.begin..self.end).unwrap_or("")
    }

    /// Puts a finding here: file, line, column, and the line with carets below.
    pub(crate) fn mark(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let (line, column) = self.position();
        let text = self.file.text.lines().nth(line - 1).unwrap_or("");
        let covered = self.text().lines().next().unwrap_or("").chars().count();
        let rest = text.chars().count().saturating_sub(column - 1);
        let shown = Window::around(text, column, covered.clamp(1, rest.max(1)));
        diagnostic.file.clone_from(&self.file.name);
        (diagnostic.line, diagnostic.column) = (line, column);
        diagnostic.snippet = shown.render();
        diagnostic
    }
}

/// The part of a long line that is shown.
struct Window {
    text: String,
    indent: usize,
    carets: usize,
}

/// A line longer than this is cut around the place.
const SHOWN_CHARS_MAX: usize = 120;

impl Window {
    fn around(line: &str, column: usize, carets: usize) -> Window {
        let chars: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if chars.len() <= SHOWN_CHARS_MAX {
            return Window { text: chars.into_iter().collect(), indent: column - 1, carets };
        }
        let from = (column - 1).saturating_sub(SHOWN_CHARS_MAX / 3);
        let text: String = chars.iter().skip(from).take(SHOWN_CHARS_MAX).collect();
        let indent = column - 1 - from;
        Window { text, indent, carets: carets.min(SHOWN_CHARS_MAX - indent) }
    }

    fn render(&self) -> String {
        format!(
            "{}\n{}{}",
            self.text.trim_end(),
            " ".repeat(self.indent),
            "^".repeat(self.carets.max(1))
        )
    }
}

impl Place {
    /// The call itself.
    pub(crate) fn call(&self) -> Option<&Span> {
        self.calls.first()
    }

    /// The part a path leads to; the smallest enclosing part that the text shows plainly.
    pub(crate) fn part(&self, path: &[Part<'_>]) -> Option<Span> {
        let mut span = self.call()?.clone();
        for (depth, part) in path.iter().enumerate() {
            match crate::arguments::find(span.text(), *part, depth == 0) {
                Some((begin, end)) => {
                    (span.begin, span.end) = (span.begin + begin, span.begin + end);
                }
                None => break,
            }
        }
        Some(span)
    }

    /// An error here, naming who called.
    pub(crate) fn error(&self, path: &[Part<'_>], message: impl Into<String>) -> Diagnostic {
        self.mark(path, Diagnostic::error(message))
    }

    /// A warning here, naming who called.
    pub(crate) fn warning(&self, path: &[Part<'_>], message: impl Into<String>) -> Diagnostic {
        self.mark(path, Diagnostic::warning(message))
    }

    fn mark(&self, path: &[Part<'_>], diagnostic: Diagnostic) -> Diagnostic {
        debug_assert!(matches!(diagnostic.severity, Severity::Error | Severity::Warning));
        let Some(span) = self.part(path) else { return diagnostic };
        let mut marked = span.mark(diagnostic);
        let callers = self.calls.iter().skip(1);
        marked.notes.extend(callers.map(|c| format!("called from {}", c.location())));
        marked
    }

    /// `file:line:column` of the call, for notes.
    pub(crate) fn location(&self) -> String {
        self.call().map(Span::location).unwrap_or_default()
    }
}
