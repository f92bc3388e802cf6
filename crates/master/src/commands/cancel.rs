//! Cancel: a request that waits, or a build at any point of its life.

use steading_core::farm::Scheduler;
use steading_core::words::{BuildId, Claim, RequestId};
use steading_store::{CancelBuild, CancelRequest, Error, Unwanted};
use steading_wire::command::Answer;
use steading_wire::problem::{Code, Problem};
use steading_wire::rest::Why;
use steading_wire::worker::ToWorker;

use super::problem::problem;
use crate::context::Context;
use crate::session::Mail;
use crate::settle;

/// Stops a build. Bounded in time: whatever its worker does, it ends when its deadline is over.
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
    told(context, build, cancel).await
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
        CancelRequest::Building { build, cancel } => told(context, build, cancel).await,
        CancelRequest::Complete { withdrawn } => {
            take_offer_back(context, withdrawn);
            Ok(Answer::Done)
        }
    }
}

async fn told(context: &Context, build: BuildId, cancel: CancelBuild) -> Result<Answer, Problem> {
    // A build whose worker is away hears it when it is back, or ends when its deadline is over.
    match cancel {
        CancelBuild::TooLate => {
            let text = format!("build {build} has its outcome; there is nothing left to stop");
            return Err(Problem::new(Code::Conflict, text));
        }
        CancelBuild::Again => {
            context.sessions.mail(build, Mail::SkipAlways);
        }
        CancelBuild::Cancelling => {
            context.sessions.mail(build, Mail::LookAgain);
        }
        CancelBuild::Ends { withdrawn } => {
            take_offer_back(context, withdrawn);
            // What cannot be written down now is found by the janitor.
            if let Err(error) = end(context, build).await {
                tracing::error!(build = build.0, "it cannot be ended yet: {error}");
            }
        }
    }
    Ok(Answer::Done)
}

/// Nothing is waited for any more: the build is cancelled now, its worker told to drop it.
async fn end(context: &Context, id: BuildId) -> Result<(), settle::Error> {
    settle::end_cancelled(context, id).await?;
    if let Some(build) = context.store.read(move |r| r.build(id)).await? {
        context.sessions.send(&build.worker, ToWorker::Drop { attempt: build.attempt });
    }
    Ok(())
}

fn take_offer_back(context: &Context, withdrawn: Option<Claim>) {
    if let Some(Claim { worker, attempt, .. }) = withdrawn {
        context.sessions.send(&worker, ToWorker::Drop { attempt });
    }
}

/// Cancels what is not wanted any more because of something else: the rest of a buildset that fails
/// fast, and older revisions where newer ones cancel them. Looks at history, so that it may be
/// asked at any time.
pub(crate) async fn cancel_the_rest(context: &Context) -> Result<(), Error> {
    let present = context.farms.present();
    let superseding = present.farm.schedulers.iter().filter_map(|(name, scheduler)| {
        let Scheduler::OnChange(on) = scheduler else { return None };
        on.cancel_superseded.then(|| name.clone())
    });
    let superseding: Vec<String> = superseding.collect();
    let unwanted = context.store.read(move |r| r.unwanted(&superseding)).await?;
    for Unwanted { request, by, why } in unwanted {
        if let Err(problem) = self::request(context, request, &by, Why { reason: why }).await {
            // It has its outcome by now.
            tracing::debug!(request = request.0, "not cancelled: {}", problem.detail);
        }
    }
    Ok(())
}
