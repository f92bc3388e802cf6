//! A step's logs as they stand: stdout and stderr as one, in the order in which lines came.

use std::collections::VecDeque;

use steading_wire::rest::{Line, Lines};

use super::print::shown;
use super::sources::Source;
use crate::client::{self, Client, query};
use crate::error::Error;
use crate::output;

/// Lines asked for at once.
const PAGE: &str = "1000";

/// A place in a log, with the lines read ahead.
struct Cursor {
    log: i64,
    next: Option<i64>,
    ahead: VecDeque<Line>,
}

impl Cursor {
    fn new(log: i64) -> Cursor {
        Cursor { log, next: Some(1), ahead: VecDeque::new() }
    }

    /// Reads ahead where nothing is left.
    async fn fill(&mut self, client: &Client, grep: Option<&str>) -> Result<(), client::Error> {
        // A search may answer a page without a line, and a place to go on with.
        while let (true, Some(next)) = (self.ahead.is_empty(), self.next) {
            let first = next.to_string();
            let mut pairs = vec![("first", first.as_str()), ("count", PAGE)];
            pairs.extend(grep.map(|re| ("grep", re)));
            let page: Lines = client.get(&query(&format!("/logs/{}", self.log), pairs)).await?;
            self.next = page.next;
            self.ahead.extend(page.lines);
        }
        Ok(())
    }
}

/// Prints the lines of these logs.
pub(super) async fn print(
    client: &Client,
    sources: &[Source],
    grep: Option<&str>,
) -> Result<(), Error> {
    let mut cursors: Vec<Cursor> = sources.iter().map(|s| Cursor::new(s.log)).collect();
    loop {
        for cursor in &mut cursors {
            cursor.fill(client, grep).await?;
        }
        let Some(line) = earliest(&mut cursors) else { return Ok(()) };
        output::line(shown(&line))?;
    }
}

/// The line that came first; of lines that came at once, the first log's.
fn earliest(cursors: &mut [Cursor]) -> Option<Line> {
    let at = |cursor: &Cursor| cursor.ahead.front().map(|line| line.at.clone());
    let best = cursors.iter_mut().filter(|c| !c.ahead.is_empty()).min_by_key(|c| at(c))?;
    best.ahead.pop_front()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_two_logs_come_in_the_order_of_time() {
        let cursor = |log, lines: &[(&str, &str)]| {
            let line = |(at, text): &(&str, &str)| Line {
                number: 1,
                at: (*at).to_owned(),
                text: (*text).to_owned(),
                cut: false,
            };
            Cursor { log, next: None, ahead: lines.iter().map(line).collect() }
        };
        let mut cursors = [
            cursor(1, &[("10", "a"), ("30", "c"), ("40", "d")]),
            cursor(2, &[("20", "b"), ("30", "c'")]),
        ];
        let order = std::iter::from_fn(|| earliest(&mut cursors)).map(|line| line.text);
        assert_eq!(order.collect::<Vec<_>>(), ["a", "b", "c", "c'", "d"]);
    }
}
