//! Forecasts of farms small enough to work out by hand.

mod moment;

use steading_core::forecast::{Change, Start, WhatIf, expect, what_if};
use steading_core::matcher::NotNow;
use steading_core::words::RequestId;

use moment::*;

/// `p50/p90` in seconds, `>n` for later than that, `-` for unknown, `?` behind a guess.
fn told(moment: &Moment, request: i64) -> String {
    let outlook = moment.outlook();
    let id = RequestId(request);
    let expected = expect(outlook, &[id])[&id];
    let guess = if expected.guess { "?" } else { "" };
    format!("{}/{}{guess}", start(expected.p50), start(expected.p90))
}

fn start(start: Start) -> String {
    match start {
        Start::In(span) => (span.0 / 1000).to_string(),
        Start::LaterThan(span) => format!(">{}", span.0 / 1000),
        Start::Unknown => "-".to_owned(),
    }
}

#[track_caller]
fn check(moment: &Moment, expected: &[(i64, &str)]) {
    for (request, starts) in expected {
        assert_eq!(told(moment, *request), *starts, "request {request}");
    }
}

#[test]
fn a_request_starts_when_those_before_it_are_done() {
    let mut moment = Moment::new(&[("barn", 1)]);
    moment.usual("slow", 100, 150).usual("quick", 10, 20);
    moment.request(1, "slow").request(2, "quick").request(3, "slow");
    check(&moment, &[(1, "0/0"), (2, "100/150"), (3, "110/170")]);
    // What runs already has some of its time behind it.
    moment.runs("slow", "barn", 70);
    check(&moment, &[(1, "30/80"), (2, "130/230"), (3, "140/250")]);
}

#[test]
fn the_rest_of_a_build_depends_on_how_long_it_ran() {
    let check = |ran: i64, expected: &str| {
        let mut moment = Moment::new(&[("barn", 1)]);
        moment.usual("slow", 100, 150).request(1, "slow").runs("slow", "barn", ran);
        assert_eq!(told(&moment, 1), expected, "ran {ran} s");
    };
    check(0, "100/150");
    check(99, "1/51");
    check(100, "50/50");
    check(149, "1/1");
    // It outran everything known: a tenth more, or half.
    check(200, "20/100");
}

#[test]
fn a_builder_without_history_is_taken_for_one_in_the_middle_and_said_to_be_a_guess() {
    let mut moment = Moment::new(&[("barn", 1), ("shed", 1)]);
    moment.usual("a", 10, 20).usual("b", 50, 60).usual("c", 900, 900);
    moment.runs("new", "barn", 0).runs("c", "shed", 0).request(1, "a").request(2, "a");
    check(&moment, &[(1, "50/60?"), (2, "60/80?")]);
    // A guess that ends later changes nothing.
    moment.runs("b", "shed", 45).free("shed", "c");
    check(&moment, &[(1, "5/15")]);
}

#[test]
fn nobody_knows_anything_in_a_new_farm() {
    let mut moment = Moment::new(&[("barn", 1), ("shed", 1)]);
    moment.runs("new", "barn", 3).request(1, "new").request(2, "new");
    check(&moment, &[(1, "0/0"), (2, "-/-")]);
}

#[test]
fn locks_are_waited_for_until_the_last_step_ends() {
    let mut moment = Moment::new(&[("barn", 2), ("shed", 2)]);
    moment.locking("press").usual("press", 100, 150);
    moment.request(1, "press").request(2, "press").request(3, "press");
    // The last tenth of a build holds its slot and no lock.
    check(&moment, &[(1, "0/0"), (2, "90/135"), (3, "180/270")]);
    // A step with the lock, of a build that goes on after it.
    moment.runs("other", "barn", 500).usual("other", 1000, 1000);
    moment.holds("other", "barn", 10).usual_step("other", "make", 30, 40);
    check(&moment, &[(1, "20/30"), (2, "110/165")]);
}

#[test]
fn what_no_end_of_a_build_starts_is_unknown() {
    let mut moment = Moment::new(&[("barn", 1)]);
    moment.usual("slow", 100, 150).request(1, "slow");
    moment.away("barn", NotNow::Offline);
    check(&moment, &[(1, "-/-")]);
}

#[test]
fn work_is_bounded_and_what_lies_beyond_is_later() {
    let mut moment = Moment::new(&[("barn", 1)]);
    moment.usual("slow", 100, 150);
    for request in 1..=40 {
        moment.request(request, "slow");
    }
    moment.decisions_max = 30;
    // For each build a decision, the end of its steps and the end of itself.
    check(&moment, &[(1, "0/0"), (10, "900/1350"), (11, ">1000/>1500"), (40, ">1000/>1500")]);
    assert!(expect(moment.outlook(), &[RequestId(99)]).is_empty());
}

#[test]
fn nobody_is_told_that_slow_builds_start_it_earlier() {
    // Slow builds make another order, and it may come first in that one.
    let mut moment = Moment::new(&[("barn", 1)]);
    moment.usual("odd", 100, 50).runs("odd", "barn", 0).request(1, "odd");
    check(&moment, &[(1, "100/100")]);
}

/// `change: p50 (sooner)`, in seconds.
fn tried(moment: &Moment, request: i64) -> Vec<String> {
    let outlook = moment.outlook();
    let explained = outlook.matcher.explain(RequestId(request), outlook.policy, outlook.now);
    let (usual, tried) = what_if(outlook, &explained.expect("it waits")).expect("it waits");
    assert_eq!(usual, expect(outlook, &[RequestId(request)])[&RequestId(request)]);
    let line = |what: &WhatIf| {
        let change = match &what.change {
            Change::OneMoreWorker { like } => format!("one more {like}"),
            Change::Priority(priority) => format!("priority {priority}"),
        };
        let sooner = what.sooner_ms.map_or("?".to_owned(), |ms| (ms / 1000).to_string());
        format!("{change}: {} ({sooner})", start(what.expected.p50))
    };
    tried.iter().map(line).collect()
}

#[test]
fn one_more_worker_and_more_priority_start_it_earlier_or_not() {
    let mut moment = Moment::new(&[("barn", 1), ("shed", 1)]);
    moment.usual("slow", 100, 150).runs("slow", "barn", 0).runs("slow", "shed", 40);
    moment.request(1, "slow").request(2, "slow").request(3, "slow");
    assert_eq!(tried(&moment, 3), ["one more shed: 100 (60)", "priority 10: 60 (100)"]);
    assert_eq!(tried(&moment, 1), ["one more shed: 0 (60)", "priority 10: 60 (0)"]);
    // What starts now needs nothing.
    moment.free("shed", "slow");
    assert!(tried(&moment, 1).is_empty());
}

#[test]
fn one_more_worker_has_what_the_other_has() {
    let mut moment = Moment::new(&[("barn", 1)]);
    // The builder names its worker, and the worker has its own units of the lock.
    moment.only_on("press", "barn").scales("barn", 2).weighing("press");
    moment.usual("press", 100, 100).runs("press", "barn", 0).request(1, "press");
    assert_eq!(tried(&moment, 1), ["one more barn: 0 (100)", "priority 10: 100 (0)"]);
    // A lock of the whole farm is not more for it.
    let mut moment = Moment::new(&[("barn", 1)]);
    moment.locking("press").usual("press", 100, 100).runs("press", "barn", 0);
    moment.request(1, "press");
    assert_eq!(tried(&moment, 1), ["one more barn: 90 (10)", "priority 10: 100 (0)"]);
}

#[test]
fn what_takes_no_worker_or_waits_for_one_is_tried_as_far_as_it_makes_sense() {
    let mut moment = Moment::new(&[("barn", 1), ("shed", 1)]);
    moment.usual("slow", 100, 150).runs("slow", "barn", 0).pinned(1, "slow", "barn");
    assert_eq!(tried(&moment, 1), ["priority 10: 100 (0)"]);
    let mut moment = Moment::new(&[("barn", 1)]);
    moment.usual("slow", 100, 150).away("barn", NotNow::Offline).request(1, "slow");
    assert_eq!(tried(&moment, 1), ["one more barn: 0 (?)", "priority 10: - (0)"]);
    let mut moment = Moment::new(&[("barn", 1)]);
    moment.runs("new", "barn", 0).request(1, "new");
    assert_eq!(tried(&moment, 1), ["one more barn: 0 (?)"]);
}

#[test]
fn the_same_moment_gives_the_same_forecast() {
    let mut moment = Moment::new(&[("barn", 2), ("shed", 1)]);
    moment.usual("slow", 100, 150).usual("quick", 7, 9).runs("slow", "shed", 12);
    for request in 1..=30 {
        moment.request(request, if request % 3 == 0 { "slow" } else { "quick" });
    }
    let all: Vec<RequestId> = (1..=30).map(RequestId).collect();
    let found = expect(moment.outlook(), &all);
    assert_eq!(found, expect(moment.outlook(), &all));
    // Asked alone it is told the same.
    for id in all {
        assert_eq!(expect(moment.outlook(), &[id])[&id], found[&id]);
    }
}
