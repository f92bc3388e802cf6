//! A buildset about to be submitted: its stamps absolute, or the reason why they are not.

use steading_core::farm::{Plan, StepKind};
use steading_core::words::{Reason, SourceStamp};
use steading_store::{Error, NewBuildset, NewRequest, Submitted, Write};

use super::collapse::{self, Fold};
use crate::context::Context;
use crate::farms::Present;
use crate::intake::{ResolveError, resolve};

/// What will be written, whichever way resolving went: a failure to resolve is a visible outcome.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    /// The buildset.
    pub(crate) buildset: NewBuildset,
    /// Why it cannot have requests, if so.
    pub(crate) unresolved: Option<Reason>,
    /// Pending requests to fold into new ones.
    folds: Vec<Fold>,
}

impl Submission {
    /// Takes the stamps over and asks the policy what may be folded into the new requests.
    pub(crate) async fn new(
        context: &Context,
        present: &Present,
        mut buildset: NewBuildset,
        stamps: Result<Vec<SourceStamp>, ResolveError>,
    ) -> Submission {
        for request in &mut buildset.requests {
            let scheduler = buildset.scheduler.as_deref();
            request.start_within = present.farm.start_within(&request.builder, scheduler);
        }
        let unresolved = match stamps {
            Ok(stamps) => {
                buildset.stamps = stamps;
                None
            }
            Err(error) => Some(Reason::new("unresolved", error.to_string())),
        };
        let folds = match unresolved {
            None => collapse::folds(context, present, &buildset).await,
            Some(_) => Vec::new(),
        };
        Submission { buildset, unresolved, folds }
    }

    /// Writes it: with its requests, or failed at once.
    pub(crate) fn submit(&self, w: &mut Write<'_>) -> Result<Submitted, Error> {
        match &self.unresolved {
            None => {
                let submitted = w.submit_buildset(&self.buildset)?;
                for fold in &self.folds {
                    fold.carry_out(w, &submitted)?;
                }
                Ok(submitted)
            }
            Some(reason) => {
                let buildset = w.fail_buildset(&self.buildset, reason)?;
                Ok(Submitted { buildset, requests: Vec::new() })
            }
        }
    }
}

/// The repositories a plan checks out, in order, each once.
pub(crate) fn repositories_of(plan: &Plan) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for step in &plan.steps {
        if let StepKind::Checkout { repository, .. } = &step.kind
            && !names.contains(&repository.as_str())
        {
            names.push(repository);
        }
    }
    names
}

/// The repository a builder is mainly about: the first it checks out.
pub(crate) fn repository_of(plan: &Plan) -> Option<&str> {
    repositories_of(plan).first().copied()
}

/// One absolute stamp per repository that the builders check out; `main` first, the others at the
/// head of their default branch, resolved now so that every request of the buildset agrees.
pub(crate) async fn stamps(
    context: &Context,
    present: &Present,
    builders: &[String],
    main: Option<SourceStamp>,
) -> Result<Vec<SourceStamp>, ResolveError> {
    let mut stamps: Vec<SourceStamp> = main.into_iter().collect();
    let plans = builders.iter().filter_map(|name| present.farm.builders.get(name));
    for name in plans.flat_map(|builder| repositories_of(&builder.plan)) {
        if stamps.iter().any(|stamp| stamp.repository == name) {
            continue;
        }
        if let Some(repository) = present.farm.repositories.get(name) {
            stamps.push(resolve(&context.mirrors, repository, None, None).await?);
        }
    }
    Ok(stamps)
}

/// What a new farm builds first, so that a newcomer sees a build within seconds: the head of each
/// repository's default branch, on the builders its `on_change` names.
pub(crate) async fn first_builds(context: &Context) -> Result<(), Error> {
    let present = context.farms.present();
    let mut submissions = Vec::new();
    for (name, repository) in &present.farm.repositories {
        let builders = builders_for(&present, name);
        if builders.is_empty() {
            continue;
        }
        let head = resolve(&context.mirrors, repository, None, None).await;
        let resolved = match head {
            Ok(head) => stamps(context, &present, &builders, Some(head)).await,
            Err(error) => Err(error),
        };
        let first = first_buildset(&present, builders);
        submissions.push(Submission::new(context, &present, first, resolved).await);
    }
    context
        .store
        .write("schedule.first", move |w| {
            if !w.is_empty_history()? {
                return Ok(());
            }
            submissions.iter().try_for_each(|submission| submission.submit(w).map(drop))
        })
        .await
}

fn builders_for(present: &Present, repository: &str) -> Vec<String> {
    use steading_core::farm::Scheduler::OnChange;
    let mut builders = Vec::new();
    for scheduler in present.farm.schedulers.values() {
        if let OnChange(on) = scheduler
            && on.repository == repository
        {
            builders.extend(
                on.builders.iter().filter(|b| present.farm.builders.contains_key(*b)).cloned(),
            );
        }
    }
    builders.sort();
    builders.dedup();
    builders
}

fn first_buildset(present: &Present, builders: Vec<String>) -> NewBuildset {
    let request = |builder| NewRequest {
        builder,
        priority: 0,
        properties: Default::default(),
        pinned_worker: None,
        start_within: None,
    };
    NewBuildset {
        fail_fast: false,
        reason: "the farm's first build".to_owned(),
        scheduler: None,
        owner: None,
        stamps: Vec::new(),
        changes: Vec::new(),
        configuration_id: present.id,
        requests: builders.into_iter().map(request).collect(),
    }
}
