//! One file to the archive: hashed, streamed, tried again while the master is away.

use std::fs::File;
use std::io::{self, Seek};
use std::time::Duration;

use reqwest::{StatusCode, Url, header};
use steading_wire::worker::Ending;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;

use super::Target;
use crate::attempts::Tools;
use crate::process::{failed, infrastructure};
use crate::session::{Backoff, DialError};

/// How long one file is tried for: a master may be away that long.
const TRY_MAX: Duration = Duration::from_secs(3600);
/// How long one try may take, and how many bytes more each second is for.
const PUT_MAX: Duration = Duration::from_secs(60);
const PUT_BYTES_PER_SECOND: u64 = 100 << 10;
/// How often a file that changed while it was sent is sent again.
const CHANGES_MAX: u32 = 3;

/// What came of one try.
enum Answer {
    Stored,
    /// The bytes were not those of the hash: the file changed meanwhile.
    Changed(String),
    /// Try again.
    Away(String),
    /// Never.
    Refused(Ending),
}

/// Sends a file; answers its hash.
pub(crate) async fn send(
    tools: &Tools,
    target: Target,
    path: &str,
    file: File,
    size: u64,
    cancel: &CancellationToken,
) -> Result<String, Ending> {
    let trying = keep_trying(tools, target, path, &file, size);
    tokio::select! {
        sent = trying => sent,
        () = cancel.cancelled() => Err(Ending::Cancelled),
    }
}

async fn keep_trying(
    tools: &Tools,
    target: Target,
    path: &str,
    file: &File,
    size: u64,
) -> Result<String, Ending> {
    let end = Instant::now() + TRY_MAX;
    let mut backoff = Backoff::default();
    let mut changes = 0;
    loop {
        let hash = block_in_place(|| hash(file));
        let hash = hash.map_err(|e| failed("upload_failed", path, &e))?;
        let why = match put(tools, target, path, file, size, &hash).await {
            Answer::Stored => return Ok(hash),
            Answer::Refused(ending) => return Err(ending),
            Answer::Changed(why) => {
                changes += 1;
                if changes >= CHANGES_MAX {
                    return Err(infrastructure("upload_changed", format!("`{path}`: {why}")));
                }
                why
            }
            Answer::Away(why) => why,
        };
        tracing::info!("`{path}` is not sent yet: {why}");
        if Instant::now() >= end {
            let text = format!("`{path}` could not be sent: {why}");
            return Err(infrastructure("archive_unreachable", text));
        }
        sleep(backoff.next()).await;
    }
}

fn hash(mut file: &File) -> io::Result<String> {
    file.rewind()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(hasher.finalize().to_hex().to_string())
}

async fn put(
    tools: &Tools,
    target: Target,
    path: &str,
    file: &File,
    size: u64,
    hash: &str,
) -> Answer {
    let url = match url(tools, target, path) {
        Ok(url) => url,
        Err(answer) => return answer,
    };
    let body = file.try_clone().and_then(|mut file| file.rewind().map(|()| file));
    let body = match body {
        Ok(file) => ReaderStream::new(tokio::fs::File::from_std(file)),
        Err(error) => return Answer::Refused(failed("upload_failed", path, &error)),
    };
    let mut request = tools.http.put(url);
    for (name, value) in tools.dialer.headers().into_iter().flatten() {
        request = request.header(name, value);
    }
    let answer = request
        .header("x-content-blake3", hash)
        .header(header::CONTENT_LENGTH, size)
        .timeout(PUT_MAX + Duration::from_secs(size / PUT_BYTES_PER_SECOND))
        .body(reqwest::Body::wrap_stream(body))
        .send()
        .await;
    match answer {
        Ok(answer) => judge(answer.status(), answer.text().await.unwrap_or_default(), path),
        Err(error) => Answer::Away(error.to_string()),
    }
}

fn url(tools: &Tools, target: Target, path: &str) -> Result<Url, Answer> {
    let base = tools.dialer.base().map_err(|error| match error {
        DialError::Away(why) => Answer::Away(why),
        DialError::Fatal(error) => {
            Answer::Refused(infrastructure("archive_unreachable", error.to_string()))
        }
    })?;
    let mut url = Url::parse(&format!("{base}/worker/v1/artifacts")).map_err(|error| {
        Answer::Refused(infrastructure("archive_unreachable", format!("{base}: {error}")))
    })?;
    url.query_pairs_mut()
        .append_pair("request", &target.attempt.request.to_string())
        .append_pair("epoch", &target.attempt.epoch.to_string())
        .append_pair("step", &target.step.to_string())
        .append_pair("path", path);
    Ok(url)
}

fn judge(status: StatusCode, text: String, path: &str) -> Answer {
    let said = format!("the master answered {status} for `{path}`: {}", text.trim());
    match status {
        status if status.is_success() => Answer::Stored,
        StatusCode::CONFLICT | StatusCode::GONE => {
            Answer::Refused(infrastructure("unwanted", said))
        }
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Answer::Changed(said),
        StatusCode::INSUFFICIENT_STORAGE => Answer::Refused(infrastructure("archive_full", said)),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Answer::Away(said),
        status if status.is_server_error() => Answer::Away(said),
        _ => Answer::Refused(infrastructure("archive_refused", said)),
    }
}
