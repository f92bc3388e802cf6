//! What can be done: each handler sends one command and shows its answer.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use steading_core::words::{BuildId, RequestId};
use steading_wire::command::{Answer, Command, Pausable};
use steading_wire::rest;

use super::extract::{Body, Commander, Path, Query};
use crate::Failure;

/// Items of `/queue` unless asked otherwise, and at most.
const QUEUE_LIMIT: usize = 100;
const QUEUE_LIMIT_MAX: usize = 1000;

type Shown = Result<Response, Failure>;

pub(super) async fn force(
    commander: Commander,
    Path(builder): Path<String>,
    Body(force): Body<rest::Force>,
) -> Shown {
    show(commander.ask(Command::Force { builder, force }).await?)
}

pub(super) async fn change(commander: Commander, Body(change): Body<rest::NewChange>) -> Shown {
    show(commander.ask(Command::Change(change)).await?)
}

pub(super) async fn cancel_build(
    commander: Commander,
    Path(build): Path<i64>,
    Body(why): Body<rest::Why>,
) -> Shown {
    show(commander.ask(Command::CancelBuild { build: BuildId(build), why }).await?)
}

pub(super) async fn rebuild(
    commander: Commander,
    Path(build): Path<i64>,
    Body(why): Body<rest::Why>,
) -> Shown {
    show(commander.ask(Command::Rebuild { build: BuildId(build), why }).await?)
}

pub(super) async fn cancel_request(
    commander: Commander,
    Path(request): Path<i64>,
    Body(why): Body<rest::Why>,
) -> Shown {
    show(commander.ask(Command::CancelRequest { request: RequestId(request), why }).await?)
}

pub(super) async fn prioritize(
    commander: Commander,
    Path(request): Path<i64>,
    Body(rest::Priority { priority }): Body<rest::Priority>,
) -> Shown {
    let request = RequestId(request);
    show(commander.ask(Command::Prioritize { request, priority }).await?)
}

/// Handlers of pause and resume of what has a name.
macro_rules! pausable {
    ($($pause:ident, $resume:ident: $what:ident;)*) => {$(
        pub(super) async fn $pause(
            commander: Commander,
            Path(name): Path<String>,
            Body(why): Body<rest::Why>,
        ) -> Shown {
            show(commander.ask(Command::Pause { what: Pausable::$what(name), why }).await?)
        }

        pub(super) async fn $resume(
            commander: Commander,
            Path(name): Path<String>,
            Body(why): Body<rest::Why>,
        ) -> Shown {
            show(commander.ask(Command::Resume { what: Pausable::$what(name), why }).await?)
        }
    )*};
}

pausable! {
    pause_worker, resume_worker: Worker;
    pause_builder, resume_builder: Builder;
    pause_scheduler, resume_scheduler: Scheduler;
}

pub(super) async fn pause_farm(commander: Commander, Body(why): Body<rest::Why>) -> Shown {
    show(commander.ask(Command::Pause { what: Pausable::Farm, why }).await?)
}

pub(super) async fn resume_farm(commander: Commander, Body(why): Body<rest::Why>) -> Shown {
    show(commander.ask(Command::Resume { what: Pausable::Farm, why }).await?)
}

pub(super) async fn drain_farm(commander: Commander, Body(why): Body<rest::Why>) -> Shown {
    show(commander.ask(Command::Drain { worker: None, why }).await?)
}

pub(super) async fn drain_worker(
    commander: Commander,
    Path(worker): Path<String>,
    Body(why): Body<rest::Why>,
) -> Shown {
    show(commander.ask(Command::Drain { worker: Some(worker), why }).await?)
}

pub(super) async fn reload(commander: Commander) -> Shown {
    show(commander.ask(Command::Reload).await?)
}

pub(super) async fn new_token(commander: Commander, Body(token): Body<rest::NewToken>) -> Shown {
    show(commander.ask(Command::NewToken(token)).await?)
}

pub(super) async fn revoke_token(commander: Commander, Path(name): Path<String>) -> Shown {
    show(commander.ask(Command::RevokeToken { name }).await?)
}

pub(super) async fn explain(commander: Commander, Path(request): Path<i64>) -> Shown {
    show(commander.ask(Command::Explain { request: RequestId(request) }).await?)
}

/// How much of the queue is wanted.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    limit: Option<usize>,
}

pub(super) async fn queue(commander: Commander, Query(asked): Query<Limit>) -> Shown {
    let limit = asked.limit.unwrap_or(QUEUE_LIMIT).min(QUEUE_LIMIT_MAX);
    show(commander.ask(Command::Queue { limit }).await?)
}

fn show(answer: Answer) -> Shown {
    Ok(match answer {
        Answer::Submitted(submitted) => (StatusCode::CREATED, Json(submitted)).into_response(),
        Answer::Token(token) => (StatusCode::CREATED, Json(token)).into_response(),
        Answer::Done => StatusCode::NO_CONTENT.into_response(),
        Answer::ChangesAdded(added) => Json(added).into_response(),
        Answer::Explanation(explanation) => Json(explanation).into_response(),
        Answer::Queue(queue) => Json(queue).into_response(),
        Answer::Reloaded(reloaded) => Json(reloaded).into_response(),
    })
}
