//! Every endpoint of the API, in the order of the document.

use axum::Router;
use steading_core::words::{NOUNS, noun};
use steading_wire::rest;

use super::endpoint::{Answers, Endpoint, delete, get, post};
use super::{artifacts, commands, events, follow, health, lists, logs, openapi};
use crate::State;

/// A registered verb and path, for those who want to know what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// `get`, `post` or `delete`.
    pub verb: &'static str,
    /// With `{…}` where a value goes.
    pub path: String,
}

/// Everything registered under `/api/v1`.
#[must_use]
pub fn registered() -> Vec<Registered> {
    let all = endpoints().into_iter();
    all.map(|e| Registered { verb: e.verb.word(), path: format!("/api/v1{}", e.path) }).collect()
}

/// The routes under `/api/v1`.
pub(crate) fn routes() -> Router<State> {
    endpoints()
        .into_iter()
        .fold(Router::new(), |router, endpoint| router.route(&endpoint.path, endpoint.handler))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut all = overview();
    all.extend(history());
    all.extend(nested());
    all.extend(bytes());
    all.extend(doing());
    all.extend(holding_back());
    all
}

fn overview() -> Vec<Endpoint> {
    vec![
        get("/farm", "The farm at a glance", health::farm).answers::<rest::Farm>(),
        get("/openapi.json", "This document", openapi::show)
            .shows(Answers::Bytes("application/json")),
        get("/events", "Everything that happens, as Server-Sent Events", events::events)
            .shows(Answers::Stream)
            .number("since", "Begin after this event; `Last-Event-ID` counts first")
            .text("noun", "Only events of these nouns, comma-separated")
            .text("follow", "`false`: end after the newest event"),
        get(
            "/queue",
            "Pending requests in dispatch order, each with its why not yet",
            commands::queue,
        )
        .answers::<rest::Queue>()
        .number("limit", "At most this many items"),
    ]
}

/// A list and an item of every noun. A log's item is its lines: see `bytes`.
fn history() -> Vec<Endpoint> {
    let mut all = Vec::new();
    for noun in NOUNS {
        let list = move |state, params, asked| lists::list(noun, state, params, asked);
        let path = format!("/{}", noun.plural);
        let summary = format!("The farm's {}", noun.plural);
        all.push(get(&path, &summary, list).shows(Answers::List(noun)));
        if noun.name == "log" {
            continue;
        }
        let item = move |state, key, asked| lists::item(noun, state, key, asked);
        let named = if lists::is_named(noun) { ", by id or name" } else { ", by id" };
        let summary = format!("One {}{named}", noun.name);
        all.push(get(&format!("{path}/{{id}}"), &summary, item).shows(Answers::Item(noun)));
    }
    let build = noun("build").expect("the table has builds");
    let summary = "One build, by builder and number";
    all.push(get("/builds/{id}/{number}", summary, lists::numbered).shows(Answers::Item(build)));
    all
}

/// Lists of what belongs to something else.
fn nested() -> Vec<Endpoint> {
    let mut all = Vec::new();
    for nesting in lists::NESTINGS {
        let (parent, child) = nesting.nouns();
        let path = format!("/{}/{{id}}/{}", parent.plural, child.plural);
        let summary = format!("The {} of one {}", child.plural, parent.name);
        let list =
            move |state, key, params, asked| lists::nested(nesting, state, key, params, asked);
        all.push(get(&path, &summary, list).shows(Answers::List(child)));
    }
    all
}

fn bytes() -> Vec<Endpoint> {
    vec![
        get("/logs/{id}", "Lines of a log", logs::lines)
            .answers::<rest::Lines>()
            .number("first", "The number of the first line, from 1")
            .number("count", "At most this many lines")
            .number("tail", "The last lines instead, this many")
            .text("grep", "Only lines that match this regular expression"),
        get("/logs/{id}/raw", "A log's bytes as they were printed; takes `Range`", logs::raw)
            .shows(Answers::Bytes("text/plain")),
        get("/logs/{id}/follow", "New lines of a log as Server-Sent Events", follow::follow)
            .shows(Answers::Stream)
            .number("first", "Begin with this line; `Last-Event-ID` counts first"),
        get("/artifacts/{id}/content", "An artifact's bytes; takes `Range`", artifacts::content)
            .shows(Answers::Bytes("application/octet-stream")),
    ]
}

fn doing() -> Vec<Endpoint> {
    vec![
        get("/requests/{id}/explain", "Why a request is not running yet", commands::explain)
            .answers::<rest::Explanation>(),
        post("/builders/{name}/force", "Submit a request of a builder", commands::force)
            .takes::<rest::Force>()
            .creates::<rest::Submitted>(),
        post("/changes", "Tell of a change", commands::change)
            .takes::<rest::NewChange>()
            .answers::<rest::ChangesAdded>(),
        post("/builds/{id}/cancel", "Stop a build", commands::cancel_build).takes::<rest::Why>(),
        post("/builds/{id}/rebuild", "Submit the same again", commands::rebuild)
            .takes::<rest::Why>()
            .creates::<rest::Submitted>(),
        post(
            "/requests/{id}/cancel",
            "Take a request back, or stop its build",
            commands::cancel_request,
        )
        .takes::<rest::Why>(),
        post(
            "/requests/{id}/prioritize",
            "Give a waiting request another priority",
            commands::prioritize,
        )
        .takes::<rest::Priority>(),
        post("/reload", "Read the configuration again and apply it", commands::reload)
            .answers::<rest::Reloaded>(),
        post("/tokens", "Make a token; it is shown this once", commands::new_token)
            .takes::<rest::NewToken>()
            .creates::<rest::Token>(),
        delete("/tokens/{name}", "Forget a token", commands::revoke_token),
    ]
}

/// Pause, resume, drain.
fn holding_back() -> Vec<Endpoint> {
    vec![
        post("/farm/pause", "Start nothing", commands::pause_farm).takes::<rest::Why>(),
        post("/farm/resume", "Start builds again", commands::resume_farm).takes::<rest::Why>(),
        post("/farm/drain", "Start nothing, so that the farm becomes quiet", commands::drain_farm)
            .takes::<rest::Why>(),
        post("/workers/{name}/pause", "Give a worker nothing more", commands::pause_worker)
            .takes::<rest::Why>(),
        post("/workers/{name}/resume", "Give a worker builds again", commands::resume_worker)
            .takes::<rest::Why>(),
        post("/workers/{name}/drain", "Let a worker become quiet", commands::drain_worker)
            .takes::<rest::Why>(),
        post("/builders/{name}/pause", "Let a builder's requests wait", commands::pause_builder)
            .takes::<rest::Why>(),
        post("/builders/{name}/resume", "Start a builder again", commands::resume_builder)
            .takes::<rest::Why>(),
        post(
            "/schedulers/{name}/pause",
            "Let a scheduler keep what it sees",
            commands::pause_scheduler,
        )
        .takes::<rest::Why>(),
        post(
            "/schedulers/{name}/resume",
            "Let a scheduler submit what it kept",
            commands::resume_scheduler,
        )
        .takes::<rest::Why>(),
    ]
}
