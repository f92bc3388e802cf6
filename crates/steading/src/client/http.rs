//! One call, one answer.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use steading_wire::problem::Problem;

use super::{Error, find};
use crate::cli::Target;

/// Longest wait for a connection, and for an answer that is not a stream.
const CONNECT_S: u64 = 5;
const ANSWER_S: u64 = 60;

/// A farm that can be asked. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    /// The farm the options name.
    pub(crate) fn find(target: &Target) -> Result<Client, Error> {
        Ok(Client::of(find::find(target)?))
    }

    /// The farm whose data directory this is.
    pub(crate) fn of_data(data: &Path) -> Result<Client, Error> {
        Ok(Client::of(find::found_in(data, None)?))
    }

    fn of(found: find::Found) -> Client {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(CONNECT_S))
            .no_proxy()
            .build()
            .expect("a plain client needs nothing from the system");
        Client { http, base: found.base, token: found.token }
    }

    /// The address that is asked.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Reads; `path` begins after `/api/v1`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.parse(path, &self.get_text(path).await?)
    }

    /// Reads the answer as it stands.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String, Error> {
        let request = self.request(Method::GET, path).timeout(Duration::from_secs(ANSWER_S));
        self.text(path, self.send(request).await?).await
    }

    /// Reads an answer of any size, piece by piece.
    pub(crate) async fn get_stream(&self, path: &str) -> Result<Response, Error> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Opens an event stream, after the message of that id.
    pub(super) async fn open(&self, path: &str, last: Option<&str>) -> Result<Response, Error> {
        let mut request = self.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.send(request).await
    }

    /// Writes. The key makes sending twice safe.
    pub(crate) async fn post<B: Serialize>(
        &self,
        path: &str,
        body: &B,
        key: Option<&str>,
    ) -> Result<String, Error> {
        let request = self.request(Method::POST, path).json(body);
        let key = key.map_or_else(random_key, str::to_owned);
        let request = request.header("idempotency-key", key);
        let request = request.timeout(Duration::from_secs(ANSWER_S));
        self.text(path, self.send(request).await?).await
    }

    /// Writes, and reads the answer.
    pub(crate) async fn ask<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Error> {
        self.parse(path, &self.post(path, body, None).await?)
    }

    /// Deletes.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Error> {
        let request = self.request(Method::DELETE, path).timeout(Duration::from_secs(ANSWER_S));
        self.send(request.header("idempotency-key", random_key())).await.map(drop)
    }

    /// An answer as the value it should be.
    pub(crate) fn parse<T: DeserializeOwned>(&self, path: &str, text: &str) -> Result<T, Error> {
        serde_json::from_str(text)
            .map_err(|e| Error::Strange { url: self.url(path), what: e.to_string() })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (url, status) = (response.url().to_string(), response.status());
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Err(Error::Problem(problem)),
            Err(_) => Err(Error::Strange { url, what: format!("status {status}") }),
        }
    }

    async fn text(&self, path: &str, response: Response) -> Result<String, Error> {
        response
            .text()
            .await
            .map_err(|error| Error::Strange { url: self.url(path), what: innermost(&error) })
    }

    /// The error for a connection that failed.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> Error {
        Error::Unreachable { url: self.base.clone(), cause: innermost(error) }
    }
}

/// The cause of causes: the only one that says what the network said.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

/// 128 random bits: nobody else has this key.
fn random_key() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has random bytes");
    hex::encode(bytes)
}

/// One segment of a path: everything but letters, digits and `-_.~` is escaped.
pub(crate) fn path_segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A path with query parameters.
pub(crate) fn query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = path.to_owned();
    for (i, (key, value)) in pairs.into_iter().enumerate() {
        out.push(if i == 0 { '?' } else { '&' });
        out.push_str(&format!("{}={}", path_segment(key), path_segment(value)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_in_paths() {
        assert_eq!(path_segment("hello-1.2"), "hello-1.2");
        assert_eq!(path_segment("a/b c"), "a%2Fb%20c");
        assert_eq!(
            query("/builds", [("branch", "release/2"), ("limit", "5")]),
            "/builds?branch=release%2F2&limit=5"
        );
        assert_eq!(query("/builds", []), "/builds");
    }
}
