//! What will happen, by time; what happens at one moment, in the order in which it was put down.

use std::collections::BTreeMap;

use super::World;
use crate::matcher::NotNow;
use crate::words::{Micros, RequestId};

/// Something that happens at a moment.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// The request at this place of the arrivals is there.
    Arrives(usize),
    /// Somebody gives a request another priority.
    Priority(RequestId, i64),
    /// Somebody takes a request back.
    Withdrawn(RequestId),
    /// A worker takes builds, or no longer.
    Worker(String, Result<(), NotNow>),
    /// The last step of a request's build ends.
    LocksFree(RequestId),
    /// A request's build is finished.
    Ends(RequestId),
    /// The order may have changed by time alone.
    Wake,
}

/// Everything to come.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    to_come: BTreeMap<Micros, Vec<Happening>>,
}

impl Agenda {
    /// All that the world brings whatever is decided. What lies before its beginning happens there.
    pub(super) fn of(world: &World) -> Agenda {
        let mut agenda = Agenda::default();
        let mut put = |at: Micros, it| agenda.put(at.max(world.since), it);
        for build in &world.running {
            put(build.locks_free_at, Happening::LocksFree(build.request));
            put(build.ends_at, Happening::Ends(build.request));
        }
        for (name, worker) in &world.workers {
            for (at, accepting) in &worker.changes {
                put(*at, Happening::Worker(name.clone(), accepting.clone()));
            }
        }
        let mut places: Vec<usize> = (0..world.arrivals.len()).collect();
        places.sort_unstable_by_key(|place| world.arrivals[*place].view.id);
        for place in &places {
            put(world.arrivals[*place].at, Happening::Arrives(*place));
        }
        for arrival in places.iter().map(|place| &world.arrivals[*place]) {
            for (at, priority) in &arrival.priorities {
                put(*at, Happening::Priority(arrival.view.id, *priority));
            }
            if let Some(at) = arrival.withdrawn_at {
                put(at, Happening::Withdrawn(arrival.view.id));
            }
        }
        agenda
    }

    pub(super) fn put(&mut self, at: Micros, it: Happening) {
        self.to_come.entry(at).or_default().push(it);
    }

    /// The next moment and all that happens then.
    pub(super) fn next(&mut self) -> Option<(Micros, Vec<Happening>)> {
        self.to_come.pop_first()
    }

    /// When something will happen next.
    pub(super) fn next_at(&self) -> Option<Micros> {
        self.to_come.first_key_value().map(|(at, _)| *at)
    }
}
