//! Terminal output as spans: colours a page can show are kept, all other control is dropped.
//!
//! What was printed is kept whole in the archive and served raw; this is only how it is looked at.

use serde::Serialize;

/// A piece of a line in one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    /// Style classes, empty for plain text.
    pub(crate) class: String,
    /// The text, still to be escaped.
    pub(crate) text: String,
}

/// The style a stream of lines is in: colours go on over the end of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    bold: bool,
    faint: bool,
    /// 1 to 8 for the eight colours, 0 for none.
    colour: u8,
}

const COLOURS: [&str; 9] = ["", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

impl Style {
    fn class(self) -> String {
        let parts = [
            COLOURS[usize::from(self.colour)],
            if self.bold { "cb" } else { "" },
            if self.faint { "cf" } else { "" },
        ];
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Applies the parameters of one `ESC [ … m`.
    fn apply(&mut self, parameters: &str) {
        let mut numbers = parameters.split([';', ':']).map(|p| p.parse::<u8>().unwrap_or(0));
        while let Some(n) = numbers.next() {
            match n {
                0 => *self = Style::default(),
                1 => self.bold = true,
                2 => self.faint = true,
                22 => (self.bold, self.faint) = (false, false),
                30..=37 => self.colour = n - 29,
                90..=97 => self.colour = n - 89,
                39 => self.colour = 0,
                38 => self.colour = extended(&mut numbers).unwrap_or(self.colour),
                48 => drop(extended(&mut numbers)),
                _ => {}
            }
        }
    }
}

/// Reads the rest of an extended colour; of the palette only the first sixteen have a counterpart.
fn extended(numbers: &mut impl Iterator<Item = u8>) -> Option<u8> {
    match numbers.next()? {
        5 => numbers.next().map(|n| if n < 16 { n % 8 + 1 } else { 0 }),
        2 => numbers.nth(2).map(|_| 0),
        _ => None,
    }
}

/// The spans of a line, and the style after it. Of text overwritten by a carriage return the last
/// stays, as a terminal would show it.
pub(crate) fn paint(line: &str, style: &mut Style) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut text = String::new();
    let mut rest = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => {
                if let Some(parameters) = escape(&mut rest) {
                    flush(&mut text, *style, &mut spans);
                    style.apply(&parameters);
                }
            }
            '\r' => {
                text.clear();
                spans.clear();
            }
            '\t' => text.push('\t'),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    flush(&mut text, *style, &mut spans);
    spans
}

fn flush(text: &mut String, style: Style, spans: &mut Vec<Span>) {
    if !text.is_empty() {
        spans.push(Span { class: style.class(), text: std::mem::take(text) });
    }
}

/// Skips an escape sequence; the parameters, if it sets a style.
fn escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    match rest.next()? {
        '[' => {
            let mut parameters = String::new();
            while let Some(c) = rest.next_if(|c| !('@'..='~').contains(c)) {
                parameters.push(c);
            }
            (rest.next()? == 'm').then_some(parameters)
        }
        ']' | 'P' | '_' | '^' => {
            while let Some(c) = rest.next() {
                if c == '\x07' || (c == '\x1b' && rest.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
            None
        }
        '(' | ')' | '#' | '%' => {
            rest.next();
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[(&str, &str)]) {
        let spans = paint(line, &mut Style::default());
        let got: Vec<_> = spans.iter().map(|s| (s.class.as_str(), s.text.as_str())).collect();
        assert_eq!(got, expected, "{line:?}");
    }

    #[test]
    fn colours_are_kept_and_control_is_dropped() {
        check("plain", &[("", "plain")]);
        check("\x1b[1;31merror\x1b[0m: no", &[("c1 cb", "error"), ("", ": no")]);
        check("\x1b[38;5;9mhot\x1b[39m \x1b[2mdim", &[("c1", "hot"), ("", " "), ("cf", "dim")]);
        check("\x1b[38;2;1;2;3mx\x1b[48;5;200my", &[("", "x"), ("", "y")]);
        check("\x1b]8;;http://e/\x07link\x1b]8;;\x1b\\ on", &[("", "link on")]);
        check("\x1b[2K\x1b[1Gup", &[("", "up")]);
        check("10 %\r20 %\r100 %\r", &[("", "100 %")]);
        check("a\x00b\x07\tc", &[("", "ab\tc")]);
        check("<b>&", &[("", "<b>&")]);
        check("\x1b", &[]);
        check("\x1b[", &[]);
        check("", &[]);
    }

    #[test]
    fn a_colour_goes_on_over_the_end_of_its_line() {
        let mut style = Style::default();
        paint("\x1b[33mfirst", &mut style);
        assert_eq!(paint("second\x1b[m", &mut style)[0].class, "c3");
        assert_eq!(paint("third", &mut style)[0].class, "");
    }
}
