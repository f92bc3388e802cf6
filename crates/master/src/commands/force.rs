//! Force and rebuild: a wish becomes a buildset, once per idempotency key.

use std::collections::BTreeMap;

use serde_json::json;
use steading_core::trigger;
use steading_core::words::{BuildId, BuildsetId, SourceStamp};
use steading_store::{Error, NewBuildset, NewRequest, Submitted, Write};
use steading_wire::command::Answer;
use steading_wire::problem::{Code, Problem};
use steading_wire::rest;

use super::problem::problem;
use crate::context::Context;
use crate::farms::Present;
use crate::intake::{ResolveError, resolve};
use crate::schedule::{Submission, repository_of, stamps};

/// Submits one request of a builder, through its form where it has one.
pub(super) async fn force(
    context: &Context,
    builder: String,
    force: rest::Force,
    by: &str,
    key: Option<String>,
) -> Result<Answer, Problem> {
    let key = Key::new(key, format!("force {builder} {}", json!(force)));
    if let Some(answer) = key.remembered(context).await? {
        return Ok(answer);
    }
    let present = context.farms.present();
    let pinned = force.worker.as_deref();
    let forced = trigger::force(&present.farm, &builder, &force.properties, pinned)
        .map_err(|error| refused(&error))?;
    if let Some(scheduler) = &forced.scheduler {
        form_open(context, scheduler.clone()).await?;
    }
    let head = head(context, &present, &builder, &force).await;
    let resolved = match head {
        Ok(head) => stamps(context, &present, std::slice::from_ref(&builder), head).await,
        Err(error) => Err(error),
    };
    let buildset = NewBuildset {
        fail_fast: false,
        reason: force.reason.unwrap_or_else(|| format!("forced by {by}")),
        scheduler: forced.scheduler,
        owner: Some(by.to_owned()),
        stamps: Vec::new(),
        changes: Vec::new(),
        configuration_id: present.id,
        requests: vec![NewRequest {
            builder,
            priority: force.priority,
            properties: forced.properties,
            pinned_worker: force.worker,
            start_within: None,
        }],
    };
    let submission = Submission::new(context, &present, buildset, resolved).await;
    submit(context, submission, key).await
}

/// A form that somebody paused takes no wishes; the person is there to hear so.
async fn form_open(context: &Context, scheduler: String) -> Result<(), Problem> {
    let paused = context.store.glance(|r| r.paused_schedulers()).await.map_err(problem)?;
    match paused.get(&scheduler) {
        Some(paused) => {
            let text = paused.of(&format!("scheduler {scheduler}"));
            let help = format!("`steading resume scheduler {scheduler}` ends it");
            Err(Problem::new(Code::Conflict, format!("{text}; {help}")))
        }
        None => Ok(()),
    }
}

fn refused(error: &trigger::ForceError) -> Problem {
    let code = match error {
        trigger::ForceError::NoBuilder { .. } => Code::NotFound,
        _ => Code::BadRequest,
    };
    Problem::new(code, error.to_string())
}

/// The stamp of the repository the builder is mainly about, if it checks out any.
async fn head(
    context: &Context,
    present: &Present,
    builder: &str,
    force: &rest::Force,
) -> Result<Option<SourceStamp>, ResolveError> {
    let plan = present.farm.builders.get(builder).map(|builder| &builder.plan);
    let repository = plan.and_then(repository_of);
    let Some(repository) = repository.and_then(|name| present.farm.repositories.get(name)) else {
        return Ok(None);
    };
    let (branch, revision) = (force.branch.as_deref(), force.revision.as_deref());
    resolve(&context.mirrors, repository, branch, revision).await.map(Some)
}

/// Submits the same again: same builder, stamps, properties, with the farm in force.
pub(super) async fn rebuild(
    context: &Context,
    build: BuildId,
    why: rest::Why,
    by: &str,
    key: Option<String>,
) -> Result<Answer, Problem> {
    let key = Key::new(key, format!("rebuild {build}"));
    if let Some(answer) = key.remembered(context).await? {
        return Ok(answer);
    }
    let found = context.store.read(move |r| {
        let Some(build) = r.build(build)? else { return Ok(None) };
        let request = r.request(build.attempt.request)?;
        let buildset = r.buildset(build.buildset_id)?;
        Ok(request.zip(buildset).map(|(request, buildset)| (build, request, buildset)))
    });
    let Some((build, request, buildset)) = found.await.map_err(problem)? else {
        return Err(Problem::new(Code::NotFound, format!("there is no build {build}")));
    };
    let present = context.farms.present();
    if !present.farm.builders.contains_key(&build.builder) {
        let text = format!("the farm no longer has a builder `{}`", build.builder);
        return Err(Problem::new(Code::Conflict, text));
    }
    let reason = match why.reason.as_str() {
        "" => format!("rebuild of {}/{} by {by}", build.builder, build.number),
        why => format!("rebuild of {}/{} by {by}: {why}", build.builder, build.number),
    };
    let new = NewBuildset {
        fail_fast: false,
        reason,
        scheduler: None,
        owner: Some(by.to_owned()),
        stamps: Vec::new(),
        changes: buildset.changes,
        configuration_id: present.id,
        requests: vec![NewRequest {
            builder: build.builder,
            priority: request.priority,
            properties: request.properties,
            pinned_worker: request.pinned_worker,
            start_within: None,
        }],
    };
    let submission = Submission::new(context, &present, new, Ok(buildset.stamps)).await;
    submit(context, submission, key).await
}

/// Writes the buildset and remembers the answer in one section.
async fn submit(context: &Context, submission: Submission, key: Key) -> Result<Answer, Problem> {
    let section = context.store.write("command.submit", move |w| {
        if let Some(answer) = key.answer(w)? {
            return Ok(answer);
        }
        let answer = shown(&submission, &submission.submit(w)?);
        key.remember(w, &answer)?;
        Ok(answer)
    });
    told(context, section.await.map_err(problem)?).await
}

/// The answer as it is told, the first time and again: a buildset without requests is one whose
/// stamps could not be made absolute, and history says why.
async fn told(context: &Context, answer: rest::Submitted) -> Result<Answer, Problem> {
    if !answer.requests.is_empty() {
        return Ok(Answer::Submitted(answer));
    }
    let id = BuildsetId(answer.buildset_id);
    let buildset = context.store.read(move |r| r.buildset(id)).await.map_err(problem)?;
    let reason = buildset.and_then(|buildset| buildset.outcome_reason);
    let reason = reason.map_or_else(|| "nothing was submitted".to_owned(), |r| r.to_string());
    Err(Problem::new(Code::Unresolved, format!("{reason}; buildset {id} says so too")))
}

fn shown(submission: &Submission, submitted: &Submitted) -> rest::Submitted {
    let builders = submission.buildset.requests.iter().map(|request| request.builder.clone());
    let requests: BTreeMap<String, i64> =
        builders.zip(submitted.requests.iter().map(|id| id.0)).collect();
    rest::Submitted { buildset_id: submitted.buildset.0, requests }
}

/// An idempotency key, if one was given, and what was asked under it.
#[derive(Debug, Clone)]
struct Key {
    key: Option<String>,
    fingerprint: String,
}

impl Key {
    fn new(key: Option<String>, asked: String) -> Key {
        let fingerprint = blake3::hash(asked.as_bytes()).to_hex().to_string();
        Key { key, fingerprint }
    }

    /// The answer given before, without doing anything.
    async fn remembered(&self, context: &Context) -> Result<Option<Answer>, Problem> {
        let Some(key) = self.key.clone() else { return Ok(None) };
        let found = context.store.glance(move |r| r.remembered(&key)).await.map_err(problem)?;
        let Some(found) = found else { return Ok(None) };
        let answer = self.same(&found).map_err(problem)?;
        told(context, answer).await.map(Some)
    }

    /// The same, inside the section: two sends of one key may meet there.
    fn answer(&self, w: &Write<'_>) -> Result<Option<rest::Submitted>, Error> {
        let Some(key) = &self.key else { return Ok(None) };
        w.remembered(key)?.map(|found| self.same(&found)).transpose()
    }

    fn same(&self, found: &steading_store::Remembered) -> Result<rest::Submitted, Error> {
        if found.fingerprint != self.fingerprint {
            let text = "this idempotency key was used for something else; take a new one";
            return Err(Error::Stale(text.to_owned()));
        }
        serde_json::from_value(found.answer.clone())
            .map_err(|error| Error::Stale(format!("the remembered answer is unreadable: {error}")))
    }

    fn remember(&self, w: &mut Write<'_>, answer: &rest::Submitted) -> Result<(), Error> {
        match &self.key {
            Some(key) => w.remember(key, &self.fingerprint, &json!(answer)),
            None => Ok(()),
        }
    }
}
