//! The farm's one port.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::Error;

/// A socket that a service manager opened for us and keeps: connections wait in it while we are
/// restarted, and none is refused.
#[derive(Debug, Default)]
pub(super) struct Passed(Option<std::net::TcpListener>);

impl Passed {
    /// Takes it from the environment, which is changed: before anything runs beside us.
    pub(super) fn take() -> Result<Passed, Error> {
        let mut passed = listenfd::ListenFd::from_env();
        let error = |what: io::Error| Error::Listen {
            listen: "the socket that was passed to us".to_owned(),
            what: what.to_string(),
        };
        let Some(socket) = passed.take_tcp_listener(0).map_err(error)? else {
            return Ok(Passed::default());
        };
        socket.set_nonblocking(true).map_err(error)?;
        Ok(Passed(Some(socket)))
    }
}

/// Listens there, or on the socket that was passed to us, or says why not and what to do.
pub(super) async fn listen(
    listen: &str,
    passed: Passed,
) -> Result<(TcpListener, SocketAddr), Error> {
    let error = |what: String| Error::Listen { listen: listen.to_owned(), what };
    let bound = match passed.0 {
        Some(socket) => TcpListener::from_std(socket).map_err(|e| error(e.to_string()))?,
        None => TcpListener::bind(listen).await.map_err(|e| error(why(&e)))?,
    };
    let address = bound.local_addr().map_err(|e| error(e.to_string()))?;
    Ok((bound, address))
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use, perhaps by another farm: stop it, or take \
                                     another port with --listen HOST:PORT (port 0 takes a free one)"
                .to_owned()
        }
        io::ErrorKind::InvalidInput => "write it as HOST:PORT, as in 127.0.0.1:8040".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 are for root; take a higher one".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_an_error_that_says_what_to_do() {
        let (_held, address) = listen("127.0.0.1:0", Passed::default()).await.expect("a free port");
        let error = listen(&address.to_string(), Passed::default()).await.expect_err("in use");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("cannot listen on {address}: the port is in use")),
            "{text}"
        );
        assert_eq!(error.exit().code(), 2);
    }

    #[tokio::test]
    async fn what_is_no_address_is_said_so() {
        let error = listen("127.0.0.1", Passed::default()).await.expect_err("no port");
        assert!(error.to_string().contains("write it as HOST:PORT"), "{error}");
    }
}
