//! A build's logs as they grow, until the build is finished.

use regex::Regex;
use serde_json::Value;
use steading_wire::rest::Line;
use tokio::sync::mpsc;

use super::print::{shown, title};
use super::sources::{Source, Sources};

use crate::cli::LogArgs;
use crate::client::{self, Client, Message, Stream, query};
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Lines that may wait for the terminal.
const QUEUE: usize = 256;

/// What a log's reader brings.
type Brought = (Source, Result<Vec<Line>, client::Error>);

/// Follows every log meant, and those to come.
pub(super) async fn follow(
    client: &Client,
    args: &LogArgs,
    mut sources: Sources,
) -> Result<Exit, Error> {
    let (queue, mut lines) = mpsc::channel(QUEUE);
    // Given away when the build is finished: the queue then ends with its last reader.
    let mut queue = Some(queue);
    for source in sources.logs.clone() {
        start(client, source, queue.as_ref());
    }
    let since = sources.as_of.to_string();
    let pairs = [("since", since.as_str()), ("noun", "build,step,log")];
    let mut events = Stream::new(client, query("/events", pairs));
    let mut printer = Printer::of(args)?;
    loop {
        tokio::select! {
            brought = lines.recv() => match brought {
                Some((source, lines)) => {
                    for line in lines? {
                        printer.print(&source, &line)?;
                    }
                }
                None => return Ok(Exit::Green),
            },
            message = events.next(), if queue.is_some() => {
                let Some(message) = message? else { queue = None; continue };
                match news(&message, &mut sources) {
                    News::Log(source) => start(client, source, queue.as_ref()),
                    News::Finished => queue = None,
                    News::Nothing => {}
                }
            }
        }
    }
}

enum News {
    Log(Source),
    Finished,
    Nothing,
}

/// What an event means for what is followed.
fn news(message: &Message, sources: &mut Sources) -> News {
    let Ok(event) = serde_json::from_str::<Value>(&message.data) else { return News::Nothing };
    let Some(delta) = event.get("delta").and_then(Value::as_object) else { return News::Nothing };
    let ours = |field: &str| delta.get(field).and_then(Value::as_i64) == Some(sources.build);
    match event.get("kind").and_then(Value::as_str) {
        Some("step.started") if ours("build_id") => {
            sources.put_step(delta);
            News::Nothing
        }
        Some("log.opened") if ours("build_id") => {
            sources.put_log(delta).map_or(News::Nothing, News::Log)
        }
        Some("build.finished")
            if event.get("id").and_then(Value::as_i64) == Some(sources.build) =>
        {
            News::Finished
        }
        _ => News::Nothing,
    }
}

/// Reads one log to its end, beside the others.
fn start(client: &Client, source: Source, queue: Option<&mpsc::Sender<Brought>>) {
    let Some(queue) = queue.cloned() else { return };
    let mut stream = Stream::new(client, format!("/logs/{}/follow", source.log));
    tokio::spawn(async move {
        let mut growing = Growing::default();
        loop {
            let (brought, over) = match stream.next().await {
                Ok(Some(message)) => (Ok(growing.take(&message)), message.event == "closed"),
                Ok(None) => return,
                Err(error) => (Err(error), true),
            };
            if queue.send((source.clone(), brought)).await.is_err() || over {
                return;
            }
        }
    });
}

/// The last line of a growing log comes again and again until it is whole: it is printed once.
#[derive(Default)]
struct Growing {
    last: Option<Line>,
}

impl Growing {
    /// The lines a message makes whole. Its id is the last line known to be.
    fn take(&mut self, message: &Message) -> Vec<Line> {
        if message.event == "closed" {
            return self.last.take().into_iter().collect();
        }
        let whole = message.id.as_ref().and_then(|id| id.parse::<i64>().ok()).unwrap_or_default();
        let lines: Vec<Line> = serde_json::from_str(&message.data).unwrap_or_default();
        self.last = lines.last().filter(|last| last.number > whole).cloned();
        lines.into_iter().filter(|line| line.number <= whole).collect()
    }
}

/// Puts the step's title above its lines, and again when another step's line came between.
struct Printer {
    titled: bool,
    at: i64,
    grep: Option<Regex>,
}

impl Printer {
    fn of(args: &LogArgs) -> Result<Printer, Error> {
        let bad = |error| Error::Usage(format!("--grep is not a regular expression: {error}"));
        let grep = args.grep.as_deref().map(Regex::new).transpose().map_err(bad)?;
        Ok(Printer { titled: args.step.is_none(), at: 0, grep })
    }

    fn print(&mut self, source: &Source, line: &Line) -> Result<(), Error> {
        if self.grep.as_ref().is_some_and(|re| !re.is_match(&line.text)) {
            return Ok(());
        }
        if self.titled && self.at != source.number {
            output::line(title(source.number, &source.step))?;
        }
        self.at = source.number;
        Ok(output::line(shown(line))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_line_is_printed_once_and_whole() {
        let message = |event: &str, id: &str, lines: &[(i64, &str)]| {
            let line = |(number, text): &(i64, &str)| Line {
                number: *number,
                at: String::new(),
                text: (*text).to_owned(),
                cut: false,
            };
            let lines: Vec<Line> = lines.iter().map(line).collect();
            let data = serde_json::to_string(&lines).expect("plain values");
            Message { id: Some(id.into()), event: event.into(), data }
        };
        let messages = [
            message("lines", "1", &[(1, "one"), (2, "tw")]),
            message("lines", "2", &[(2, "two"), (3, "th")]),
            message("lines", "2", &[(3, "three, without an end")]),
            message("closed", "3", &[]),
        ];
        let mut growing = Growing::default();
        let printed: Vec<String> =
            messages.iter().flat_map(|m| growing.take(m)).map(|line| line.text).collect();
        assert_eq!(printed, ["one", "two", "three, without an end"]);
    }
}
