//! Style, scripts and icon: within the binary, addressed by content hash, so never stale.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What an address with the right hash may be kept for.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// What any other address may be kept for: ask again.
const ASK_AGAIN: &str = "no-cache";
/// How much of a hash an address holds.
const HASH_CHARS: usize = 16;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal as $kind:literal,)*) => {
        &[$(Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("../../assets/", $name)),
        },)*]
    };
}

static ASSETS: &[Asset] = assets! {
    "style.css" as "text/css; charset=utf-8",
    "live.js" as "text/javascript; charset=utf-8",
    "log.js" as "text/javascript; charset=utf-8",
    "time.js" as "text/javascript; charset=utf-8",
    "icon.svg" as "image/svg+xml",
};

static HASHES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let hash = |asset: &Asset| blake3::hash(asset.bytes).to_hex().as_str()[..HASH_CHARS].to_owned();
    ASSETS.iter().map(hash).collect()
});

/// Where an asset is; a name nobody knows leads nowhere.
pub(super) fn href(name: &str) -> String {
    let known = ASSETS.iter().zip(HASHES.iter()).find(|(asset, _)| asset.name == name);
    known.map_or_else(
        || "/assets/unknown".to_owned(),
        |(asset, hash)| format!("/assets/{hash}/{}", asset.name),
    )
}

/// `GET /assets/{hash}/{name}`. An old hash gets today's file, but may not be kept.
pub(super) async fn serve(
    Path((hash, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let found = ASSETS.iter().zip(HASHES.iter()).find(|(asset, _)| asset.name == name);
    match found {
        Some((asset, own)) => answer(asset, own, *own == hash, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /favicon.ico`: what browsers ask for whatever the page says.
pub(super) async fn icon(headers: HeaderMap) -> Response {
    let found = ASSETS.iter().zip(HASHES.iter()).find(|(asset, _)| asset.name == "icon.svg");
    let (asset, hash) = found.expect("the icon is in the list above");
    answer(asset, hash, false, &headers)
}

fn answer(asset: &'static Asset, hash: &str, exact: bool, headers: &HeaderMap) -> Response {
    let tag = format!("\"{hash}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let keep = if exact { FOR_EVER } else { ASK_AGAIN };
    let described = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, keep.into()),
        (header::CONTENT_TYPE, asset.kind.into()),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, described).into_response();
    }
    (described, asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_holds_its_content() {
        let href = href("style.css");
        let parts: Vec<&str> = href.split('/').collect();
        let get = |hash: &str, headers| serve(Path((hash.into(), "style.css".into())), headers);
        let exact = get(parts[2], HeaderMap::new()).await;
        assert_eq!(exact.headers()[header::CACHE_CONTROL], FOR_EVER);
        let old = get("0123", HeaderMap::new()).await;
        assert_eq!(old.headers()[header::CACHE_CONTROL], ASK_AGAIN);
        let tag = exact.headers()[header::ETAG].clone();
        let again = get(parts[2], HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)])).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let none = serve(Path(("x".into(), "../secret".into())), HeaderMap::new()).await;
        assert_eq!(none.status(), StatusCode::NOT_FOUND);
    }
}
