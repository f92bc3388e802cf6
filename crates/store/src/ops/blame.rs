//! Infrastructure errors: noted, charged as `core::settle::blame` judges, acted upon, taken back.

use rusqlite::Row;
use steading_core::farm::Rerun;
use steading_core::settle::blame::{
    self, Facts, Fate, RequestRecord, Rule, TOGETHER, Trouble, Verdict, WORKER_FAILURES_MAX,
    WorkerRecord,
};
use steading_core::words::{
    BuildId, CauseId, Charged, Duration, EventKind, Reason, RequestId, WorkerId,
};

use super::row::cells;
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    CHARGED_TO = "SELECT id, worker, request_id, charged FROM cause WHERE request_id = ?1 \
        AND charged <> 'nobody' ORDER BY id";
    CHARGED_SINCE = "SELECT id, worker, request_id, charged FROM cause WHERE noted_at > ?1 \
        AND charged <> 'nobody' ORDER BY noted_at, id";
    CHARGED_BUILD = "SELECT id, worker, request_id, charged FROM cause WHERE build_id = ?1 \
        AND charged <> 'nobody' ORDER BY id";
    FAILURES = "SELECT COALESCE(failures, 0) FROM request WHERE id = ?1";
}

/// The code of the farm's own trouble while its workers fail together.
pub const TOGETHER_CODE: &str = "workers_fail_together";

/// An infrastructure error, and whom it befell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Befell<'a> {
    pub(super) worker: &'a str,
    pub(super) request: RequestId,
    pub(super) build: Option<BuildId>,
    pub(super) cause: &'a Reason,
    /// Builds the request may have, and whether a lost one may be run again.
    pub(super) terms: (i64, Rerun),
}

/// A charge that stands.
struct Charge {
    id: CauseId,
    worker: String,
    request: Option<RequestId>,
    charged: Charged,
}

impl Write<'_> {
    /// What follows from an error; nothing is written.
    pub(super) fn judge(&self, it: &Befell<'_>) -> Result<Verdict, Error> {
        let (_, worker) = self.require_worker(it.worker)?;
        let (now, none) = (self.now(), BuildId(i64::MAX));
        let first = self.first_charge(it.request)?.unwrap_or(now);
        let (budget, rerun) = it.terms;
        Ok(blame::judge(&Facts {
            trouble: Trouble::of(&it.cause.code),
            worker: WorkerRecord {
                failures: worker.failures,
                trust: worker.trust(now),
                quarantines: worker.quarantine.map_or(0, |quarantine| quarantine.times),
            },
            request: RequestRecord {
                failures: self.int(FAILURES, [it.request.0])?,
                lasted: now.since(first),
                witnesses: self.witnesses(it.request, it.build.unwrap_or(none), it.worker)?,
                builds: self.counted_builds(it.request)?,
                budget,
                rerun,
            },
            farm: self.failing_together(it.worker)?,
        }))
    }

    /// Notes an error and acts upon whoever is to blame. The request's fate is the caller's to
    /// carry out, for the reason given back.
    pub(super) fn blame(&mut self, it: &Befell<'_>, verdict: &Verdict) -> Result<Reason, Error> {
        let (rule, charged) = (verdict.rule, verdict.charged);
        self.insert(
            EventKind::CauseNoted,
            CauseId::NOUN,
            cells! {
                worker: it.worker, request_id: it.request.0, build_id: it.build.map(|id| id.0),
                code: &it.cause.code, text: &it.cause.text, charged: charged.word(),
                verdict: sentence(it, verdict), noted_at: self.now(),
            },
            vec![],
        )?;
        match rule {
            Rule::Farm => self.suspect_farm()?,
            Rule::Poison => self.take_back(CHARGED_TO, it.request.0, Charged::Request)?,
            _ => {}
        }
        if matches!(charged, Charged::Both | Charged::Worker) {
            self.charge_worker(it, verdict.quarantine)?;
        }
        if matches!(charged, Charged::Both | Charged::Request) {
            self.charge_request(it.request, 1)?;
        }
        self.ended_because(it, verdict)
    }

    /// Why the request ends, if it does; else the error itself.
    fn ended_because(&self, it: &Befell<'_>, verdict: &Verdict) -> Result<Reason, Error> {
        let cause = it.cause;
        let reason = match verdict.fate {
            Fate::Retry => return Ok(cause.clone()),
            Fate::Poison => {
                let text = format!(
                    "it fails wherever it is built, on workers that built others meanwhile; the \
                     last: {cause}"
                );
                Reason::new("poison", text)
            }
            Fate::Exhausted => {
                let builds = self.counted_builds(it.request)?;
                let text = format!("no attempt of {builds} came to an end; the last: {cause}");
                Reason::new("retries_exhausted", text)
            }
            Fate::NotRerun => {
                Reason::new(&cause.code, format!("{cause}; its builder says `rerun = \"never\"`"))
            }
        };
        Ok(reason.because(self.causes_of(it.request)?))
    }

    /// An offer that its worker did not answer, or refused without need, is the worker's error.
    pub(super) fn blame_offer(
        &mut self,
        worker: &str,
        request: RequestId,
        cause: &Reason,
    ) -> Result<(), Error> {
        let terms = (i64::MAX, Rerun::Safe);
        let befell = Befell { worker, request, build: None, cause, terms };
        let verdict = self.judge(&befell)?;
        self.blame(&befell, &verdict).map(drop)
    }

    /// What a build was charged with is taken back: it came back after all.
    pub(super) fn forgive_build(&mut self, build: BuildId) -> Result<(), Error> {
        self.take_back(CHARGED_BUILD, build.0, Charged::Nobody)
    }

    /// A build of it went well: whatever was counted is forgotten, and it is trusted again. Not
    /// while it is in quarantine: other builds of it may have begun before.
    pub(super) fn trust_worker(&mut self, name: &str) -> Result<(), Error> {
        let (id, worker) = self.require_worker(name)?;
        let quarantined = worker.quarantine.as_ref().is_some_and(|q| q.until > self.now());
        if quarantined || (worker.failures == 0 && worker.quarantine.is_none()) {
            return Ok(());
        }
        self.clear_worker(id, 0)
    }

    /// Ends a quarantine, leaving a count behind.
    fn clear_worker(&mut self, id: WorkerId, failures: i64) -> Result<(), Error> {
        let cells = cells! {
            failures: failures, quarantined_until: None::<i64>, quarantined_why: None::<&str>,
        };
        self.patch(EventKind::WorkerCleared, WorkerId::NOUN, id.0, cells)?;
        self.patch_hidden(WorkerId::NOUN, id.0, cells! { quarantines: 0 })
    }

    fn charge_worker(
        &mut self,
        it: &Befell<'_>,
        quarantine: Option<Duration>,
    ) -> Result<(), Error> {
        let (id, worker) = self.require_worker(it.worker)?;
        let failures = worker.failures + 1;
        let Some(quarantine) = quarantine else {
            let cells = cells! { failures: failures };
            return self.patch(EventKind::WorkerCharged, WorkerId::NOUN, id.0, cells);
        };
        let why = format!("{failures} errors without a good build between them; the last: {}", {
            it.cause
        });
        let times = worker.quarantine.map_or(0, |quarantine| quarantine.times) + 1;
        let cells = cells! {
            failures: failures, quarantined_until: self.now().plus(quarantine),
            quarantined_why: why,
        };
        self.patch(EventKind::WorkerQuarantined, WorkerId::NOUN, id.0, cells)?;
        self.patch_hidden(WorkerId::NOUN, id.0, cells! { quarantines: times })
    }

    fn charge_request(&mut self, id: RequestId, by: i64) -> Result<(), Error> {
        let failures = (self.int(FAILURES, [id.0])? + by).max(0);
        let cells = cells! { failures: failures };
        self.patch(EventKind::RequestCharged, RequestId::NOUN, id.0, cells)
    }

    /// So many fail at once that it is nobody's: what the last minute charged is taken back, and
    /// nothing is started until a minute went by without errors.
    fn suspect_farm(&mut self) -> Result<(), Error> {
        let since = self.now().0 - TOGETHER.0 * 1000;
        self.take_back(CHARGED_SINCE, since, Charged::Nobody)?;
        let text = "many workers fail together, so nothing is started and nobody is charged until \
                    a minute went by without errors";
        self.farm_trouble(TOGETHER_CODE, Some(text))
    }

    fn take_back(&mut self, which: &str, key: i64, left: Charged) -> Result<(), Error> {
        for charge in self.rows(which, [key], charge)? {
            if charge.charged == left {
                continue;
            }
            let cells = cells! { charged: left.word() };
            self.patch(EventKind::CauseForgiven, CauseId::NOUN, charge.id.0, cells)?;
            if matches!(charge.charged, Charged::Both | Charged::Worker) {
                self.acquit(&charge.worker)?;
            }
            if let (Charged::Both | Charged::Request, Charged::Nobody, Some(request)) =
                (charge.charged, left, charge.request)
            {
                self.charge_request(request, -1)?;
            }
        }
        Ok(())
    }

    /// One error less; a quarantine that rested on it ends.
    fn acquit(&mut self, name: &str) -> Result<(), Error> {
        let (id, worker) = self.require_worker(name)?;
        let failures = (worker.failures - 1).max(0);
        if worker.quarantine.is_some() && failures < WORKER_FAILURES_MAX {
            return self.clear_worker(id, failures);
        }
        if failures == worker.failures {
            return Ok(());
        }
        let cells = cells! { failures: failures };
        self.patch(EventKind::WorkerCharged, WorkerId::NOUN, id.0, cells)
    }
}

fn charge(row: &Row<'_>) -> Result<Charge, Error> {
    let word: String = row.get("charged")?;
    Ok(Charge {
        id: CauseId(row.get("id")?),
        worker: row.get("worker")?,
        request: row.get::<_, Option<i64>>("request_id")?.map(RequestId),
        charged: Charged::from_word(&word).ok_or_else(|| Error::corrupt("charged", &word))?,
    })
}

/// What followed, for people.
fn sentence(it: &Befell<'_>, verdict: &Verdict) -> String {
    let request = match (verdict.fate, it.build) {
        (Fate::Retry, None) => "the request is offered again",
        (Fate::Retry, Some(_)) => "the request is tried again",
        (Fate::Poison, _) => "the request fails wherever it goes: it is stopped",
        (Fate::Exhausted, _) => "the request has used up its attempts",
        (Fate::NotRerun, _) => "the request may not be run again",
    };
    let worker = match (verdict.rule, verdict.quarantine) {
        (Rule::Excused, _) => "; nobody is charged".to_owned(),
        (Rule::Farm, _) => "; the farm is suspected, nobody is charged".to_owned(),
        (_, Some(span)) => format!("; worker `{}` is quarantined for {span}", it.worker),
        _ => String::new(),
    };
    format!("{request}{worker}")
}
