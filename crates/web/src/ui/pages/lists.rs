//! The pages about many: home, builders, workers, changes, schedulers, locks.

use axum::Extension;
use axum::extract::{self, Path, Query};
use axum::response::Response;
use serde::Deserialize;

use super::{Ui, reader};
use crate::Caller;
use crate::ui::answer::{Refusal, fresh_key};
use crate::ui::load;
use crate::ui::view::frame::frame;
use crate::ui::view::{self, form};

/// How many builds or changes a page lists.
const LISTED: usize = 50;

/// Where a list goes on.
#[derive(Debug, Default, Deserialize)]
pub(in crate::ui) struct Below {
    below: Option<i64>,
}

pub(in crate::ui) async fn home(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    let facts = ui.state.store.read(load::home).await?;
    let view = view::home::home(&facts);
    let nouns = "build,request,worker,builder,farm";
    let frame = frame(&facts.surround, &reader(&caller), "home", &view.headline, nouns);
    ui.page("home.html", &frame, &view)
}

pub(in crate::ui) async fn builders(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    let (surround, builders, recent, subjects) = ui.state.store.read(load::builders).await?;
    let view = view::builder::builders(&surround, &builders, &recent, &subjects);
    let frame =
        frame(&surround, &reader(&caller), "builders", &view.headline, "build,builder,farm");
    ui.page("builders.html", &frame, &view)
}

pub(in crate::ui) async fn builder(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(Below { below }): Query<Below>,
) -> Result<Response, Refusal> {
    let asked = name.clone();
    let found = ui.state.store.read(move |r| load::builder(r, &asked, below, LISTED)).await?;
    let Some((facts, schedulers)) = found else {
        return Err(Refusal::not_found(format!(
            "there is no builder `{name}`; /builders lists those there are"
        )));
    };
    let form = form::force(&name, &schedulers, &facts.surround.workers, fresh_key());
    let view = view::builder::builder(&facts, form);
    let title = format!("{} {}", view.name, view.headline);
    let nouns = "build,builder,request,farm";
    let frame = frame(&facts.surround, &reader(&caller), "builders", &title, nouns);
    ui.page("builder.html", &frame, &view)
}

pub(in crate::ui) async fn workers(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    let read =
        |r: &steading_store::Read<'_>| Ok((load::surround(r)?, load::live(r)?, load::subjects(r)?));
    let (surround, live, subjects) = ui.state.store.read(read).await?;
    let view = view::worker::workers(&surround, &live, &subjects);
    let frame = frame(&surround, &reader(&caller), "workers", &view.headline, "worker,build,farm");
    ui.page("workers.html", &frame, &view)
}

pub(in crate::ui) async fn changes(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Query(Below { below }): Query<Below>,
) -> Result<Response, Refusal> {
    let read = move |r: &steading_store::Read<'_>| {
        Ok((load::surround(r)?, load::changes(r, below, LISTED)?))
    };
    let (surround, (rows, more)) = ui.state.store.read(read).await?;
    let view = view::rest::changes(&rows, more, surround.now);
    let frame = frame(&surround, &reader(&caller), "changes", &view.headline, "change");
    ui.page("changes.html", &frame, &view)
}

pub(in crate::ui) async fn schedulers(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    let read =
        |r: &steading_store::Read<'_>| Ok((load::surround(r)?, load::declared(r, "scheduler")?));
    let (surround, rows) = ui.state.store.read(read).await?;
    let view = view::rest::schedulers(&rows);
    let frame = frame(&surround, &reader(&caller), "schedulers", &view.headline, "scheduler,farm");
    ui.page("schedulers.html", &frame, &view)
}

pub(in crate::ui) async fn locks(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refusal> {
    let read = |r: &steading_store::Read<'_>| {
        Ok((load::surround(r)?, load::declared(r, "lock")?, load::live(r)?))
    };
    let (surround, rows, live) = ui.state.store.read(read).await?;
    let view = view::rest::locks(&rows, &live);
    let frame = frame(&surround, &reader(&caller), "locks", &view.headline, "lock,build");
    ui.page("locks.html", &frame, &view)
}
