//! The queue in dispatch order, and one request: the master decides, we show.

use std::time::Duration;

use axum::Extension;
use axum::extract::{self, Path};
use axum::response::Response;
use steading_core::words::RequestId;
use steading_wire::command::{Answer, Command};
use steading_wire::rest;

use super::{Ui, number, reader};
use crate::Caller;
use crate::ui::answer::Refusal;
use crate::ui::load;
use crate::ui::view;
use crate::ui::view::frame::frame;

/// How many waiting requests the page lists.
const LISTED: usize = 100;
/// How long a page waits for the master's reasons before it is shown without.
const PATIENCE: Duration = Duration::from_secs(3);

pub(in crate::ui) async fn queue(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    let answer = order(&ui, &caller).await;
    let ids: Vec<i64> = answer.iter().flat_map(|q| q.items.iter().map(|e| e.request_id)).collect();
    let known = answer.is_ok();
    let read = move |r: &steading_store::Read<'_>| {
        let surround = load::surround(r)?;
        let rows = if known { load::requests(r, &ids)? } else { surround.pending.clone() };
        Ok((surround, rows, load::subjects(r)?))
    };
    let (surround, rows, subjects) = ui.state.store.read(read).await?;
    let view = view::queue::queue(answer, &rows, &subjects, surround.now);
    let nouns = "request,worker,build,farm";
    let frame = frame(&surround, &reader(&caller), "queue", &view.headline, nouns);
    ui.page("queue.html", &frame, &view)
}

async fn order(ui: &Ui, caller: &Caller) -> Result<rest::Queue, String> {
    match ask(ui, caller, Command::Queue { limit: LISTED }).await? {
        Answer::Queue(queue) => Ok(queue),
        _ => Err("the master answered something else".to_owned()),
    }
}

async fn ask(ui: &Ui, caller: &Caller, command: Command) -> Result<Answer, String> {
    let asked = ui.state.commands.ask(command, caller.name.clone(), None);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|problem| problem.detail),
        Err(_) => Err("the master is busy".to_owned()),
    }
}

pub(in crate::ui) async fn request(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = number(&id, "request")?;
    let found = ui.state.store.read(move |r| load::request(r, id)).await?;
    let load::Asked { surround, request: row, builds, subjects } =
        found.ok_or_else(|| Refusal::not_found(format!("there is no request {id}")))?;
    let explanation = match row.text("state") {
        "pending" => match ask(&ui, &caller, Command::Explain { request: RequestId(id) }).await {
            Ok(Answer::Explanation(explanation)) => Some(explanation),
            _ => None,
        },
        _ => None,
    };
    let view = view::queue::request(&row, &builds, explanation, &subjects, surround.now);
    let title = format!("Request {id} {}", view.headline);
    let live = if view.can_cancel { "request,build,worker,farm" } else { "" };
    let frame = frame(&surround, &reader(&caller), "queue", &title, live);
    ui.page("request.html", &frame, &view)
}
