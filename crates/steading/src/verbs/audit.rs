//! `steading audit`: every invariant over history and archive, beside a running farm or without.

use std::fs::File;
use std::path::Path;

use serde_json::json;
use steading_store::archive::Archive;
use steading_store::audit::{self, Violation};
use steading_store::{Options, Reader};

use crate::cli::AuditArgs;
use crate::client::farm_dir;
use crate::clock;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;
use crate::serve::{self, Place};

/// What was found.
struct Found {
    violations: Vec<Violation>,
    /// Whether the archive's bytes were compared, too.
    archive: bool,
}

/// Audits; exit code 1 if anything is violated.
pub(crate) async fn audit(args: AuditArgs) -> Result<Exit, Error> {
    let farm = match &args.data {
        // History alone says all: there need not be a farm.star.
        Some(_) => args.path.clone().unwrap_or_default(),
        None => farm_dir(args.path.as_deref())?,
    };
    let place = Place::of(farm, args.data.as_deref())?;
    let found = look(&place).await.map_err(Error::Serve)?;
    if args.json {
        output::line(json(&found))?;
    } else {
        for violation in &found.violations {
            output::line(violation.to_string())?;
        }
        output::line(said(&found))?;
    }
    Ok(if found.violations.is_empty() { Exit::Green } else { Exit::Red })
}

async fn look(place: &Place) -> Result<Found, serve::Error> {
    let reader = Reader::open(&Options::new(&place.data, clock::now))?;
    let section = |r: &steading_store::Read<'_>| Ok((audit::history(r)?, audit::kept(r)?));
    let (mut violations, kept) = reader.read(section).await?;
    // An archive is opened by its owner alone: while a master runs, that is the master.
    let owned = own(&place.data)?;
    if owned.is_some() {
        violations.extend(kept.verify(&Archive::open(&place.data)?));
    }
    Ok(Found { violations, archive: owned.is_some() })
}

/// Keeps masters away from the data directory while the answer lives; nothing if one is there.
fn own(data: &Path) -> std::io::Result<Option<File>> {
    let lock = fs_err::File::open(data.join("lock"))?.into_file();
    match lock.try_lock_shared() {
        Ok(()) => Ok(Some(lock)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

fn json(found: &Found) -> String {
    let shown = |v: &Violation| json!({ "invariant": v.invariant, "text": v.text });
    let violations: Vec<_> = found.violations.iter().map(shown).collect();
    json!({ "ok": violations.is_empty(), "archive_read": found.archive, "violations": violations })
        .to_string()
}

fn said(found: &Found) -> String {
    let beside =
        "; the farm is up, so the archive's bytes were not read: stop it to have them read";
    let beside = if found.archive { "" } else { beside };
    match found.violations.len() {
        0 => format!("OK: every invariant holds{beside}"),
        1 => format!("1 violation{beside}"),
        n => format!("{n} violations{beside}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_at_is_said() {
        let check = |violations: Vec<Violation>, archive, expected: &str| {
            let text = said(&Found { violations, archive });
            assert!(text.starts_with(expected), "{text}");
        };
        check(vec![], true, "OK: every invariant holds");
        check(vec![], false, "OK: every invariant holds; the farm is up");
        check(vec![Violation::new("I10", "log 3: damaged")], true, "1 violation");
    }

    #[test]
    fn a_running_master_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = steading_store::Store::open(Options::new(dir.path(), clock::now));
        let store = store.expect("opens");
        assert!(own(dir.path()).expect("readable").is_none());
        drop(store);
        assert!(own(dir.path()).expect("readable").is_some());
    }
}
