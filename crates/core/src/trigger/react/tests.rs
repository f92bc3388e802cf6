//! Quiet periods as tables and properties.

use super::*;
use crate::words::ChangeId;
use proptest::prelude::*;

fn scheduler(quiet_s: i64, files: &[&str]) -> OnChange {
    OnChange {
        cancel_superseded: false,
        fail_fast: false,
        repository: "r".into(),
        builders: vec!["b".into()],
        branches: vec!["main".into(), "release/*".into()],
        files: files.iter().map(|f| (*f).to_owned()).collect(),
        quiet: Duration::seconds(quiet_s),
        max_wait: Duration::seconds(quiet_s * 3),
        priority: 7,
        ..OnChange::default()
    }
}

fn change(id: i64, branch: &str, files: &[&str]) -> Change {
    Change {
        id: ChangeId(id),
        repository: "r".into(),
        branch: branch.into(),
        revision: format!("rev{id}"),
        author: String::new(),
        message: String::new(),
        files: files.iter().map(|f| (*f).to_owned()).collect(),
        commits: None,
        committed_at: Micros(0),
        created_at: Micros(0),
    }
}

fn at(second: i64) -> Micros {
    Micros(second * 1_000_000)
}

/// Plays changes as `(second, files)` on `main`; gives the timer as `first fire changes revision`.
fn play(on: &OnChange, changes: &[(i64, &[&str])]) -> String {
    let mut timer: Option<Timer> = None;
    for (i, (second, files)) in changes.iter().enumerate() {
        let change = change(i as i64 + 1, "main", files);
        match on_change("s", on, &change, timer.as_ref(), at(*second)) {
            Reaction::Ignore => return "ignored".into(),
            Reaction::Fire(wish) => return format!("fire {} {:?}", wish.revision, wish.changes),
            Reaction::Keep(kept) => timer = Some(kept),
        }
    }
    let timer = timer.expect("a change was played");
    let second = |at: Option<Micros>| at.map_or("-".into(), |at| (at.0 / 1_000_000).to_string());
    let changes: Vec<i64> = timer.changes.iter().map(|c| c.0).collect();
    format!("{} {} {changes:?} {}", second(timer.first_at), second(timer.fire_at), timer.revision)
}

#[test]
fn a_quiet_period_collects_what_comes() {
    let check = |quiet, files: &[&str], changes: &[(i64, &[&str])], expected: &str| {
        assert_eq!(play(&scheduler(quiet, files), changes), expected);
    };
    check(0, &[], &[(5, &["a"])], "fire rev1 [ChangeId(1)]");
    check(10, &[], &[(5, &["a"])], "5 15 [1] rev1");
    check(10, &[], &[(5, &["a"]), (12, &["a"])], "5 22 [1, 2] rev2");
    let capped: &[(i64, &[&str])] = &[(5, &["a"]), (14, &["a"]), (23, &["a"]), (31, &["a"])];
    check(10, &[], capped, "5 35 [1, 2, 3, 4] rev4");

    let src = &["src/**"];
    check(10, src, &[(5, &["doc/x"])], "- - [1] rev1");
    check(10, src, &[(5, &["doc/x"]), (6, &["src/x", "doc/y"])], "6 16 [1, 2] rev2");
    check(10, src, &[(5, &["src/x"]), (9, &["doc/x"])], "5 15 [1, 2] rev2");
    check(0, src, &[(5, &["doc/x"]), (6, &["src/x"])], "fire rev2 [ChangeId(1), ChangeId(2)]");
    check(0, src, &[(5, &[])], "- - [1] rev1");
    check(0, &[], &[(5, &[])], "fire rev1 [ChangeId(1)]");
}

#[test]
fn other_branches_and_repositories_are_ignored() {
    let check = |on: &OnChange, branch, expected: bool| {
        let reaction = on_change("s", on, &change(1, branch, &["a"]), None, at(0));
        assert_eq!(reaction != Reaction::Ignore, expected, "{branch}");
    };
    let on = scheduler(0, &[]);
    check(&on, "main", true);
    check(&on, "release/1.0", true);
    check(&on, "topic", false);
    check(&OnChange { branches: vec![], ..on.clone() }, "topic", true);
    check(&OnChange { repository: "other".into(), ..on }, "main", false);
}

#[test]
fn a_change_met_twice_is_collected_once() {
    let on = scheduler(10, &[]);
    let Reaction::Keep(once) = on_change("s", &on, &change(1, "main", &["a"]), None, at(5)) else {
        panic!("it is kept")
    };
    let again = on_change("s", &on, &change(1, "main", &["a"]), Some(&once), at(9));
    assert_eq!(again, Reaction::Keep(once));
}

#[test]
fn timers_fire_in_the_order_they_fell_due() {
    let timer = |scheduler: &str, fire: Option<i64>| Timer {
        scheduler: scheduler.into(),
        repository: "r".into(),
        branch: "main".into(),
        first_at: fire.map(at),
        fire_at: fire.map(at),
        changes: vec![ChangeId(1)],
        revision: "x".into(),
    };
    let timers = [timer("c", Some(9)), timer("b", Some(5)), timer("a", Some(9)), timer("d", None)];
    let names = |now| due(&timers, at(now)).iter().map(|t| t.scheduler.clone()).collect::<String>();
    assert_eq!([names(4), names(5), names(9)], ["", "b", "bac"]);
    assert_eq!(next_wake(&timers), Some(at(5)));
    assert_eq!(next_wake(&timers[3..]), None);
    let wish = fired(&scheduler(10, &[]), &timers[0]);
    assert_eq!((wish.priority, wish.builders, wish.scheduler), (7, vec!["b".into()], "c".into()));
    assert_eq!(wish.reason, "a change on main");
}

proptest! {
    /// Every change is in exactly one build's blamelist or still collected; a timer never fires
    /// before `quiet` has passed unless `max_wait` has, and never waits longer than `max_wait`.
    #[test]
    fn nothing_is_lost_and_nothing_waits_too_long(
        quiet in 0..6_i64,
        steps in prop::collection::vec((0..4_i64, any::<bool>()), 0..40),
    ) {
        let on = scheduler(quiet, &["src/**"]);
        let mut timer: Option<Timer> = None;
        let (mut built, mut second, mut last_important) = (Vec::new(), 0, 0);
        for (i, (gap, important)) in steps.iter().enumerate() {
            second += gap;
            let waiting: Vec<Timer> = timer.iter().cloned().collect();
            if let Some(fires) = due(&waiting, at(second)).first() {
                let (first, fire) = (fires.first_at.expect("armed"), fires.fire_at.expect("armed"));
                prop_assert!(fire <= first.plus(on.max_wait));
                let quiet_over = fire == at(last_important).plus(on.quiet);
                prop_assert!(quiet_over || fire == first.plus(on.max_wait));
                built.extend(fired(&on, fires).changes);
                timer = None;
            }
            let file = if *important { "src/x" } else { "doc/x" };
            let change = change(i as i64, "main", &[file]);
            if *important { last_important = second; }
            match on_change("s", &on, &change, timer.as_ref(), at(second)) {
                Reaction::Keep(kept) => {
                    prop_assert_eq!(&kept.revision, &change.revision);
                    prop_assert!(quiet > 0 || kept.fire_at.is_none());
                    timer = Some(kept);
                }
                Reaction::Fire(wish) => {
                    prop_assert!(quiet == 0 && *important);
                    prop_assert_eq!(&wish.revision, &change.revision);
                    built.extend(wish.changes);
                    timer = None;
                }
                Reaction::Ignore => prop_assert!(false, "main is watched"),
            }
        }
        built.extend(timer.into_iter().flat_map(|t| t.changes));
        let expected: Vec<ChangeId> = (0..steps.len() as i64).map(ChangeId).collect();
        prop_assert_eq!(built, expected);
    }
}

#[test]
fn a_paused_scheduler_keeps_what_it_would_have_built() {
    let on = scheduler(0, &[]);
    let mut timer: Option<Timer> = None;
    for id in 1..=2 {
        let change = change(id, "main", &["a"]);
        let reaction = on_change("s", &on, &change, timer.as_ref(), at(id));
        assert!(matches!(reaction, Reaction::Fire(_)), "{reaction:?}");
        let Reaction::Keep(kept) = held_back(reaction, at(id)) else { panic!("it is kept") };
        timer = Some(kept);
    }
    let timer = timer.expect("it was kept");
    assert_eq!(due(std::slice::from_ref(&timer), at(2)), [&timer], "due when it is resumed");
    let wish = fired(&on, &timer);
    assert_eq!((wish.revision.as_str(), wish.changes.len()), ("rev2", 2), "once, with all changes");
}
