//! Finds an argument in the text of a call, so that a caret can point at it.
//!
//! The interpreter says where a call is, not where its arguments are. The text of a call is plain
//! enough to find them: strings, comments and brackets are skipped, commas at the outermost level
//! divide. Where the text does not show the argument (`f(**options)`), the whole call is meant.

use crate::place::Part;

/// Begin and end of a part within `text`; `call` says that `text` is a call, else it is a value.
pub(crate) fn find(text: &str, part: Part<'_>, call: bool) -> Option<(usize, usize)> {
    let inner = if call { call_interior(text)? } else { value_interior(text, part)? };
    let pieces = split(text, inner)?;
    match part {
        Part::Named(name) => {
            pieces.iter().find_map(|p| keyword(text, *p).filter(|k| k.0 == name)).map(|k| k.2)
        }
        Part::Keyword(name) => {
            pieces.iter().find_map(|p| keyword(text, *p).filter(|k| k.0 == name)).map(|k| k.1)
        }
        Part::Position(index) => {
            let plain: Vec<_> =
                pieces.iter().take_while(|p| keyword(text, **p).is_none()).collect();
            let starred = plain.iter().take(index + 1).any(|p| text[p.0..].starts_with('*'));
            if starred { None } else { plain.get(index).map(|p| **p) }
        }
        Part::Item(index) => pieces.get(index).copied(),
        Part::Key(key) => pieces.iter().find_map(|p| entry(text, *p, key)),
    }
}

/// The inside of the last bracket pair of a call.
fn call_interior(text: &str) -> Option<(usize, usize)> {
    let mut last = None;
    let mut open = 0;
    scan(text, |at, c, depth| match c {
        '(' if depth == 0 => open = at + 1,
        ')' if depth == 0 => last = Some((open, at)),
        _ => {}
    });
    last.filter(|l| l.1 + 1 == text.trim_end().len())
}

/// The inside of a list, tuple or dict that is written out.
fn value_interior(text: &str, part: Part<'_>) -> Option<(usize, usize)> {
    let (open, close) = match part {
        Part::Item(_) if text.starts_with('[') => ('[', ']'),
        Part::Item(_) => ('(', ')'),
        _ => ('{', '}'),
    };
    if !text.starts_with(open) || !text.ends_with(close) {
        return None;
    }
    let mut closings = 0;
    let mut comprehension = false;
    scan(text, |at, c, depth| {
        closings += usize::from(depth == 0 && c == close);
        comprehension |= depth == 1 && c == 'f' && is_word(text, at, "for");
    });
    (closings == 1 && !comprehension).then_some((1, text.len() - 1))
}

/// Whether a word begins at a place, and ends with its last letter.
fn is_word(text: &str, at: usize, word: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    let before = text[..at].chars().next_back().is_some_and(letter);
    let rest = text[at..].strip_prefix(word);
    !before && rest.is_some_and(|rest| !rest.starts_with(letter))
}

/// The pieces between the commas of the outermost level, trimmed of white space and comments.
fn split(text: &str, (begin, end): (usize, usize)) -> Option<Vec<(usize, usize)>> {
    let inner = text.get(begin..end)?;
    let mut pieces = Vec::new();
    let mut first: Option<usize> = None;
    let mut last = 0;
    // The commas between the parameters of a lambda divide nothing.
    let mut lambda = false;
    scan(inner, |at, c, depth| {
        lambda |= depth == 0 && c == 'l' && is_word(inner, at, "lambda");
        lambda &= !(depth == 0 && c == ':');
        if c == ',' && depth == 0 && !lambda {
            pieces.extend(first.take().map(|f| (begin + f, begin + last)));
        } else if !c.is_whitespace() {
            first.get_or_insert(at);
            last = at + c.len_utf8();
        }
    });
    pieces.extend(first.map(|f| (begin + f, begin + last)));
    Some(pieces)
}

type Keyword<'a> = (&'a str, (usize, usize), (usize, usize));

/// `name = value`: the name, the span of the name, the span of the value.
fn keyword(text: &str, (begin, end): (usize, usize)) -> Option<Keyword<'_>> {
    let piece = text.get(begin..end)?;
    let name_len = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let rest = piece[name_len..].trim_start();
    let value = rest.strip_prefix('=').filter(|r| !r.starts_with('='))?.trim_start();
    let value_begin = end - value.len();
    (name_len > 0).then_some((&piece[..name_len], (begin, begin + name_len), (value_begin, end)))
}

/// The value of `"key": value`.
fn entry(text: &str, (begin, end): (usize, usize), key: &str) -> Option<(usize, usize)> {
    let piece = text.get(begin..end)?;
    let quote = piece.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let rest = piece[1..].strip_prefix(key)?.strip_prefix(quote)?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start();
    Some((end - value.len(), end))
}

/// Visits every character outside of comments with its bracket depth; a bracket has the depth of
/// what is around it. The inside of a string is visited as its quotes, at a depth no one asks for.
fn scan(text: &str, mut visit: impl FnMut(usize, char, usize)) {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let mut next = at + c.len_utf8();
        match c {
            '#' => next = text[at..].find('\n').map_or(text.len(), |n| at + n),
            '"' | '\'' => {
                next = string_end(text, at, c);
                visit(at, c, depth);
                visit(next - 1, '"', depth);
            }
            '(' | '[' | '{' => {
                visit(at, c, depth);
                depth += 1;
            }
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                visit(at, c, depth);
            }
            _ => visit(at, c, depth),
        }
        at = next;
    }
}

/// The byte after a string that begins at `at`.
pub(crate) fn string_end(text: &str, at: usize, quote: char) -> usize {
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let one = quote.to_string();
    let delimiter = if text[at..].starts_with(&triple) { triple.as_str() } else { one.as_str() };
    let mut next = at + delimiter.len();
    while let Some(c) = text[next..].chars().next() {
        if text[next..].starts_with(delimiter) {
            return next + delimiter.len();
        }
        next += c.len_utf8();
        if c == '\\' {
            next += text[next..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_found_in_the_text_of_a_call() {
        let check = |text: &str, part: Part<'_>, expected: Option<&str>| {
            let found = find(text, part, true).map(|(begin, end)| &text[begin..end]);
            assert_eq!(found, expected, "{part:?} in {text}");
        };
        check(r#"f("a,b", x = [1, 2])"#, Part::Position(0), Some(r#""a,b""#));
        check(r#"f("a,b", x = [1, 2])"#, Part::Named("x"), Some("[1, 2]"));
        check(r#"f("a,b", x = [1, 2])"#, Part::Keyword("x"), Some("x"));
        check(r#"f("a,b", x = [1, 2])"#, Part::Position(1), None);
        check("f(\n  # , no )\n  1,\n)", Part::Position(0), Some("1"));
        check("f(a == b, c)", Part::Position(0), Some("a == b"));
        check("f(*rest, c)", Part::Position(1), None);
        check("f(**all)", Part::Named("x"), None);
        check("g(1)(x = ''' ) ''')", Part::Named("x"), Some("''' ) '''"));
        check("f(1) + 1", Part::Position(0), None);
        check("f(x = lambda a, b: (a, b), y = 1)", Part::Named("x"), Some("lambda a, b: (a, b)"));
        check("f(x = lambda a, b: (a, b), y = 1)", Part::Named("y"), Some("1"));
        check("f(é, \"ü\\\"\", x = 'ß')", Part::Named("x"), Some("'ß'"));
    }

    #[test]
    fn elements_are_found_in_the_text_of_a_value() {
        let check = |text: &str, part: Part<'_>, expected: Option<&str>| {
            let found = find(text, part, false).map(|(begin, end)| &text[begin..end]);
            assert_eq!(found, expected, "{part:?} in {text}");
        };
        check("[a, b(1, 2), c]", Part::Item(1), Some("b(1, 2)"));
        check("[a] + [b]", Part::Item(1), None);
        check("[f(x) for x in y]", Part::Item(0), None);
        check(r#"{"os": 1, 'x': 2}"#, Part::Key("x"), Some("2"));
        check("[", Part::Item(0), None);
    }

    #[test]
    fn torn_texts_are_harmless() {
        for text in ["", "(", ")", "f(\"", "f('''", "f(\\", "[,]", "{:}", "f(=)", "#", "f(\"\\"] {
            for part in [Part::Named("x"), Part::Position(0), Part::Item(0), Part::Key("x")] {
                find(text, part, true);
                find(text, part, false);
            }
        }
    }
}
