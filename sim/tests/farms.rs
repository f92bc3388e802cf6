//! A fixed slice of seeds, exact replay, every crash point, and a checker that can fail.

use steading_sim::{Mutant, Plan, crashes, run, shrink};

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
        assert!((0..80).any(finds), "{mutant:?} goes unnoticed");
    }
}

#[test]
fn brute_force_finds_a_farm_that_starts_another_than_the_best() {
    let finds = |mutant, seed| {
        let report = run(&Plan { builds: 50, faults: 0, mutant, ..Plan::of(seed) });
        assert!(report.judged.claims >= report.builds, "seed {seed}: {:?}", report.judged);
        report.violations.iter().any(|text| text.starts_with("I11: claim"))
    };
    for mutant in [Mutant::OrdersOtherwise, Mutant::LendsMore] {
        assert!((0..20).any(|seed| finds(Some(mutant), seed)), "{mutant:?} goes unnoticed");
    }
    assert!(!(0..3).any(|seed| finds(None, seed)));
}

#[test]
fn a_failing_run_is_shrunk_to_the_faults_it_takes_with_its_trace() {
    // What this mutant breaks shows only where a daemon starts anew while something runs.
    let plan = |seed| Plan { builds: 10, mutant: Some(Mutant::MeetsNobody), ..Plan::of(seed) };
    let failing = (0..60).map(|seed| (plan(seed), run(&plan(seed))));
    let failing = failing.filter(|(_, report)| report.faults.len() > 2);
    let (plan, report) = failing.into_iter().find(|(_, it)| !it.violations.is_empty()).unwrap();
    let (shortest, again) = shrink(&plan, &report);
    let left = shortest.only.clone().unwrap();
    assert_eq!(left.len(), 1, "of {:?} these are left: {left:?}", report.faults);
    assert!(!again.violations.is_empty());
    assert!(again.trace.iter().any(|line| line.contains("FAULT 0")), "{:#?}", again.trace);
    assert_eq!(run(&shortest).hash, again.hash, "what is printed can be repeated");
}
