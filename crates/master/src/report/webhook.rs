//! Webhooks: the message as JSON, posted, signed with a key both sides know.

use std::path::Path;

use axum::http::{Request, header};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;
use steading_core::farm::Webhook;

use super::deliver::Failed;
use super::message::Message;
use super::secrets;

/// The signature: `sha256=` and the HMAC-SHA256 of the body in hex.
const SIGNATURE: &str = "x-steading-signature";
/// The number in the outbox: sent twice, it is the same.
const DELIVERY: &str = "x-steading-delivery";

/// Posts the message; any 2xx is taken as taken.
pub(super) async fn send(data: &Path, to: &Webhook, message: &Message) -> Result<(), Failed> {
    let body = message.json().to_string().into_bytes();
    let mut request = Request::post(&to.url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("steading/", env!("CARGO_PKG_VERSION")))
        .header(DELIVERY, message.id.0);
    if let Some(key) = &to.key {
        request = request.header(SIGNATURE, signature(&secrets::read(data, key)?, &body));
    }
    let wrong = |error: axum::http::Error| Failed::Lasting(format!("{}: {error}", to.url));
    let request = request.body(Full::new(body.into())).map_err(wrong)?;
    let answer = client()?.request(request).await;
    let answer = answer.map_err(|error| Failed::passing(&error))?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(Failed::Passing(format!("{} answered {status}", to.url))),
    }
}

type Connector = hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>;

/// A client of its own each time: one message in hours needs no open connections.
fn client() -> Result<Client<Connector, Full<axum::body::Bytes>>, Failed> {
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| Failed::Passing(format!("no certificates of authorities: {error}")))?;
    let connector = https.https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// What receivers compute, too.
fn signature(key: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("keys have any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_other_tools_compute() {
        // printf hello | openssl dgst -sha256 -hmac key
        let expected = "9307b3b915efb5171ff14d8cb55fbcc798c6c0ef1456d66ded1a6aa723a58b7b";
        assert_eq!(signature("key", b"hello"), format!("sha256={expected}"));
    }
}
