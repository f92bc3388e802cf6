//! What can be held back, as the command line names it: several of a kind at once, or the farm.

use serde_json::{Map, Value};
use steading_core::farm::matches_glob;
use steading_wire::problem::Code;
use steading_wire::rest::{Item, List};

use crate::client::{self, Client, path_segment, query};
use crate::error::Error;
use crate::output;

/// How the words are meant.
const HELP: &str = "say worker, builder or scheduler and names, or farm";

/// A kind of what can be held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Farm,
    Worker,
    Builder,
    Scheduler,
}

impl Kind {
    /// As people and the command line name it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Farm => "farm",
            Kind::Worker => "worker",
            Kind::Builder => "builder",
            Kind::Scheduler => "scheduler",
        }
    }
}

/// Something that is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// As it was when it was looked up; nothing for the farm.
    pub(super) row: Map<String, Value>,
}

impl Held {
    pub(super) fn farm() -> Held {
        Held { kind: Kind::Farm, name: String::new(), row: Map::new() }
    }

    /// Its path in the API.
    pub(super) fn path(&self) -> String {
        match self.kind {
            Kind::Farm => "/farm".to_owned(),
            kind => format!("/{}s/{}", kind.word(), path_segment(&self.name)),
        }
    }

    /// As people and the command line name it.
    pub(super) fn words(&self) -> String {
        format!("{} {}", self.kind.word(), self.name).trim_end().to_owned()
    }

    /// Whether a person asks it, through a form.
    pub(super) fn is_form(&self) -> bool {
        self.kind == Kind::Scheduler && output::text(&self.row, "kind") == "force"
    }
}

/// Looks all of them up: if one is not there, none is touched.
pub(super) async fn find(client: &Client, words: &[String]) -> Result<Vec<Held>, Error> {
    let (kind, names) = meant(words).map_err(Error::Usage)?;
    if kind == Kind::Farm {
        return Ok(vec![Held::farm()]);
    }
    let mut found: Vec<Held> = Vec::new();
    for name in names {
        let rows = if name.contains('*') {
            matching(client, kind, name).await?
        } else {
            vec![named(client, kind, name).await?]
        };
        for row in rows {
            let held = Held { kind, name: output::text(&row, "name"), row };
            if found.iter().all(|known| known.name != held.name) {
                found.push(held);
            }
        }
    }
    Ok(found)
}

/// What the words mean: a kind and names, `farm`, or names of workers alone.
fn meant(words: &[String]) -> Result<(Kind, &[String]), String> {
    let Some((first, rest)) = words.split_first() else { return Err(HELP.to_owned()) };
    let kind = match first.as_str() {
        "farm" if rest.is_empty() => return Ok((Kind::Farm, rest)),
        "farm" => return Err(format!("`farm` stands alone: {HELP}")),
        "worker" | "workers" => Kind::Worker,
        "builder" | "builders" => Kind::Builder,
        "scheduler" | "schedulers" => Kind::Scheduler,
        _ => return Ok((Kind::Worker, words)),
    };
    match rest {
        [] => Err(format!("which {}? {HELP}", kind.word())),
        names => Ok((kind, names)),
    }
}

async fn named(client: &Client, kind: Kind, name: &str) -> Result<Map<String, Value>, Error> {
    let path = format!("/{}s/{}", kind.word(), path_segment(name));
    match client.get::<Item>(&path).await {
        Ok(found) => Ok(found.item),
        Err(client::Error::Problem(problem)) if problem.code == Code::NotFound => {
            Err(Error::Usage(none(kind, name)))
        }
        Err(other) => Err(other.into()),
    }
}

/// What to say where there is none of that name.
fn none(kind: Kind, name: &str) -> String {
    let kind = kind.word();
    format!("there is no {kind} `{name}`, and nothing was done: `steading list {kind}s`; {HELP}")
}

async fn matching(
    client: &Client,
    kind: Kind,
    glob: &str,
) -> Result<Vec<Map<String, Value>>, Error> {
    let (path, mut cursor) = (format!("/{}s", kind.word()), None::<String>);
    let mut found = Vec::new();
    loop {
        let next = cursor.as_deref().map(|cursor| ("cursor", cursor));
        let pairs = [("order", "name"), ("limit", "1000")].into_iter().chain(next);
        let list: List = client.get(&query(&path, pairs)).await?;
        let matches = |row: &Map<String, Value>| matches_glob(glob, &output::text(row, "name"));
        found.extend(list.items.into_iter().filter(matches));
        cursor = list.next;
        if cursor.is_none() {
            break;
        }
    }
    if found.is_empty() { Err(Error::Usage(none(kind, glob))) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_what_is_held_back() {
        let check = |line: &str, expected: Result<(Kind, &str), &str>| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let told = meant(&words).map(|(kind, names)| (kind, names.join(" ")));
            match (told, expected) {
                (Ok(told), Ok((kind, names))) => assert_eq!(told, (kind, names.to_owned())),
                (Err(told), Err(said)) => assert!(told.contains(said), "{told}"),
                (told, expected) => panic!("{line}: {told:?}, not {expected:?}"),
            }
        };
        check("barn", Ok((Kind::Worker, "barn")));
        check("worker barn", Ok((Kind::Worker, "barn")));
        check("oak elm", Ok((Kind::Worker, "oak elm")));
        check("workers oak elm", Ok((Kind::Worker, "oak elm")));
        check("builder hello", Ok((Kind::Builder, "hello")));
        check("scheduler nightly weekly", Ok((Kind::Scheduler, "nightly weekly")));
        check("farm", Ok((Kind::Farm, "")));
        check("worker farm", Ok((Kind::Worker, "farm")));
        check("farm barn", Err("`farm` stands alone"));
        check("builder", Err("which builder?"));
        check("", Err("say worker"));
    }
}
