//! A real browser, as far as the tests need one: open a page at a width, look at what is in it.
//!
//! Spoken to in its own DevTools protocol: JSON over a WebSocket, a number for each call.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::wait::{DEADLINE, runtime, until};

const PROGRAM: &str = "chromium";

/// A browser with one tab. It ends with this value.
pub(crate) struct Chromium {
    child: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The tab's.
    session: Option<String>,
    calls: u64,
    /// What pages complained of: errors nobody caught, resources that did not load.
    complaints: Vec<String>,
}

impl Chromium {
    /// Starts it with its files below `dir`; `None` where there is none to start.
    pub(crate) fn start(dir: &Path) -> Option<Chromium> {
        #[expect(clippy::disallowed_methods, reason = "the test starts the browser")]
        let mut command = Command::new(PROGRAM);
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--no-proxy-server", "--disable-background-networking"])
            .args(["--disable-component-update", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", dir.join("chromium").display()))
            .arg("about:blank")
            .env("HOME", dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => panic!("{PROGRAM}: {error}"),
        };
        let address = address(&mut child);
        let (socket, _) = runtime().block_on(connect_async(&address)).expect("it listens");
        let complaints = Vec::new();
        let mut browser = Chromium { child, socket, session: None, calls: 0, complaints };
        browser.open_tab();
        Some(browser)
    }

    fn open_tab(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", attach);
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// From now on the screen is this wide, in CSS pixels.
    pub(crate) fn resize(&mut self, width: u32) {
        let mobile = width < 600;
        let screen =
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": mobile });
        self.call("Emulation.setDeviceMetricsOverride", screen);
    }

    /// Opens a page and waits until it is whole.
    pub(crate) fn open(&mut self, url: &str) {
        self.open_at(url, url);
    }

    /// Opens a page that leads to another, and waits until that is whole.
    pub(crate) fn open_at(&mut self, url: &str, lands: &str) {
        let opened = self.call("Page.navigate", json!({ "url": url }));
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
        let whole =
            format!("location.href === {} && document.readyState === 'complete'", json!(lands));
        self.until(&format!("{lands} is loaded"), &whole);
    }

    /// What an expression is, in the page.
    #[track_caller]
    pub(crate) fn is(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, expression: &str) {
        until(what, || (self.is(expression) == true).then_some(()));
    }

    /// What pages complained of so far.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut call = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        runtime().block_on(async {
            self.socket.send(Message::text(call.to_string())).await.expect("the browser lives");
        });
        loop {
            let said = self.next();
            if said["id"] == id {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].clone();
            }
            self.hear(&said);
        }
    }

    fn next(&mut self) -> Value {
        let message = runtime().block_on(async { timeout(DEADLINE, self.socket.next()).await });
        let message = message.expect("the browser answers").expect("the browser lives");
        let text = message.expect("the browser lives").into_text().expect("it speaks JSON");
        serde_json::from_str(&text).expect("it speaks JSON")
    }

    fn hear(&mut self, said: &Value) {
        let complaint = match said["method"].as_str() {
            Some("Runtime.exceptionThrown") => &said["params"]["exceptionDetails"],
            Some("Log.entryAdded") if said["params"]["entry"]["level"] == "error" => {
                &said["params"]["entry"]
            }
            _ => return,
        };
        self.complaints.push(complaint.to_string());
    }
}

/// Where the browser listens: it says so on its standard error.
fn address(child: &mut Child) -> String {
    let stderr = child.stderr.take().expect("a pipe");
    let (sender, address) = channel();
    std::thread::spawn(move || {
        // Read to its end: a browser whose pipe is full stands still.
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("DevTools listening on ") {
                let _ = sender.send(address.to_owned());
            }
        }
    });
    address.recv_timeout(DEADLINE).expect("the browser listens")
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
