//! What one build costs, as `/metrics` says: the same however large the farm is.

use crate::farm::{Client, Farm};

/// Builds that are measured, one after the other: none shares a section with another.
const BUILDS: i64 = 8;

/// What the writer did so far, or between two moments.
#[derive(Debug, Clone, Copy)]
struct Cost {
    sections: f64,
    statements: f64,
}

impl Cost {
    fn so_far(client: &Client) -> Cost {
        let committed = client.metric("steading_store_sections_total", "result=\"committed\"");
        let statements = client.metric("steading_store_statements_total", "");
        Cost { sections: committed, statements }
    }

    fn per_build(self, before: Cost) -> Cost {
        let each = |after: f64, before: f64| (after - before) / BUILDS as f64;
        Cost {
            sections: each(self.sections, before.sections),
            statements: each(self.statements, before.statements),
        }
    }
}

/// What a build costs each of whose steps prints on both of its logs.
fn steps(steps: usize, workers: usize, builders: usize) -> Cost {
    let farm = Farm::started(&format!(
        "[worker(\"w%d\" % n, slots = 8) for n in range({workers})]\n\
         steps = [shell(\"echo out; echo err >&2\", name = \"s%d\" % n) for n in range({steps})]\n\
         [builder(\"b%d\" % n, steps = steps) for n in range({builders})]\n"
    ));
    let client = farm.client();
    for n in 0..workers {
        client.until(&format!("/workers/w{n}"), |worker| worker["state"] == "ready");
    }
    let build = || assert_eq!(client.complete(client.force_plain("b0"))["outcome"], "success");
    build();
    let before = Cost::so_far(&client);
    (0..BUILDS).for_each(|_| build());
    Cost::so_far(&client).per_build(before)
}

#[test]
fn a_build_of_one_step_takes_at_most_eight_sections_however_large_the_farm() {
    let (small, large) = (steps(1, 1, 1), steps(1, 5, 400));
    for cost in [small, large] {
        assert!(cost.sections <= 8.0, "{small:?} {large:?}");
    }
    assert!(large.statements <= small.statements * 1.05, "{small:?} {large:?}");
}

#[test]
fn each_further_step_takes_at_most_one_section_more() {
    let cost = steps(11, 1, 1);
    assert!(cost.sections <= 18.0, "{cost:?}");
}
