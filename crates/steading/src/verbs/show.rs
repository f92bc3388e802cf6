//! `steading show`: one thing, whole.

use serde_json::{Map, Value};
use steading_core::lifecycle;
use steading_core::words::{Kind, Noun, noun};
use steading_wire::rest::{Item, List};

use super::build::build_path;
use crate::cli::Target;
use crate::client::{Client, path_segment};
use crate::clock;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{self, Colours};

/// Shows one thing. The lifecycle needs no farm.
pub(crate) async fn show(
    target: &Target,
    name: &str,
    id: Option<&str>,
    json: bool,
) -> Result<Exit, Error> {
    if name == "lifecycle" {
        return tables(json);
    }
    let noun = noun(name).ok_or_else(|| {
        let known = "build, request, change, builder, worker, buildset, lifecycle";
        Error::Usage(format!("`{name}` cannot be shown; these can: {known}"))
    })?;
    let id = id.ok_or_else(|| Error::Usage(format!("which {name}? Give its number or name")))?;
    let path = match noun.name {
        "build" => build_path(id),
        _ => format!("/{}/{}", noun.plural, path_segment(id)),
    };
    let client = Client::find(target)?;
    let answer = client.get_text(&path).await?;
    if json {
        output::json_line(&answer)?;
        return Ok(Exit::Green);
    }
    let item = client.parse::<Item>(&path, &answer)?.item;
    output::line(output::pairs(&fields(noun, &item)))?;
    let nested: &[&str] = match noun.name {
        "build" => &["steps", "artifacts", "causes"],
        "buildset" => &["requests"],
        "builder" => &["builds"],
        "request" => &["builds", "causes"],
        "worker" => &["causes"],
        _ => &[],
    };
    for plural in nested {
        part(&client, &format!("/{}/{}", noun.plural, output::text(&item, "id")), plural).await?;
    }
    Ok(Exit::Green)
}

/// What belongs to it, as a table.
async fn part(client: &Client, path: &str, plural: &str) -> Result<(), Error> {
    let list: List = client.get(&format!("{path}/{plural}")).await?;
    if list.items.is_empty() {
        return Ok(());
    }
    output::blank()?;
    Ok(output::line(output::columns(plural, &list.items, clock::now(), Colours::of_stdout()))?)
}

/// The fields that hold something, in the noun's order; times with how long ago that was.
fn fields(noun: &Noun, item: &Map<String, Value>) -> Vec<(String, String)> {
    let shown = noun.fields.iter().filter_map(|field| {
        let text = output::text(item, field.name);
        let text = match field.kind {
            _ if text.is_empty() => return None,
            Kind::Time => format!("{text} ({})", output::ago(item, field.name, clock::now())),
            Kind::Word(_) => output::look(&text).text(),
            _ => text,
        };
        Some((field.name.to_owned(), text))
    });
    shown.collect()
}

fn tables(json: bool) -> Result<Exit, Error> {
    let tables = lifecycle::tables();
    if json {
        let text = serde_json::to_string(&tables).expect("tables are plain words");
        output::json_line(&text)?;
        return Ok(Exit::Green);
    }
    for (i, table) in tables.iter().enumerate() {
        if i > 0 {
            output::blank()?;
        }
        output::line(table.to_string().trim_end())?;
    }
    Ok(Exit::Green)
}
