//! `steading audit`: every invariant over history and archive, beside a running farm or without.

use serde_json::json;
use steading_store::audit::{self, Violation};
use steading_store::{Options, Reader};

use crate::cli::AuditArgs;
use crate::client::farm_dir;
use crate::clock;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;
use crate::serve::{self, Place};

/// Audits; exit code 1 if anything is violated.
pub(crate) async fn audit(args: AuditArgs) -> Result<Exit, Error> {
    let farm = match &args.data {
        // History alone says all: there need not be a farm.star.
        Some(_) => args.path.clone().unwrap_or_default(),
        None => farm_dir(args.path.as_deref())?,
    };
    let place = Place::of(farm, args.data.as_deref())?;
    let violations = violations(&place).await.map_err(Error::Serve)?;
    if args.json {
        let shown = |v: &Violation| json!({ "invariant": v.invariant, "text": v.text });
        let shown: Vec<_> = violations.iter().map(shown).collect();
        output::line(json!({ "ok": violations.is_empty(), "violations": shown }).to_string())?;
    } else {
        for violation in &violations {
            output::line(violation.to_string())?;
        }
        output::line(said(violations.len()))?;
    }
    Ok(if violations.is_empty() { Exit::Green } else { Exit::Red })
}

async fn violations(place: &Place) -> Result<Vec<Violation>, serve::Error> {
    let reader = Reader::open(&Options::new(&place.data, clock::now))?;
    Ok(reader.read(|r| audit::history(r)).await?)
}

fn said(count: usize) -> String {
    match count {
        0 => "OK: every invariant holds".to_owned(),
        1 => "1 violation".to_owned(),
        n => format!("{n} violations"),
    }
}
