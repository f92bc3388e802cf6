//! A link that can be cut: TCP on loopback, passed on to wherever the master listens now.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::farm::{Client, runtime};

/// What the link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It carries.
    Whole,
    /// Every connection is closed at once, also new ones.
    Cut,
    /// Connections stand, and nothing comes through: both ends believe in them.
    Silent,
}

/// The link of one worker.
pub(super) struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A whole link to the master this client finds.
    pub(super) fn start(master: Client) -> Proxy {
        let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let (state, states) = watch::channel(State::Whole);
        let task = runtime().spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, master.clone(), states.clone()));
            }
        });
        Proxy { address, state, task }
    }

    /// Where the worker dials.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it does this.
    pub(super) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Both directions of a connection, until an end closes it or it is cut.
async fn carry(near: TcpStream, master: Client, states: watch::Receiver<State>) -> Option<()> {
    let base = master.base().ok()?;
    let far = TcpStream::connect(base.strip_prefix("http://")?).await.ok()?;
    let (near_reads, near_writes) = near.into_split();
    let (far_reads, far_writes) = far.into_split();
    let mut until_cut = states.clone();
    tokio::select! {
        () = pass(near_reads, far_writes, states.clone()) => {}
        () = pass(far_reads, near_writes, states) => {}
        _ = until_cut.wait_for(|state| *state == State::Cut) => {}
    }
    Some(())
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut states: watch::Receiver<State>) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let carries = states.wait_for(|state| *state == State::Whole).await.is_ok();
        if !carries || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
