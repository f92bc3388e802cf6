//! Another priority for a request that waits; who gave it stands in history.

use steading_core::words::RequestId;
use steading_wire::command::Answer;
use steading_wire::problem::Problem;

use super::problem::problem;
use crate::context::Context;

/// Gives a waiting request another priority.
pub(super) async fn prioritize(
    context: &Context,
    request: RequestId,
    priority: i64,
    by: &str,
) -> Result<Answer, Problem> {
    let by = by.to_owned();
    let section =
        context.store.write("command.prioritize", move |w| w.prioritize(request, priority, &by));
    section.await.map(|()| Answer::Done).map_err(problem)
}
