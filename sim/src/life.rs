//! One life of the master: from its start over what an earlier one left to its death or its stop.
//! All its tasks run on one runtime, which dies with it.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ws::Message;
use axum::http::{HeaderMap, Request, StatusCode};
use steading_core::words::Seq;
use steading_master::{Link, Master, Programs, Sources};
use steading_store::archive::Archive;
use steading_store::{Error, Follow, NewToken, Options, Run, Store};
use steading_wire::command::{Answer, Command};
use steading_wire::problem::Problem;
use steading_wire::worker::Attempt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tower_service::Service as _;

use crate::disk::{BATCH, Disk};
use crate::socket::{LinkId, Socket};

/// The secret every simulated worker shows.
const SECRET: &str = "the workers of the simulation";

/// What a master does that the world sees.
#[derive(Debug)]
pub(crate) enum Out {
    /// A dial was answered: served, or refused with a status.
    Dialled(LinkId, Result<(), StatusCode>),
    /// It said something on a link.
    Said(LinkId, Message),
    /// It hung up.
    Hung(LinkId),
    /// It answered what somebody asked.
    Answered(usize, Box<Result<Answer, Problem>>),
    /// It answered an upload.
    Uploaded(Upload, StatusCode),
}

/// A file on its way: whose, of which step, from which life of which machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) machine: usize,
    pub(crate) life: u64,
    pub(crate) attempt: Attempt,
    pub(crate) number: i64,
    /// Tells it from an earlier one of the same step.
    pub(crate) serial: u64,
}

/// A master that lives.
pub(crate) struct Life {
    master: Arc<Master>,
    store: Store,
    archive: Archive,
    out: UnboundedSender<Out>,
    /// Its newest event.
    pub(crate) newest: Follow<Seq>,
}

/// The options of the history in a data directory.
pub(crate) fn options(data: &Path, disk: &Disk, rehearse: bool) -> Options {
    let clock = disk.clone();
    let run = Run::Inline(disk.hook());
    Options { run, rehearse, ..Options::new(data, move || clock.now()) }
}

impl Life {
    /// Starts a master; on a first start, its workers' token is made known.
    pub(crate) async fn start(
        options: Options,
        disk: &Disk,
        data: &Path,
        (sources, programs): (Sources, Programs),
        out: UnboundedSender<Out>,
    ) -> Result<Life, String> {
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        let store = Store::open(options).map_err(|e| failed(&e))?;
        crowd(&store, disk);
        tokio::task::yield_now().await;
        let newest = store.read(|r| r.newest_event_at()).await.map_err(|e| failed(&e))?;
        newest.into_iter().for_each(|newest| disk.not_before(newest));
        let archive = Archive::open_inline(data).map_err(|e| failed(&e))?;
        let loaded = steading_config::load(data).map_err(|e| failed(&e))?;
        let (farm_dir, data) = (data.to_owned(), data.to_owned());
        let options = steading_master::Options {
            store: store.clone(),
            archive: archive.clone(),
            farm_dir,
            data,
            loaded,
            sources,
            programs,
        };
        let master = steading_master::start(options).await.map_err(|e| failed(&e))?;
        let token = NewToken {
            name: "workers".to_owned(),
            scope: "worker".to_owned(),
            hash: crate::content::hash(SECRET.as_bytes()),
            worker: Some("*".to_owned()),
            expires_at: None,
        };
        let known = store.write("token.add", move |w| w.add_token(&token)).await;
        known.map_err(|e| failed(&e))?;
        let newest = store.seq();
        Ok(Life { master: Arc::new(master), store, archive, out, newest })
    }

    /// Serves a link of a worker; the world hears how that went.
    pub(crate) fn dial(&self, link: LinkId, kind: Link) -> UnboundedSender<Message> {
        let (say, heard) = unbounded_channel();
        let socket = Socket { link, heard, out: self.out.clone() };
        let (master, out) = (Arc::clone(&self.master), self.out.clone());
        tokio::spawn(async move {
            let served = master.dial(kind, &headers(), socket).await;
            let served = served.map(drop).map_err(|(status, _)| status);
            let _ = out.send(Out::Dialled(link, served));
        });
        say
    }

    /// Asks something; the world hears the answer under this number.
    pub(crate) fn ask(&self, number: usize, command: Command, key: Option<String>) {
        let (handle, out) = (self.master.commands(), self.out.clone());
        tokio::spawn(async move {
            let answer = handle.ask(command, "ann".to_owned(), key).await;
            let _ = out.send(Out::Answered(number, Box::new(answer)));
        });
    }

    /// Begins to send a file to the archive; its parts follow on the way that is given back. An
    /// error on it is a connection that breaks.
    pub(crate) fn upload(&self, upload: Upload) -> UnboundedSender<Result<Vec<u8>, Error>> {
        let Attempt { request, epoch } = upload.attempt;
        let number = upload.number;
        let uri = format!(
            "/worker/v1/artifacts?request={request}&epoch={epoch}&step={number}&path=out/file"
        );
        let (parts, coming) = unbounded_channel();
        let coming = futures_util::stream::unfold(coming, async |mut coming| {
            coming.recv().await.map(|part| (part, coming))
        });
        let body = Body::from_stream(coming);
        let mut request = Request::put(uri).body(body).expect("a plain address");
        *request.headers_mut() = headers();
        let (mut routes, out) = (self.master.routes(), self.out.clone());
        tokio::spawn(async move {
            let answer = routes.call(request).await;
            let status = answer.map_or(StatusCode::INTERNAL_SERVER_ERROR, |a| a.status());
            let _ = out.send(Out::Uploaded(upload, status));
        });
        parts
    }

    /// The bytes it keeps.
    pub(crate) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Stops it as `SIGTERM` does; the world goes on meanwhile.
    pub(crate) fn stop(&self, how: steading_master::Stop) -> JoinHandle<()> {
        let (master, store) = (Arc::clone(&self.master), self.store.clone());
        tokio::spawn(async move {
            if let Err(error) = master.stop(how).await {
                tracing::debug!("it did not stop cleanly: {error}");
            }
            let _ = store.close().await;
        })
    }
}

/// Others who write whenever somebody does.
fn crowd(store: &Store, disk: &Disk) {
    for _ in 0..BATCH {
        let (store, disk) = (store.clone(), disk.clone());
        tokio::spawn(async move {
            loop {
                disk.called().await;
                if store.write("sim.crowd", |_| Ok(())).await == Err(Error::Closed) {
                    return;
                }
            }
        });
    }
}

fn headers() -> HeaderMap {
    let bearer = format!("Bearer {SECRET}").parse().expect("plain letters");
    HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, bearer)])
}
