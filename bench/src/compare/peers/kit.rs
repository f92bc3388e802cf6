//! Who is there, in which version, and why not.

use std::io;
use std::path::PathBuf;

use super::{Buildbot, SteadingFarm};
use crate::compare::options::Options;
use crate::compare::system::{System, Work};

/// All peers, or why they are missing.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) buildbot: Result<Buildbot, String>,
}

impl Peers {
    /// Prepares all that are wanted.
    pub(crate) fn prepare(options: &Options) -> io::Result<Peers> {
        let home = home()?;
        let wanted = |name: &str| match &options.peers {
            Some(peers) if !peers.iter().any(|peer| peer == name) => {
                Err("not asked for".to_owned())
            }
            _ => Ok(()),
        };
        let said = |error: io::Error| error.to_string();
        Ok(Peers {
            buildbot: wanted("buildbot").and_then(|()| Buildbot::prepare(&home).map_err(said)),
        })
    }

    /// A sentence for each.
    pub(crate) fn said(&self) -> Vec<String> {
        let missing = |name: &str, why: &String| format!("{name} is missing: {why}");
        vec![match &self.buildbot {
            Ok(buildbot) => buildbot.said(),
            Err(why) => missing("Buildbot", why),
        }]
    }

    /// Starts Steading and each peer that is there, for the same work.
    pub(crate) fn start(
        &self,
        steading: &std::path::Path,
        work: &Work,
    ) -> io::Result<Vec<Box<dyn System + '_>>> {
        let mut systems: Vec<Box<dyn System + '_>> =
            vec![Box::new(SteadingFarm::start(steading, work)?)];
        if let Ok(buildbot) = &self.buildbot {
            systems.push(Box::new(buildbot.start(work)?));
        }
        Ok(systems)
    }
}

/// Where prepared peers lie: below cargo's own directory, beside the profile's.
fn home() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(|profile| profile.parent());
    let home = target.ok_or_else(|| io::Error::other("no target directory"))?.join("peers");
    std::fs::create_dir_all(&home)?;
    Ok(home)
}
