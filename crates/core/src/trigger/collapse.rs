//! Which pending requests a new one may absorb, before the policy is asked.

use crate::words::{Properties, Request, SourceStamp};

/// A request about to be submitted, as far as collapsing looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer<'a> {
    /// Its builder.
    pub builder: &'a str,
    /// Which code, if any.
    pub stamp: Option<&'a SourceStamp>,
    /// Its properties.
    pub properties: &'a Properties,
    /// The only worker that may build it.
    pub pinned_worker: Option<&'a str>,
}

/// Whether only the revision tells the two apart: same builder, repository, branch, properties and
/// pin. Requests without code never collapse: each was wished for by itself.
#[must_use]
pub fn may_absorb(newer: &Newcomer<'_>, older: &Request) -> bool {
    let older = Newcomer {
        builder: &older.builder,
        stamp: older.stamp.as_ref(),
        properties: &older.properties,
        pinned_worker: older.pinned_worker.as_deref(),
    };
    alike(newer, &older)
}

/// The same of two requests seen this way.
#[must_use]
pub fn alike(newer: &Newcomer<'_>, older: &Newcomer<'_>) -> bool {
    let place = |stamp: &SourceStamp| (stamp.repository.clone(), stamp.branch.clone());
    let code = newer.stamp.map(place);
    code.is_some()
        && code == older.stamp.map(place)
        && newer.builder == older.builder
        && newer.pinned_worker == older.pinned_worker
        && newer.properties == older.properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{BuildsetId, ConfigId, Micros, Property, RequestId, RequestState};

    fn stamp(branch: &str, revision: &str) -> SourceStamp {
        let (repository, branch) = ("repo".to_owned(), branch.to_owned());
        SourceStamp { repository, branch, revision: revision.to_owned() }
    }

    fn older() -> Request {
        Request {
            id: RequestId(1),
            buildset_id: BuildsetId(1),
            builder: "hello".to_owned(),
            priority: 0,
            state: RequestState::Pending,
            epoch: 0,
            stamp: Some(stamp("main", "a")),
            properties: Properties::new(),
            owner: None,
            reason: String::new(),
            pinned_worker: None,
            configuration_id: ConfigId(1),
            submitted_at: Micros(0),
            start_by: None,
            overdue_at: None,
            build_id: None,
            collapsed_into: None,
            outcome: None,
        }
    }

    #[test]
    fn only_the_revision_may_differ() {
        let (main, topic) = (stamp("main", "b"), stamp("topic", "b"));
        let none = Properties::new();
        let set = Property { value: true.into(), source: "force".to_owned() };
        let some = Properties::from([("fast".to_owned(), set)]);
        let newer = Newcomer {
            builder: "hello",
            stamp: Some(&main),
            properties: &none,
            pinned_worker: None,
        };
        let check = |newcomer: Newcomer<'_>, expected| {
            assert_eq!(may_absorb(&newcomer, &older()), expected, "{newcomer:?}");
        };
        check(newer, true);
        check(Newcomer { builder: "other", ..newer }, false);
        check(Newcomer { stamp: Some(&topic), ..newer }, false);
        check(Newcomer { stamp: None, ..newer }, false);
        check(Newcomer { properties: &some, ..newer }, false);
        check(Newcomer { pinned_worker: Some("barn"), ..newer }, false);
    }
}
