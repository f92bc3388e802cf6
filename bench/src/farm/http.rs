//! As much HTTP as it takes to ask a farm over one kept connection, without being a load itself.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// One kept connection to a farm.
#[derive(Debug)]
pub(crate) struct Http {
    reader: BufReader<TcpStream>,
    host: String,
    token: String,
}

impl Http {
    /// Connects to `127.0.0.1:PORT`.
    pub(crate) fn connect(host: &str, token: &str) -> io::Result<Http> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        let reader = BufReader::new(stream);
        Ok(Http { reader, host: host.to_owned(), token: token.to_owned() })
    }

    /// Reads a path; the body as text.
    pub(crate) fn text(&mut self, path: &str) -> io::Result<String> {
        self.ask("GET", path, "")
    }

    /// Reads below `/api/v1`.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Value> {
        let text = self.ask("GET", &format!("/api/v1{path}"), "")?;
        serde_json::from_str(&text).map_err(io::Error::other)
    }

    /// Writes below `/api/v1`.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> io::Result<()> {
        self.answer(path, body).map(drop)
    }

    /// Writes below `/api/v1`; what it answers, or null if nothing.
    pub(crate) fn answer(&mut self, path: &str, body: &str) -> io::Result<Value> {
        let text = self.ask("POST", &format!("/api/v1{path}"), body)?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(io::Error::other)
    }

    /// All rows of a list, page by page; `path` has a query already.
    pub(crate) fn list(&mut self, path: &str) -> io::Result<Vec<Value>> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("{path}&limit=1000{cursor}"))?;
            match page["items"].take() {
                Value::Array(items) => rows.extend(items),
                _ => return Err(io::Error::other(format!("{path}: no list"))),
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(rows),
            }
        }
    }

    /// Asks for any path; the body as text.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        );
        self.reader.get_mut().write_all(request.as_bytes())?;
        let (status, length) = self.head()?;
        let body = match length {
            Some(length) => self.exactly(length)?,
            None => self.chunks()?,
        };
        let text = String::from_utf8(body).map_err(io::Error::other)?;
        match status {
            200..=299 => Ok(text),
            _ => Err(io::Error::other(format!("{method} {path}: {status} {text}"))),
        }
    }

    /// The status, and the length of the body unless it comes in chunks.
    fn head(&mut self) -> io::Result<(u16, Option<usize>)> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status: `{line}`")))?;
        // Nothing comes with 204, and nothing says so.
        let mut length = Some(0);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                return Ok((status, length));
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            }
            if line.starts_with("transfer-encoding:") {
                length = None;
            }
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            body.extend(self.exactly(length)?);
            self.line()?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
