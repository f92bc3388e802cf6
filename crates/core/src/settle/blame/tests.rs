//! Each rule by its facts, and whole stories.

use super::*;

fn facts(trouble: Trouble, worker: i64, request: i64) -> Facts {
    Facts {
        trouble,
        worker: WorkerRecord { failures: worker - 1, ..WorkerRecord::default() },
        request: RequestRecord {
            failures: request - 1,
            lasted: Duration::default(),
            witnesses: 0,
            builds: 1,
            budget: 5,
            rerun: Rerun::Safe,
        },
        farm: FarmRecord { failing: 1, workers: 10 },
    }
}

/// Facts that are like the plain ones but for the request.
fn seen(trouble: Trouble, counts: (i64, i64), witnesses: i64, lasted_s: i64) -> Facts {
    let plain = facts(trouble, counts.0, counts.1);
    let lasted = Duration::seconds(lasted_s);
    Facts { request: RequestRecord { witnesses, lasted, ..plain.request }, ..plain }
}

fn trusted(trust: Trust, quarantines: i64, counts: (i64, i64)) -> Facts {
    let plain = facts(Trouble::Lost, counts.0, counts.1);
    Facts { worker: WorkerRecord { trust, quarantines, ..plain.worker }, ..plain }
}

#[test]
fn every_rule_decides_what_its_line_says() {
    let check = |facts: Facts, rule, charged, quarantine: Option<i64>, fate| {
        let quarantine = quarantine.map(Duration::seconds);
        assert_eq!(judge(&facts), Verdict { rule, charged, quarantine, fate }, "{facts:?}");
    };
    use Charged::{Both, Nobody, Request, Worker};
    use Trouble::{Excused, Lost, Outside, Unanswered};
    check(facts(Excused, 9, 9), Rule::Excused, Nobody, None, Fate::Retry);
    let together = FarmRecord { failing: 4, workers: 10 };
    check(Facts { farm: together, ..facts(Lost, 9, 1) }, Rule::Farm, Nobody, None, Fate::Retry);
    check(seen(Lost, (1, 2), 2, 0), Rule::Poison, Request, None, Fate::Poison);
    check(seen(Outside, (1, 2), 2, 61), Rule::Poison, Request, None, Fate::Poison);
    check(seen(Outside, (1, 2), 2, 60), Rule::Unproven, Both, None, Fate::Retry);
    check(seen(Lost, (1, 2), 1, 999), Rule::Unproven, Both, None, Fate::Retry);
    check(trusted(Trust::Quarantined, 1, (4, 1)), Rule::Known, Both, None, Fate::Retry);
    check(trusted(Trust::Canary, 1, (4, 1)), Rule::Canary, Both, Some(120), Fate::Retry);
    check(trusted(Trust::Canary, 9, (4, 1)), Rule::Canary, Both, Some(3600), Fate::Retry);
    check(facts(Lost, 3, 1), Rule::Worker, Both, Some(60), Fate::Retry);
    check(facts(Lost, 3, 2), Rule::Worker, Both, Some(60), Fate::Retry);
    check(facts(Lost, 2, 1), Rule::Suspect, Both, None, Fate::Retry);
    check(facts(Lost, 5, 5), Rule::Even, Both, None, Fate::Retry);
    check(facts(Lost, 1, 4), Rule::Unproven, Both, None, Fate::Retry);
    check(facts(Unanswered, 1, 4), Rule::Suspect, Worker, None, Fate::Retry);
    check(facts(Unanswered, 3, 4), Rule::Worker, Worker, Some(60), Fate::Retry);
}

#[test]
fn the_budget_and_the_builder_end_what_nobody_is_proven_guilty_of() {
    let check = |facts: Facts, fate| assert_eq!(judge(&facts).fate, fate, "{facts:?}");
    let with = |facts: Facts, builds, rerun| Facts {
        request: RequestRecord { builds, rerun, ..facts.request },
        ..facts
    };
    check(with(facts(Trouble::Lost, 2, 2), 4, Rerun::Safe), Fate::Retry);
    check(with(facts(Trouble::Lost, 2, 2), 5, Rerun::Safe), Fate::Exhausted);
    check(with(facts(Trouble::Lost, 2, 2), 1, Rerun::Never), Fate::NotRerun);
    // What nobody is charged with costs no attempt.
    check(with(facts(Trouble::Excused, 2, 2), 5, Rerun::Safe), Fate::Retry);
    let farms = FarmRecord { failing: 16, workers: 50 };
    let together = Facts { farm: farms, ..facts(Trouble::Outside, 2, 2) };
    check(with(together, 99, Rerun::Safe), Fate::Retry);
    // An offer that came back is no attempt.
    check(with(facts(Trouble::Unanswered, 2, 2), 9, Rerun::Never), Fate::Retry);
}

#[test]
fn the_farm_is_suspected_above_a_third_of_enough() {
    let check = |failing, workers, expected| {
        let farm = FarmRecord { failing, workers };
        assert_eq!(is_farms(farm), expected, "{farm:?}");
    };
    check(2, 2, false);
    check(3, 3, true);
    check(3, 9, true);
    check(3, 10, false);
    check(15, 50, false);
    check(16, 50, true);
}

#[test]
fn quarantines_double_up_to_an_hour() {
    let seconds: Vec<i64> = (0..8).map(|earlier| quarantine(earlier).0 / 1000).collect();
    assert_eq!(seconds, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(quarantine(i64::MAX), QUARANTINE_LONGEST);
}

/// A worker that loses whatever it is given never takes more than three builds with it.
#[test]
fn whatever_else_failed_before_a_bad_worker_is_found_in_three() {
    for histories in 0..27 {
        // How often each of its three builds' requests had failed elsewhere.
        let elsewhere = [histories % 3, histories / 3 % 3, histories / 9];
        if elsewhere.iter().all(|n| *n < 2) {
            let found = (1..)
                .zip(elsewhere)
                .any(|(w, n)| judge(&facts(Trouble::Lost, w, n + 1)).quarantine.is_some());
            assert!(found, "{elsewhere:?}");
        }
    }
}

/// The table in the documents is this one.
#[test]
fn the_documents_print_the_table() {
    let page = include_str!("../../../../../docs/blame.md");
    for (number, rule) in (1..).zip(RULES) {
        let line = format!("| {number} {rule}");
        assert!(page.contains(&line), "docs/blame.md lacks this line:\n{line}");
    }
}
