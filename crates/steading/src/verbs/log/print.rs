//! Which way logs are printed.

use super::sources::{Source, Sources};
use super::{follow, read};
use crate::cli::LogArgs;
use crate::client::{Client, query};
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// Prints logs: as they stand, as they grow, as bytes or as the API's answer.
pub(crate) async fn log(client: &Client, args: LogArgs) -> Result<Exit, Error> {
    let sources = Sources::of(client, &args).await?;
    if args.follow && !sources.finished {
        return follow::follow(client, &args, sources).await;
    }
    if args.raw {
        return raw(client, &sources, args.stderr).await;
    }
    if args.json {
        for source in &sources.logs {
            let grep = args.grep.iter().map(|re| ("grep", re.as_str()));
            let path = query(&format!("/logs/{}", source.log), grep);
            output::json_line(&client.get_text(&path).await?)?;
        }
        return Ok(Exit::Green);
    }
    let titled = args.step.is_none();
    for step in sources.by_step() {
        if titled {
            output::line(title(step[0].number, &step[0].step))?;
        }
        read::print(client, &step, args.grep.as_deref()).await?;
    }
    Ok(Exit::Green)
}

/// The line above a step's output.
pub(super) fn title(number: i64, step: &str) -> String {
    format!("── {number} {step} ──")
}

/// A line as it is printed.
pub(super) fn shown(line: &steading_wire::rest::Line) -> String {
    let mark = if line.cut { " … (cut; --raw has the whole line)" } else { "" };
    format!("{}{mark}", line.text)
}

/// The bytes of one log.
async fn raw(client: &Client, sources: &Sources, stderr: bool) -> Result<Exit, Error> {
    let name = if stderr { "stderr" } else { "stdout" };
    let is = |source: &&Source| source.name == name;
    let Some(source) = sources.logs.iter().find(is) else { return Ok(Exit::Green) };
    let mut answer = client.get_stream(&format!("/logs/{}/raw", source.log)).await?;
    while let Some(bytes) = answer.chunk().await.map_err(|e| client.unreachable(&e))? {
        output::raw(&bytes)?;
    }
    Ok(Exit::Green)
}

#[cfg(test)]
mod tests {
    use steading_wire::rest::Line;

    use super::*;

    #[test]
    fn a_cut_line_says_so() {
        let line = |cut| Line { number: 1, at: String::new(), text: "abc".into(), cut };
        assert_eq!(shown(&line(false)), "abc");
        assert_eq!(shown(&line(true)), "abc … (cut; --raw has the whole line)");
    }
}
