//! Files on their way to the archive: part by part, cut with the link they go over.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::http::StatusCode;
use steading_store::Error;
use steading_wire::worker::Attempt;
use tokio::sync::mpsc::UnboundedSender;

use super::{Happens, World};
use crate::content;
use crate::life::Upload;

/// How many parts a file has.
const PARTS: usize = 3;
/// How long a worker waits before it sends a file again, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// The files on their way.
#[derive(Debug, Default)]
pub(crate) struct Uploads(BTreeMap<u64, Sending>);

#[derive(Debug)]
struct Sending {
    upload: Upload,
    /// Gone when all of it is sent.
    parts: Option<UnboundedSender<Result<Vec<u8>, Error>>>,
    sent: usize,
    every_ms: u64,
}

impl Uploads {
    /// Whether one of this machine is half sent.
    pub(crate) fn any(&self, machine: Option<usize>) -> bool {
        self.0.values().any(|it| machine.is_none_or(|machine| it.upload.machine == machine))
    }
}

impl World {
    /// A machine begins to send a file.
    pub(super) fn upload(&mut self, machine: usize, attempt: Attempt, number: i64) {
        let life = self.machines[machine].life;
        let sends = |it: &Sending| {
            let Upload { machine: m, life: l, attempt: a, number: n, .. } = it.upload;
            (m, l, a, n) == (machine, life, attempt, number)
        };
        if self.uploads.0.values().any(sends) {
            return;
        }
        self.serial += 1;
        let upload = Upload { machine, life, attempt, number, serial: self.serial };
        let cut = self.network[machine].cut_to_master > self.now;
        let Some(master) = self.life.as_ref().filter(|_| !cut) else {
            return self.upload_again(upload);
        };
        let parts = Some(master.upload(upload));
        let most_ms = *self.chance.pick(&[2, 500, 8_000]);
        let every_ms = self.chance.range(1, most_ms);
        self.uploads.0.insert(upload.serial, Sending { upload, parts, sent: 0, every_ms });
        self.at(self.now + every_ms, Happens::Part(upload.serial));
    }

    /// The next part of a file goes out, if its machine can send.
    pub(super) fn part(&mut self, serial: u64) {
        let Entry::Occupied(mut entry) = self.uploads.0.entry(serial) else { return };
        let Sending { upload, parts, sent, every_ms } = entry.get_mut();
        let machine = &self.machines[upload.machine];
        let wants = machine.life == upload.life && machine.sends(upload.attempt, upload.number);
        if !wants {
            // Whoever sent it is gone, or was told to stop.
            let _ = parts.as_ref().map(|parts| parts.send(Err(Error::Closed)));
            entry.remove();
            return;
        }
        let network = &self.network[upload.machine];
        let held = network.cut_to_master.max(network.paused);
        let (next, serial) = (self.now + *every_ms, upload.serial);
        if held > self.now {
            return self.at(held, Happens::Part(serial));
        }
        let file = content::left(upload.attempt, upload.number);
        let part = file.chunks(file.len().div_ceil(PARTS)).nth(*sent).map(<[u8]>::to_vec);
        *sent += 1;
        if let (Some(part), Some(parts)) = (part, &*parts) {
            let _ = parts.send(Ok(part));
            return self.at(next, Happens::Part(serial));
        }
        *parts = None;
    }

    /// The master answered an upload: it is heard as soon as something passes.
    pub(super) fn upload_answered(&mut self, upload: Upload, status: StatusCode) {
        let network = &self.network[upload.machine];
        let held = network.cut_to_machine.max(network.paused);
        if held > self.now {
            return self.at(held, Happens::Uploaded(upload, status));
        }
        if self.uploads.0.remove(&upload.serial).is_none() {
            return;
        }
        let machine = &mut self.machines[upload.machine];
        if machine.life == upload.life && machine.lives() {
            let acts = machine.uploaded(upload.attempt, upload.number, status.as_u16(), self.now);
            self.carry_out(upload.machine, acts);
        }
    }

    /// The master is gone: what was on its way to it is sent again.
    pub(super) fn uploads_break(&mut self) {
        for sending in std::mem::take(&mut self.uploads.0).into_values() {
            self.upload_again(sending.upload);
        }
    }

    fn upload_again(&mut self, upload: Upload) {
        let Upload { machine, life, attempt, number, .. } = upload;
        let own = crate::machine::Own::Sends(attempt, number);
        self.at(self.now + AGAIN_MS, Happens::Own(machine, life, own));
    }
}
