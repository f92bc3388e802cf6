//! Requests in their classes.

use std::cmp::Reverse;
use std::sync::Arc;

use super::super::facts::Pending;
use super::super::memo::{Attribute, Seen, Views, see};
use super::key::Key;
use super::link::RequestLook;
use super::live_order::{Live, With};
use super::queue::{Front, Queue};
use super::recipes::number;
use super::terms::{Side, side};
use crate::farm::RequestView;
use crate::words::{Micros, RequestId};

/// Where a request is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) pending: Arc<Pending>,
    pub(super) key: Key,
    /// None when a term that looks at it alone failed.
    pub(super) class: Option<u32>,
    tick: Option<Micros>,
}

impl Live {
    /// Meets the recipes of requests, before workers and requests are placed.
    pub(super) fn meet_recipes(&mut self, requests: &[RequestId], with: &With<'_>) {
        let labels = self.recipes.labels.len();
        let mut lists = false;
        for id in requests {
            let Some(pending) = with.world.requests.get(id) else { continue };
            let recipe = (pending.recipe, &pending.candidate.recipe);
            lists |= self.recipes.meet(recipe, &mut self.graph).is_some();
        }
        for lock in std::mem::take(&mut self.recipes.revived) {
            self.wake_or_sleep(lock);
        }
        if self.recipes.labels.len() > labels && !self.graph.desks.is_empty() {
            self.stale = true;
        }
        if lists {
            for desk in 0..number(self.graph.desks.len()) {
                self.look_again(desk);
            }
        }
    }

    /// Puts a request where it belongs now.
    pub(super) fn place_request(&mut self, id: RequestId, with: &mut With<'_>) {
        let Some(pending) = with.world.requests.get(&id) else {
            self.leave(id);
            return;
        };
        if let Some(place) = self.places.get_mut(&id)
            && (Arc::ptr_eq(&place.pending, pending) || place.pending == *pending)
        {
            return;
        }
        // Before its class is looked for: a class may go when it loses its last request.
        self.leave(id);
        let view = &pending.candidate.view;
        let key = self.request_key(view, with);
        let look = self.request_look(pending, with);
        let class = match key {
            Some(_) => self.request_class(look, pending, with),
            None => None,
        };
        let place = Place {
            pending: pending.clone(),
            key: key.unwrap_or_else(|| self.terms.zero()),
            class,
            tick: self.ages.next_tick(view, with.moment.now),
        };
        self.join(id, place);
    }

    fn join(&mut self, id: RequestId, place: Place) {
        if let Some(tick) = place.tick {
            self.ages.ticks.insert((tick, id));
        }
        let (class, key) = (place.class, place.key.clone());
        self.places.insert(id, place);
        if let Some(class) = class {
            self.change_queue(class, (id, true), |queue| queue.insert(key.clone(), id));
        }
    }

    fn leave(&mut self, id: RequestId) {
        let Some(place) = self.places.remove(&id) else { return };
        if let Some(tick) = place.tick {
            self.ages.ticks.remove(&(tick, id));
        }
        if let Some(class) = place.class {
            self.change_queue(class, (id, false), |queue| queue.remove(place.key, id));
        }
    }

    /// It says another key of itself by now.
    pub(super) fn grow(&mut self, id: RequestId, key: Key, tick: Option<Micros>) {
        let Some(place) = self.places.get_mut(&id) else { return };
        let old = std::mem::replace(&mut place.key, key.clone());
        place.tick = tick;
        if let Some(tick) = tick {
            self.ages.ticks.insert((tick, id));
        }
        if let Some(class) = place.class {
            self.change_queue(class, (id, true), |queue| {
                queue.remove(old, id);
                queue.insert(key.clone(), id);
            });
        }
    }

    /// The first of the queue is the head. One that rises bids; one that falls need not.
    fn change_queue(
        &mut self,
        at: u32,
        (id, gains): (RequestId, bool),
        change: impl FnOnce(&mut Queue),
    ) {
        self.standing_lost(at, id);
        let class = &mut self.graph.requests[at as usize];
        let old = class.head().cloned();
        change(&mut class.queue);
        let rank = |head: &Front| (head.0.clone(), Reverse(head.1));
        let (new, old) = (class.head().map(rank), old.as_ref().map(rank));
        if new != old {
            self.graph.renew_front(at);
        }
        if gains {
            self.standing_gained(at);
        }
        if new.is_some() != old.is_some() {
            self.note_filled(at, new.is_some());
        }
        if new > old {
            self.heaps.bid(&self.graph, at);
        }
    }

    pub(super) fn note_filled(&mut self, at: u32, filled: bool) {
        let class = &mut self.graph.requests[at as usize];
        let (lane, pinned, was_at) = (class.lane as usize, class.pinned, class.filled_at);
        let lane = &mut self.graph.lanes[lane];
        if filled {
            class.filled_at = lane.filled.len();
            lane.filled.push(at);
        } else {
            lane.filled.swap_remove(was_at);
            if let Some(moved) = lane.filled.get(was_at) {
                self.graph.requests[*moved as usize].filled_at = was_at;
            }
        }
        if let Some(desk) = pinned.filter(|_| !lane.own.is_empty()) {
            self.again.insert(desk);
        }
        if !filled {
            self.request_class_emptied(at);
        }
    }

    /// What the terms say that look at requests alone.
    fn request_key(&mut self, view: &RequestView, with: &mut With<'_>) -> Option<Key> {
        let mut key = self.terms.zero();
        let views = Views { request: Some(view), worker: None };
        for place in 0..self.terms.list.len() {
            let term = &self.terms.list[place];
            if side(term) != Side::Request {
                continue;
            }
            let number = if let Some(value) = with.moment.plain(term, view) {
                self.terms.whole(place, value)
            } else {
                let ranked = with.memory.judge(with.moment).term(term, views).ok()?;
                self.terms.number(place, ranked.value())
            };
            key.set(place, number);
        }
        Some(key)
    }

    fn request_look(&mut self, pending: &Pending, with: &With<'_>) -> RequestLook {
        let view = &pending.candidate.view;
        let of = (&mut self.terms, &mut self.graph);
        let group = self.groups.of(with.moment.policy, view, of);
        let seen = self.seen(Views { request: Some(view), worker: None });
        RequestLook { recipe: pending.recipe, group, seen }
    }

    /// What functions of both sides would see of one.
    pub(super) fn seen(&self, views: Views<'_>) -> Box<[Seen]> {
        let see = |attribute: &Attribute| see(attribute, views);
        self.reads.iter().filter_map(see).collect()
    }
}
