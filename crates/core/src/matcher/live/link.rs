//! Classes: who is of which, and the edges between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;

use super::super::facts::Pending;
use super::super::memo::{Seen, Views};
use super::graph::{Back, Edge, RequestClass, WorkerClass};
use super::heap::Owner;
use super::key::Key;
use super::live_order::{Live, With};
use super::queue::Queue;
use super::recipes::number;
use super::register::Register;
use super::sight::New;
use super::terms::{Side, side};
use crate::farm::WorkerView;
use crate::words::Value;

/// What requests of one class have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct RequestLook {
    pub(super) recipe: usize,
    pub(super) group: u32,
    pub(super) seen: Box<[Seen]>,
}

/// What workers of one class have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct WorkerLook {
    pub(super) lists: Vec<u32>,
    pub(super) units: Vec<i64>,
    pub(super) labels: Box<[Option<Value>]>,
    pub(super) seen: Box<[Seen]>,
}

/// Classes by what they look like and by what they need or offer.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    pub(super) requests: Register<RequestLook>,
    pub(super) workers: Register<WorkerLook>,
    /// By name; never walked.
    pub(super) desks: HashMap<String, u32>,
    pairs: BTreeMap<Key, u32>,
    pub(super) by_group: BTreeMap<u32, Members>,
}

/// The request classes of a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    pub(super) pinned: BTreeSet<u32>,
    pub(super) others: BTreeSet<u32>,
    /// Those of both that want own locks of workers.
    pub(super) own: BTreeSet<u32>,
}

impl Live {
    /// The class of requests that look so.
    pub(super) fn request_class(
        &mut self,
        look: RequestLook,
        sample: &Arc<Pending>,
        with: &mut With<'_>,
    ) -> Option<u32> {
        if let Some(known) = self.index.requests.find(&look) {
            return Some(known);
        }
        let known = self.recipes.get(look.recipe)?;
        let (lane, group) = (known.lane, look.group);
        let feature = self.recipes.feature(known, |feature| self.index.workers.count(feature));
        let pinned = known.pinned().map(str::to_owned).map(|name| self.desk(&name));
        let features = if pinned.is_some() { Vec::new() } else { vec![feature] };
        let class = self.index.requests.add(look, features);
        let new = RequestClass {
            lane,
            group,
            pinned,
            sample: sample.clone(),
            edges: Vec::new(),
            queue: Queue::default(),
            filled_at: 0,
            seen: pinned.is_some(),
        };
        put(&mut self.graph.requests, class, new);
        self.graph.renew_front(class);
        let members = self.index.by_group.entry(group).or_default();
        if pinned.is_some() { &mut members.pinned } else { &mut members.others }.insert(class);
        if !self.graph.lane(lane).own.is_empty() {
            members.own.insert(class);
        }
        if let Some(desk) = pinned {
            self.graph.desks[desk as usize].pinned.push(class);
            self.link_pinned(class, desk, with);
        } else {
            self.sight.add(New::Requests(class));
        }
        Some(class)
    }

    /// The class of workers that look so.
    pub(super) fn worker_class(&mut self, look: WorkerLook, sample: &WorkerView) -> u32 {
        if let Some(known) = self.index.workers.find(&look) {
            return known;
        }
        let new = WorkerClass {
            sample: sample.clone(),
            units: look.units.clone(),
            back: Vec::new(),
            rooms: Vec::new(),
            best_room: None,
            free_at: 0,
            members: 0,
            seen: false,
        };
        let features = self.recipes.features(&new, &look.lists);
        let class = self.index.workers.add(look, features);
        put(&mut self.graph.workers, class, new);
        self.standings.forget(class);
        self.sight.add(New::Workers(class));
        class
    }

    /// Makes an edge, if the two classes may meet.
    pub(super) fn link(&mut self, request: u32, worker: u32, with: &mut With<'_>) {
        let Some(pair) = self.meet(request, worker, with) else { return };
        let class = &mut self.graph.requests[request as usize];
        if let Err(at) = class.edges.binary_search_by_key(&worker, |edge| edge.class) {
            insert(&mut class.edges, at, Edge { class: worker, pair });
        }
        let new = Back { lane: class.lane, class: request, pair, group: class.group };
        let back = &mut self.graph.workers[worker as usize].back;
        if let Err(at) = back.binary_search(&new) {
            insert(back, at, new);
        }
    }

    /// A pinned class has one edge, to whatever class its worker is of.
    pub(super) fn link_pinned(&mut self, request: u32, desk: u32, with: &mut With<'_>) {
        let worker = self.graph.desks[desk as usize].class;
        worker.into_iter().for_each(|class| self.standings.forget(class));
        let pair = worker.and_then(|worker| self.meet(request, worker, with));
        let edge = worker.zip(pair).map(|(class, pair)| Edge { class, pair });
        self.graph.requests[request as usize].edges = edge.into_iter().collect();
    }

    /// Whether two classes may meet, and the number of what the pair terms say of them.
    fn meet(&mut self, request: u32, worker: u32, with: &mut With<'_>) -> Option<u32> {
        let (class, other) = (self.graph.request(request), self.graph.worker(worker));
        let known = self.recipes.get(class.sample.recipe)?;
        let lists = || self.index.workers.look(worker).map(|look| look.lists.as_slice());
        if self.stale || !known.suits(other) || known.names_others(lists) {
            return None;
        }
        let (request, worker) = (&class.sample.candidate.view, &other.sample);
        let mut judge = with.memory.judge(with.moment);
        let allowed = judge.allow(request, worker).is_ok();
        let views = Views { request: Some(request), worker: Some(worker) };
        let mut key = self.terms.zero();
        for place in 0..if allowed { self.terms.list.len() } else { 0 } {
            let term = &self.terms.list[place];
            if side(term) == Side::Pair {
                let Ok(ranked) = judge.term(term, views) else {
                    return self.unmet(with);
                };
                key.set(place, self.terms.number(place, ranked.value()));
            }
        }
        if !allowed {
            return self.unmet(with);
        }
        let new = number(self.graph.pairs.len());
        let pair = *self.index.pairs.entry(key.clone()).or_insert(new);
        if pair == new {
            self.graph.pairs.push(key);
        }
        self.stale |= with.memory.memo.pair_reads.len() > self.reads.len();
        Some(pair)
    }

    fn unmet(&mut self, with: &With<'_>) -> Option<u32> {
        self.stale |= with.memory.memo.pair_reads.len() > self.reads.len();
        None
    }

    /// A request class has no requests any more.
    pub(super) fn request_class_emptied(&mut self, class: u32) {
        let Some(old) = self.index.requests.emptied(class, self.kept) else { return };
        if !self.graph.request(old).queue.is_empty() {
            return;
        }
        let class = &mut self.graph.requests[old as usize];
        (class.edges, class.seen) = (Vec::new(), false);
        let RequestClass { lane, group, pinned, .. } = *class;
        if let Some(desk) = pinned {
            self.graph.desks[desk as usize].pinned.retain(|class| *class != old);
        }
        if let Some(members) = self.index.by_group.get_mut(&group) {
            members.pinned.remove(&old);
            members.others.remove(&old);
            members.own.remove(&old);
        }
        self.heaps.put(lane, Owner::Bid(old), None);
        self.sight.forget(New::Requests(old));
        self.index.requests.remove(old);
        self.sweep(old);
    }

    /// A worker class has no workers any more.
    pub(super) fn worker_class_emptied(&mut self, class: u32) {
        let Some(old) = self.index.workers.emptied(class, self.kept) else { return };
        if self.graph.worker(old).members > 0 {
            return;
        }
        let back = std::mem::take(&mut self.graph.workers[old as usize].back);
        for edge in &back {
            remove(&mut self.graph.requests[edge.class as usize].edges, old);
        }
        for of_lane in back.chunk_by(|a, b| a.lane == b.lane) {
            self.heaps.put(of_lane[0].lane, Owner::Offer(old), None);
        }
        self.sight.forget(New::Workers(old));
        self.index.workers.remove(old);
        self.index.workers.spare(old);
    }
}

fn put<T>(all: &mut Vec<T>, at: u32, new: T) {
    if at as usize == all.len() {
        all.push(new);
    } else {
        all[at as usize] = new;
    }
}

/// Most of what a large graph takes are its edges: they get an eighth more room, not as much again.
fn insert<T>(edges: &mut Vec<T>, at: usize, new: T) {
    if edges.len() == edges.capacity() {
        edges.reserve_exact(edges.len() / 8 + 2);
    }
    edges.insert(at, new);
}

fn remove(edges: &mut Vec<Edge>, class: u32) {
    if let Ok(at) = edges.binary_search_by_key(&class, |edge| edge.class) {
        edges.remove(at);
    }
}
