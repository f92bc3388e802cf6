//! Which builders, and a request for each, all of one revision.

use std::collections::BTreeMap;

use steading_core::farm::{Farm, StepKind};
use steading_wire::rest::{Force, Item, Submitted};

use crate::client::{Client, path_segment};
use crate::error::Error;
use crate::output;

/// The builders named, or all of them.
pub(super) fn builders(farm: &Farm, named: &[String]) -> Result<Vec<String>, Error> {
    if named.is_empty() {
        return Ok(farm.builders.keys().cloned().collect());
    }
    let known = || farm.builders.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    for name in named {
        if !farm.builders.contains_key(name) {
            let detail = format!("the farm has no builder `{name}`; it has {}", known());
            return Err(Error::Usage(detail));
        }
    }
    Ok(named.to_vec())
}

/// Forces each builder. The head of a repository is resolved by the first that builds it; the
/// others get the same revision, so that one run is about one state of the code.
pub(super) async fn submit(
    client: &Client,
    farm: &Farm,
    builders: &[String],
    properties: &[(String, String)],
) -> Result<Vec<i64>, Error> {
    let mut resolved: BTreeMap<String, String> = BTreeMap::new();
    let mut requests = Vec::new();
    for builder in builders {
        let repository = repository(farm, builder);
        let force = Force {
            revision: repository.as_ref().and_then(|name| resolved.get(name).cloned()),
            reason: Some("steading run".to_owned()),
            properties: properties.iter().cloned().collect(),
            ..Force::default()
        };
        let path = format!("/builders/{}/force", path_segment(builder));
        let submitted: Submitted = client.ask(&path, &force).await?;
        let ids: Vec<i64> = submitted.requests.into_values().collect();
        if let (Some(name), Some(id)) = (repository, ids.first())
            && !resolved.contains_key(&name)
        {
            let request: Item = client.get(&format!("/requests/{id}")).await?;
            let revision = output::text(&request.item, "revision");
            if !revision.is_empty() {
                resolved.insert(name, revision);
            }
        }
        requests.extend(ids);
    }
    Ok(requests)
}

/// The repository a builder builds: its first checkout's.
fn repository(farm: &Farm, builder: &str) -> Option<String> {
    farm.builders.get(builder)?.plan.steps.iter().find_map(|step| match &step.kind {
        StepKind::Checkout { repository, .. } => Some(repository.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use steading_core::farm::{Builder, Plan};

    use super::*;

    fn farm() -> Farm {
        let builder = |name: &str| Builder {
            name: name.into(),
            requires: BTreeMap::new(),
            workers: vec![],
            locks: vec![],
            plan: Plan::default(),
            ..Builder::default()
        };
        let builders = ["docs", "test"].map(|name| (name.to_owned(), builder(name)));
        Farm { builders: builders.into(), ..Farm::default() }
    }

    #[test]
    fn all_builders_unless_some_are_named() {
        assert_eq!(builders(&farm(), &[]).expect("all"), ["docs", "test"]);
        assert_eq!(builders(&farm(), &["test".into()]).expect("one"), ["test"]);
        let error = builders(&farm(), &["tset".into()]).expect_err("unknown").to_string();
        assert_eq!(error, "the farm has no builder `tset`; it has docs, test");
    }
}
