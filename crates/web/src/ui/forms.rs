//! What forms send: the guard has checked session and origin; a command goes to the master, and the
//! browser to where its effect is to be seen.

use std::collections::BTreeMap;

use axum::extract::{self, Path};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use steading_core::words::{BuildId, RequestId};
use steading_wire::command::{Answer, Command, Pausable};
use steading_wire::problem::{Code, Problem};
use steading_wire::rest;

use super::answer::Refusal;
use super::pages::Ui;
use super::template::path_segment;
use super::view::form;
use crate::Caller;

type Fields = Form<BTreeMap<String, String>>;

async fn send(
    ui: &Ui,
    caller: Caller,
    command: Command,
    key: Option<String>,
) -> Result<Answer, Refusal> {
    Ok(ui.state.ask(command, caller.name, key).await?)
}

fn see(place: &str) -> Response {
    Redirect::to(place).into_response()
}

fn id(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::not_found(format!("`{text}` is no number")))
}

fn why(fields: &BTreeMap<String, String>) -> rest::Why {
    rest::Why { reason: fields.get("reason").map(|r| r.trim().to_owned()).unwrap_or_default() }
}

fn key(fields: &BTreeMap<String, String>) -> Option<String> {
    fields.get("key").filter(|key| !key.is_empty()).cloned()
}

/// The first of the requests made, else the queue.
fn submitted(answer: &Answer) -> Response {
    let first = match answer {
        Answer::Submitted(submitted) => submitted.requests.values().next(),
        _ => None,
    };
    first.map_or_else(|| see("/queue"), |request| see(&format!("/requests/{request}")))
}

pub(super) async fn force(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path(builder): Path<String>,
    Form(fields): Fields,
) -> Result<Response, Refusal> {
    let (force, key) =
        form::filled(&fields).map_err(|text| Problem::new(Code::BadRequest, text))?;
    let answer = send(&ui, caller, Command::Force { builder, force }, key).await?;
    Ok(submitted(&answer))
}

pub(super) async fn rebuild(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path(build): Path<String>,
    Form(fields): Fields,
) -> Result<Response, Refusal> {
    let command = Command::Rebuild { build: BuildId(id(&build)?), why: why(&fields) };
    let answer = send(&ui, caller, command, key(&fields)).await?;
    Ok(submitted(&answer))
}

pub(super) async fn cancel_build(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path(build): Path<String>,
    Form(fields): Fields,
) -> Result<Response, Refusal> {
    let build = id(&build)?;
    let command = Command::CancelBuild { build: BuildId(build), why: why(&fields) };
    send(&ui, caller, command, None).await?;
    Ok(see(&format!("/builds/{build}")))
}

pub(super) async fn cancel_request(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path(request): Path<String>,
    Form(fields): Fields,
) -> Result<Response, Refusal> {
    let request = id(&request)?;
    let command = Command::CancelRequest { request: RequestId(request), why: why(&fields) };
    send(&ui, caller, command, None).await?;
    Ok(see(&format!("/requests/{request}")))
}

pub(super) async fn prioritize(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path(request): Path<String>,
    Form(fields): Fields,
) -> Result<Response, Refusal> {
    let request = id(&request)?;
    let given = fields.get("priority").map_or("", |text| text.trim());
    let priority = given.parse().map_err(|_| {
        let text = format!("a priority is a whole number, `{given}` is none");
        Problem::new(Code::BadRequest, text)
    })?;
    let command = Command::Prioritize { request: RequestId(request), priority };
    send(&ui, caller, command, None).await?;
    Ok(see(&format!("/requests/{request}")))
}

/// Pause and resume of what has a name, and the page that shows it.
macro_rules! pausable {
    ($($pause:ident, $resume:ident: $what:ident, $page:expr;)*) => {$(
        pub(super) async fn $pause(
            extract::State(ui): extract::State<Ui>,
            Extension(caller): Extension<Caller>,
            Path(name): Path<String>,
            Form(fields): Fields,
        ) -> Result<Response, Refusal> {
            let what = Pausable::$what(name.clone());
            send(&ui, caller, Command::Pause { what, why: why(&fields) }, None).await?;
            Ok(see(&$page(&path_segment(&name))))
        }

        pub(super) async fn $resume(
            extract::State(ui): extract::State<Ui>,
            Extension(caller): Extension<Caller>,
            Path(name): Path<String>,
        ) -> Result<Response, Refusal> {
            let what = Pausable::$what(name.clone());
            send(&ui, caller, Command::Resume { what, why: rest::Why::default() }, None).await?;
            Ok(see(&$page(&path_segment(&name))))
        }
    )*};
}

pausable! {
    pause_worker, resume_worker: Worker, |name: &str| format!("/workers#{name}");
    pause_builder, resume_builder: Builder, |name: &str| format!("/builders/{name}");
    pause_scheduler, resume_scheduler: Scheduler, |name: &str| format!("/schedulers#{name}");
}

pub(super) async fn pause_farm(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Form(fields): Fields,
) -> Result<Response, Refusal> {
    send(&ui, caller, Command::Pause { what: Pausable::Farm, why: why(&fields) }, None).await?;
    Ok(see("/queue"))
}

pub(super) async fn resume_farm(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    let resume = Command::Resume { what: Pausable::Farm, why: rest::Why::default() };
    send(&ui, caller, resume, None).await?;
    Ok(see("/queue"))
}
