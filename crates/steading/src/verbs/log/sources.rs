//! Which logs are meant.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use steading_wire::rest::{Item, List};

use super::super::build::build_path;
use crate::cli::LogArgs;
use crate::client::{Client, query};
use crate::error::Error;
use crate::output;

/// Steps and logs of a build asked for at once.
const LIMIT: &str = "1000";

type Row = Map<String, Value>;

/// One log and the step that writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) log: i64,
    pub(super) number: i64,
    pub(super) step: String,
    pub(super) name: String,
}

/// The logs meant, in the order of their steps.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) build: i64,
    /// The event number the build was read at.
    pub(super) as_of: i64,
    /// Whether nothing will be added.
    pub(super) finished: bool,
    pub(super) logs: Vec<Source>,
    steps: BTreeMap<i64, (i64, String)>,
    step: Option<String>,
    stderr: bool,
}

impl Sources {
    /// What the arguments mean.
    pub(super) async fn of(client: &Client, args: &LogArgs) -> Result<Sources, Error> {
        let found: Item = client.get(&build_path(&args.build)).await?;
        let build = int(&found.item, "id");
        let part = |plural: &str| query(&format!("/builds/{build}/{plural}"), [("limit", LIMIT)]);
        let steps: List = client.get(&part("steps")).await?;
        let logs: List = client.get(&part("logs")).await?;
        let mut sources = Sources {
            build,
            as_of: found.as_of,
            finished: output::text(&found.item, "state") == "finished",
            logs: Vec::new(),
            steps: BTreeMap::new(),
            step: args.step.clone(),
            stderr: args.stderr,
        };
        steps.items.iter().for_each(|step| sources.put_step(step));
        sources.check(&args.build)?;
        for log in &logs.items {
            sources.put_log(log);
        }
        sources.logs.sort_by_key(|source| (source.number, source.log));
        Ok(sources)
    }

    /// Learns of a step.
    pub(super) fn put_step(&mut self, step: &Row) {
        let named = (int(step, "number"), output::text(step, "name"));
        self.steps.insert(int(step, "id"), named);
    }

    /// Learns of a log; answers it if it is new and meant.
    pub(super) fn put_log(&mut self, log: &Row) -> Option<Source> {
        let (number, step) = self.steps.get(&int(log, "step_id"))?.clone();
        let name = output::text(log, "name");
        let source = Source { log: int(log, "id"), number, step, name };
        let known = self.logs.iter().any(|s| s.log == source.log);
        if known
            || !self.means(source.number, &source.step)
            || self.stderr && source.name != "stderr"
        {
            return None;
        }
        self.logs.push(source.clone());
        Some(source)
    }

    /// The logs of each step.
    pub(super) fn by_step(&self) -> Vec<Vec<Source>> {
        self.logs.chunk_by(|a, b| a.number == b.number).map(<[Source]>::to_vec).collect()
    }

    fn means(&self, number: i64, name: &str) -> bool {
        self.step.as_ref().is_none_or(|step| step == name || *step == number.to_string())
    }

    /// A step that cannot come any more is a mistake of the asker.
    fn check(&self, build: &str) -> Result<(), Error> {
        let Some(step) = &self.step else { return Ok(()) };
        if !self.finished || self.steps.values().any(|(number, name)| self.means(*number, name)) {
            return Ok(());
        }
        let names: Vec<&str> = self.steps.values().map(|(_, name)| name.as_str()).collect();
        let detail = format!("build {build} has no step `{step}`; it has {}", names.join(", "));
        Err(Error::Usage(detail))
    }
}

pub(super) fn int(row: &Row, field: &str) -> i64 {
    row.get(field).and_then(Value::as_i64).unwrap_or_default()
}
