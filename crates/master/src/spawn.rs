//! The one home of spawned tasks: each has a name, a panic costs only itself, a service starts
//! again.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a service that panicked rests before it starts again.
const REST: Duration = Duration::from_secs(1);

/// Runs a task once; a panic is logged with the task's name.
pub(crate) fn spawn<F>(name: &'static str, task: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let running = tokio::spawn(task);
    tokio::spawn(async move {
        if let Err(error) = running.await
            && error.is_panic()
        {
            tracing::error!(task = name, "panicked; it costs that task only");
        }
    })
}

/// Runs a service until it returns or the token is cancelled; one that panics starts again.
pub(crate) fn supervise<M, F>(
    name: &'static str,
    stop: CancellationToken,
    mut make: M,
) -> JoinHandle<()>
where
    M: FnMut() -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            match tokio::spawn(make()).await {
                Ok(()) => return,
                Err(error) if error.is_panic() => {
                    tracing::error!(service = name, "panicked; it starts again");
                }
                Err(_) => return,
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(REST) => {}
            }
        }
    })
}
