//! The machine while the worker runs: how full its disk is, and whether that is too full to build.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use steading_wire::worker::{Machine, Reason};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::room::Keeper;

/// How often the machine is looked at.
const PERIOD: Duration = Duration::from_secs(2);
/// Room that is kept free unless the worker is told otherwise, in bytes; never more than
/// [`KEEP_FREE_PART`] of the file system.
const KEEP_FREE_BYTES: u64 = 256 << 20;
/// One of so many bytes of the file system.
const KEEP_FREE_PART: u64 = 16;

/// What is looked at.
#[derive(Debug)]
pub(super) struct Look {
    /// What stays as it is.
    pub(super) fixed: BTreeMap<String, String>,
    /// Whose file system counts.
    pub(super) work: PathBuf,
    /// Room that is kept free, in bytes, if the worker is told.
    pub(super) keep_free: Option<u64>,
    pub(super) keeper: Arc<Keeper>,
    /// Whether the disk was too full at the last look.
    pub(super) full: bool,
}

/// Looks again and again. Only troubles that come or go wake whoever listens.
pub(super) async fn look_on(mut look: Look, tell: watch::Sender<Machine>) -> Infallible {
    loop {
        sleep(PERIOD).await;
        // A disk that hangs keeps this waiting, and nothing else.
        let looked = tokio::task::spawn_blocking(move || (look.machine(), look));
        let (machine, back) = match looked.await {
            Ok(looked) => looked,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        look = back;
        tell.send_if_modified(|known| {
            let turned = known.troubles.is_empty() != machine.troubles.is_empty();
            *known = machine;
            turned
        });
    }
}

impl Look {
    /// Looks once.
    pub(super) fn machine(&mut self) -> Machine {
        let mut facts = self.fixed.clone();
        facts.extend(self.keeper.facts());
        let mut troubles = Vec::new();
        // A file system that cannot be seen is as it was: what is written to it will tell.
        if let Ok(disk) = rustix::fs::statvfs(&self.work) {
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            let (free, whole) = (bytes(disk.f_bavail), bytes(disk.f_blocks));
            facts.insert("disk_free_mib".to_owned(), mib(free).to_string());
            let usual = KEEP_FREE_BYTES.min(whole / KEEP_FREE_PART);
            let trouble = trouble(free, self.keep_free.unwrap_or(usual), self.full);
            self.note(trouble.as_ref());
            troubles.extend(trouble);
        }
        Machine { facts, troubles }
    }

    fn note(&mut self, trouble: Option<&Reason>) {
        match trouble {
            Some(trouble) if !self.full => tracing::warn!("{}", trouble.text),
            None if self.full => tracing::info!("there is room on the disk again"),
            _ => {}
        }
        self.full = trouble.is_some();
    }
}

/// Full below what is kept free; no longer full an eighth above it, so that it does not flicker.
fn trouble(free: u64, keep: u64, was: bool) -> Option<Reason> {
    let enough = keep.saturating_add(keep / 8);
    if free >= if was { enough } else { keep } {
        return None;
    }
    let text = format!(
        "its disk is nearly full: {} MiB left, it takes nothing until there are {} MiB",
        mib(free),
        mib(enough)
    );
    Some(Reason::new("disk_full", text))
}

fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_and_does_not_flicker() {
        let check = |free_mib: u64, was, expected| {
            let trouble = trouble(free_mib << 20, 800 << 20, was);
            assert_eq!(trouble.is_some(), expected, "{free_mib} {was}");
        };
        check(900, false, false);
        check(800, false, false);
        check(799, false, true);
        check(899, true, true);
        check(900, true, false);
        assert!(trouble(0, 0, false).is_none(), "nothing is to be kept free");
        assert_eq!(
            trouble(799 << 20, 800 << 20, false).map(|it| it.to_string()).as_deref(),
            Some("its disk is nearly full: 799 MiB left, it takes nothing until there are 900 MiB")
        );
    }

    #[test]
    fn a_look_finds_facts_and_troubles() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        let keeper = Keeper::new((at("work"), Some(0)), (at("mirrors"), Some(0)), at("gone"));
        let fixed = BTreeMap::from([("cpus".to_owned(), "2".to_owned())]);
        let mut look = Look {
            fixed,
            work: dir.path().to_owned(),
            keep_free: Some(u64::MAX),
            keeper: Arc::new(keeper),
            full: false,
        };
        let full = look.machine();
        assert_eq!(full.facts["cpus"], "2");
        assert!(full.facts.contains_key("disk_free_mib"), "{full:?}");
        assert!(full.facts.contains_key("work_limit_mib"), "{full:?}");
        assert_eq!(full.troubles[0].code, "disk_full");
        look.keep_free = Some(0);
        assert_eq!(look.machine().troubles, []);
        (look.keep_free, look.work) = (Some(u64::MAX), at("nowhere"));
        assert_eq!(look.machine().troubles, [], "what cannot be seen is nobody's trouble");
    }
}
