//! Takes commands from the handle; each is answered on its own, none waits for another.

use steading_wire::command::{Answer, Asked, Command};
use steading_wire::problem::{Code, Problem};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::problem::farm_problem;
use super::{cancel, change, force, pause, prioritize, reload, token};
use crate::context::Context;
use crate::dispatch;
use crate::spawn::spawn;

/// Serves until the last handle is gone or the master stops.
pub(crate) async fn run(
    context: Context,
    mut asked: mpsc::Receiver<Asked>,
    shutdown: CancellationToken,
) {
    loop {
        let next = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            next = asked.recv() => next,
        };
        let Some(Asked { command, by, idempotency_key, reply }) = next else { return };
        let context = context.clone();
        spawn("command", async move {
            let answer = carry_out(&context, command, &by, idempotency_key).await;
            // Whoever asked may be gone; what was done stays done.
            let _ = reply.send(answer);
        });
    }
}

async fn carry_out(
    context: &Context,
    command: Command,
    by: &str,
    key: Option<String>,
) -> Result<Answer, Problem> {
    match command {
        Command::Force { builder, force } => force::force(context, builder, force, by, key).await,
        Command::Rebuild { build, why } => force::rebuild(context, build, why, by, key).await,
        Command::Change(new) => change::change(context, new).await,
        Command::CancelBuild { build, why } => cancel::build(context, build, by, why).await,
        Command::CancelRequest { request, why } => cancel::request(context, request, by, why).await,
        Command::Prioritize { request, priority } => {
            prioritize::prioritize(context, request, priority, by).await
        }
        Command::Pause { what, why } => pause::pause(context, what, by, why).await,
        Command::Resume { what, why } => pause::resume(context, what, by, why).await,
        Command::Drain { worker, why } => pause::drain(context, worker, by, why).await,
        Command::Explain { request } => {
            let found = dispatch::explain(context, request).await.map_err(farm_problem)?;
            found.map(Answer::Explanation).ok_or_else(|| {
                Problem::new(Code::NotFound, format!("there is no request {request}"))
            })
        }
        Command::Queue { limit } => {
            dispatch::queue(context, limit).await.map(Answer::Queue).map_err(farm_problem)
        }
        Command::Reload => reload::reload(context).await,
        Command::NewToken(new) => token::add(context, new).await,
        Command::RevokeToken { name } => token::revoke(context, name).await,
    }
}
