//! The replay for programs: times as RFC 3339, spans as whole milliseconds, as in the API.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use steading_core::replay::{Busy, Changed, Decision, Fate, Never, Report, Shift, Waiter, Waits};
use steading_wire::render::time;

use super::run::Tried;

/// Everything, the differing decisions in full.
pub(super) fn json(tried: &Tried) -> Value {
    let difference = &tried.difference;
    json!({
        "since": time(tried.world.since),
        "until": time(tried.world.until),
        "requests": tried.world.arrivals.len(),
        "learned_durations": tried.learned,
        "present": report(&tried.present),
        "other": report(&tried.other),
        "difference": {
            "decisions": list(&difference.decisions, changed),
            "waits": {
                "all": shift(&difference.all),
                "builders": by_name(&difference.builders, shift),
                "projects": by_name(&difference.projects, shift),
            },
            "makespan_ms": difference.makespan_ms,
        },
    })
}

fn report(report: &Report) -> Value {
    let fault = |fault: &steading_core::matcher::FaultReport| {
        json!({
            "function": fault.function, "message": fault.message,
            "request_id": fault.request, "worker": fault.worker,
        })
    };
    json!({
        "decisions": list(&report.decisions, decision),
        "waits": {
            "all": waits(&report.all),
            "builders": by_name(&report.builders, waits),
            "projects": by_name(&report.projects, waits),
        },
        "workers": by_name(&report.workers, busy),
        "longest": report.longest.as_ref().map(|longest| Value::Object(waiter(longest))),
        "never": list(&report.never, never),
        "makespan_ms": report.makespan,
        "faults": list(&report.faults, fault),
    })
}

fn list<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(one).collect())
}

fn by_name<T>(items: &BTreeMap<String, T>, one: impl Fn(&T) -> Value) -> Value {
    Value::Object(items.iter().map(|(name, item)| (name.clone(), one(item))).collect())
}

fn decision(decision: &Decision) -> Value {
    let Decision { request, builder, worker, at } = decision;
    json!({ "request_id": request, "builder": builder, "worker": worker, "at": time(*at) })
}

fn waits(waits: &Waits) -> Value {
    let Waits { count, p50, p95, max } = waits;
    json!({ "count": count, "p50_ms": p50, "p95_ms": p95, "max_ms": max })
}

fn shift(shift: &Shift) -> Value {
    json!({ "p50_ms": shift.p50_ms, "p95_ms": shift.p95_ms, "max_ms": shift.max_ms })
}

fn busy(busy: &Busy) -> Value {
    json!({ "busy_ms": busy.busy, "available_ms": busy.available })
}

fn waiter(waiter: &Waiter) -> Map<String, Value> {
    let Waiter { request, builder, waited } = waiter;
    let cells = [("request_id", json!(request)), ("builder", json!(builder))];
    let cells = cells.into_iter().chain([("waited_ms", json!(waited))]);
    cells.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn never(never: &Never) -> Value {
    let mut object = waiter(&never.waiter);
    object.insert("verdict".to_owned(), json!(never.verdict));
    object.insert("why".to_owned(), json!(never.why));
    Value::Object(object)
}

fn changed(changed: &Changed) -> Value {
    let Changed { request, builder, a, b } = changed;
    json!({ "request_id": request, "builder": builder, "present": fate(a), "other": fate(b) })
}

fn fate(fate: &Fate) -> Value {
    match fate {
        Fate::Started { worker, at } => {
            json!({ "fate": "started", "worker": worker, "at": time(*at) })
        }
        Fate::Folded { into } => json!({ "fate": "folded", "into": into }),
        Fate::Withdrawn { at } => json!({ "fate": "withdrawn", "at": time(*at) }),
        Fate::Never => json!({ "fate": "never" }),
    }
}
