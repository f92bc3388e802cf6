//! Cancel: a request that waits, or a build at any point of its life.

use steading_core::words::{BuildId, RequestId};
use steading_store::{CancelBuild, CancelRequest};
use steading_wire::command::Answer;
use steading_wire::problem::{Code, Problem};
use steading_wire::rest::Why;
use steading_wire::worker::ToWorker;

use super::problem::problem;
use crate::context::Context;
use crate::session::Mail;

/// Stops a build. Bounded in time: its worker kills within 10 s; one that is away is given up.
pub(super) async fn build(
    context: &Context,
    build: BuildId,
    by: &str,
    why: Why,
) -> Result<Answer, Problem> {
    let by = by.to_owned();
    let cancel = context
        .store
        .write("command.cancel", move |w| w.cancel_build(build, &by, &why.reason))
        .await
        .map_err(problem)?;
    told(context, build, cancel)
}

/// Takes a request back, or stops its build.
pub(super) async fn request(
    context: &Context,
    request: RequestId,
    by: &str,
    why: Why,
) -> Result<Answer, Problem> {
    let by = by.to_owned();
    let cancelled = context
        .store
        .write("command.cancel", move |w| w.cancel_request(request, &by, &why.reason))
        .await
        .map_err(problem)?;
    match cancelled {
        CancelRequest::Building { build, cancel } => told(context, build, cancel),
        CancelRequest::Complete { withdrawn } => {
            if let Some(claim) = withdrawn {
                let attempt = claim.attempt;
                context.sessions.send(&claim.worker, ToWorker::Drop { attempt });
            }
            Ok(Answer::Done)
        }
    }
}

fn told(context: &Context, build: BuildId, cancel: CancelBuild) -> Result<Answer, Problem> {
    if cancel == CancelBuild::TooLate {
        let text = format!("build {build} has ended its steps; there is nothing left to stop");
        return Err(Problem::new(Code::Conflict, text));
    }
    let mail = match cancel {
        CancelBuild::Again => Mail::SkipAlways,
        _ => Mail::LookAgain,
    };
    // A build whose worker is away hears it when it is back, or is given up with it.
    context.sessions.mail(build, mail);
    Ok(Answer::Done)
}
