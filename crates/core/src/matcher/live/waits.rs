//! What keeps a request from the workers that are free: locks, and who is ahead at them. For
//! snapshots on which nothing can start any more, so that whoever could be on a free worker waits
//! for nothing but locks, and reserves them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::facts::World;
use super::super::locks::{Pool, Taken, needs, pool};
use super::graph::{Edge, Head};
use super::key::{Key, Rank};
use super::live_order::Live;
use crate::words::{Access, RequestId};

/// A request at a free worker it could run on, if it were not for locks.
#[derive(Debug)]
pub(in super::super) struct Wait {
    pub(in super::super) worker: String,
    /// The locks it wants there.
    pub(in super::super) wants: Vec<Want>,
}

/// A lock it wants.
#[derive(Debug, Clone)]
pub(in super::super) struct Want {
    pub(in super::super) pool: Pool,
    pub(in super::super) access: Access,
    pub(in super::super) grantable: bool,
    /// The first of those ahead of it, by id; no more than leave nothing for anybody.
    pub(in super::super) ahead: Vec<(RequestId, Access)>,
}

/// Who stands in line for which lock: worked out when first asked for.
#[derive(Debug, Default)]
pub(in super::super) struct Lines {
    farm: BTreeMap<String, Arc<Line<Rank>>>,
    own: BTreeMap<OwnLock, Arc<OwnLine>>,
}

/// A lock, a worker class, and the worker if requests are pinned to it.
type OwnLock = (String, u32, Option<u32>);
type OwnLine = Line<(Key, Reverse<RequestId>)>;

/// Those who want a lock, best first, with the sums of what they want.
#[derive(Debug)]
struct Line<R> {
    all: Vec<(R, RequestId, Access)>,
    /// Units, and how many want all, of so many of the first.
    sums: Vec<(i64, usize)>,
}

/// A free worker of a request: where the tuple stands.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seated {
    rank: Rank,
    /// What all but the worker say.
    local: Key,
    class: u32,
    desk: u32,
}

/// Where a request stands in a line.
struct Standing<'a, R> {
    line: &'a Line<R>,
    /// So many are ahead of it,
    before: usize,
    /// itself among them, with another worker.
    itself: bool,
}

impl<R: Ord> Line<R> {
    fn new(mut all: Vec<(R, RequestId, Access)>) -> Line<R> {
        all.sort_unstable_by(|a, b| b.cmp(a));
        let mut sum = (0_i64, 0);
        let mut sums = vec![sum];
        for (_, _, access) in &all {
            match access {
                Access::Counting(n) => sum.0 = sum.0.saturating_add(*n),
                Access::Exclusive => sum.1 += 1,
            }
            sums.push(sum);
        }
        Line { all, sums }
    }
}

impl<R> Standing<'_, R> {
    fn want(&self, request: RequestId, access: Access, of: (Pool, Taken, i64)) -> Want {
        let (pool, held, capacity) = of;
        let (mut units, mut whole) = self.line.sums[self.before];
        if self.itself {
            match access {
                Access::Counting(n) => units = units.saturating_sub(n),
                Access::Exclusive => whole -= 1,
            }
        }
        let mut taken = held.clone();
        taken.add(Access::Counting(units));
        if whole > 0 {
            taken.add(Access::Exclusive);
        }
        let grantable = taken.leaves(access, capacity);
        let (mut taken, mut ahead) = (held, Vec::new());
        for (_, by, access) in &self.line.all[..self.before] {
            if !taken.leaves(Access::Counting(1), capacity) {
                break;
            }
            if *by != request {
                taken.add(*access);
                ahead.push((*by, *access));
            }
        }
        ahead.sort_unstable_by_key(|(by, _)| *by);
        Want { pool, access, grantable, ahead }
    }
}

impl Live {
    /// The free workers a request could be on if no lock were in the way, best first.
    pub(in super::super) fn waits(
        &self,
        world: &World,
        request: RequestId,
        lines: &mut Lines,
    ) -> Vec<Wait> {
        let Some(pending) = world.requests.get(&request) else { return Vec::new() };
        let needs = needs(&pending.candidate.recipe.locks);
        if needs.is_empty() {
            return Vec::new();
        }
        let mut waits = Vec::new();
        for (nth, seated) in self.seats(request).iter().enumerate() {
            let worker = self.graph.desks[seated.desk as usize].name.clone();
            let mut wants = Vec::new();
            for (lock, access) in &needs {
                let Some(pool) = pool(&world.locks, lock, &worker) else { continue };
                let capacity = world.locks.get(*lock).map_or(0, |l| l.units(&worker));
                let of = (pool.clone(), world.books.taken(&pool), capacity);
                wants.push(if pool.1.is_none() {
                    let line = self.farm_line(lock, lines);
                    let before = line.all.partition_point(|(rank, ..)| *rank > seated.rank);
                    // The first seat is where it stands in line itself.
                    let itself = nth > 0;
                    Standing { line: &line, before, itself }.want(request, *access, of)
                } else {
                    let line = self.own_line(lock, seated, lines);
                    let stands = (&seated.local, Reverse(request));
                    let ahead = |known: &(Key, Reverse<RequestId>)| (&known.0, known.1) > stands;
                    let before = line.all.partition_point(|(known, ..)| ahead(known));
                    Standing { line: &line, before, itself: false }.want(request, *access, of)
                });
            }
            waits.push(Wait { worker, wants });
        }
        waits
    }

    /// The locks of the farm that a request wants, where no free worker is there for it: all who
    /// stand in line are ahead.
    pub(in super::super) fn wants_of_farm(
        &self,
        world: &World,
        request: RequestId,
        lines: &mut Lines,
    ) -> Vec<Want> {
        let Some(pending) = world.requests.get(&request) else { return Vec::new() };
        let mut wants = Vec::new();
        for (lock, access) in needs(&pending.candidate.recipe.locks) {
            let Some(pool) = pool(&world.locks, lock, "").filter(|pool| pool.1.is_none()) else {
                continue;
            };
            let capacity = world.locks.get(lock).map_or(0, |l| l.units(""));
            let of = (pool.clone(), world.books.taken(&pool), capacity);
            let line = self.farm_line(lock, lines);
            let standing = Standing { line: &line, before: line.all.len(), itself: false };
            wants.push(standing.want(request, access, of));
        }
        wants
    }

    fn seats(&self, request: RequestId) -> Vec<Seated> {
        let mut all = Vec::new();
        let place = self.places.get(&request);
        let Some((place, class)) = place.and_then(|p| Some((p, p.class?))) else { return all };
        let class = self.graph.request(class);
        let mut sit = |edge: &Edge, head: &Head| {
            let local = self.graph.local(class, &place.key, edge.pair);
            let rank = super::graph::rank(&local, request, head);
            all.push(Seated { rank, local, class: edge.class, desk: head.worker });
        };
        for edge in &class.edges {
            if let Some(pin) = class.pinned {
                let desk = &self.graph.desks[pin as usize];
                if desk.room.is_some() {
                    sit(edge, &desk.head);
                }
                continue;
            }
            let rooms = &self.graph.worker(edge.class).rooms;
            for (key, label, worker) in rooms.iter().flat_map(|room| &room.free) {
                sit(edge, &Head { key: key.0.clone(), label: *label, worker: *worker });
            }
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }

    /// Who wants a lock of the farm and could be on a free worker.
    fn farm_line(&self, lock: &str, lines: &mut Lines) -> Arc<Line<Rank>> {
        if let Some(known) = lines.farm.get(lock) {
            return known.clone();
        }
        let mut all = Vec::new();
        let lanes = self.recipes.farm_names.get(lock).map(|at| &self.recipes.farm[*at].lanes);
        let open = self.open(|desk| desk.room.is_some());
        for (lane, access) in lanes.into_iter().flatten() {
            let mut ranks = Vec::new();
            for class in &self.graph.lane(*lane).filled {
                self.stand_in_line(self.graph.request(*class), &open, &mut ranks);
            }
            all.extend(ranks.into_iter().map(|rank| {
                let id = rank.request.0;
                (rank, id, *access)
            }));
        }
        let line = Arc::new(Line::new(all));
        lines.farm.insert(lock.to_owned(), line.clone());
        line
    }

    /// Who wants a lock of a free worker's own, there.
    fn own_line(
        &self,
        lock: &str,
        seated: &Seated,
        lines: &mut Lines,
    ) -> Arc<Line<(Key, Reverse<RequestId>)>> {
        let pinned = !self.graph.desks[seated.desk as usize].pinned.is_empty();
        let place = (lock.to_owned(), seated.class, pinned.then_some(seated.desk));
        if let Some(known) = lines.own.get(&place) {
            return known.clone();
        }
        let mut all = Vec::new();
        let lanes = self.recipes.own_names.get(lock).map(|at| &self.graph.own_lanes[*at]);
        for (lane, access) in lanes.into_iter().flatten() {
            let back = self.graph.worker(seated.class).back_in(*lane).iter().copied();
            for edge in back.chain(self.graph.pinned_in(seated.desk, *lane)) {
                let class = self.graph.request(edge.class);
                all.extend(class.queue.iter().map(|(key, id)| {
                    let local = self.graph.local(class, key, edge.pair);
                    ((local, Reverse(id)), id, *access)
                }));
            }
        }
        let line = Arc::new(Line::new(all));
        lines.own.insert(place, line.clone());
        line
    }
}
