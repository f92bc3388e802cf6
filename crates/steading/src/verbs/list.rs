//! `steading list`: a page of a noun.

use steading_core::words::{NOUNS, noun};
use steading_wire::rest::List;

use crate::cli::ListArgs;
use crate::client::{Client, query};
use crate::clock;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{self, Colours};

/// Prints a page, newest or first by name first.
pub(crate) async fn list(client: &Client, args: ListArgs) -> Result<Exit, Error> {
    let path = path(&args)?;
    let answer = client.get_text(&path).await?;
    if args.json {
        output::json_line(&answer)?;
        return Ok(Exit::Green);
    }
    let list: List = client.parse(&path, &answer)?;
    let plural = noun(&args.noun).map_or("", |n| n.plural);
    if list.items.is_empty() {
        output::line(format!("no {plural}"))?;
        return Ok(Exit::Green);
    }
    output::line(output::columns(plural, &list.items, clock::now(), Colours::of_stdout()))?;
    if list.next.is_some() {
        output::line(format!("… and more: --limit {} shows more of them", args.limit * 4))?;
    }
    Ok(Exit::Green)
}

/// The path and query the arguments mean.
fn path(args: &ListArgs) -> Result<String, Error> {
    let noun = noun(&args.noun).ok_or_else(|| {
        let known: Vec<&str> = NOUNS.iter().map(|n| n.plural).collect();
        Error::Usage(format!("`{}` cannot be listed; these can: {}", args.noun, known.join(", ")))
    })?;
    let limit = args.limit.to_string();
    let given = |field: &str| args.filters.iter().any(|(key, _)| key == field);
    let mut pairs: Vec<(&str, &str)> =
        args.filters.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    // What a configuration no longer declares is history, shown when asked for.
    if noun.field("active").is_some() && !given("active") {
        pairs.push(("active", "true"));
    }
    let by_name = noun.field("name").is_some() && noun.field("build_id").is_none();
    let order = args.order.as_deref().unwrap_or(if by_name { "name" } else { "-id" });
    if !given("order") {
        pairs.push(("order", order));
    }
    if !given("limit") {
        pairs.push(("limit", &limit));
    }
    if let Some(cursor) = &args.cursor {
        pairs.push(("cursor", cursor));
    }
    Ok(query(&format!("/{}", noun.plural), pairs))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn of(line: &str) -> Result<String, String> {
        let words = ["steading", "list"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words).map_err(|e| e.to_string())?.command {
            Command::List(args) => path(&args).map_err(|e| e.to_string()),
            other => Err(format!("{other:?} is not list")),
        }
    }

    #[test]
    fn arguments_become_a_query() {
        let check = |line, expected: &str| assert_eq!(of(line).as_deref(), Ok(expected), "{line}");
        check("builds", "/builds?order=-id&limit=25");
        check("build outcome=failure -n 5", "/builds?outcome=failure&order=-id&limit=5");
        check("builds --order -started_at", "/builds?order=-started_at&limit=25");
        check("builds order=id", "/builds?order=id&limit=25");
        check("workers", "/workers?order=name&limit=25");
        check("builders", "/builders?active=true&order=name&limit=25");
        check("builders active=false", "/builders?active=false&order=name&limit=25");
        check("logs", "/logs?order=-id&limit=25");
    }

    #[test]
    fn what_is_no_noun_or_no_filter_is_said() {
        let error = of("bulids").expect_err("no noun");
        assert!(error.starts_with("`bulids` cannot be listed; these can: changes, "), "{error}");
        let error = of("builds failure").expect_err("no filter");
        assert!(error.contains("`failure` is not of the form KEY=VALUE"), "{error}");
    }
}
