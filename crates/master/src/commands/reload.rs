//! Reload: the configuration is read again and applied whole, or not at all.

use steading_core::farm::Farm;
use steading_wire::command::Answer;
use steading_wire::problem::Problem;
use steading_wire::rest::Reloaded;

use super::problem::farm_problem;
use crate::context::Context;

/// Applies `farm.star` as it is now and says what changed.
pub(super) async fn reload(context: &Context) -> Result<Answer, Problem> {
    let (old, new) = context.farms.reload().await.map_err(farm_problem)?;
    let differences = differences(&old.farm, &new.farm);
    Ok(Answer::Reloaded(Reloaded { configuration_id: new.id.0, differences }))
}

/// A line for each thing that came, went or changed.
fn differences(old: &Farm, new: &Farm) -> Vec<String> {
    let mut lines = Vec::new();
    compare("repository", &old.repositories, &new.repositories, &mut lines);
    compare("builder", &old.builders, &new.builders, &mut lines);
    compare("scheduler", &old.schedulers, &new.schedulers, &mut lines);
    compare("lock", &old.locks, &new.locks, &mut lines);
    let workers = |farm: &Farm| {
        let named = farm.workers.iter().map(|worker| (worker.name.clone(), worker.clone()));
        named.collect::<std::collections::BTreeMap<_, _>>()
    };
    compare("worker", &workers(old), &workers(new), &mut lines);
    lines
}

fn compare<T: PartialEq>(
    noun: &str,
    old: &std::collections::BTreeMap<String, T>,
    new: &std::collections::BTreeMap<String, T>,
    lines: &mut Vec<String>,
) {
    for (name, value) in new {
        match old.get(name) {
            None => lines.push(format!("{noun} `{name}` is new")),
            Some(before) if before != value => lines.push(format!("{noun} `{name}` changed")),
            Some(_) => {}
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    lines.extend(gone.map(|name| format!("{noun} `{name}` is gone")));
}
