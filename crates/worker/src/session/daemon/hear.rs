//! What is heard: from the master, from shepherds, or that a link is gone.

use std::time::Duration;

use steading_wire::worker::{Hello, Machine, PROTOCOL, ToMaster, ToWorker};
use tokio::time::Instant;

use super::{Daemon, every};
use crate::Error;
use crate::session::backoff::Backoff;
use crate::session::link::Link;
use crate::slots::Said;

impl Daemon {
    pub(super) fn greet(&mut self, (link, backoff): (Link, Backoff)) {
        self.dialling = None;
        self.backoff = backoff;
        self.link = Some(link);
        self.said = 0;
        let machine = self.machine.borrow_and_update().clone();
        self.work.observe(machine);
        let Machine { facts, troubles } = self.work.introduce();
        self.say(ToMaster::Hello(Hello {
            protocol: PROTOCOL,
            name: self.options.name.clone(),
            version: self.options.version.clone(),
            instance: Some(self.tools.instance.clone()),
            facts,
            troubles,
            held: self.work.held(),
        }));
    }

    pub(super) fn hear(&mut self, message: ToWorker) -> Result<(), Error> {
        match &message {
            ToWorker::Rejected { code, text } => {
                return Err(Error::Rejected {
                    name: self.options.name.clone(),
                    code: code.clone(),
                    text: text.clone(),
                });
            }
            ToWorker::Welcome { heartbeat_ms, .. } => {
                tracing::info!("the master welcomes worker {}", self.options.name);
                self.backoff.reset();
                self.beats(*heartbeat_ms);
                if !self.work.is_ending() {
                    self.deadline = None;
                }
                self.is_up.send_replace(true);
            }
            ToWorker::Restarting => tracing::info!("the master restarts; builds go on"),
            _ => {}
        }
        self.work.hear(message);
        Ok(())
    }

    /// The master wants a heartbeat so often.
    fn beats(&mut self, heartbeat_ms: u64) {
        let period = Duration::from_millis(heartbeat_ms.max(1));
        // Those that come back at once do not beat at once for it.
        if self.beat.period() != period {
            self.beat = every(period);
        }
    }

    pub(super) fn hear_slot(&mut self, said: Said) {
        match said {
            Said::Word(word) => self.work.hear_shepherd(word),
            Said::Lost(attempt, number, ending) => {
                self.work.shepherd_lost(attempt, number, ending);
            }
        }
        self.wait_for_master();
    }

    pub(super) fn lose_link(&mut self) {
        self.link = None;
        self.is_up.send_replace(false);
        let wait = self.backoff.next();
        self.redial(wait);
        self.wait_for_master();
    }

    pub(super) fn redial(&mut self, wait: Duration) {
        let dialer = self.tools.dialer.clone();
        let backoff = std::mem::take(&mut self.backoff);
        self.dialling = Some(Box::pin(async move {
            tokio::time::sleep(wait).await;
            Link::dial(dialer, backoff).await
        }));
    }

    /// From now on, an idle worker waits for its master only so long.
    pub(super) fn wait_for_master(&mut self) {
        if self.link.is_none() && !self.work.is_ending() {
            self.deadline = self.options.orphan_limit.map(|limit| Instant::now() + limit);
        }
    }
}
