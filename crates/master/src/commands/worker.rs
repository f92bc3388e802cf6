//! Pause and resume.

use steading_wire::command::Answer;
use steading_wire::problem::Problem;
use steading_wire::rest::Why;

use super::problem::problem;
use crate::context::Context;

/// Gives a worker nothing more; what it has goes on.
pub(super) async fn pause(
    context: &Context,
    worker: String,
    by: &str,
    why: Why,
) -> Result<Answer, Problem> {
    let by = by.to_owned();
    let pause =
        context.store.write("command.pause", move |w| w.pause_worker(&worker, &by, &why.reason));
    pause.await.map(|()| Answer::Done).map_err(problem)
}

/// Gives a worker builds again.
pub(super) async fn resume(context: &Context, worker: String) -> Result<Answer, Problem> {
    let resume = context.store.write("command.resume", move |w| w.resume_worker(&worker));
    resume.await.map(|()| Answer::Done).map_err(problem)
}
