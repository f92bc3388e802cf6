//! A fixed slice of seeds, exact replay, every crash point, and a checker that can fail.

use steading_sim::{Mutant, Plan, crashes, run};

#[test]
fn a_slice_of_seeds_holds_every_invariant() {
    for seed in 0..6 {
        let report = run(&Plan { builds: 25, ..Plan::of(seed) });
        assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
        assert!(report.builds > 0);
    }
}

#[test]
fn the_same_seed_is_the_same_run_event_by_event() {
    let fingerprint = |seed| run(&Plan { builds: 25, ..Plan::of(seed) }).hash;
    assert_eq!(fingerprint(3), fingerprint(3));
    assert_ne!(fingerprint(3), fingerprint(4));
}

#[test]
fn each_write_section_survives_a_kill_before_its_commit_after_it_and_inside_a_batch() {
    let found = crashes(60, false, drop);
    assert!(found.violations.is_empty(), "{:#?}", found.violations);
    assert!(found.missed.is_empty(), "{} kills, never at {:#?}", found.killed, found.missed);
}

#[test]
fn the_checker_finds_every_broken_variant() {
    for mutant in Mutant::ALL {
        let finds = |seed| {
            let plan = Plan { builds: 25, mutant: Some(mutant), ..Plan::of(seed) };
            !run(&plan).violations.is_empty()
        };
        assert!((0..20).any(finds), "{mutant:?} goes unnoticed");
    }
}
