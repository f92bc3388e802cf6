//! What the policy costs on the queue as it is: read from history, beside a running farm or none.
//! Where nothing waits, an example queue is looked at: one request of each builder.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use steading_config::Loaded;
use steading_core::farm::{PropertyList, RequestView, WorkerView};
use steading_core::matcher::{Candidate, Cost, Matcher};
use steading_core::words::{Micros, Request, RequestId, Worker};
use steading_store::{Options, Reader};
use tokio::time::Instant;

use crate::clock;
use crate::serve::Place;

/// The policy on a queue.
pub(super) struct Found {
    cost: Cost,
    workers: usize,
    /// Nothing waits: the queue is an example.
    example: bool,
    /// Waiting requests of builders that the farm has no more.
    left_out: usize,
    took_ms: u128,
    /// Why history was not read though there is one.
    unread: Option<String>,
}

/// Reads the queue and asks the policy about all of it once.
pub(super) async fn cost(place: &Place, loaded: &Loaded) -> Found {
    let ((requests, known), unread) = match queue(place).await {
        Ok(queue) => (queue, None),
        Err(why) => ((Vec::new(), Vec::new()), Some(why)),
    };
    let mut matcher = Matcher::new(&loaded.farm);
    let mut workers = declared(loaded);
    workers.extend(known.into_iter().map(|worker| (worker.name.clone(), worker)));
    let count = workers.len();
    for worker in workers.into_values() {
        matcher.set_worker(worker, Ok(()));
    }
    let (builders, all) = (&loaded.farm.builders, requests.len());
    let requests: Vec<_> = requests
        .into_iter()
        .filter_map(|(view, pin)| Some((builders.get(view.builder.as_str())?, view, pin)))
        .collect();
    let (example, left_out) = (requests.is_empty(), all - requests.len());
    for (builder, view, pin) in requests {
        matcher.add_request(Candidate::new(view, builder, pin.as_deref()));
    }
    for (id, builder) in (1..).zip(builders.values().filter(|_| example)) {
        matcher.add_request(Candidate::new(sample(id, &builder.name), builder, None));
    }
    let start = Instant::now();
    let cost = matcher.cost(loaded.policy.as_ref(), clock::now());
    let took_ms = start.elapsed().as_millis();
    Found { cost, workers: count, example, left_out, took_ms, unread }
}

type Queue = (Vec<(RequestView, Option<String>)>, Vec<WorkerView>);

/// What waits, and the workers the farm has met; nothing where there is no history.
async fn queue(place: &Place) -> Result<Queue, String> {
    let reader = match Reader::open(&Options::new(&place.data, clock::now)) {
        Ok(reader) => reader,
        Err(steading_store::OpenError::Missing { .. }) => return Ok(Queue::default()),
        Err(error) => return Err(error.to_string()),
    };
    let read = reader.read(|r| {
        let mut last = r.last_builders()?;
        let workers = r.workers()?.into_iter().map(|worker: Worker| {
            let last_builder = last.remove(&worker.name).unwrap_or_default();
            let Worker { name, labels, slots, .. } = worker;
            WorkerView { name, labels, slots, busy_slots: 0, last_builder }
        });
        let workers = workers.collect();
        Ok((r.pending()?.into_iter().map(view).collect(), workers))
    });
    read.await.map_err(|error| error.to_string())
}

fn view(mut request: Request) -> (RequestView, Option<String>) {
    let pin = request.pinned_worker.take();
    (request.into(), pin)
}

/// A request that could come.
fn sample(id: i64, builder: &str) -> RequestView {
    RequestView {
        id: RequestId(id),
        builder: builder.into(),
        priority: 0,
        repository: Default::default(),
        branch: "main".into(),
        revision: Default::default(),
        owner: Default::default(),
        reason: "an example".into(),
        properties: PropertyList::default(),
        submitted_at: Micros(0),
        start_by: None,
    }
}

/// The workers farm.star declares; of each pattern, one.
fn declared(loaded: &Loaded) -> BTreeMap<String, WorkerView> {
    let workers = loaded.farm.workers.iter().map(|spec| {
        let name = if spec.pattern { spec.name.replace('*', "1") } else { spec.name.clone() };
        let (labels, slots) = (spec.labels.clone(), spec.slots);
        let last_builder = String::new();
        (name.clone(), WorkerView { name, labels, slots, busy_slots: 0, last_builder })
    });
    workers.collect()
}

impl Found {
    /// A line for people, and warnings.
    pub(super) fn text(&self) -> (String, Vec<String>) {
        let Cost { pending, size, evaluations, .. } = &self.cost;
        let queue = if self.example { "nothing waits; as an example, " } else { "" };
        let plural =
            |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let line = format!(
            "policy: {queue}{} in {}, {} in {}; {} may meet; {}, {} ms here",
            plural(*pending, "pending request", "pending requests"),
            plural(size.request_classes, "class", "classes"),
            plural(self.workers, "worker", "workers"),
            plural(size.worker_classes, "class", "classes"),
            plural(size.edges, "pair of classes", "pairs of classes"),
            plural(
                usize::try_from(*evaluations).unwrap_or(usize::MAX),
                "evaluation",
                "evaluations"
            ),
            self.took_ms,
        );
        (line, self.warnings())
    }

    fn warnings(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        if let Some(why) = &self.unread {
            all.push(format!("the queue is not looked at: {why}"));
        }
        if self.left_out > 0 {
            let (n, farm) = (self.left_out, "builders that this farm.star does not have");
            all.push(format!("{n} waiting requests are left out: they are of {farm}"));
        }
        let per_request = self.cost.per_request;
        all.extend(self.cost.unique.iter().map(|read| match *read {
            "worker.name" => format!(
                "this policy reads {read} together with a request: every worker is a class of its \
                 own"
            ),
            read => format!(
                "this policy reads {read} together with a worker: every request is a class of its \
                 own; {per_request} evaluations per new request"
            ),
        }));
        all.extend(self.cost.faults.iter().map(|fault| {
            let (function, request, worker) = (&fault.function, fault.request, &fault.worker);
            let on = if worker.is_empty() { String::new() } else { format!(" on {worker}") };
            let message = &fault.message;
            format!("{function} of the policy fails for request {request}{on}: {message}")
        }));
        all
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let Cost { pending, size, evaluations, per_request, unique, .. } = &self.cost;
        json!({
            "example": self.example,
            "requests": pending,
            "workers": self.workers,
            "request_classes": size.request_classes,
            "worker_classes": size.worker_classes,
            "class_pairs": size.edges,
            "evaluations": evaluations,
            "evaluations_per_request": per_request,
            "evaluation_ms": u64::try_from(self.took_ms).unwrap_or(u64::MAX),
            "unique": unique,
            "warnings": self.warnings(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line and the warnings for a farm of two builders and two workers without history.
    async fn said(policy: &str) -> (String, Vec<String>) {
        let farm = tempfile::tempdir().expect("a directory");
        let text = format!(
            "worker(\"a\", labels = {{\"os\": \"linux\"}})\nworkers(\"b-*\")\n\
             [builder(name, steps = [shell(\"true\")]) for name in [\"x\", \"y\"]]\n{policy}\n"
        );
        std::fs::write(farm.path().join("farm.star"), text).expect("a file");
        let loaded = steading_config::load(farm.path()).expect("a good farm");
        let place = Place::of(farm.path().to_owned(), None).expect("a place");
        let (line, warnings) = cost(&place, &loaded).await.text();
        (line.rsplit_once(", ").expect("the time comes last").0.to_owned(), warnings)
    }

    #[tokio::test]
    async fn it_counts_what_the_policy_tells_apart() {
        let check = |(line, warnings): (String, Vec<String>), rest: &str| {
            let start = "policy: nothing waits; as an example, 2 pending requests in ";
            assert_eq!((line, warnings), (format!("{start}{rest}"), vec![]));
        };
        check(
            said("policy(allow = lambda request, worker: True)").await,
            "1 class, 2 workers in 1 class; 1 pair of classes may meet; 1 evaluation",
        );
        let apart = "lambda request, worker: request.builder == worker.labels.get(\"os\")";
        check(
            said(&format!("policy(order = [highest({apart})])")).await,
            // The first of all only says what is read.
            "2 classes, 2 workers in 2 classes; 4 pairs of classes may meet; 5 evaluations",
        );
    }

    #[tokio::test]
    async fn a_policy_that_tells_all_requests_apart_is_warned_of() {
        let policy = "policy(order = [highest(lambda request, worker: \
                      request.id % 2 == len(worker.labels))])";
        let warning = "this policy reads request.id together with a worker: every request is a \
                       class of its own; 2 evaluations per new request";
        assert_eq!(said(policy).await.1, [warning]);
    }

    #[tokio::test]
    async fn what_fails_on_the_queue_is_told() {
        let allow = "lambda request: request.builder == \"y\" or request.builder[7] == 1";
        let (_, warnings) = said(&format!("policy(allow = {allow})")).await;
        let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(warning.starts_with("allow of the policy fails for request 1 on a: "), "{warning}");
        assert!(warning.contains("farm.star:4:"), "{warning}");
    }
}
