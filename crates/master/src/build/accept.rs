//! A worker took an offer: the build exists, is numbered, and its first step is on its way.

use steading_core::settle::Cancel;
use steading_core::words::{
    Attempt, Build, BuildState, ClaimId, ClaimState, Properties, Property, Request, Value,
};
use steading_store::{Acceptance, Error};

use super::advance::{Advance, Stands, materials};
use super::primitive::Materials;
use crate::context::Context;
use crate::farms::FarmError;
use crate::settle;

/// Why an acceptance could not be written down: the worker says it again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// History.
    #[error(transparent)]
    Store(#[from] Error),
    /// The farm it began with.
    #[error(transparent)]
    Farm(#[from] FarmError),
    /// An earlier attempt cannot be ended yet.
    #[error(transparent)]
    Settle(#[from] settle::Error),
}

/// A build that a worker accepted, and where it stands if it began just now.
pub(crate) struct Accepted {
    /// The build.
    pub(crate) build: Build,
    /// What its driver needs, and does first.
    pub(super) begun: Option<(Materials, Stands)>,
}

/// Gives the build, also when the worker said so before; none when the offer no longer stands.
pub(crate) async fn accept(
    context: &Context,
    worker: &str,
    claim: ClaimId,
    attempt: Attempt,
) -> Result<Option<Accepted>, Refused> {
    let look = context.store.glance(move |r| Ok((r.claim_by_id(claim)?, r.build_of(attempt)?)));
    let (offer, build) = look.await?;
    if let Some(build) = build {
        let over = matches!(build.state, BuildState::Lost | BuildState::Finished);
        let stands = !over && build.worker == worker;
        return Ok(stands.then_some(Accepted { build, begun: None }));
    }
    match offer {
        Some((offer, ClaimState::Offered))
            if offer.attempt == attempt && offer.worker == worker =>
        {
            begin(context, worker, claim, attempt).await
        }
        _ => Ok(None),
    }
}

/// Acceptance and the first step are one section.
async fn begin(
    context: &Context,
    worker: &str,
    claim: ClaimId,
    attempt: Attempt,
) -> Result<Option<Accepted>, Refused> {
    let id = attempt.request;
    let look = context.store.glance(move |r| Ok((r.request(id)?, r.lost_builds_of(id)?)));
    let (Some(request), lost) = look.await? else { return Ok(None) };
    let builder = context.farms.builder(request.configuration_id, &request.builder).await?;
    let Some(builder) = builder else { return Ok(None) };
    let materials = materials(context, request.configuration_id, request.buildset_id).await?;
    let present = context.farms.present();
    let acceptance = Acceptance {
        plan: builder.plan,
        locks: builder.locks,
        properties: properties(&request, worker),
        rerun: builder.rerun,
    };
    let ends = settle::close_lost(context, &lost).await?;
    let for_driver = materials.clone();
    let section = context.store.write("build.accept", move |w| {
        for (log, end) in &ends {
            w.close_log(*log, end)?;
        }
        let build = match w.accept(claim, &acceptance) {
            // It expired between the look and the section.
            Err(Error::Illegal(_)) => return Ok(None),
            other => other?,
        };
        let (materials, present) = (&materials, &present);
        let (cancel, begun) = (Cancel::Once, None);
        let advance = Advance { build: &build, materials, present, cancel, begun };
        let stands = advance.run(w, None)?;
        Ok(Some((build, stands)))
    });
    let begun = section.await?;
    Ok(begun.map(|(build, stands)| Accepted { build, begun: Some((for_driver, stands)) }))
}

/// What every build has, over what its request brought. `build_number` is added in the
/// section, where it is known.
fn properties(request: &Request, worker: &str) -> Properties {
    let stamp = request.stamp.as_ref();
    let farm = [
        ("repository", stamp.map(|s| s.repository.as_str())),
        ("branch", stamp.map(|s| s.branch.as_str())),
        ("revision", stamp.map(|s| s.revision.as_str())),
        ("builder", Some(request.builder.as_str())),
        ("worker", Some(worker)),
        ("reason", Some(request.reason.as_str())),
        ("owner", request.owner.as_deref()),
    ];
    let mut properties = request.properties.clone();
    for (name, value) in farm {
        let value = Value::Text(value.unwrap_or_default().to_owned());
        properties.insert(name.to_owned(), Property { value, source: "farm".to_owned() });
    }
    properties
}
