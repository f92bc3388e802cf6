//! Signals of a server: stop, stop now, reload.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What was signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signalled {
    /// SIGINT: a person at the keyboard.
    Interrupt,
    /// SIGTERM: a service manager.
    Terminate,
    /// SIGHUP: read farm.star again.
    Reload,
}

/// The signals, caught from now on.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    reload: Signal,
}

impl Signals {
    /// Catches them.
    pub(super) fn catch() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signalled {
        tokio::select! {
            _ = self.interrupt.recv() => Signalled::Interrupt,
            _ = self.terminate.recv() => Signalled::Terminate,
            _ = self.reload.recv() => Signalled::Reload,
        }
    }

    /// The next one that means stop.
    pub(super) async fn stop(&mut self) -> Signalled {
        loop {
            match self.next().await {
                Signalled::Reload => {}
                stop => return stop,
            }
        }
    }
}
