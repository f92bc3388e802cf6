//! `Range: bytes=…`: one range of the bytes there are.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use steading_wire::problem::Code;

use crate::Failure;

/// Which bytes are to be sent: from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Whether a range was asked for: the status is then 206.
    pub(super) partial: bool,
}

/// What is asked of `total` bytes. A range not understood, or several, counts as none, as the
/// standard allows; one that lies outside is an error.
pub(super) fn asked(headers: &HeaderMap, total: u64) -> Option<Part> {
    let whole = Some(Part { start: 0, end: total, partial: false });
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some(range) = text.and_then(|text| text.strip_prefix("bytes=")) else { return whole };
    let Some((from, to)) = range.split_once('-') else { return whole };
    let (start, end) = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(total)),
        (Ok(start), Err(_)) if to.trim().is_empty() => (start, total),
        (Err(_), Ok(last)) if from.trim().is_empty() => (total.saturating_sub(last), total),
        _ => return whole,
    };
    (start < end).then_some(Part { start, end, partial: true })
}

/// The answer to a range that lies outside.
pub(super) fn outside(total: u64) -> Response {
    let detail = format!("there are {total} bytes; the range asked for lies outside");
    let mut response = Failure::new(Code::RangeNotSatisfiable, detail).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{total}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

impl Part {
    /// Puts status and headers of this part of `total` bytes on an answer.
    pub(super) fn describe(self, response: &mut Response, total: u64) {
        let headers = response.headers_mut();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.end - self.start));
        if self.partial {
            let range = format!("bytes {}-{}/{total}", self.start, self.end - 1);
            if let Ok(value) = HeaderValue::from_str(&range) {
                headers.insert(header::CONTENT_RANGE, value);
            }
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood() {
        let check = |range: &str, total: u64, expected: Option<(u64, u64, bool)>| {
            let headers = HeaderMap::from_iter([(header::RANGE, range.parse().expect("a value"))]);
            let found = asked(&headers, total).map(|part| (part.start, part.end, part.partial));
            assert_eq!(found, expected, "{range} of {total}");
        };
        check("bytes=0-3", 10, Some((0, 4, true)));
        check("bytes=4-", 10, Some((4, 10, true)));
        check("bytes=-3", 10, Some((7, 10, true)));
        check("bytes=-30", 10, Some((0, 10, true)));
        check("bytes=8-99", 10, Some((8, 10, true)));
        check("bytes=10-", 10, None);
        check("bytes=-0", 10, None);
        check("bytes=0-", 0, None);
        check("bytes=5-4", 10, Some((0, 10, false)));
        check("bytes=0-1,3-4", 10, Some((0, 10, false)));
        check("lines=0-1", 10, Some((0, 10, false)));
        check("bytes=18446744073709551615-18446744073709551615", 10, None);
    }
}
