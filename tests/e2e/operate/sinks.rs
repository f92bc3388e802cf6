//! Whoever is told: a web server and a mail server on loopback, as small as they can be.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A server that keeps what it was sent.
pub(super) struct Sink<T> {
    pub(super) port: u16,
    got: Arc<Mutex<Vec<T>>>,
    /// While this is so it takes nothing.
    pub(super) refuses: Arc<AtomicBool>,
}

/// What was posted: head and body.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Posted {
    /// A header, by its name in small letters.
    pub(super) fn header(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.into_iter().find(|(key, _)| key.to_lowercase() == name);
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    }
}

impl<T: Clone + Send + 'static> Sink<T> {
    fn start(serve: fn(TcpStream, bool) -> Option<T>) -> Sink<T> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (got, refuses) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let sink = Sink { port, got: got.clone(), refuses: refuses.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = serve(stream, refuses.load(Ordering::SeqCst));
                got.lock().expect("whole").extend(taken);
            }
        });
        sink
    }

    /// What came so far.
    pub(super) fn got(&self) -> Vec<T> {
        self.got.lock().expect("whole").clone()
    }
}

/// Takes posts; answers 503 while it refuses.
pub(super) fn web() -> Sink<Posted> {
    Sink::start(|stream, refuses| {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
        }
        let posted = Posted { head, body: Vec::new() };
        let length = posted.header("content-length").parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let status = if refuses { "503 Service Unavailable" } else { "204 No Content" };
        let mut stream = stream;
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .ok()?;
        (!refuses).then_some(Posted { body, ..posted })
    })
}

/// Takes mail; the letters as they came.
pub(super) fn mail() -> Sink<String> {
    Sink::start(|stream, refuses| {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut stream = stream;
        let mut say = move |text: &str| write!(stream, "{text}\r\n").ok();
        say("220 sink")?;
        let mut letter = None;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok().filter(|read| *read > 0).is_none() {
                return letter;
            }
            match line.get(..4).unwrap_or_default().to_uppercase().as_str() {
                "EHLO" | "HELO" => say("250 sink")?,
                "MAIL" if refuses => say("451 not now")?,
                "DATA" => {
                    say("354 go on")?;
                    let mut text = String::new();
                    while !text.ends_with("\r\n.\r\n") {
                        reader.read_line(&mut text).ok().filter(|read| *read > 0)?;
                    }
                    letter = Some(text);
                    say("250 taken")?;
                }
                "QUIT" => {
                    say("221 bye");
                    return letter;
                }
                _ => say("250 well")?,
            }
        }
    })
}
