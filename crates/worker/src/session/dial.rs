//! Where the master is, and how it is dialled.

use std::time::Duration;

use steading_wire::worker::MESSAGE_BYTES_MAX;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::{Error, Master, Options};

/// How long a connection may take to be made.
const DIAL_MAX: Duration = Duration::from_secs(10);
/// What a link reads at once, in bytes: what the master says is short, and the buffer is cleared at
/// each read.
const READ_BYTES: usize = 4 << 10;
/// The header that says which worker dials: a token may stand for many names.
const NAME_HEADER: &str = "x-steading-worker";

/// A WebSocket to the master.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Knows where the master is and who this worker is.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    master: Master,
    name: String,
    token: String,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// Trying again does not help.
    #[error(transparent)]
    Fatal(#[from] Error),
    /// The master is away.
    #[error("{0}")]
    Away(String),
}

impl Dialer {
    /// For the master the options name.
    pub(crate) fn new(options: &Options) -> Dialer {
        Dialer {
            master: options.master.clone(),
            name: options.name.clone(),
            token: options.token.clone(),
        }
    }

    /// Where the master is now: `http://HOST:PORT`, without a slash at the end.
    pub(crate) fn base(&self) -> Result<String, DialError> {
        let address = match &self.master {
            Master::Url(url) => url.clone(),
            Master::DataDir(dir) => fs_err::read_to_string(dir.join("address"))
                .map_err(|error| DialError::Away(format!("no master is up: {error}")))?,
        };
        let address = address.trim().trim_end_matches('/');
        if address.is_empty() {
            return Err(DialError::Away("the file `address` is empty: no master is up".into()));
        }
        let why = match address.split_once("://") {
            Some(("http", rest)) if !rest.is_empty() => return Ok(address.to_owned()),
            Some(("https", _)) => "https is not served yet",
            _ => "it does not begin with http://",
        };
        Err(Error::Address { address: address.to_owned(), why: why.to_owned() }.into())
    }

    /// The two headers every request carries.
    pub(crate) fn headers(&self) -> Result<[(&'static str, HeaderValue); 2], DialError> {
        let unfit = |what: &str| Error::Address {
            address: format!("{:?}", self.master),
            why: format!("the worker's {what} holds characters no header can carry"),
        };
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token));
        let mut bearer = bearer.map_err(|_| unfit("token"))?;
        bearer.set_sensitive(true);
        let name = HeaderValue::from_str(&self.name).map_err(|_| unfit("name"))?;
        Ok([(AUTHORIZATION.as_str(), bearer), (NAME_HEADER, name)])
    }

    /// Opens a WebSocket at a path of the master.
    pub(crate) async fn dial(&self, path: &str) -> Result<Socket, DialError> {
        let base = self.base()?;
        let host = base.trim_start_matches("http://");
        let request = format!("ws://{host}{path}").into_client_request();
        let mut request =
            request.map_err(|e| Error::Address { address: base.clone(), why: e.to_string() })?;
        for (name, value) in self.headers()? {
            request.headers_mut().insert(name, value);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let dialling = connect_async_with_config(request, Some(config), true);
        match timeout(DIAL_MAX, dialling).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(error)) => Err(self.refused(base, &error)),
            Err(_) => Err(DialError::Away(format!("{base} does not answer"))),
        }
    }

    fn refused(&self, address: String, error: &tungstenite::Error) -> DialError {
        match error {
            tungstenite::Error::Http(answer)
                if matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                Error::Unauthorized { address, name: self.name.clone() }.into()
            }
            error => DialError::Away(format!("{address}: {error}")),
        }
    }
}
