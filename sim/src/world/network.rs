//! Links: what goes on one arrives after a while, in order unless order is what is wrong.

use axum::extract::ws::Message;
use steading_master::Link;
use steading_wire::worker::{BulkToMaster, BulkToWorker, ToMaster, ToWorker, decode};

use super::{Happens, World};
use crate::machine::Frame;
use crate::mutant::Mutant;
use crate::socket::LinkId;

impl World {
    /// Something goes onto a link: it arrives after a while, in order unless order is what is
    /// wrong.
    pub(super) fn send(&mut self, link: LinkId, to_master: bool, frame: Frame) {
        let Some(route) = self.routes.get_mut(&link) else { return };
        let network = &self.network[route.machine];
        let message = matches!(frame, Frame::Message(_));
        if self.mutant == Some(Mutant::LosesMessages) && message && self.chance.chance(10) {
            return;
        }
        let slow = if network.slow > self.now { self.chance.below(3_000) } else { 0 };
        let mut ms = self.now + self.chance.below(4) + slow;
        let shuffled = self.shuffles_until > self.now && message && route.kind == Link::Control;
        let last = &mut route.last_ms[usize::from(to_master)];
        ms = ms.max(*last);
        if shuffled && !is_about_now(&frame) {
            ms += self.chance.below(500);
        } else {
            *last = ms;
        }
        if self.repeats_until > self.now
            && message
            && !is_about_now(&frame)
            && self.chance.chance(200)
        {
            let frame = frame.clone();
            let later = ms + self.chance.below(2_000);
            self.at(later, Happens::Arrives { link, to_master, frame });
        }
        self.at(ms, Happens::Arrives { link, to_master, frame });
    }

    pub(super) fn arrives(&mut self, link: LinkId, to_master: bool, frame: Frame) {
        let Some(route) = self.routes.get_mut(&link) else { return };
        let network = &self.network[route.machine];
        let held = match to_master {
            true => network.cut_to_master,
            false => network.cut_to_machine.max(network.paused),
        };
        if held > self.now {
            route.last_ms[usize::from(to_master)] = held;
            return self.at(held, Happens::Arrives { link, to_master, frame });
        }
        let now = self.now;
        self.trace
            .note(now, || format!("{link:?} {} {}", side(to_master), shown(to_master, &frame)));
        if to_master {
            self.arrives_at_master(link, frame);
            return;
        }
        let (machine, life) = (route.machine, route.life);
        if frame == Frame::Close {
            self.routes.remove(&link);
        }
        if self.machines[machine].life == life && self.machines[machine].lives() {
            let acts = self.machines[machine].hear(link, frame, self.now);
            self.carry_out(machine, acts);
        }
    }

    fn arrives_at_master(&mut self, link: LinkId, frame: Frame) {
        let Some(route) = self.routes.get_mut(&link) else { return };
        if route.master != self.lives || self.life.is_none() {
            return;
        }
        let Some(say) = &route.say else { return };
        let gone = match frame {
            Frame::Message(bytes) => say.send(Message::Binary(bytes.into())).is_err(),
            Frame::Ping => {
                let gone = say.send(Message::Ping(Default::default())).is_err();
                if !gone {
                    self.send(link, false, Frame::Pong);
                }
                gone
            }
            Frame::Close => true,
            Frame::Pong | Frame::Served => false,
        };
        if gone && let Some(route) = self.routes.get_mut(&link) {
            route.say = None;
        }
    }

    /// The master's process is gone: its links break.
    pub(crate) fn master_gone(&mut self) {
        self.life = None;
        self.master_paused = 0;
        self.uploads_break();
        let links: Vec<LinkId> = self.routes.keys().copied().collect();
        for link in links {
            if let Some(route) = self.routes.get_mut(&link) {
                route.say = None;
            }
            self.send(link, false, Frame::Close);
        }
    }
}

/// A session begins with what its worker says of itself: one link keeps that in its place, and
/// nobody repeats it. Everything else is numbered, or addressed by an attempt: it may come twice,
/// later, and in another order.
fn is_about_now(frame: &Frame) -> bool {
    match frame {
        Frame::Message(bytes) => {
            // A worker of protocol 2 does not number its heartbeats.
            let said = decode::<ToMaster>(bytes);
            matches!(said, Ok(ToMaster::Hello(_) | ToMaster::Heartbeat { number: 0, .. }))
        }
        _ => false,
    }
}

fn side(to_master: bool) -> &'static str {
    if to_master { "→ master:" } else { "→ worker:" }
}

fn shown(to_master: bool, frame: &Frame) -> String {
    let Frame::Message(bytes) = frame else { return format!("{frame:?}") };
    let control = match to_master {
        true => decode::<ToMaster>(bytes).map(|m| format!("{m:?}")),
        false => decode::<ToWorker>(bytes).map(|m| format!("{m:?}")),
    };
    let bulk = |bytes: &[u8]| match to_master {
        true => decode::<BulkToMaster>(bytes).map(|m| match m {
            BulkToMaster::Block { log, raw_offset, .. } => format!("block {log:?} {raw_offset}"),
            BulkToMaster::Tail { log, .. } => format!("tail {log:?}"),
            BulkToMaster::Close { log, bytes, .. } => format!("close {log:?} {bytes}"),
        }),
        false => decode::<BulkToWorker>(bytes).map(|m| format!("{m:?}")),
    };
    control.or_else(|_| bulk(bytes)).unwrap_or_else(|error| error.to_string())
}
