//! What is kept back, for whom, and until when these cannot start anyway: who may use it meanwhile.
//!
//! Here a *line* is who keeps something back of a lock, best first. Requests with equal needs start
//! at the same time, or are overdue and stand before the others; so of a lane no more stand in a
//! line than there are units to keep: whoever is behind them gets nothing, or passes all.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::backfill::{Backfill, NoBackfill, Paces};
use super::super::facts::World;
use super::super::locks::{Pool, Taken};
use super::super::{Match, Pace};
use super::graph::{Head, Lane, fits, rank};
use super::key::{Key, Rank};
use super::live_order::Live;
use crate::farm::{Direction, TermKind};
use crate::words::{Access, Micros, RequestId};

/// Of what it is asked.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Asked<'a> {
    pub(in super::super) world: &'a World,
    pub(in super::super) paces: &'a Paces,
    pub(in super::super) now: Micros,
}

/// The lines of one moment. Those of workers' own locks are worked out when first asked for.
#[derive(Debug, Default)]
pub(in super::super) struct Spare {
    /// When the requests of a lane could have all the farm-wide locks they want; nothing: any
    /// moment.
    starts: BTreeMap<u32, Option<Micros>>,
    farm: BTreeMap<usize, Vec<Kept<Rank>>>,
    /// By lock and worker.
    own: BTreeMap<(usize, u32), Vec<Kept<Local>>>,
}

/// Where a request stands among those at one worker.
type Local = (Key, Reverse<RequestId>);

/// What a request keeps back of a lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kept<P> {
    place: P,
    id: RequestId,
    wants: Access,
    start: Option<Micros>,
}

/// A tuple that may be lent what it wants.
#[derive(Debug)]
struct Candidate {
    rank: Rank,
    id: RequestId,
    class: u32,
    /// Where it stands at its worker; none where that one's own locks are not wanted.
    at: Option<(Local, u32)>,
}

/// Why it is not.
enum Refused {
    /// Its locks are held.
    Held,
    Kept(NoBackfill),
}

/// What is held and kept of a lock.
struct Sum {
    taken: Taken,
    /// The first to start of those that count, and of those that are passed.
    counts: Option<(Option<Micros>, RequestId)>,
    passed: Option<(Micros, RequestId)>,
}

impl Sum {
    fn of<'a, P: 'a>(taken: Taken, ahead: impl Iterator<Item = &'a Kept<P>>, over: Micros) -> Sum {
        let mut sum = Sum { taken, counts: None, passed: None };
        for kept in ahead {
            match kept.start.filter(|start| *start >= over) {
                Some(start) => sum.passed = earlier(sum.passed, (start, kept.id)),
                None => {
                    sum.taken.add(kept.wants);
                    sum.counts = earlier(sum.counts, (kept.start, kept.id));
                }
            }
        }
        sum
    }
}

fn earlier<T: Ord>(known: Option<T>, new: T) -> Option<T> {
    match known {
        Some(known) if known <= new => Some(known),
        _ => Some(new),
    }
}

/// So many who want as much leave nothing, one of them left aside.
fn enough(access: Access, units: i64) -> usize {
    let full = match access {
        Access::Exclusive => 1,
        Access::Counting(n) => units / n.max(1) + 1,
    };
    usize::try_from(full.saturating_add(1)).unwrap_or(usize::MAX)
}

impl Asked<'_> {
    /// When so much of a pool is free, as far as that depends on those who hold it now; nothing:
    /// it is, or may be any moment.
    fn free_at(&self, pool: &Pool, access: Access, units: i64) -> Option<Micros> {
        let shares = self.world.books.shares(pool);
        let mut shares: Vec<(Option<Micros>, Access)> =
            shares.map(|(id, access)| (self.paces.end(id, self.now), access)).collect();
        shares.sort_unstable_by(|a, b| b.cmp(a));
        let mut taken = Taken::default();
        // The last to go first: whoever leaves too little beside them must be gone.
        shares.into_iter().find_map(|(end, held)| {
            taken.add(held);
            (!taken.leaves(access, units)).then_some(end)
        })?
    }
}

impl Live {
    /// The greatest tuple that may be lent what is kept back from it.
    pub(in super::super) fn lend(&self, asked: Asked<'_>) -> Option<Match> {
        let mut all = self.candidates(asked);
        if all.is_empty() {
            return None;
        }
        all.sort_unstable_by(|a, b| b.rank.cmp(&a.rank));
        let mut spare = self.spare(asked);
        all.iter().find_map(|candidate| {
            let backfill = self.judge(asked, &mut spare, candidate).ok()?;
            let found = self.matched(&candidate.rank, asked.now)?;
            Some(Match { backfill: Some(backfill), ..found })
        })
    }

    /// Why a request that only reservations keep from its workers is lent nothing.
    pub(in super::super) fn not_lent(
        &self,
        asked: Asked<'_>,
        spare: &mut Spare,
        request: RequestId,
    ) -> Option<NoBackfill> {
        let place = self.places.get(&request)?;
        let class = place.class?;
        let mut all = Vec::new();
        self.seat_at_each(class, (&place.key, request), &mut all);
        all.sort_unstable_by(|a, b| b.rank.cmp(&a.rank));
        all.iter().find_map(|candidate| match self.judge(asked, spare, candidate) {
            Err(Refused::Kept(why)) => Some(why),
            Ok(_) | Err(Refused::Held) => None,
        })
    }

    /// The best of each class of which it is known how long they take: those behind it fit no
    /// better. At each free worker, where that one's own locks are wanted.
    fn candidates(&self, asked: Asked<'_>) -> Vec<Candidate> {
        let mut all = Vec::new();
        for lane in self.graph.lanes.iter().skip(1).filter(|lane| self.is_unheld(lane)) {
            for class in lane.filled.iter().copied() {
                let Some((key, id)) = self.graph.request(class).head() else { continue };
                if self.pace(asked, class).is_none() {
                    continue;
                }
                if !lane.own.is_empty() {
                    self.seat_at_each(class, (key, *id), &mut all);
                } else if let Some((rank, _)) = self.graph.best(class) {
                    all.push(Candidate { rank, id: *id, class, at: None });
                }
            }
        }
        all
    }

    fn pace(&self, asked: Asked<'_>, class: u32) -> Option<Pace> {
        asked.paces.of(&self.graph.request(class).sample.candidate.view.builder)
    }

    /// Whether the farm-wide locks of a lane fit beside what is held.
    fn is_unheld(&self, lane: &Lane) -> bool {
        lane.farm.iter().all(|(lock, access)| {
            let lock = &self.recipes.farm[*lock];
            lock.taken.leaves(*access, lock.units)
        })
    }

    /// A request at each free worker that holds nothing it wants.
    fn seat_at_each(&self, class: u32, (key, id): (&Key, RequestId), all: &mut Vec<Candidate>) {
        let of = self.graph.request(class);
        let lane = self.graph.lane(of.lane);
        for edge in &of.edges {
            let worker = self.graph.worker(edge.class);
            let local = self.graph.local(of, key, edge.pair);
            let mut sit = |head: &Head| {
                let rank = rank(&local, id, head);
                let at = Some(((local.clone(), Reverse(id)), head.worker));
                all.push(Candidate { rank, id, class, at });
            };
            for (number, room) in worker.rooms.iter().enumerate() {
                if !fits(lane, room, &worker.units) {
                    continue;
                }
                if let Some(pin) = of.pinned {
                    let desk = &self.graph.desks[pin as usize];
                    if desk.class == Some(edge.class) && desk.room == Some(number) {
                        sit(&desk.head);
                    }
                    continue;
                }
                for (key, label, worker) in &room.free {
                    sit(&Head { key: key.0.clone(), label: *label, worker: *worker });
                }
            }
        }
    }

    /// Whether a candidate's locks fit beside what is held and what those ahead of it keep back who
    /// could start before it is over.
    fn judge(
        &self,
        asked: Asked<'_>,
        spare: &mut Spare,
        candidate: &Candidate,
    ) -> Result<Backfill, Refused> {
        let of = self.graph.request(candidate.class);
        let lane = self.graph.lane(of.lane);
        if !self.is_unheld(lane) {
            return Err(Refused::Held);
        }
        let pace = self.pace(asked, candidate.class);
        let takes = pace.ok_or(Refused::Kept(NoBackfill::Unknown))?.whole;
        let over = asked.now.plus(takes);
        let mut passed = None;
        let mut settle = |sum: Sum, access, units| {
            passed = sum.passed.into_iter().chain(passed).min();
            match sum.counts.filter(|_| !sum.taken.leaves(access, units)) {
                None => Ok(()),
                Some((start, ahead)) => {
                    let room = start.map(|start| start.since(asked.now));
                    Err(Refused::Kept(NoBackfill::TooLong { takes, ahead, room }))
                }
            }
        };
        for (sum, access, units) in self.sums(asked, spare, candidate, over) {
            settle(sum, access, units)?;
        }
        // What nobody keeps back would have started by the order.
        let (before, passes) = passed.ok_or(Refused::Held)?;
        Ok(Backfill { takes, passes, before })
    }

    /// What is taken of each lock it wants when it may be used until then.
    fn sums(
        &self,
        asked: Asked<'_>,
        spare: &mut Spare,
        candidate: &Candidate,
        over: Micros,
    ) -> Vec<(Sum, Access, i64)> {
        let lane = self.graph.lane(self.graph.request(candidate.class).lane);
        let mut sums = Vec::new();
        for (lock, access) in &lane.farm {
            let of = &self.recipes.farm[*lock];
            let ahead = spare.farm.get(lock).into_iter().flatten();
            let ahead = ahead.take_while(|kept| kept.place > candidate.rank);
            let ahead = ahead.filter(|kept| kept.id != candidate.id);
            sums.push((Sum::of(of.taken.clone(), ahead, over), *access, of.units));
        }
        let Some((local, desk)) = &candidate.at else { return sums };
        for (lock, access) in &lane.own {
            let Some((taken, units)) = self.held_there(*lock, *desk) else { continue };
            if !spare.own.contains_key(&(*lock, *desk)) {
                let line = self.kept_line(asked, spare, (*lock, *desk));
                spare.own.insert((*lock, *desk), line);
            }
            let ahead = spare.own.get(&(*lock, *desk)).into_iter().flatten();
            let ahead = ahead.take_while(|kept| kept.place > *local);
            let ahead = ahead.filter(|kept| kept.id != candidate.id);
            sums.push((Sum::of(taken, ahead, over), *access, units));
        }
        sums
    }

    /// What is held of a worker's own lock, and how much there is.
    fn held_there(&self, lock: usize, desk: u32) -> Option<(Taken, i64)> {
        let desk = &self.graph.desks[desk as usize];
        let class = self.graph.worker(desk.class?);
        Some((class.rooms[desk.room?].held[lock].clone(), class.units[lock]))
    }

    /// Who keeps back what of the farm's locks.
    pub(in super::super) fn spare(&self, asked: Asked<'_>) -> Spare {
        let mut spare = Spare::default();
        let mut pools: Vec<Pool> = vec![Pool::default(); self.recipes.farm.len()];
        for (name, at) in &self.recipes.farm_names {
            pools[*at] = (name.clone(), None);
        }
        for (number, lane) in (0..).zip(&self.graph.lanes) {
            if lane.farm.is_empty() || lane.filled.is_empty() {
                continue;
            }
            let units = |lock: usize| self.recipes.farm[lock].units;
            let free = lane.farm.iter();
            let start = free.map(|(lock, n)| asked.free_at(&pools[*lock], *n, units(*lock))).max();
            let start = start.flatten();
            spare.starts.insert(number, start);
            let most = lane.farm.iter().map(|(lock, access)| enough(*access, units(*lock))).max();
            for rank in self.first_of_lane(lane, most.unwrap_or(0)) {
                let id = rank.request.0;
                let start = start.filter(|_| !self.is_overdue(id, asked.now));
                for (lock, wants) in &lane.farm {
                    let (place, wants) = (rank.clone(), *wants);
                    spare.farm.entry(*lock).or_default().push(Kept { place, id, wants, start });
                }
            }
        }
        for line in spare.farm.values_mut() {
            line.sort_unstable_by(|a, b| b.cmp(a));
        }
        spare
    }

    /// The best tuples of the first requests of a lane.
    fn first_of_lane(&self, lane: &Lane, most: usize) -> Vec<Rank> {
        let mut all = Vec::new();
        for number in &lane.filled {
            let class = self.graph.request(*number);
            let Some((_, worker)) = self.graph.best(*number) else { continue };
            let edge = self.graph.edge(*number, worker);
            let Some((edge, seat)) = edge.zip(self.graph.seat(*number, worker)) else { continue };
            let first = class.queue.iter().take(most);
            all.extend(
                first.map(|(key, id)| rank(&self.graph.local(class, key, edge.pair), id, seat)),
            );
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.truncate(most);
        all
    }

    /// Who keeps back what of a lock of a worker's own.
    fn kept_line(
        &self,
        asked: Asked<'_>,
        spare: &Spare,
        (lock, desk): (usize, u32),
    ) -> Vec<Kept<Local>> {
        let at = &self.graph.desks[desk as usize];
        let Some(class) = at.class else { return Vec::new() };
        let units = &self.graph.worker(class).units;
        let names: BTreeMap<usize, &String> =
            self.recipes.own_names.iter().map(|(name, lock)| (*lock, name)).collect();
        let free_at = |(lock, access): &(usize, Access)| {
            let pool = ((*names.get(lock)?).clone(), Some(at.name.clone()));
            asked.free_at(&pool, *access, units[*lock])
        };
        let mut line = Vec::new();
        for (number, wants) in &self.graph.own_lanes[lock] {
            let farm = spare.starts.get(number).copied().flatten();
            let own = self.graph.lane(*number).own.iter().map(free_at).max().flatten();
            let (start, most) = (farm.max(own), enough(*wants, units[lock]));
            let back = self.graph.worker(class).back_in(*number).iter().copied();
            let mut of_lane: Vec<Local> = Vec::new();
            for edge in back.chain(self.graph.pinned_in(desk, *number)) {
                let of = self.graph.request(edge.class);
                if of.head().is_some() {
                    let first = of.queue.iter().take(most);
                    of_lane.extend(
                        first.map(|(key, id)| (self.graph.local_at(&edge, key), Reverse(id))),
                    );
                }
            }
            of_lane.sort_unstable_by(|a, b| b.cmp(a));
            of_lane.truncate(most);
            line.extend(of_lane.into_iter().map(|place| {
                let id = place.1.0;
                let start = start.filter(|_| !self.is_overdue(id, asked.now));
                Kept { place, id, wants: *wants, start }
            }));
        }
        line.sort_unstable_by(|a, b| b.cmp(a));
        line
    }

    /// Whether a request goes before all that are not overdue.
    fn is_overdue(&self, id: RequestId, now: Micros) -> bool {
        let first = self.terms.list.first().map(|term| (term.kind, term.direction));
        let start_by = self.places.get(&id).and_then(|at| at.pending.candidate.view.start_by);
        first == Some((TermKind::Overdue, Direction::Lowest))
            && start_by.is_some_and(|at| at <= now)
    }
}
