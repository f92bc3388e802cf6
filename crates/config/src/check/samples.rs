//! The policy's functions on examples of who may come.

use std::collections::BTreeMap;

use steading_core::farm::{Farm, PropertyList, RequestView, WorkerView};
use steading_core::words::{Micros, RequestId};

use crate::Diagnostic;
use crate::policy::FarmPolicy;

/// Builders, and workers, that are made examples of.
const EXAMPLES_MAX: usize = 8;

/// Attributes that exist nowhere and that a function of the policy always reads.
pub(crate) fn unknown_attributes(policy: &FarmPolicy, farm: &Farm) -> Vec<Diagnostic> {
    let builders: Vec<&str> = farm.builders.keys().map(String::as_str).collect();
    let builders = if builders.is_empty() { vec!["example"] } else { builders };
    let mut requests = Vec::new();
    for builder in builders.into_iter().take(EXAMPLES_MAX) {
        // What is true of all these holds for whatever a function may compare them with.
        for (priority, branch) in [(-1_000, ""), (0, "main"), (1_000, "release/1")] {
            requests.push(request(builder, priority, branch));
        }
    }
    let mut workers: Vec<WorkerView> = farm
        .workers
        .iter()
        .take(EXAMPLES_MAX)
        .map(|spec| worker(spec.name.replace('*', "1"), spec.labels.clone(), spec.slots))
        .collect();
    if workers.is_empty() {
        workers.push(worker("example".to_owned(), BTreeMap::new(), 1));
    }
    policy.unknown_attributes(&requests, &workers)
}

fn request(builder: &str, priority: i64, branch: &str) -> RequestView {
    RequestView {
        id: RequestId(1),
        builder: builder.into(),
        priority,
        repository: Default::default(),
        branch: branch.into(),
        revision: Default::default(),
        owner: Default::default(),
        reason: "an example".into(),
        properties: PropertyList::default(),
        submitted_at: Micros(0),
        start_by: None,
    }
}

fn worker(
    name: String,
    labels: BTreeMap<String, steading_core::words::Value>,
    slots: i64,
) -> WorkerView {
    WorkerView { name, labels, slots, busy_slots: 0, last_builder: String::new() }
}
