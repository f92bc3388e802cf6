//! What history knows: the past, the farm in force, and the farms its requests began with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use steading_core::farm::{Farm, Policy};
use steading_core::matcher::Pace;
use steading_core::words::{ConfigId, Duration};
use steading_store::{Error as StoreError, Past, Reader};

use crate::serve::Error;

/// All a replay needs.
pub(super) struct Known {
    pub(super) past: Past,
    /// How long builds take, as far as backfill goes by it.
    pub(super) paces: BTreeMap<String, Pace>,
    /// The farm in force.
    pub(super) farm: Farm,
    /// Its policy.
    pub(super) policy: Arc<dyn Policy>,
    /// Earlier farms, of requests whose builder the farm in force no longer has.
    pub(super) older: BTreeMap<ConfigId, Farm>,
}

/// Reads it; `None` when nothing ever happened.
pub(super) async fn read(
    reader: &Reader,
    root: &Path,
    since: Duration,
) -> Result<Option<Known>, Error> {
    let section = move |r: &steading_store::Read<'_>| {
        let (current, durations) = (r.current_configuration()?, r.durations()?.into_iter());
        let paces = durations.filter_map(|(builder, usual)| Some((builder, usual.pace()?)));
        Ok(r.past(since)?.zip(current).map(|(past, current)| (past, paces.collect(), current)))
    };
    let Some((past, paces, current)) = reader.read(section).await? else { return Ok(None) };
    let loaded = load(reader, current, root).await?;
    let has = |builder: &str| loaded.farm.builders.contains_key(builder);
    let gone = past.requests.iter().filter(|r| !has(&r.view.builder));
    let gone: BTreeSet<ConfigId> = gone.map(|r| r.configuration_id).collect();
    let mut older = BTreeMap::new();
    for id in gone {
        older.insert(id, load(reader, id, root).await?.farm);
    }
    Ok(Some(Known { past, paces, farm: loaded.farm, policy: loaded.policy, older }))
}

async fn load(
    reader: &Reader,
    id: ConfigId,
    root: &Path,
) -> Result<steading_config::Loaded, Error> {
    let text = reader.read(move |r| r.configuration(id)).await?;
    let missing = || StoreError::NotFound { noun: ConfigId::NOUN, id: id.to_string() };
    let text = text.ok_or_else(missing)?;
    let loaded = steading_config::load_texts(&text.files, root);
    loaded.map_err(Error::Configuration)
}
