//! Who is there, in which version, and why not.

use std::io;
use std::path::PathBuf;

use super::{Buildbot, Laminar, Slurm, SteadingFarm};
use crate::compare::options::Options;
use crate::compare::system::{System, Work};

/// All peers, or why they are missing.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) buildbot: Result<Buildbot, String>,
    pub(crate) slurm: Result<Slurm, String>,
    pub(crate) laminar: Result<Laminar, String>,
    /// Where prepared things are kept.
    pub(crate) home: PathBuf,
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
            slurm: wanted("slurm").and_then(|()| Slurm::prepare().map_err(said)),
            laminar: wanted("laminar").and_then(|()| Laminar::prepare().map_err(said)),
            home,
        })
    }

    /// A sentence for each.
    pub(crate) fn said(&self) -> Vec<String> {
        let missing = |name: &str, why: &String| format!("{name} is missing: {why}");
        vec![
            self.buildbot.as_ref().map_or_else(|why| missing("Buildbot", why), Buildbot::said),
            self.slurm.as_ref().map_or_else(|why| missing("Slurm", why), Slurm::said),
            self.laminar.as_ref().map_or_else(|why| missing("Laminar", why), Laminar::said),
        ]
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
        if let Ok(slurm) = &self.slurm {
            systems.push(Box::new(slurm.start(work)?));
        }
        if let Ok(laminar) = &self.laminar {
            systems.push(Box::new(laminar.start(work)?));
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
