//! A client that follows everything that happens, whatever happens to the master.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::task::JoinHandle;

use super::client::Client;
use super::wait::{runtime, until};

/// The events of a farm, from the first one on. The stream is resumed wherever it was cut.
pub(crate) struct Feed {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    events: Vec<Value>,
    /// How often the stream was opened.
    opened: usize,
}

impl Feed {
    /// Begins to follow.
    pub(super) fn follow(client: Client) -> Feed {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = runtime().spawn(follow(client, seen.clone()));
        Feed { seen, task }
    }

    /// The number of the newest event seen.
    pub(crate) fn newest(&self) -> i64 {
        self.seen.lock().expect("whole").newest()
    }

    /// How often the stream had to be opened.
    pub(crate) fn opened(&self) -> usize {
        self.seen.lock().expect("whole").opened
    }

    /// Every event up to this number, once it has been seen.
    pub(crate) fn up_to(&self, seq: i64) -> Vec<Value> {
        until(&format!("event {seq} is in the stream"), || (self.newest() >= seq).then_some(()));
        let seen = self.seen.lock().expect("whole");
        seen.events.iter().take_while(|event| number(event) <= seq).cloned().collect()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    fn newest(&self) -> i64 {
        self.events.last().map_or(0, number)
    }
}

fn number(event: &Value) -> i64 {
    event["seq"].as_i64().expect("an event has a number")
}

async fn follow(client: Client, seen: Arc<Mutex<Seen>>) {
    loop {
        let after = seen.lock().expect("whole").newest();
        if let Ok(mut response) = client.events(after).await {
            seen.lock().expect("whole").opened += 1;
            let mut text = Vec::new();
            while let Ok(Some(bytes)) = response.chunk().await {
                text.extend_from_slice(&bytes);
                take(&mut text, &seen);
            }
        }
        // The master is away: ask again soon.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Takes the whole lines out of the text. An event is one `data:` line; ids are in the data, too.
fn take(text: &mut Vec<u8>, seen: &Mutex<Seen>) {
    while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = text.drain(..=end).collect();
        if let Some(data) = line.strip_prefix(b"data:") {
            let event = serde_json::from_slice(data).expect("an event is JSON");
            seen.lock().expect("whole").events.push(event);
        }
    }
}
