//! Store, archive, master and web in one process, in the order in which they depend on each other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use steading_config::Loaded;
use steading_master::{Master, Programs, Running, Sources, Stop};
use steading_store::Store;
use steading_store::archive::Archive;
use steading_wire::command::Handle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::listen::{Passed, listen};
use super::tokens::keep_admin_token;
use super::{Error, Place};
use crate::clock;

/// How long open connections may delay the end.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// What a house is started with.
pub(super) struct Options {
    pub(super) place: Place,
    pub(super) loaded: Loaded,
    /// `HOST:PORT`.
    pub(super) listen: String,
    /// A socket that listens already, in place of that.
    pub(super) passed: Passed,
    /// Host names it answers to besides its address.
    pub(super) allowed_hosts: Vec<String>,
    /// Where builds come from besides commands.
    pub(super) sources: Sources,
}

/// A running farm, without workers.
pub(super) struct House {
    place: Place,
    store: Store,
    master: Arc<Master>,
    bound: SocketAddr,
    stopping: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl House {
    /// Locks the data directory and starts everything in it. It listens when this returns.
    pub(super) async fn start(options: Options) -> Result<House, Error> {
        let Options { place, loaded, listen: address, .. } = options;
        place.make_data()?;
        let clock = clock::Farm::start();
        let tells = clock.clone();
        let store = Store::open(steading_store::Options::new(&place.data, move || tells.now()))?;
        clock.follow(&store).await?;
        let archive = Archive::open(&place.data)?;
        let (listener, bound) = listen(&address, options.passed).await?;
        let master = steading_master::start(steading_master::Options {
            store: store.clone(),
            archive: archive.clone(),
            farm_dir: place.farm.clone(),
            data: place.data.clone(),
            loaded,
            sources: options.sources,
            programs: Programs::Processes,
        });
        let master = Arc::new(master.await?);
        keep_admin_token(&place, &store, &master).await?;
        let stopping = CancellationToken::new();
        let web = steading_web::State::new(steading_web::Options {
            store: store.clone(),
            archive,
            commands: master.commands(),
            version: env!("CARGO_PKG_VERSION"),
            bound,
            allowed_hosts: options.allowed_hosts,
            stopping: stopping.clone(),
        });
        let routes = steading_web::routes(web).merge(master.routes());
        let server = tokio::spawn(serve(listener, routes, stopping.clone()));
        place.write("address", &format!("http://{}", reachable(bound)))?;
        Ok(House { place, store, master, bound, stopping, server })
    }

    /// The address people and workers on this machine use.
    pub(super) fn url(&self) -> String {
        format!("http://{}", reachable(self.bound))
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The master, for those who start local workers.
    pub(super) fn master(&self) -> Arc<Master> {
        self.master.clone()
    }

    /// History, for those who wait for news.
    pub(super) fn store(&self) -> Store {
        self.store.clone()
    }

    /// Where commands go.
    pub(super) fn commands(&self) -> Handle {
        self.master.commands()
    }

    /// Stops the master; says what still runs. Every other user of the master must be gone.
    pub(super) async fn stop_master(self, how: Stop) -> Result<(Closing, Vec<Running>), Error> {
        let House { place, store, master, stopping, server, .. } = self;
        let running = match Arc::try_unwrap(master) {
            Ok(master) => master.stop(how).await?,
            Err(_) => unreachable!("local workers give the master back before it is stopped"),
        };
        Ok((Closing { place, store, stopping, server }, running))
    }
}

/// What is left after the master: connections and history.
pub(super) struct Closing {
    place: Place,
    store: Store,
    stopping: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl Closing {
    /// Ends connections and closes history.
    pub(super) async fn close(self) -> Result<(), Error> {
        self.place.remove("address");
        self.stopping.cancel();
        if tokio::time::timeout(CLOSE_WAIT, self.server).await.is_err() {
            tracing::debug!("connections were still open at the end");
        }
        Ok(self.store.close().await?)
    }
}

async fn serve(
    listener: TcpListener,
    routes: axum::Router,
    stopping: CancellationToken,
) -> std::io::Result<()> {
    // A message to a worker is small and leaves at once: to wait for the acknowledgement of the one
    // before it costs 40 ms, several times a build.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a connection will be slow: {error}");
        }
    });
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let ended = async move { stopping.cancelled().await };
    let served = axum::serve(listener, service).with_graceful_shutdown(ended).await;
    if let Err(error) = &served {
        tracing::error!("the listener failed: {error}");
    }
    served
}

/// Who listens on every address is reached on loopback.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        other => other.ip(),
    };
    SocketAddr::new(ip, bound.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farm_on_every_address_is_reached_on_loopback() {
        let check = |bound: &str, expected: &str| {
            assert_eq!(reachable(bound.parse().expect("an address")).to_string(), expected);
        };
        check("0.0.0.0:8040", "127.0.0.1:8040");
        check("[::]:8040", "[::1]:8040");
        check("192.0.2.7:80", "192.0.2.7:80");
    }
}
