//! `/metrics`: what is counted here, and what is read from history when asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;

use axum::extract;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use steading_store::Stats;
use steading_wire::problem::Code;

use crate::api::overview::Overview;
use crate::{Failure, State};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = [(&'static str, String); 2];
type Label = [(&'static str, String); 1];

/// Counted as it happens. Everything else is read when `/metrics` is asked for.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Family<Labels, Counter<u64, AtomicU64>>,
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        Metrics::default()
    }

    /// One answered request. Verbs nobody knows share a label: labels must not grow at will.
    pub(crate) fn count(&self, method: &Method, status: StatusCode) {
        let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];
        let method = if known.contains(method) { method.as_str() } else { "other" };
        let labels = [("method", method.to_owned()), ("status", status.as_str().to_owned())];
        self.requests.get_or_create(&labels).inc();
    }
}

/// `GET /metrics`, in the OpenMetrics text format.
pub(crate) async fn show(
    extract::State(state): extract::State<State>,
) -> Result<Response, Failure> {
    let overview = state.store.read(Overview::read).await?;
    let mut registry = Registry::with_prefix("steading");
    let requests = state.metrics.requests.clone();
    registry.register("http_requests", "HTTP requests answered", requests);
    farm(&mut registry, &overview);
    sections(&mut registry, &state.store.stats());
    let syncs = ConstCounter::new(state.archive.syncs());
    registry.register("archive_syncs", "Files and directories of logs made durable", syncs);
    let mut text = String::new();
    encode(&mut text, &registry)
        .map_err(|fmt::Error| Failure::new(Code::Internal, "the metrics could not be written"))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

fn farm(registry: &mut Registry, overview: &Overview) {
    gauges(registry, "requests", "Requests on their way, by state", &overview.requests);
    gauges(registry, "workers", "Workers, by state", &overview.workers);
    let running = ConstGauge::new(overview.running);
    registry.register("builds_running", "Builds without their outcome yet", running);
    let slots = ConstGauge::new(overview.slots);
    registry.register("slots", "Slots of ready workers", slots);
    let seq = ConstGauge::new(overview.as_of.0);
    registry.register("event_seq", "The number of the newest event", seq);
}

fn gauges(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    counts: &BTreeMap<&'static str, i64>,
) {
    let family = Family::<Label, Gauge>::default();
    for (state, count) in counts {
        family.get_or_create(&[("state", (*state).to_owned())]).set(*count);
    }
    registry.register(name, help, family);
}

fn sections(registry: &mut Registry, stats: &Stats) {
    let commits = ConstCounter::new(stats.commits);
    registry.register("store_commits", "Commits, each of a group of sections", commits);
    let done = Family::<Labels, Counter<u64, AtomicU64>>::default();
    let statements = Family::<Label, Counter<u64, AtomicU64>>::default();
    let busy = Family::<Label, Counter<u64, AtomicU64>>::default();
    for (name, of) in &stats.sections {
        let labels =
            |result: &str| [("section", (*name).to_owned()), ("result", result.to_owned())];
        done.get_or_create(&labels("committed")).inc_by(of.committed);
        done.get_or_create(&labels("undone")).inc_by(of.undone);
        let section = [("section", (*name).to_owned())];
        statements.get_or_create(&section).inc_by(of.statements);
        busy.get_or_create(&section).inc_by(of.busy_us);
    }
    registry.register("store_sections", "Write sections, by name and result", done);
    registry.register("store_statements", "SQL statements of write sections", statements);
    registry.register("store_busy_microseconds", "Time spent in write sections", busy);
}
