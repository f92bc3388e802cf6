//! A look at a text before it is parsed: the parser descends, so its depth must be bounded.

use std::sync::Arc;

use crate::Diagnostic;
use crate::place::{File, Span};

/// Brackets within brackets, and what hangs together within them: no person writes this much, and
/// the parser's stack holds it many times.
const DEPTH_MAX: usize = 2_000;

/// Refuses a text whose expressions are nested, or chained, deeper than any configuration.
pub(crate) fn check_shape(file: &Arc<File>) -> Result<(), Box<Diagnostic>> {
    let text = file.text.as_str();
    let mut open: Vec<usize> = vec![0];
    let mut sum = 0;
    let mut elifs = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let word = word_len(&text[at..]);
        let mut next = at + c.len_utf8().max(word);
        elifs += usize::from(&text[at..at + word] == "elif");
        match c {
            '#' => next = text[at..].find('\n').map_or(text.len(), |n| at + n),
            '"' | '\'' => next = crate::arguments::string_end(text, at, c),
            '(' | '[' | '{' => open.push(0),
            ')' | ']' | '}' if open.len() > 1 => sum -= open.pop().unwrap_or(0),
            ',' => reset(&mut open, &mut sum),
            '\n' if open.len() == 1 => reset(&mut open, &mut sum),
            _ => {}
        }
        if !c.is_whitespace() && !matches!(c, ',' | '#') {
            sum += 1;
            if let Some(count) = open.last_mut() {
                *count += 1;
            }
        }
        if sum > DEPTH_MAX || elifs > DEPTH_MAX {
            let span = Span { file: file.clone(), begin: at, end: at + 1 };
            let message = format!("more than {DEPTH_MAX} parts are nested or chained here");
            let error = Diagnostic::error(message).help("divide it with variables");
            return Err(Box::new(span.mark(error)));
        }
        at = next;
    }
    Ok(())
}

fn reset(open: &mut [usize], sum: &mut usize) {
    if let Some(count) = open.last_mut() {
        *sum -= *count;
        *count = 0;
    }
}

fn word_len(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}
