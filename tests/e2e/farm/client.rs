//! A client of the farm, as anybody could write one: address and token from the data directory,
//! read anew for each call, so that it finds a restarted farm by itself.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::wait::{runtime, until};

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(30);

/// A status and what came with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The body as JSON; a text if it is none.
    pub(crate) body: Value,
}

/// A list: its rows, in the order of their ids, and the event number they were read at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct List {
    pub(crate) items: Vec<Value>,
    pub(crate) as_of: i64,
}

/// Asks the farm of a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    data: PathBuf,
    /// Shown instead of the admin's.
    token: Option<String>,
}

impl Client {
    pub(super) fn new(data: PathBuf) -> Client {
        Client { data, token: None }
    }

    /// The same with another token; none at all if it is empty.
    pub(crate) fn with_token(&self, token: &str) -> Client {
        Client { data: self.data.clone(), token: Some(token.to_owned()) }
    }

    /// Where the farm listens, or listened.
    pub(crate) fn base(&self) -> Result<String, String> {
        read(&self.data.join("address"))
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, String> {
        static HTTP: OnceLock<reqwest::Client> = OnceLock::new();
        let plain = || reqwest::Client::builder().no_proxy().build().expect("a plain client");
        let http = HTTP.get_or_init(plain);
        let request = http.request(method, format!("{}{path}", self.base()?));
        Ok(match self.token.as_deref() {
            None => request.bearer_auth(read(&self.data.join("admin.token"))?),
            Some("") => request,
            Some(token) => request.bearer_auth(token),
        })
    }

    /// Reads below `/api/v1`; an error means that nobody answered.
    pub(crate) fn try_get(&self, path: &str) -> Result<Answer, String> {
        let request = self.request(Method::GET, &format!("/api/v1{path}"))?;
        runtime().block_on(answer(request))
    }

    /// Reads what must be there.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.try_get(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// One row, by its id or name.
    #[track_caller]
    pub(crate) fn item(&self, path: &str) -> Value {
        self.get(path)["item"].clone()
    }

    /// The sum of a metric over all its labels; only of lines that contain `label`.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str, label: &str) -> f64 {
        let request = self.request(Method::GET, "/metrics").expect("a farm");
        let answer = runtime().block_on(answer(request)).expect("an answer");
        let text = answer.body.as_str().expect("a text").to_owned();
        let lines = text.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(label)
        });
        let values =
            lines.map(|line| line.rsplit(' ').next().and_then(|text| text.parse::<f64>().ok()));
        values.sum::<Option<f64>>().unwrap_or_else(|| panic!("{name} in {text}"))
    }

    /// The bytes below `/api/v1`.
    #[track_caller]
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let request = self.request(Method::GET, &format!("/api/v1{path}")).expect("a farm");
        let bytes = async { request.send().await?.error_for_status()?.bytes().await };
        let bytes = runtime().block_on(bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
        bytes.to_vec()
    }

    /// Writes below `/api/v1`; an error means that nobody acknowledged it.
    pub(crate) fn try_post(
        &self,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Answer, String> {
        let request = self.request(Method::POST, &format!("/api/v1{path}"))?.json(body);
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        runtime().block_on(answer(request))
    }

    /// Writes what must be taken.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.try_post(path, body, None);
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        answer.body
    }

    /// Forces a builder; the request's id.
    #[track_caller]
    pub(crate) fn force(&self, builder: &str, body: &Value) -> i64 {
        let submitted = self.post(&format!("/builders/{builder}/force"), body);
        submitted["requests"][builder].as_i64().expect("a request")
    }

    /// Forces a builder without saying more.
    #[track_caller]
    pub(crate) fn force_plain(&self, builder: &str) -> i64 {
        self.force(builder, &json!({}))
    }

    /// One page, whole.
    pub(crate) fn try_list(&self, noun: &str) -> Result<List, String> {
        let answer = self.try_get(&format!("/{noun}?order=id&limit=1000"))?;
        match (answer.status, answer.body["items"].as_array(), answer.body["as_of"].as_i64()) {
            (200, Some(items), Some(as_of)) if answer.body["next"].is_null() => {
                Ok(List { items: items.clone(), as_of })
            }
            _ => Err(format!("{noun}: no whole list: {answer:?}")),
        }
    }

    /// Every row of a list, page by page.
    #[track_caller]
    pub(crate) fn list_all(&self, noun: &str, query: &str, limit: usize) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/{noun}?order=id&limit={limit}{query}{cursor}"));
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// The rows of a list that is short.
    #[track_caller]
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        self.get(path)["items"].as_array().expect("items").clone()
    }

    /// Waits until a row is as it should be.
    #[track_caller]
    pub(crate) fn until(&self, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(path, || {
            let item = self.try_get(path).ok()?.body["item"].clone();
            is(&item).then_some(item)
        })
    }

    /// Waits for the end of a request.
    #[track_caller]
    pub(crate) fn complete(&self, request: i64) -> Value {
        self.until(&format!("/requests/{request}"), |request| request["state"] == "complete")
    }

    /// Waits for the request's newest build to be in this state.
    #[track_caller]
    pub(crate) fn build_in(&self, request: i64, state: &str) -> Value {
        let path = format!("/requests/{request}/builds?order=-id");
        until(&format!("request {request} has a build that is {state}"), || {
            let answer = self.try_get(&path).ok()?;
            let newest = answer.body["items"].get(0)?.clone();
            (newest["state"] == state).then_some(newest)
        })
    }

    /// The bytes of one log of a build.
    #[track_caller]
    pub(crate) fn log(&self, build: &Value, step: &str, name: &str) -> Vec<u8> {
        let id = &build["id"];
        let steps = self.list(&format!("/builds/{id}/steps"));
        let step_row = steps.iter().find(|row| row["name"] == step);
        let step_id =
            step_row.unwrap_or_else(|| panic!("no step {step} in {steps:?}"))["id"].clone();
        let logs = self.list(&format!("/builds/{id}/logs"));
        let log = logs.iter().find(|log| log["step_id"] == step_id && log["name"] == name);
        let log = log.unwrap_or_else(|| panic!("no log {step} {name} in {logs:?}"));
        self.bytes(&format!("/logs/{}/raw", log["id"]))
    }

    /// Opens the event stream after an event.
    pub(super) async fn events(&self, after: i64) -> Result<Response, String> {
        let request = self.request(Method::GET, "/api/v1/events?since=0")?;
        let request = request.header("last-event-id", after.to_string());
        request.send().await.and_then(Response::error_for_status).map_err(|e| e.to_string())
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer, String> {
    let sent = request.timeout(ANSWER).send().await.map_err(|error| error.to_string())?;
    let status = sent.status().as_u16();
    let text = sent.text().await.map_err(|error| error.to_string())?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, body })
}

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text.trim().to_owned())
}
