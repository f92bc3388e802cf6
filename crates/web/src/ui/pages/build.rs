//! A build, and the whole log of one of its steps.

use axum::Extension;
use axum::extract::{self, Path, Query};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use steading_wire::problem::{Code, Problem};

use super::{Ui, number, reader};
use crate::Caller;
use crate::ui::answer::Refusal;
use crate::ui::load::{self, Which};
use crate::ui::view::build::BuildFacts;
use crate::ui::view::frame::{Surround, frame};
use crate::ui::view::log::LogView;
use crate::ui::view::step::{StepView, steps};
use crate::ui::view::{self};

pub(in crate::ui) async fn build(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    show(&ui, &caller, Which::Id(number(&id, "build")?)).await
}

pub(in crate::ui) async fn build_numbered(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path((builder, of_builder)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let of_builder = number(&of_builder, "build")?;
    show(&ui, &caller, Which::Numbered(builder, of_builder)).await
}

async fn show(ui: &Ui, caller: &Caller, which: Which) -> Result<Response, Refusal> {
    let (surround, mut facts) = find(ui, which).await?;
    let archive = ui.state.archive.clone();
    let steps = std::mem::take(&mut facts.steps);
    facts.steps = aside(move || {
        let mut steps = steps;
        load::ends(&archive, &mut steps);
        steps
    })
    .await?;
    let view = view::build::build(&facts);
    let title = format!("{} #{} {} {}", view.builder, view.number, view.verb, view.rest);
    let live = if view.finished { "" } else { "build,step,log,artifact" };
    let mut frame = frame(&surround, &reader(caller), "builders", title.trim(), live);
    frame.scope = format!("build:{}", view.id);
    ui.page("build.html", &frame, &view)
}

async fn find(ui: &Ui, which: Which) -> Result<(Surround, BuildFacts), Refusal> {
    let asked = which.clone();
    let found = ui.state.store.read(move |r| load::build(r, &asked)).await?;
    found.ok_or_else(|| {
        Refusal::not_found(match which {
            Which::Id(id) => format!("there is no build {id}"),
            Which::Numbered(builder, number) => {
                format!("the builder `{builder}` has no build #{number}")
            }
        })
    })
}

/// Work that waits for the disk, off the threads that serve.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Refusal(Problem::new(Code::Internal, format!("reading the logs failed: {error}")))
    })
}

/// Where a part of a log begins.
#[derive(Debug, Default, Deserialize)]
pub(in crate::ui) struct From {
    #[serde(default)]
    out: Option<i64>,
    #[serde(default)]
    err: Option<i64>,
}

#[derive(Debug, Serialize)]
struct LogPage {
    builder: String,
    number: i64,
    step: StepView,
    log: LogView,
}

pub(in crate::ui) async fn log(
    extract::State(ui): extract::State<Ui>,
    Extension(caller): Extension<Caller>,
    Path((builder, of_builder, step)): Path<(String, String, String)>,
    Query(from): Query<From>,
) -> Result<Response, Refusal> {
    let (of_builder, of_build) = (number(&of_builder, "build")?, number(&step, "step")?);
    let (surround, facts) = find(&ui, Which::Numbered(builder.clone(), of_builder)).await?;
    let row = facts.steps.rows.iter().find(|s| s.int("number") == of_build).cloned();
    let row = row.ok_or_else(|| {
        Refusal::not_found(format!("step {of_build} of {builder} #{of_builder} has not begun"))
    })?;
    let shown = steps(&facts.steps, false, facts.now);
    let step = shown.into_iter().find(|s| s.number == of_build);
    let step = step.ok_or_else(|| Refusal::not_found("there is no such step"))?;
    let (archive, logs) = (ui.state.archive.clone(), facts.steps.logs);
    let from = (from.out.unwrap_or(1), from.err.unwrap_or(1));
    let log = aside(move || load::part(&archive, &logs, &row, from)).await?;
    let title = format!("{} of {builder} #{of_builder}", step.name);
    let frame = frame(&surround, &reader(&caller), "builders", &title, "");
    ui.page("log.html", &frame, &LogPage { builder, number: of_builder, step, log })
}
