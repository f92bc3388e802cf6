//! Pause, resume and drain: the farm, a worker, a builder, a scheduler. What runs goes on.

use steading_wire::command::{Answer, Pausable};
use steading_wire::problem::Problem;
use steading_wire::rest::Why;

use super::problem::problem;
use crate::context::Context;

/// Holds something back until it is resumed.
pub(super) async fn pause(
    context: &Context,
    what: Pausable,
    by: &str,
    why: Why,
) -> Result<Answer, Problem> {
    let by = by.to_owned();
    let pause = context.store.write("command.pause", move |w| match &what {
        Pausable::Farm => w.pause_farm(&by, &why.reason, false),
        Pausable::Worker(name) => w.pause_worker(name, &by, &why.reason),
        Pausable::Builder(name) => w.pause_builder(name, &by, &why.reason),
        Pausable::Scheduler(name) => w.pause_scheduler(name, &by, &why.reason),
    });
    pause.await.map(|()| Answer::Done).map_err(problem)
}

/// Lets it go on, whoever paused or drained it.
pub(super) async fn resume(
    context: &Context,
    what: Pausable,
    by: &str,
    why: Why,
) -> Result<Answer, Problem> {
    let (farm, by) = (context.farms.present(), by.to_owned());
    let resume = context.store.write("command.resume", move |w| match &what {
        Pausable::Farm => w.resume_farm(&by, &why.reason),
        Pausable::Worker(name) => {
            w.resume_worker(name, &by, &why.reason)?;
            // One that is declared no more takes nothing, whatever people say.
            w.drain_worker(name, farm.farm.worker(name).is_none())
        }
        Pausable::Builder(name) => w.resume_builder(name, &by, &why.reason),
        Pausable::Scheduler(name) => w.resume_scheduler(name, &by, &why.reason),
    });
    resume.await.map(|()| Answer::Done).map_err(problem)
}

/// Starts nothing new on a worker, or at all, so that it becomes quiet.
pub(super) async fn drain(
    context: &Context,
    worker: Option<String>,
    by: &str,
    why: Why,
) -> Result<Answer, Problem> {
    let by = by.to_owned();
    let drain = context.store.write("command.drain", move |w| match &worker {
        None => w.pause_farm(&by, &why.reason, true),
        Some(name) => w.empty_worker(name, &by, &why.reason),
    });
    drain.await.map(|()| Answer::Done).map_err(problem)
}
