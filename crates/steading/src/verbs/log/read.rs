//! A step's logs as they stand: stdout and stderr as one, in the order in which lines came.

use std::collections::VecDeque;

use steading_wire::rest::{Line, Lines};

use super::Source;
use super::shown;
use crate::client::{self, Client, query};
use crate::error::Error;
use crate::output;

/// Lines asked for at once.
const PAGE: &str = "1000";

/// A place in a log, with the lines read ahead.
struct Cursor {
    log: i64,
    next: i64,
    ahead: VecDeque<Line>,
    ended: bool,
}

impl Cursor {
    fn new(log: i64) -> Cursor {
        Cursor { log, next: 1, ahead: VecDeque::new(), ended: false }
    }

    /// Reads ahead where nothing is left.
    async fn fill(&mut self, client: &Client, grep: Option<&str>) -> Result<(), client::Error> {
        if self.ended || !self.ahead.is_empty() {
            return Ok(());
        }
        let first = self.next.to_string();
        let mut pairs = vec![("first", first.as_str()), ("count", PAGE)];
        pairs.extend(grep.map(|re| ("grep", re)));
        let page: Lines = client.get(&query(&format!("/logs/{}", self.log), pairs)).await?;
        self.next = page.lines.last().map_or(self.next, |line| line.number + 1);
        self.ended = page.lines.is_empty() || self.next > page.total;
        self.ahead.extend(page.lines);
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
            Cursor { log, next: 9, ahead: lines.iter().map(line).collect(), ended: true }
        };
        let mut cursors = [
            cursor(1, &[("10", "a"), ("30", "c"), ("40", "d")]),
            cursor(2, &[("20", "b"), ("30", "c'")]),
        ];
        let order = std::iter::from_fn(|| earliest(&mut cursors)).map(|line| line.text);
        assert_eq!(order.collect::<Vec<_>>(), ["a", "b", "c", "c'", "d"]);
    }
}
