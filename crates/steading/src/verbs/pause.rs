//! `steading pause` and `steading resume`: whether a worker, a builder, a scheduler or the whole
//! farm gets on with anything new.

use steading_wire::rest::Why;

use crate::cli::{PauseArgs, ResumeArgs};
use crate::client::{Client, path_segment};
use crate::error::Error;
use crate::exit::Exit;
use crate::output;

/// What can be held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Farm,
    Worker(String),
    Builder(String),
    Scheduler(String),
}

impl What {
    /// What the words mean: a kind and a name, `farm`, or a worker's name alone.
    pub(super) fn of(words: &[String]) -> Result<What, Error> {
        match words {
            [word] if word == "farm" => Ok(What::Farm),
            [name] => Ok(What::Worker(name.clone())),
            [kind, name] => match kind.as_str() {
                "worker" => Ok(What::Worker(name.clone())),
                "builder" => Ok(What::Builder(name.clone())),
                "scheduler" => Ok(What::Scheduler(name.clone())),
                _ => Err(Error::Usage(format!(
                    "`{kind} {name}` is nothing that can be held back: say worker NAME, builder \
                     NAME, scheduler NAME, or farm"
                ))),
            },
            _ => Err(Error::Usage("say worker NAME, builder NAME, scheduler NAME, or farm".into())),
        }
    }

    /// Its path in the API.
    pub(super) fn path(&self) -> String {
        match self {
            What::Farm => "/farm".to_owned(),
            What::Worker(name) => format!("/workers/{}", path_segment(name)),
            What::Builder(name) => format!("/builders/{}", path_segment(name)),
            What::Scheduler(name) => format!("/schedulers/{}", path_segment(name)),
        }
    }

    /// As people and the command line name it.
    pub(super) fn words(&self) -> String {
        match self {
            What::Farm => "farm".to_owned(),
            What::Worker(name) => format!("worker {name}"),
            What::Builder(name) => format!("builder {name}"),
            What::Scheduler(name) => format!("scheduler {name}"),
        }
    }
}

/// Nothing new.
pub(crate) async fn pause(client: &Client, args: PauseArgs) -> Result<Exit, Error> {
    let what = What::of(&args.what)?;
    let why = Why { reason: args.why.reason };
    client.post(&format!("{}/pause", what.path()), &why, None).await?;
    let effect = match what {
        What::Farm => "nothing is started, what runs goes on",
        What::Worker(_) => "what runs goes on",
        What::Builder(_) => "its requests wait, what runs goes on",
        What::Scheduler(_) => "what it sees it keeps until then",
    };
    let words = what.words();
    output::line(format!("{words} is paused: {effect}; `steading resume {words}` ends it"))?;
    Ok(Exit::Green)
}

/// On again.
pub(crate) async fn resume(client: &Client, args: ResumeArgs) -> Result<Exit, Error> {
    let what = What::of(&args.what)?;
    client.post(&format!("{}/resume", what.path()), &serde_json::json!({}), None).await?;
    let effect = match what {
        What::Farm => "starts builds again",
        What::Worker(_) => "takes builds again",
        What::Builder(_) => "is built again",
        What::Scheduler(_) => "submits again, what it kept first",
    };
    output::line(format!("{} {effect}", what.words()))?;
    Ok(Exit::Green)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_what_is_held_back() {
        let check = |line: &str, expected: Result<What, ()>| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(What::of(&words).map_err(drop), expected, "{line}");
        };
        check("barn", Ok(What::Worker("barn".into())));
        check("worker barn", Ok(What::Worker("barn".into())));
        check("builder hello", Ok(What::Builder("hello".into())));
        check("scheduler nightly", Ok(What::Scheduler("nightly".into())));
        check("farm", Ok(What::Farm));
        check("worker farm", Ok(What::Worker("farm".into())));
        check("bulider hello", Err(()));
    }
}
