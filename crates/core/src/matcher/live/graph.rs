//! The sparse graph of request classes and worker classes, and the best tuples along its edges.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::facts::Pending;
use super::super::locks::Taken;
use super::key::{Key, Rank};
use super::queue::{Front, Queue};
use crate::farm::WorkerView;
use crate::words::{Access, RequestId};

/// A request class and a worker class that may meet, and the number of what the pair terms say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// The class at the other end.
    pub(super) class: u32,
    pub(super) pair: u32,
}

/// Requests that look alike to whatever also looks at workers.
#[derive(Debug, Clone)]
pub(super) struct RequestClass {
    pub(super) lane: u32,
    pub(super) group: u32,
    /// The only worker that may build them.
    pub(super) pinned: Option<u32>,
    pub(super) sample: Arc<Pending>,
    /// By worker class.
    pub(super) edges: Vec<Edge>,
    pub(super) queue: Queue,
    /// Its place among the classes of its lane that have requests.
    pub(super) filled_at: usize,
    /// Whether it was held against all classes of workers seen.
    pub(super) seen: bool,
}

impl RequestClass {
    /// The best of its requests, once it is seen.
    pub(super) fn head(&self) -> Option<&Front> {
        self.queue.first().filter(|_| self.seen)
    }
}

/// An edge as the worker class knows it, by lane, then by request class, whose group it repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Back {
    pub(super) lane: u32,
    pub(super) class: u32,
    pub(super) pair: u32,
    pub(super) group: u32,
}

/// The head of a request class, apart from the class and within one cache line: whoever looks at
/// all edges of a worker class reads nothing else of most request classes.
#[derive(Debug, Clone, Default)]
#[repr(align(64))]
pub(super) struct Row(Option<Front>);

/// Workers that look alike to whatever also looks at requests, free or not.
#[derive(Debug, Clone)]
pub(super) struct WorkerClass {
    pub(super) sample: WorkerView,
    /// Units of each lock that workers have for themselves.
    pub(super) units: Vec<i64>,
    /// Sorted; without the pinned ones.
    pub(super) back: Vec<Back>,
    /// Its free workers, apart by what is held of their own locks.
    pub(super) rooms: Vec<Room>,
    /// The room of the best free worker.
    pub(super) best_room: Option<usize>,
    /// Its place among the classes that have free workers.
    pub(super) free_at: usize,
    pub(super) members: usize,
    /// Whether it was held against all classes of requests seen: until then nobody of it is free.
    pub(super) seen: bool,
}

impl WorkerClass {
    /// Its edges in a lane.
    pub(super) fn back_in(&self, lane: u32) -> &[Back] {
        let start = self.back.partition_point(|edge| edge.lane < lane);
        let back = &self.back[start..];
        &back[..back.partition_point(|edge| edge.lane == lane)]
    }
}

/// Free workers of a class that have equally much left of their own locks.
#[derive(Debug, Clone, Default)]
pub(super) struct Room {
    pub(super) held: Vec<Taken>,
    /// A worker apart from its like, as pinned requests want locks of its own.
    pub(super) alone: Option<u32>,
    /// Best first.
    pub(super) free: BTreeSet<(Reverse<Key>, i64, u32)>,
    pub(super) head: Option<Head>,
}

/// A free worker: what it says of a tuple, the number of its name, and which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) key: Key,
    pub(super) label: i64,
    pub(super) worker: u32,
}

impl Head {
    pub(super) fn beats(&self, other: &Head) -> bool {
        (&self.key, Reverse(self.label)) > (&other.key, Reverse(other.label))
    }
}

/// A worker, known or only named by a pin.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    pub(super) name: String,
    /// As it was when it was placed; `None` when the worker is not known.
    pub(super) view: Option<WorkerView>,
    /// Which time of being told that was.
    pub(super) told: u64,
    pub(super) class: Option<u32>,
    pub(super) head: Head,
    /// Its room in the class, while it is free.
    pub(super) room: Option<usize>,
    /// A term that looks at it alone failed.
    pub(super) broken: bool,
    /// The request classes pinned to it.
    pub(super) pinned: Vec<u32>,
}

/// Requests with equal needs for locks; the first lane needs none.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    /// Of the farm's locks.
    pub(super) farm: Vec<(usize, Access)>,
    /// Of the worker's own locks.
    pub(super) own: Vec<(usize, Access)>,
    /// Its classes that have requests.
    pub(super) filled: Vec<u32>,
    /// Nobody can get anything of the farm's locks it needs: its heap is empty and stays so.
    pub(super) asleep: bool,
}

impl Lane {
    /// Whether the worker's own locks decide alone.
    pub(super) fn is_own(&self) -> bool {
        self.farm.is_empty() && !self.own.is_empty()
    }
}

/// Both kinds of classes, and what their tuples are made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) requests: Vec<RequestClass>,
    /// By request class.
    rows: Vec<Row>,
    pub(super) workers: Vec<WorkerClass>,
    pub(super) desks: Vec<Desk>,
    pub(super) lanes: Vec<Lane>,
    /// What each group says.
    pub(super) groups: Vec<Key>,
    /// What pair terms say, by the number in the edges.
    pub(super) pairs: Vec<Key>,
    /// Worker classes that have free workers.
    pub(super) free: Vec<u32>,
    /// The lanes that need a lock of the workers' own.
    pub(super) own_lanes: Vec<Vec<(u32, Access)>>,
}

impl Graph {
    pub(super) fn request(&self, class: u32) -> &RequestClass {
        &self.requests[class as usize]
    }

    /// The head of a request class.
    pub(super) fn front(&self, class: u32) -> Option<&Front> {
        self.rows[class as usize].0.as_ref()
    }

    /// The class has another head, or none.
    pub(super) fn renew_front(&mut self, class: u32) {
        let at = class as usize;
        if self.rows.len() <= at {
            self.rows.resize_with(at + 1, Row::default);
        }
        self.rows[at] = Row(self.requests[at].head().cloned());
    }

    pub(super) fn worker(&self, class: u32) -> &WorkerClass {
        &self.workers[class as usize]
    }

    pub(super) fn lane(&self, lane: u32) -> &Lane {
        &self.lanes[lane as usize]
    }

    /// The best free worker of a class that a lane could have, going by what is held.
    pub(super) fn head(&self, class: u32, lane: u32) -> Option<&Head> {
        let (class, lane) = (self.worker(class), self.lane(lane));
        if !lane.is_own() {
            return class.rooms[class.best_room?].head.as_ref();
        }
        let fitting = class.rooms.iter().filter(|room| fits(lane, room, &class.units));
        fitting.filter_map(|room| room.head.as_ref()).reduce(|a, b| if b.beats(a) { b } else { a })
    }

    /// The worker a request of the class would get in a worker class.
    pub(super) fn seat(&self, request: u32, worker: u32) -> Option<&Head> {
        let class = self.request(request);
        let Some(pin) = class.pinned else { return self.head(worker, class.lane) };
        let desk = &self.desks[pin as usize];
        let at = desk.room.filter(|_| desk.class == Some(worker))?;
        let room = &self.worker(worker).rooms[at];
        let lane = self.lane(class.lane);
        let open = !lane.is_own() || fits(lane, room, &self.worker(worker).units);
        open.then_some(&desk.head)
    }

    pub(super) fn edge(&self, request: u32, worker: u32) -> Option<Edge> {
        let edges = &self.request(request).edges;
        edges.binary_search_by_key(&worker, |edge| edge.class).ok().map(|at| edges[at])
    }

    /// What all but the worker say of a request at the other end of an edge.
    pub(super) fn local_at(&self, edge: &Back, key: &Key) -> Key {
        key.plus(&self.groups[edge.group as usize]).plus(&self.pairs[edge.pair as usize])
    }

    /// What all but the worker say of a request there.
    pub(super) fn local(&self, class: &RequestClass, key: &Key, pair: u32) -> Key {
        key.plus(&self.groups[class.group as usize]).plus(&self.pairs[pair as usize])
    }

    /// The best tuple of a request class and a worker class.
    pub(super) fn rank(&self, request: u32, worker: u32) -> Option<Rank> {
        let class = self.request(request);
        let (key, id) = self.front(request)?;
        let edge = self.edge(request, worker)?;
        let seat = self.seat(request, worker)?;
        Some(rank(&self.local(class, key, edge.pair), *id, seat))
    }

    /// The best tuple of a request class, and the worker class it is with.
    pub(super) fn best(&self, request: u32) -> Option<(Rank, u32)> {
        let class = self.request(request);
        let (key, id) = class.head()?;
        let mut best: Option<(Key, &Head, Edge)> = None;
        self.each_free(request, |edge| {
            let Some(seat) = self.seat(request, edge.class) else { return };
            let pair = &self.pairs[edge.pair as usize];
            let better = best.as_ref().is_none_or(|(known, head, _)| {
                Key::compare_sum([pair, &seat.key], known).then(head.label.cmp(&seat.label)).is_gt()
            });
            if better {
                best = Some((pair.plus(&seat.key), seat, edge));
            }
        });
        let (_, seat, edge) = best?;
        Some((rank(&self.local(class, key, edge.pair), *id, seat), edge.class))
    }

    /// The edges of a request class to classes with free workers: by those of the class, or by
    /// those that are free, whichever are fewer.
    pub(super) fn each_free(&self, request: u32, mut see: impl FnMut(Edge)) {
        let edges = &self.request(request).edges;
        if self.free.len() * 8 < edges.len() {
            for worker in &self.free {
                if let Some(edge) = self.edge(request, *worker) {
                    see(edge);
                }
            }
        } else {
            for edge in edges {
                if self.worker(edge.class).best_room.is_some() {
                    see(*edge);
                }
            }
        }
    }

    /// The best tuple of a worker class in a lane, and the request class it is with.
    pub(super) fn offer(
        &self,
        worker: u32,
        lane: u32,
        skip: impl Fn(u32) -> bool,
    ) -> Option<(Rank, u32)> {
        let seat = self.head(worker, lane)?;
        self.offer_of(self.worker(worker).back_in(lane), seat, skip)
    }

    /// The same, along these edges of one lane.
    pub(super) fn offer_of(
        &self,
        back: &[Back],
        seat: &Head,
        skip: impl Fn(u32) -> bool,
    ) -> Option<(Rank, u32)> {
        let mut best: Option<(Key, RequestId, u32)> = None;
        self.each_filled(back, |edge| {
            let Some((key, id)) = self.front(edge.class) else { return };
            if skip(edge.class) {
                return;
            }
            let (group, pair) =
                (&self.groups[edge.group as usize], &self.pairs[edge.pair as usize]);
            let better = best.as_ref().is_none_or(|(known, other, _)| {
                Key::compare_sum([key, group, pair], known).then(other.cmp(id)).is_gt()
            });
            if better {
                best = Some((key.plus(group).plus(pair), *id, edge.class));
            }
        });
        let (local, id, request) = best?;
        Some((rank(&local, id, seat), request))
    }

    /// Those of the edges of one lane that lead to classes with requests.
    fn each_filled(&self, back: &[Back], mut see: impl FnMut(Back)) {
        let Some(first) = back.first() else { return };
        let filled = &self.lane(first.lane).filled;
        if filled.len() * 8 < back.len() {
            for request in filled {
                if let Ok(at) = back.binary_search_by_key(request, |edge| edge.class) {
                    see(back[at]);
                }
            }
        } else {
            back.iter().for_each(|edge| see(*edge));
        }
    }
}

/// Whether what is held of the workers' own locks in a room leaves what the lane needs.
pub(super) fn fits(lane: &Lane, room: &Room, units: &[i64]) -> bool {
    lane.own.iter().all(|(lock, access)| room.held[*lock].leaves(*access, units[*lock]))
}

pub(super) fn rank(local: &Key, request: RequestId, seat: &Head) -> Rank {
    let worker = Reverse(seat.label);
    Rank { key: local.plus(&seat.key), request: Reverse(request), worker }
}
