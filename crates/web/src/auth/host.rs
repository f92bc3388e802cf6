//! Which host names we answer to, and which origins may write.
//!
//! A page on another site can point a name of its own at this machine and so speak to us from the
//! reader's browser (DNS rebinding). It cannot choose the `Host` that browser sends: the allow-list
//! ends it. A bare IP address is nobody's name, so it is safe wherever we are bound.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, Uri, header};
use steading_wire::problem::{Code, Problem};

/// The names we answer to.
#[derive(Debug)]
pub(crate) struct Hosts {
    bound: SocketAddr,
    names: BTreeSet<String>,
}

impl Hosts {
    pub(crate) fn new(bound: SocketAddr, allowed: Vec<String>) -> Hosts {
        let mut names: BTreeSet<String> = allowed.iter().map(|a| name_of(a)).collect();
        names.insert("localhost".to_owned());
        Hosts { bound, names }
    }

    /// The name of the cookie a browser signs in with. Cookies ignore the port, farms do not.
    pub(crate) fn cookie(&self) -> String {
        format!("steading_{}", self.bound.port())
    }

    /// Refuses a request for a host we are not.
    pub(super) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
        let host = host_of(headers, uri).ok_or_else(|| {
            Problem::new(Code::BadRequest, "the request names no host; send a `Host` header")
        })?;
        if self.knows(&name_of(host)) {
            return Ok(());
        }
        let detail = format!(
            "this farm does not answer to the host `{}`; use its address, or allow the name where \
             the farm is started",
            host.escape_default()
        );
        Err(Problem::new(Code::Forbidden, detail))
    }

    fn knows(&self, name: &str) -> bool {
        if let Ok(ip) = name.parse::<IpAddr>() {
            let bound = self.bound.ip();
            return ip.is_loopback() || ip == bound || bound.is_unspecified();
        }
        self.names.contains(name)
    }
}

/// Refuses a write that a page of another site sends. Programs send no `Origin`; browsers do.
pub(super) fn check_origin(headers: &HeaderMap, uri: &Uri, browser: bool) -> Result<(), Problem> {
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("null"));
    let own = match origin {
        None => !browser,
        Some(origin) => {
            origin.split_once("://").is_some_and(|(_, host)| Some(host) == host_of(headers, uri))
        }
    };
    if own {
        return Ok(());
    }
    let origin = origin.unwrap_or("absent").escape_default();
    let detail = format!("writes are taken from the farm's own pages only; the origin is {origin}");
    Err(Problem::new(Code::Forbidden, detail))
}

/// The host asked for, with its port.
fn host_of<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Option<&'r str> {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    // A request line may name the host itself; then that counts.
    uri.authority().map(|authority| authority.as_str()).or(named)
}

/// A host's name in lower case, without port, brackets and the root's dot.
fn name_of(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None if host.parse::<IpAddr>().is_ok() => host,
        None => host.split(':').next().unwrap_or(host),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn only_known_hosts_are_answered() {
        let check = |bound: &str, host: &str, expected: bool| {
            let allowed = vec!["CI.example.org".to_owned(), "farm.example.org:8040".to_owned()];
            let hosts = Hosts::new(bound.parse().expect("an address"), allowed);
            let headers = headers(&[(header::HOST, host)]);
            assert_eq!(hosts.check(&headers, &Uri::from_static("/")).is_ok(), expected, "{host}");
        };
        for host in ["localhost:8040", "127.0.0.1:8040", "[::1]:8040", "LOCALHOST", "localhost."] {
            check("127.0.0.1:8040", host, true);
        }
        check("127.0.0.1:8040", "ci.example.org", true);
        check("127.0.0.1:8040", "farm.example.org", true);
        check("127.0.0.1:8040", "evil.example.com:8040", false);
        check("127.0.0.1:8040", "localhost.evil.example.com", false);
        check("127.0.0.1:8040", "192.0.2.7:8040", false);
        check("192.0.2.7:8040", "192.0.2.7:8040", true);
        check("0.0.0.0:8040", "192.0.2.7:8040", true);
        check("0.0.0.0:8040", "evil.example.com", false);
        check("127.0.0.1:8040", "", false);
    }

    #[test]
    fn a_request_line_that_names_a_host_is_checked_by_it() {
        let hosts = Hosts::new("127.0.0.1:8040".parse().expect("an address"), Vec::new());
        let headers = headers(&[(header::HOST, "localhost")]);
        assert!(hosts.check(&headers, &Uri::from_static("http://evil.example.com/")).is_err());
    }

    #[test]
    fn only_the_farms_own_pages_write() {
        let check = |origin: Option<&str>, browser: bool, expected: bool| {
            let mut headers = headers(&[(header::HOST, "localhost:8040")]);
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().expect("a value"));
            }
            let found = check_origin(&headers, &Uri::from_static("/"), browser).is_ok();
            assert_eq!(found, expected, "{origin:?} browser={browser}");
        };
        check(None, false, true);
        check(None, true, false);
        for browser in [true, false] {
            check(Some("http://localhost:8040"), browser, true);
            check(Some("http://localhost:8041"), browser, false);
            check(Some("http://evil.example.com"), browser, false);
            check(Some("null"), browser, false);
        }
    }
}
