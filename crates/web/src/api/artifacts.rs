//! `GET /artifacts/{id}/content`: an artifact's bytes. A browser saves them and never shows them:
//! what a build made must not speak in the farm's name.

use std::io::{Read as _, Seek as _, SeekFrom};

use axum::body::{Body, Bytes};
use axum::extract;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fs_err::File;
use futures_util::stream;
use steading_core::words::{ArtifactId, Cell};
use steading_store::archive;

use super::extract::Path;
use super::{lists, logs, ranges};
use crate::{Failure, State};

/// Bytes sent at a time.
const PIECE_BYTES: u64 = 256 << 10;

pub(super) async fn content(
    extract::State(state): extract::State<State>,
    Path(id): Path<i64>,
    mut headers: HeaderMap,
) -> Result<Response, Failure> {
    let row = lists::row(&state, ArtifactId::NOUN, id).await?;
    let (hash, path) = (text(&row, "hash"), text(&row, "path"));
    let etag = format!("\"{hash}\"");
    let given = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if given(header::IF_NONE_MATCH).is_some_and(|known| known == "*" || known.contains(&etag)) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    if given(header::IF_RANGE).is_some_and(|known| known != etag) {
        headers.remove(header::RANGE);
    }
    let (file, total) = logs::reading(&state, move |archive| {
        let file = archive.open_artifact(&hash)?;
        let total = file.metadata()?.len();
        Ok((file, total))
    })
    .await?;
    let Some(part) = ranges::asked(&headers, total) else { return Ok(ranges::outside(total)) };
    let mut response = Body::from_stream(pieces(file, part.start, part.end)).into_response();
    part.describe(&mut response, total);
    let own = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, disposition(&path)),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::ETAG, etag),
    ];
    for (name, value) in own {
        let value = HeaderValue::from_str(&value).expect("made of ASCII only");
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// A file's bytes, a piece at a time as the client takes them.
fn pieces(
    file: File,
    start: u64,
    end: u64,
) -> impl futures_util::Stream<Item = Result<Bytes, Failure>> {
    stream::try_unfold((file, start), move |(mut file, at)| async move {
        let length = end.saturating_sub(at).min(PIECE_BYTES);
        if length == 0 {
            return Ok(None);
        }
        let (file, bytes) = logs::blocking(move || {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(at)).map_err(archive::Error::from)?;
            (&mut file).take(length).read_to_end(&mut bytes).map_err(archive::Error::from)?;
            Ok((file, bytes))
        })
        .await?;
        let next = at + bytes.len() as u64;
        Ok((next > at).then(|| (Bytes::from(bytes), (file, next))))
    })
}

/// The name to save it under: the path's last part, percent-encoded whatever it holds.
fn disposition(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let encoded: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("attachment; filename*=UTF-8''{encoded}")
}

fn text(row: &steading_store::Row, field: &str) -> String {
    match row.get(field) {
        Some(Cell::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_header() {
        let check = |path: &str, expected: &str| {
            assert_eq!(disposition(path), format!("attachment; filename*=UTF-8''{expected}"));
        };
        check("target/release/hello", "hello");
        check("out/ä\"\r\n;b.html", "%C3%A4%22%0D%0A%3Bb.html");
        check("..", "..");
    }
}
