//! `steading change`: learn now what the poller would find later.

use steading_core::words::ChangeId;
use steading_wire::command::Answer;
use steading_wire::problem::{Code, Problem};
use steading_wire::rest::{ChangesAdded, NewChange};

use crate::context::Context;
use crate::intake::{poll, resolve, tell};

/// Looks at the repository at once; a revision that is named is added as a change of its own.
pub(super) async fn change(context: &Context, new: NewChange) -> Result<Answer, Problem> {
    let present = context.farms.present();
    let Some(repository) = present.farm.repositories.get(&new.repository) else {
        let known: Vec<&str> = present.farm.repositories.keys().map(String::as_str).collect();
        let text =
            format!("the farm has no repository `{}`; it has {}", new.repository, known.join(", "));
        return Err(Problem::new(Code::NotFound, text));
    };
    let unresolved =
        |error: &dyn std::fmt::Display| Problem::new(Code::Unresolved, error.to_string());
    let mut added: Vec<ChangeId> = Vec::new();
    if let Some(revision) = &new.revision {
        let (branch, revision) = (Some(new.branch.as_str()), Some(revision.as_str()));
        let stamp = resolve(&context.mirrors, repository, branch, revision)
            .await
            .map_err(|error| unresolved(&error))?;
        let told =
            tell(&context.store, &context.mirrors, repository, &stamp.branch, &stamp.revision);
        added.extend(told.await.map_err(|error| unresolved(&error))?);
    } else {
        let found = poll(&context.store, &context.mirrors, repository).await;
        added.extend(found.map_err(|error| unresolved(&error))?);
    }
    Ok(Answer::ChangesAdded(ChangesAdded { changes: added.iter().map(|id| id.0).collect() }))
}
