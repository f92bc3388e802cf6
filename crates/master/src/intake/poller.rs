//! The pollers: one supervised task per repository of the present farm.

use std::collections::BTreeMap;

use steading_core::farm::Repository;
use tokio_util::sync::CancellationToken;

use super::poll::{PollError, poll};
use crate::context::Context;
use crate::disk;
use crate::spawn::supervise;

/// Keeps a poller for every repository the farm declares, and follows reloads.
pub async fn run(context: Context, shutdown: CancellationToken) {
    let mut farm = context.farms.watch();
    let mut pollers: BTreeMap<String, (Repository, CancellationToken)> = BTreeMap::new();
    loop {
        let wanted = farm.borrow_and_update().farm.repositories.clone();
        pollers.retain(|name, (repository, stop)| {
            let keep = wanted.get(name) == Some(repository);
            if !keep {
                stop.cancel();
            }
            keep
        });
        for (name, repository) in wanted {
            pollers.entry(name).or_insert_with(|| {
                let stop = shutdown.child_token();
                start(context.clone(), repository.clone(), stop.clone());
                (repository, stop)
            });
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            changed = farm.changed() => if changed.is_err() { return },
        }
    }
}

fn start(context: Context, repository: Repository, stop: CancellationToken) {
    let token = stop.clone();
    supervise("poller", stop, move || follow(context.clone(), repository.clone(), token.clone()));
}

/// Looks again and again. A look that fails charges nobody: it is said once, and tried again.
async fn follow(context: Context, repository: Repository, stop: CancellationToken) {
    let mut trouble = String::new();
    loop {
        let said = match look(&context, &repository).await {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        if said != trouble {
            match said.as_str() {
                "" => tracing::info!(repository = repository.name, "can be polled again"),
                said => tracing::warn!(repository = repository.name, "cannot be polled: {said}"),
            }
            trouble = said;
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(repository.poll.into()) => {}
        }
    }
}

/// One look. None while there is no room on the disk: what is missed is found by the next.
async fn look(context: &Context, repository: &Repository) -> Result<(), PollError> {
    if disk::is_full(&context.store.read(|r| r.farm_row()).await?) {
        return Ok(());
    }
    poll(&context.store, &context.mirrors, repository).await.map(drop)
}
