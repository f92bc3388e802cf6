//! Workers in their classes, and the free ones in their rooms.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::super::facts::Seat;
use super::super::locks::Taken;
use super::super::memo::{Attribute, Views};
use super::graph::{Desk, Head, Room};
use super::heap::Owner;
use super::key::Key;
use super::link::WorkerLook;
use super::live_order::{Live, With};
use super::recipes::number;
use super::terms::{Side, side};
use crate::farm::WorkerView;

/// Where a worker belongs: its class, what it says, and its room while it is free.
struct Spot {
    class: u32,
    key: Key,
    room: Option<(Vec<Taken>, Option<u32>)>,
}

impl Live {
    /// The desk of a worker of that name, known or not.
    pub(super) fn desk(&mut self, name: &str) -> u32 {
        if let Some(known) = self.index.desks.get(name) {
            return *known;
        }
        let new = number(self.graph.desks.len());
        let label = self.names.number(&name.to_owned()).unwrap_or_else(|| {
            self.terms.crowded = true;
            0
        });
        self.graph.desks.push(Desk {
            name: name.to_owned(),
            view: None,
            told: 0,
            class: None,
            head: Head { key: self.terms.zero(), label, worker: new },
            room: None,
            broken: false,
            pinned: Vec::new(),
        });
        self.index.desks.insert(name.to_owned(), new);
        new
    }

    /// Its class is to be worked out again, even if nothing about it changed.
    pub(super) fn look_again(&mut self, desk: u32) {
        self.graph.desks[desk as usize].view = None;
        self.again.insert(desk);
    }

    /// Puts a worker where it belongs now.
    pub(super) fn place_worker(&mut self, at: u32, with: &mut With<'_>) {
        let world = with.world;
        let Some(seat) = world.seats.get(&self.graph.desks[at as usize].name) else {
            self.stand_up(at);
            self.change_class(at, None, with);
            return;
        };
        let class = self.class_of(at, seat, with);
        let seen = self.graph.worker(class).seen;
        if !seen {
            self.sight.wait(class, at);
        }
        let key = self.key_of(at, seat, with);
        let room = (seen && key.is_some() && seat.is_open()).then(|| self.room_of(at, seat, with));
        let broken = key.is_none();
        let spot = Spot { class, key: key.unwrap_or_else(|| self.terms.zero()), room };
        let desk = &mut self.graph.desks[at as usize];
        desk.broken = broken;
        match &mut desk.view {
            Some(view) if desk.told == seat.told => view.busy_slots = seat.view.busy_slots,
            Some(view) if view.labels == seat.view.labels => {
                (view.slots, view.busy_slots) = (seat.view.slots, seat.view.busy_slots);
                view.last_builder.clone_from(&seat.view.last_builder);
            }
            view => *view = Some(seat.view.clone()),
        }
        desk.told = seat.told;
        self.take_place(at, spot, with);
    }

    fn take_place(&mut self, at: u32, spot: Spot, with: &mut With<'_>) {
        let old = &self.graph.desks[at as usize];
        let room = old.class.zip(old.room);
        let room = room.map(|(class, at)| &self.graph.worker(class).rooms[at]);
        let room = room.map(|room| (&room.held, room.alone));
        let there = spot.room.as_ref().map(|(held, alone)| (held, *alone));
        let stays = old.class == Some(spot.class) && room == there;
        if stays && old.head.key == spot.key {
            return;
        }
        let rose = !stays || spot.key > old.head.key;
        self.stand_up(at);
        self.change_class(at, Some(spot.class), with);
        self.graph.desks[at as usize].head.key = spot.key;
        let Some((held, alone)) = spot.room else { return };
        self.sit_down(at, spot.class, held, alone);
        if rose {
            self.offer_in_all_lanes(spot.class, Some(at));
            for class in self.graph.desks[at as usize].pinned.clone() {
                self.heaps.bid(&self.graph, class);
            }
        }
    }

    /// Each lane's offer of a worker class; with a worker, only where that one is the head.
    pub(super) fn offer_in_all_lanes(&mut self, class: u32, head: Option<u32>) {
        let mut written = std::mem::take(&mut self.written);
        let graph = &self.graph;
        for back in graph.worker(class).back.chunk_by(|a, b| a.lane == b.lane) {
            let lane = back[0].lane;
            let Some(seat) = graph.head(class, lane) else { continue };
            if !graph.lane(lane).asleep && head.is_none_or(|head| head == seat.worker) {
                written.push((lane, graph.offer_of(back, seat, |_| false)));
            }
        }
        for (lane, found) in written.drain(..) {
            self.heaps.put(lane, Owner::Offer(class), found);
        }
        self.written = written;
    }

    fn class_of(&mut self, at: u32, seat: &Seat, with: &mut With<'_>) -> u32 {
        let (desk, view) = (&self.graph.desks[at as usize], &seat.view);
        if let Some(class) = desk.class.filter(|_| desk.looks_as(seat, &self.reads)) {
            return class;
        }
        let own = self.recipes.own_names.keys();
        let units = own.map(|lock| with.world.locks.get(lock).map_or(0, |l| l.units(&view.name)));
        let look = WorkerLook {
            lists: self.recipes.lists_of(&view.name),
            units: units.collect(),
            labels: self.recipes.labels.iter().map(|l| view.labels.get(l).cloned()).collect(),
            seen: self.seen(Views { request: None, worker: Some(view) }),
        };
        self.worker_class(look, view)
    }

    fn key_of(&mut self, at: u32, seat: &Seat, with: &mut With<'_>) -> Option<Key> {
        let desk = &self.graph.desks[at as usize];
        if desk.looks_as(seat, &with.memory.memo.worker_reads) {
            return (!desk.broken).then(|| desk.head.key.clone());
        }
        self.worker_key(&seat.view, with)
    }

    /// What the terms say that look at workers alone.
    fn worker_key(&mut self, view: &WorkerView, with: &mut With<'_>) -> Option<Key> {
        let mut key = self.terms.zero();
        let views = Views { request: None, worker: Some(view) };
        for place in 0..self.terms.list.len() {
            let term = &self.terms.list[place];
            if side(term) == Side::Worker {
                let ranked = with.memory.judge(with.moment).term(term, views).ok()?;
                key.set(place, self.terms.number(place, ranked.value()));
            }
        }
        Some(key)
    }

    fn room_of(&self, at: u32, seat: &Seat, with: &With<'_>) -> (Vec<Taken>, Option<u32>) {
        let own = self.recipes.own_names.keys();
        let held = with.world.books.taken_on(&seat.view.name, own);
        let wants_own = |class: &u32| {
            let class = self.graph.request(*class);
            class.head().is_some() && !self.graph.lane(class.lane).own.is_empty()
        };
        let alone = self.graph.desks[at as usize].pinned.iter().any(wants_own);
        (held, alone.then_some(at))
    }

    fn change_class(&mut self, at: u32, class: Option<u32>, with: &mut With<'_>) {
        let old = std::mem::replace(&mut self.graph.desks[at as usize].class, class);
        if old == class {
            return;
        }
        if let Some(class) = class {
            self.graph.workers[class as usize].members += 1;
        }
        for request in self.graph.desks[at as usize].pinned.clone() {
            self.link_pinned(request, at, with);
        }
        if let Some(old) = old {
            let class = &mut self.graph.workers[old as usize];
            class.members -= 1;
            if class.members == 0 {
                self.worker_class_emptied(old);
            }
        }
        if class.is_none() {
            self.graph.desks[at as usize].view = None;
        }
    }

    fn sit_down(&mut self, at: u32, class: u32, held: Vec<Taken>, alone: Option<u32>) {
        let rooms = &mut self.graph.workers[class as usize].rooms;
        let same = rooms.iter().position(|room| room.held == held && room.alone == alone);
        let room = same.or_else(|| rooms.iter().position(|room| room.free.is_empty()));
        let room = room.unwrap_or_else(|| {
            rooms.push(Room::default());
            rooms.len() - 1
        });
        (rooms[room].held, rooms[room].alone) = (held, alone);
        let desk = &mut self.graph.desks[at as usize];
        desk.room = Some(room);
        rooms[room].free.insert((Reverse(desk.head.key.clone()), desk.head.label, at));
        self.renew_room(class, room);
    }

    fn stand_up(&mut self, at: u32) {
        let desk = &mut self.graph.desks[at as usize];
        let (Some(room), Some(class)) = (desk.room.take(), desk.class) else { return };
        let entry = (Reverse(desk.head.key.clone()), desk.head.label, at);
        self.graph.workers[class as usize].rooms[room].free.remove(&entry);
        self.renew_room(class, room);
    }

    /// The first of the room is its head, and the best of the heads is the class's.
    fn renew_room(&mut self, at: u32, room: usize) {
        self.standings.forget_granted(at);
        let class = &mut self.graph.workers[at as usize];
        let first = class.rooms[room].free.first();
        class.rooms[room].head = first.map(|(key, label, worker)| Head {
            key: key.0.clone(),
            label: *label,
            worker: *worker,
        });
        let heads = class.rooms.iter().enumerate().filter_map(|(n, r)| Some((n, r.head.as_ref()?)));
        let best = heads.reduce(|a, b| if b.1.beats(a.1) { b } else { a }).map(|(n, _)| n);
        let was_free = class.best_room.is_some();
        class.best_room = best;
        match (was_free, best.is_some()) {
            (false, true) => {
                class.free_at = self.graph.free.len();
                self.graph.free.push(at);
            }
            (true, false) => {
                let was_at = class.free_at;
                self.graph.free.swap_remove(was_at);
                if let Some(moved) = self.graph.free.get(was_at) {
                    self.graph.workers[*moved as usize].free_at = was_at;
                }
            }
            _ => {}
        }
    }
}

impl Desk {
    /// Whether a worker looks as when it was placed, to functions that read these attributes.
    fn looks_as(&self, seat: &Seat, reads: &BTreeSet<Attribute>) -> bool {
        let (Some(old), new) = (&self.view, &seat.view) else { return false };
        // There are few of them, and this is asked for each event: no name is made to look one up.
        let read =
            |field: &str| reads.iter().any(|it| matches!(it, Attribute::Worker(f) if f == field));
        let same_told = || {
            (old.last_builder == new.last_builder || !read("last_builder"))
                && old.slots == new.slots
                && old.labels == new.labels
        };
        (old.busy_slots == new.busy_slots || !read("busy_slots"))
            && (self.told == seat.told || same_told())
    }
}
