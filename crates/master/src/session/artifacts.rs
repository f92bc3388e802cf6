//! Artifacts come in: streamed to a temporary file, hashed, made durable, then a row.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use serde::Deserialize;
use steading_core::words::{Attempt, Build, BuildState, RequestId, StepId};
use steading_store::{NewArtifact, Token};
use tokio::time::timeout;

use super::identity::{admits, authenticate};
use super::shared::Shared;
use crate::context::Context;

/// The largest artifact taken, in bytes.
const ARTIFACT_BYTES_MAX: u64 = 64 << 30;
/// Longest silence within a body: a sender that died without a word must not be waited for.
const CHUNK_DEADLINE: Duration = Duration::from_secs(60);
/// The header with the hash the worker computed.
const HASH_HEADER: &str = "x-content-blake3";

/// What the worker says of the file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Sent {
    request: i64,
    epoch: i64,
    step: i64,
    path: String,
}

type Refused = (StatusCode, String);

/// Stores one file. Sent again, it is the same artifact.
///
/// # Errors
/// 401 without a worker token, 409 when the attempt is no longer wanted, 400 when the bytes do not
/// have the hash announced, 507 when the disk is full.
pub(super) async fn store(
    State(shared): State<Shared>,
    Query(sent): Query<Sent>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refused> {
    let context = shared.context;
    let token = authenticate(&context, &headers).await?.token;
    let (build, step) = wanted(&context, &token, &sent).await?;
    let announced = headers.get(HASH_HEADER).and_then(|value| value.to_str().ok());
    let stored = receive(&context, body, announced).await?;
    let artifact = NewArtifact {
        build: build.id,
        step,
        path: sent.path,
        size: i64::try_from(stored.size).unwrap_or(i64::MAX),
        hash: stored.hash,
    };
    let add = context.store.write("artifact.add", move |w| w.add_artifact(&artifact));
    add.await.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The build and step of a live attempt on the worker that the token admits.
async fn wanted(context: &Context, token: &Token, sent: &Sent) -> Result<(Build, StepId), Refused> {
    let attempt = Attempt { request: RequestId(sent.request), epoch: sent.epoch };
    let number = sent.step;
    let found = context.store.glance(move |r| {
        let Some(build) = r.build_of(attempt)? else { return Ok(None) };
        let step = r.steps(build.id)?.into_iter().find(|step| step.number == number);
        Ok(step.map(|step| (build, step.id)))
    });
    let unwanted = || (StatusCode::CONFLICT, format!("{attempt} is no longer wanted"));
    match found.await {
        Ok(Some((build, step)))
            if build.state != BuildState::Finished && admits(token, &build.worker) =>
        {
            Ok((build, step))
        }
        Ok(_) => Err(unwanted()),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
}

async fn receive(
    context: &Context,
    body: Body,
    announced: Option<&str>,
) -> Result<steading_store::archive::Stored, Refused> {
    let failed = |error: steading_store::archive::Error| {
        let status = match error {
            steading_store::archive::Error::DiskFull(_) => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, error.to_string())
    };
    let mut writer = context.archive.artifact_writer(ARTIFACT_BYTES_MAX).map_err(failed)?;
    let mut chunks = body.into_data_stream();
    let stalled = |_| (StatusCode::REQUEST_TIMEOUT, "the body stalled; send it again".to_owned());
    while let Some(chunk) = timeout(CHUNK_DEADLINE, chunks.next()).await.map_err(stalled)? {
        let chunk = chunk.map_err(|e| (StatusCode::BAD_REQUEST, format!("the body broke: {e}")))?;
        writer.write(chunk).await.map_err(failed)?;
    }
    writer.commit(announced).await.map_err(failed)
}
