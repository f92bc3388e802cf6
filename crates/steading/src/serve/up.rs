//! `steading up`: the whole farm on this machine.

use std::io::{self, Write as _};

use steading_master::{Running, Sources, Stop};

use super::house::{House, Options};
use super::listen::Passed;
use super::manager::Manager;
use super::signals::{Signalled, Signals};
use super::{Place, log};
use crate::cli::UpArgs;
use crate::error::Error;
use crate::exit::Exit;
use crate::local::Workers;
use crate::output;

/// Runs the farm until it is told to stop.
pub(crate) fn up(args: UpArgs) -> Result<Exit, Error> {
    log::start("warn,steading=info,steading_master=info");
    let passed = Passed::take()?;
    tokio::runtime::Runtime::new()?.block_on(serve(args, passed))
}

async fn serve(args: UpArgs, passed: Passed) -> Result<Exit, Error> {
    let mut signals = Signals::catch()?;
    let place = Place::find(args.path.as_deref(), args.data.as_deref())?;
    let loaded = place.load()?;
    for warning in &loaded.warnings {
        say(&warning.to_string())?;
    }
    let options = Options {
        place,
        loaded,
        listen: args.listen,
        passed,
        allowed_hosts: args.allow_host,
        sources: Sources::ChangesAndHeads,
    };
    let house = House::start(options).await?;
    output::line(format!("listening on {}", house.url()))?;
    let manager = Manager::ready(house.store());
    let workers = Workers::start(house.master(), house.store(), house.place().data.clone());
    until_stopped(&mut signals, &house).await?;
    manager.stopping();
    let how = if args.cancel { Stop::Cancel } else { Stop::Keep };
    say("stopping; once more to stop at once")?;
    tokio::select! {
        stopped = stop(house, workers, how) => stopped,
        // Nothing is lost: every commit is on disk, and workers keep what they hold.
        _ = signals.stop() => Ok(Exit::Interrupted),
    }
}

/// Returns when somebody says stop; reloads when somebody says so.
pub(super) async fn until_stopped(signals: &mut Signals, house: &House) -> Result<(), Error> {
    use steading_wire::command::{Answer, Command};
    while let Signalled::Reload = signals.next().await {
        let by = "SIGHUP".to_owned();
        match house.commands().ask(Command::Reload, by, None).await {
            Ok(Answer::Reloaded(reloaded)) if reloaded.differences.is_empty() => {
                say("reloaded: nothing changed")?;
            }
            Ok(Answer::Reloaded(reloaded)) => {
                say(&format!("reloaded:\n{}", reloaded.differences.join("\n")))?;
            }
            Ok(_) => {}
            Err(problem) => say(&format!("not reloaded: {problem}"))?,
        }
    }
    Ok(())
}

/// Stops in order: no worker is started any more, then the master, the idle workers, the rest.
pub(super) async fn stop(house: House, workers: Workers, how: Stop) -> Result<Exit, Error> {
    let held = workers.hold().await;
    let (closing, running) = match house.stop_master(how).await {
        Ok(stopped) => stopped,
        Err(error) => {
            // Not known what runs: who wanted nothing left gets that, others lose nothing.
            if how == Stop::Cancel {
                held.end(&[]).await;
            }
            return Err(error.into());
        }
    };
    let busy: Vec<&str> = match how {
        Stop::Keep => running.iter().map(|r| r.worker.as_str()).collect(),
        Stop::Cancel => Vec::new(),
    };
    held.end(&busy).await;
    closing.close().await?;
    if let Some(text) = still(&running, how) {
        say(&text)?;
    }
    Ok(Exit::Green)
}

/// What still runs, and what becomes of it.
fn still(running: &[Running], how: Stop) -> Option<String> {
    if running.is_empty() {
        return None;
    }
    let builds = running.iter().map(|r| format!("  {} on {}", r.build, r.worker));
    let builds = builds.collect::<Vec<_>>().join("\n");
    Some(match how {
        Stop::Keep => format!("still running, to be adopted by the next `steading up`:\n{builds}"),
        Stop::Cancel => format!("did not end in time and were left behind:\n{builds}"),
    })
}

/// A remark for the person at the terminal. Nobody there is no reason to stop the farm.
pub(super) fn say(text: &str) -> io::Result<()> {
    let _ = writeln!(io::stderr(), "{text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_still_runs_is_named() {
        assert_eq!(still(&[], Stop::Keep), None);
        let running = [Running { build: "hello/17".into(), worker: "barn".into() }];
        assert_eq!(
            still(&running, Stop::Keep).as_deref(),
            Some("still running, to be adopted by the next `steading up`:\n  hello/17 on barn")
        );
    }
}
