//! What a policy costs on a queue: how many classes it makes, and how often it is asked.

use super::memo::Attribute;
use super::{FaultReport, Matcher, Size};
use crate::farm::Policy;
use crate::words::{Micros, RequestId};

/// What came of the first look at everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Pending requests.
    pub pending: usize,
    /// The classes they and the workers form, and the pairs that may meet.
    pub size: Size,
    /// Calls of the policy's functions.
    pub evaluations: u64,
    /// Calls that one more request like the newest makes; 0 when it looks like one that is known.
    pub per_request: u64,
    /// What functions of a request and a worker read that no two requests, or no two workers, have
    /// in common: `request.id`.
    pub unique: Vec<&'static str>,
    /// What failed, once per function and class pair.
    pub faults: Vec<FaultReport>,
}

impl Matcher {
    /// Looks at everything this matcher was told, and at one request more. Ask a copy.
    #[must_use]
    pub fn cost(&mut self, policy: &dyn Policy, now: Micros) -> Cost {
        let pending = self.world.requests.len();
        self.follow(policy, now);
        let (size, evaluations) = (self.size(), self.evaluations());
        let newest = self.world.requests.last_key_value();
        if let Some((id, newest)) = newest.map(|(id, newest)| (*id, newest.clone())) {
            let mut another = newest.candidate.clone();
            another.view.id = RequestId(id.0.saturating_add(1));
            another.view.submitted_at = now;
            self.add_request(another);
            self.follow(policy, now);
        }
        let reads = &self.memory.memo.pair_reads;
        let has = |read: Attribute, name| reads.contains(&read).then_some(name);
        let request = |field: &str| Attribute::Request(field.to_owned());
        let unique = [
            has(request("id"), "request.id"),
            has(request("submitted_at"), "request.submitted_at"),
            has(Attribute::Worker("name".to_owned()), "worker.name"),
        ];
        Cost {
            pending,
            size,
            evaluations,
            per_request: self.evaluations() - evaluations,
            unique: unique.into_iter().flatten().collect(),
            faults: self.take_faults(),
        }
    }
}
