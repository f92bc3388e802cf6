//! Server-Sent Events, as bytes come in: pure, so that it can be tested without a server.

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Message {
    /// Its id: where to resume.
    pub(crate) id: Option<String>,
    /// Its kind; empty if the stream names none.
    pub(crate) event: String,
    /// What it says.
    pub(crate) data: String,
}

/// Turns bytes into messages, however the network cut them.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    message: Message,
    has_data: bool,
}

impl Parser {
    /// Takes the next bytes; answers the messages they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let text = String::from_utf8_lossy(&line);
            if let Some(message) = self.line(text.trim_end_matches('\r')) {
                messages.push(message);
            }
        }
        messages
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return std::mem::take(&mut self.has_data).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.message.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.message.event),
            "data" => {
                if self.has_data {
                    self.message.data.push('\n');
                }
                self.has_data = true;
                self.message.data.push_str(value);
            }
            // A comment, or a field of a later version.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole_wherever_the_bytes_are_cut() {
        let text =
            ": ping\n\nid: 7\nevent: build\ndata: {\"a\":1}\n\nid:8\r\ndata: x\r\ndata:y\r\n\r\n";
        let expected = vec![
            Message { id: Some("7".into()), event: "build".into(), data: "{\"a\":1}".into() },
            Message { id: Some("8".into()), event: String::new(), data: "x\ny".into() },
        ];
        for cut in 0..text.len() {
            let mut parser = Parser::default();
            let mut messages = parser.push(&text.as_bytes()[..cut]);
            messages.extend(parser.push(&text.as_bytes()[cut..]));
            assert_eq!(messages, expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_unfinished_message_is_kept_back() {
        assert_eq!(Parser::default().push(b"id: 1\ndata: x\n"), vec![]);
    }
}
