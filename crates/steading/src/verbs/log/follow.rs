//! A build's logs as they grow, until the build is finished.

use serde_json::Value;
use steading_wire::rest::Line;
use tokio::sync::mpsc;

use super::sources::{Source, Sources};
use super::{shown, title};
use crate::cli::LogArgs;
use crate::client::{self, Client, Message, Stream, query};
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Lines that may wait for the terminal.
const QUEUE: usize = 256;

/// What a log's reader brings.
type Brought = (Source, Result<Line, client::Error>);

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
    let mut printer = Printer { titled: args.step.is_none(), at: 0 };
    loop {
        tokio::select! {
            brought = lines.recv() => match brought {
                Some((source, line)) => printer.print(&source, &line?)?,
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
        loop {
            let brought = match stream.next().await {
                Ok(Some(message)) if message.event == "closed" => return,
                Ok(Some(message)) => match serde_json::from_str::<Line>(&message.data) {
                    Ok(line) => Ok(line),
                    Err(_) => continue,
                },
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let over = brought.is_err();
            if queue.send((source.clone(), brought)).await.is_err() || over {
                return;
            }
        }
    });
}

/// Puts the step's title above its lines, and again when another step's line came between.
struct Printer {
    titled: bool,
    at: i64,
}

impl Printer {
    fn print(&mut self, source: &Source, line: &Line) -> Result<(), Error> {
        if self.titled && self.at != source.number {
            output::line(title(source.number, &source.step))?;
        }
        self.at = source.number;
        Ok(output::line(shown(line))?)
    }
}
