//! From the end of a replay to its report.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::scene::Scene;
use super::{Fate, Never, Report, Waiter, Waits};
use crate::farm::RequestView;
use crate::words::{Duration, RequestId};

impl Scene<'_> {
    pub(super) fn report(mut self) -> Report {
        self.now = self.now.max(self.world.until);
        self.left();
        for (name, mut seat) in std::mem::take(&mut self.seats) {
            seat.count_to(self.now);
            self.report.workers.insert(name, seat.busy());
        }
        self.count_waits();
        self.report.faults = self.matcher.take_faults();
        let first = self.world.arrivals.iter().map(|arrival| arrival.view.submitted_at).min();
        self.report.makespan = first.map_or(Duration(0), |first| self.last_end.since(first));
        self.report
    }

    /// Why the rest never started.
    fn left(&mut self) {
        let rest: Vec<RequestId> = self.pending.keys().copied().collect();
        let explained = self.matcher.explain_all(&rest, self.policy, self.now);
        for explanation in explained {
            let Some(waiting) = self.forget(explanation.request) else { continue };
            let waiter = self.waited(&waiting.view, waiting.arrival);
            let fate = (waiting.view.builder.to_string(), Fate::Never);
            self.report.others.insert(explanation.request, fate);
            let verdict = explanation.verdict.code();
            self.report.never.push(Never { waiter, verdict, why: explanation.text });
        }
    }

    fn count_waits(&mut self) {
        let mut all = Vec::new();
        let mut builders: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        let mut projects: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        for (waiter, arrival) in std::mem::take(&mut self.waits) {
            all.push(waiter.waited);
            builders.entry(waiter.builder.clone()).or_default().push(waiter.waited);
            projects.entry(project(&arrival.view)).or_default().push(waiter.waited);
            let longest = &mut self.report.longest;
            let rank = |w: &Waiter| (w.waited, Reverse(w.request));
            if longest.as_ref().is_none_or(|longest| rank(&waiter) > rank(longest)) {
                *longest = Some(waiter);
            }
        }
        self.report.all = Waits::of(all);
        let waits = |by: BTreeMap<String, Vec<Duration>>| {
            by.into_iter().map(|(name, waits)| (name, Waits::of(waits))).collect()
        };
        self.report.builders = waits(builders);
        self.report.projects = waits(projects);
    }
}

fn project(view: &RequestView) -> String {
    match view.properties.get("project") {
        Some(project) => project.to_string(),
        None => view.repository.to_string(),
    }
}
