//! Ways to get the matcher wrong: each is one place of its code, and what would stand there.

/// Where the matcher's state is kept.
pub(super) const LIVE: &str = "crates/core/src/matcher/live";

/// A change of one line that makes the matcher wrong.
pub(super) struct Mutant {
    /// The case it belongs to: T1 … T11 are bugs that matchers of this kind had.
    pub(super) name: &'static str,
    /// Below [`LIVE`].
    pub(super) file: &'static str,
    /// Occurs just once.
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "T1 an entry is true if its classes have heads, whatever they say by now",
        file: "top.rs",
        from: "if graph.rank(request, worker).as_ref() == Some(&rank) {",
        to: "if graph.rank(request, worker).is_some() {",
    },
    Mutant {
        name: "T2 a tie between worker classes goes to whoever is met first",
        file: "graph.rs",
        from: "known).then(head.label.cmp(&seat.label)).is_gt()",
        to: "known).is_gt()",
    },
    Mutant {
        name: "T3 a worker that says more than before offers nothing",
        file: "place_worker.rs",
        from: "let rose = !stays || spot.key > old.head.key;",
        to: "let rose = !stays;",
    },
    Mutant {
        name: "T4 a group with fewer builds than before rises unnoticed",
        file: "groups.rs",
        from: "if key > *known {",
        to: "if key > *known && self.terms.is_empty() {",
    },
    Mutant {
        name: "T5 the release of a lock wakes nobody",
        file: "follow.rs",
        from: "                self.write_all(lane);",
        to: "",
    },
    Mutant {
        name: "T6 a lane that slept has the entries of before",
        file: "follow.rs",
        from: "                self.heaps.clear(lane);\n            } else if was && !asleep {",
        to: "            } else if was && !asleep {\n if self.heaps.peek(lane).is_some() { continue; }",
    },
    Mutant {
        name: "T7 a class whose head was cancelled keeps it",
        file: "queue.rs",
        from: "self.first = self.behind.pop_first().map(|(key, id)| (key.0, id));",
        to: "if self.behind.pop_first().is_none() { self.first = None; }",
    },
    Mutant {
        name: "T8 a request that comes back does not bid",
        file: "place_request.rs",
        from: "if new > old {",
        to: "if new > old && old.is_some() {",
    },
    Mutant {
        name: "T9 workers are told apart by when they came",
        file: "key.rs",
        from: "let above = self.by_value.range(value..).next().map(|(_, n)| *n);",
        to: "let below = self.by_number.keys().next_back().copied().or(below);\
             let above: Option<i64> = None;",
    },
    Mutant {
        name: "T11 an entry found untrue is dropped, not rewritten",
        file: "top.rs",
        from: "            self.rewrite(graph, owner, lane);",
        to: "            let _ = owner; self.pop(lane);",
    },
    Mutant {
        name: "reservation: who waits reserves nothing",
        file: "reserved.rs",
        from: "            taken.get_or_insert_with(|| of.locks[*lock].taken.clone()).add(*access);",
        to: "            let _ = (taken, access);",
    },
    Mutant {
        name: "reservation: the second of a class is never met",
        file: "walk.rs",
        from: "(Met::Behind, key, *id);\n        self.ahead.push(visit);",
        to: "(Met::Behind, key, *id);",
    },
    Mutant {
        name: "reservation: a lane is left though a request will be met again",
        file: "walk.rs",
        from: "            self.reserved.expect(visit.id, lane);",
        to: "            let _ = Reserved::expect;",
    },
    Mutant {
        name: "reservation: what one walk reserves is kept back in the next",
        file: "walk.rs",
        from: "        self.reserved.clear(graph);",
        to: "        let _ = Reserved::clear;",
    },
    Mutant {
        name: "reservation: who stands first at a worker is never worked out again",
        file: "standing.rs",
        from: "            of.lines.clear();",
        to: "",
    },
    Mutant {
        name: "lines: who stood first is gone, and nobody moves up",
        file: "lock_line.rs",
        from: "self.ends.is_none() || self.enough <= self.standing.len()",
        to: "true",
    },
    Mutant {
        name: "lines: a group that rises or falls stays where it stood",
        file: "standing.rs",
        from: "                self.change(class, |line| line.shift(group, by));",
        to: "                let _ = by;",
    },
    Mutant {
        name: "slices: a class takes part before it was held against all others",
        file: "graph.rs",
        from: "self.queue.first().filter(|_| self.seen)",
        to: "self.queue.first()",
    },
    Mutant {
        name: "slices: workers of a class that is seen now stay away",
        file: "sight.rs",
        from: "self.again.extend(self.sight.waiting.remove(&class).into_iter().flatten());",
        to: "self.sight.waiting.remove(&class);",
    },
    Mutant {
        name: "steps: a step waits also for those who wait for its build",
        file: "../steps.rs",
        from: "if self.is_sure(request, worker, &blocking) {",
        to: "if self.is_sure(request, worker, &blocking) || !blocking.is_empty() {",
    },
    Mutant {
        name: "steps: what a waiting step wants is kept from nobody",
        file: "../steps.rs",
        from: "        self.wanted.reserve(request, worker, locks);",
        to: "",
    },
    Mutant {
        name: "backfill: whoever may start some time is passed, and be it before that is over",
        file: "spare.rs",
        from: "kept.start.filter(|start| *start >= over)",
        to: "kept.start.filter(|_| over > Micros(0))",
    },
    Mutant {
        name: "backfill: what a waiting step wants is lent",
        file: "../backfill.rs",
        from: "self.world.waiting.values().map(wanted).collect();",
        to: "self.world.waiting.values().map(wanted).take(0).collect();",
    },
    Mutant {
        name: "ageing: nobody grows older",
        file: "ages.rs",
        from: "            self.grow(id, key, self.ages.next_tick(view, now));",
        to: "            let _ = (id, key);",
    },
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{LIVE, MUTANTS};

    /// Else a mutant would silently be a change of something else, or of nothing.
    #[test]
    fn each_mutants_place_is_there_just_once() {
        let live = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(LIVE);
        for mutant in MUTANTS {
            let text = std::fs::read_to_string(live.join(mutant.file)).expect(mutant.file);
            let count = text.matches(mutant.from).count();
            assert_eq!(count, 1, "{}: `{}` in {}", mutant.name, mutant.from, mutant.file);
        }
    }
}
