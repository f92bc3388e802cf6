//! Logs: their lines, and their bytes as they were printed.

use std::ops::Range;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use regex::bytes::{Regex, RegexBuilder};
use steading_core::words::{Log, LogId, Micros};
use steading_store::archive::{self, Archive, Line, Order, Search};
use steading_wire::problem::Code;
use steading_wire::{render, rest};

use super::extract::{Path, Query};
use super::ranges;
use crate::{Failure, State};

/// Lines of an answer unless asked otherwise, and at most.
const LINES: usize = 100;
const LINES_MAX: usize = 1000;
/// What one search reads before it answers with what it has.
const SEARCH_BYTES_MAX: u64 = 64 << 20;
/// The most memory a pattern may take once compiled.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// Bytes of a log sent at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// Which lines are asked for.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    first: Option<u64>,
    count: Option<usize>,
    tail: Option<usize>,
    grep: Option<String>,
}

pub(super) async fn lines(
    extract::State(state): extract::State<State>,
    Path(id): Path<i64>,
    Query(asked): Query<Asked>,
) -> Result<Json<rest::Lines>, Failure> {
    let log = known(&state, LogId(id)).await?;
    let pattern = asked.grep.as_deref().map(pattern).transpose()?;
    let shown = reading(&state, move |archive| {
        // The size first: the lines may then be newer, and none of them is missing.
        let (_, total) = archive.log_size(log.id)?;
        let (lines, next) = select(archive, log.id, &asked, pattern.as_ref())?;
        let (total, closed) = (signed(total), log.closed);
        let (lines, next) = (lines.iter().map(line).collect(), next.map(signed));
        Ok(rest::Lines { lines, next, total, closed })
    });
    Ok(Json(shown.await?))
}

/// The lines asked for, and where to go on.
fn select(
    archive: &Archive,
    log: LogId,
    asked: &Asked,
    pattern: Option<&Regex>,
) -> Result<(Vec<Line>, Option<u64>), archive::Error> {
    let limit = asked.tail.or(asked.count).unwrap_or(LINES).clamp(1, LINES_MAX);
    let order = if asked.tail.is_some() { Order::NewestFirst } else { Order::OldestFirst };
    let Some(pattern) = pattern else {
        if order == Order::NewestFirst {
            return Ok((archive.tail_lines(log, limit)?, None));
        }
        let lines = archive.log_lines(log, asked.first.unwrap_or(1), limit)?;
        let next = lines.last().map(|last| last.number + 1);
        let (_, total) = archive.log_size(log)?;
        return Ok((lines, next.filter(|next| *next <= total)));
    };
    let search = Search { order, from: asked.first, limit, scan_max_bytes: SEARCH_BYTES_MAX };
    let mut found = archive.grep(log, search, |line| pattern.is_match(line))?;
    if order == Order::NewestFirst {
        found.lines.reverse();
    }
    Ok((found.lines, found.next))
}

pub(super) async fn raw(
    extract::State(state): extract::State<State>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let log = known(&state, LogId(id)).await?.id;
    let (total, _) = reading(&state, move |archive| archive.log_size(log)).await?;
    let Some(part) = ranges::asked(&headers, total) else { return Ok(ranges::outside(total)) };
    let mut response =
        Body::from_stream(pieces(state.archive, log, part.start..part.end)).into_response();
    part.describe(&mut response, total);
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    let sandbox = HeaderValue::from_static("default-src 'none'; sandbox");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, sandbox);
    Ok(response)
}

/// A log's bytes, a piece at a time as the client takes them.
fn pieces(
    archive: Archive,
    log: LogId,
    range: Range<u64>,
) -> impl futures_util::Stream<Item = Result<Bytes, Failure>> {
    stream::try_unfold(range.start, move |at| {
        let (archive, end) = (archive.clone(), range.end.min(at.saturating_add(PIECE_BYTES)));
        async move {
            if at >= end {
                return Ok(None);
            }
            let bytes = blocking(move || archive.log_bytes(log, at..end)).await?;
            let next = at + bytes.len() as u64;
            // Nothing where bytes were promised: end early rather than spin.
            Ok((next > at).then(|| (Bytes::from(bytes), next)))
        }
    })
}

/// The log's row, if there is such a log.
pub(super) async fn known(state: &State, id: LogId) -> Result<Log, Failure> {
    let found = state.store.read(move |r| r.log(id)).await?;
    found.ok_or_else(|| Failure::new(Code::NotFound, format!("there is no log {id}")))
}

/// Runs what reads the archive beside the async threads.
pub(super) async fn reading<T: Send + 'static>(
    state: &State,
    work: impl FnOnce(&Archive) -> Result<T, archive::Error> + Send + 'static,
) -> Result<T, Failure> {
    let archive = state.archive.clone();
    blocking(move || work(&archive)).await
}

/// Runs what blocks on the disk beside the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, archive::Error> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| Failure::new(Code::Internal, "reading the archive panicked"))??)
}

/// A line as it is shown.
pub(super) fn line(line: &Line) -> rest::Line {
    let text = String::from_utf8_lossy(&line.bytes).into_owned();
    let (number, at) = (signed(line.number), render::time(Micros(line.at)));
    rest::Line { number, at, text, cut: line.is_cut() }
}

fn pattern(text: &str) -> Result<Regex, Failure> {
    let mut builder = RegexBuilder::new(text);
    builder.size_limit(PATTERN_BYTES_MAX).build().map_err(|error| {
        Failure::new(Code::BadRequest, format!("`grep` is not a regular expression: {error}"))
    })
}

/// Numbers of lines and bytes fit: a log has far fewer than 2^63.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
