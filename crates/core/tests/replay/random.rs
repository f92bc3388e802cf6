//! Any small world: whatever is decided, slots and locks are kept, and each request has one fate.

use proptest::prelude::*;
use steading_core::matcher::NotNow;
use steading_core::replay::{Arrival, Fate, PastWorker, Report, World, compare, replay};
use steading_core::words::{Duration, RequestId};

use crate::world::*;

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let one = (0..40i64, 0..12i64, 0..3i64, any::<bool>(), prop::option::of(0..60i64), 0..3usize);
    prop::collection::vec(one, 0..25).prop_map(|all| {
        let all = (1..).zip(all);
        all.map(|(id, (submitted, takes, priority, locked, withdrawn, builder))| {
            let builder = ["a", "b", "c"][builder];
            let mut arrival = arrival(id, builder, submitted, takes).priority(priority);
            if locked {
                arrival = arrival.exclusive("disk");
                arrival.length.locks = Duration::seconds(takes / 2);
            }
            arrival.withdrawn_at = withdrawn.map(at).filter(|w| *w >= arrival.at);
            arrival
        })
        .collect()
    })
}

fn workers() -> impl Strategy<Value = Vec<(&'static str, PastWorker)>> {
    let parts = (1..3i64, prop::collection::vec((0..70i64, any::<bool>()), 0..4));
    let worker = parts.prop_map(|(slots, mut changes)| {
        changes.sort_unstable();
        let turn = |(second, open)| (at(second), if open { Ok(()) } else { Err(NotNow::Offline) });
        PastWorker { changes: changes.into_iter().map(turn).collect(), ..worker(slots) }
    });
    prop::collection::vec(worker, 1..3)
        .prop_map(|all| ["barn", "shed"].into_iter().zip(all).collect())
}

/// From a decision to its end, in microseconds.
fn spans<'a>(
    world: &'a World,
    report: &'a Report,
    lasts: impl Fn(&Arrival) -> Duration + 'a,
) -> impl Iterator<Item = (&'a str, &'a Arrival, i64, i64)> + 'a {
    report.decisions.iter().map(move |decision| {
        let of = |arrival: &&Arrival| arrival.view.id == decision.request;
        let arrival = world.arrivals.iter().find(of).expect("a decision is about a request");
        let end = decision.at.plus(lasts(arrival));
        let end = arrival.withdrawn_at.map_or(end, |at| end.min(at.max(decision.at)));
        (decision.worker.as_str(), arrival, decision.at.0, end.0)
    })
}

/// The most that run at one moment.
fn most(spans: &[(i64, i64)]) -> usize {
    let at =
        |moment: i64| spans.iter().filter(|(from, to)| *from <= moment && moment < *to).count();
    spans.iter().map(|(from, _)| at(*from)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn slots_and_locks_are_kept_and_nothing_is_lost(
        arrivals in arrivals(),
        workers in workers(),
        collapses in any::<bool>(),
    ) {
        let world = world(&workers, arrivals);
        let policy = Plain { collapses, refuses: "c", ..highest_priority() };
        let report = replay(&world, &policy);
        for (name, worker) in &world.workers {
            let here = spans(&world, &report, |a| a.length.slot).filter(|s| s.0 == name);
            let here: Vec<(i64, i64)> = here.map(|(_, _, from, to)| (from, to)).collect();
            prop_assert!(most(&here) <= usize::try_from(worker.slots).expect("few"), "{}", name);
        }
        let locked = spans(&world, &report, |a| a.length.locks);
        let locked = locked.filter(|(_, arrival, ..)| !arrival.recipe.locks.is_empty());
        let locked: Vec<(i64, i64)> = locked.map(|(_, _, from, to)| (from, to)).collect();
        prop_assert!(most(&locked) <= 1);
        // Each request once, either decided or told why not.
        let mut told: Vec<RequestId> = report.decisions.iter().map(|d| d.request).collect();
        told.extend(report.others.keys());
        told.sort_unstable();
        let all: Vec<RequestId> = world.arrivals.iter().map(|a| a.view.id).collect();
        prop_assert_eq!(told, all);
        let never = report.others.values().filter(|(_, fate)| *fate == Fate::Never).count();
        prop_assert_eq!(never, report.never.len());
        prop_assert_eq!(report.all.count, report.decisions.len() + never);
        prop_assert!(report.decisions.iter().all(|d| d.builder != "c"));
        prop_assert!(compare(&report, &replay(&world, &policy)).decisions.is_empty());
    }
}
