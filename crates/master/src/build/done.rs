//! Steps that ended: their verdicts, their logs and what follows from them, in one section.

use std::collections::BTreeMap;

use steading_core::farm::Plan;
use steading_core::settle;
use steading_core::words::{LogId, Outcome, Reason, Step, StepState};
use steading_store::{LogEnd, Write};
use steading_wire::worker::Report;

use super::advance::{Advance, Stands, live};
use super::driver::{Driver, Error, index};
use super::report::{judged, kept};
use crate::settle as settling;

/// How steps ended, by number.
type Verdicts = BTreeMap<i64, Verdict>;

/// How a step ended, as history will say it.
struct Verdict {
    outcome: Outcome,
    reason: Option<Reason>,
    exit: Option<serde_json::Value>,
    /// The names of the logs it wrote to.
    written: Vec<String>,
}

impl Driver {
    /// Writes down how a step ended, and each one after it of which that is known by now: a worker
    /// that runs ahead is often further. Gives what follows; absent when the build is over.
    pub(super) async fn steps_done(&mut self, number: i64) -> Result<Option<Stands>, Error> {
        while let Some(mail) = self.mailbox.waiting() {
            // Whoever says "look again" is heard by this: the section looks.
            self.note(mail);
        }
        let verdicts = verdicts(&self.build.plan, self.reports.range(number..));
        let empty = self.unwritten_logs(&verdicts).await?;
        let watched: Vec<LogId> = empty.iter().map(|(log, _)| *log).collect();
        let closed = [std::mem::take(&mut self.closed), empty].concat();
        let (id, materials) = (self.build.id, self.materials.clone());
        let present = self.context.farms.present();
        let (cancel, begun) = (self.cancel, self.begun);
        let section = self.context.store.write("step.done", move |w| {
            let Some(build) = live(w, id)? else { return Ok(None) };
            for (log, end) in &closed {
                w.close_log(*log, end)?;
            }
            let (materials, present) = (&materials, &present);
            let advance = Advance { build: &build, materials, present, cancel, begun };
            let stands = advance.through(w, number, &verdicts)?;
            Ok(Some((build, stands)))
        });
        let found = section.await?;
        watched.into_iter().for_each(|log| self.context.archive.closed_empty(log));
        if let Some((_, Stands::AtStep { number, .. })) = &found {
            self.reports = self.reports.split_off(number);
        }
        Ok(found.map(|found| self.stood(found)))
    }

    /// Logs that these steps opened and never wrote to: they are whole, and empty.
    async fn unwritten_logs(&self, verdicts: &Verdicts) -> Result<Vec<(LogId, LogEnd)>, Error> {
        let id = self.build.id;
        let read = self.context.store.glance(move |r| Ok((r.steps(id)?, r.logs(id)?)));
        let (steps, logs) = read.await?;
        let mut unwritten = Vec::new();
        for log in logs.iter().filter(|log| !log.closed) {
            let step = steps.iter().find(|step| step.id == log.step_id);
            let verdict = step.and_then(|step| verdicts.get(&step.number));
            if verdict.is_some_and(|verdict| !verdict.written.contains(&log.name)) {
                unwritten.push((log.id, settling::close_unwritten(&self.context, log.id).await?));
            }
        }
        Ok(unwritten)
    }
}

impl Advance<'_> {
    /// Ends this step, goes on, and ends what is reached, as far as verdicts go.
    fn through(
        &self,
        w: &mut Write<'_>,
        number: i64,
        verdicts: &Verdicts,
    ) -> Result<Stands, steading_store::Error> {
        let mut next = number;
        while let Some(verdict) = verdicts.get(&next) {
            self.end_step(w, next, verdict)?;
            match self.run(w, None)? {
                Stands::AtStep { number, .. } if verdicts.contains_key(&number) => next = number,
                stands => return Ok(stands),
            }
        }
        self.run(w, None)
    }

    /// A step of which history knows that it ended stays as it is.
    fn end_step(
        &self,
        w: &mut Write<'_>,
        number: i64,
        verdict: &Verdict,
    ) -> Result<(), steading_store::Error> {
        let steps = w.steps(self.build.id)?;
        let runs = |step: &&Step| step.number == number && step.state != StepState::Finished;
        let Some(step) = steps.iter().find(runs) else { return Ok(()) };
        let Verdict { outcome, reason, exit, written } = verdict;
        // Those of a step that began in this section: the others were closed in the archive.
        for log in w.logs(self.build.id)? {
            if log.step_id == step.id && !log.closed && !written.contains(&log.name) {
                w.close_log(log.id, &LogEnd::empty())?;
            }
        }
        w.finish_step(step.id, *outcome, reason.as_ref(), exit.as_ref())
    }
}

fn verdicts<'a>(plan: &Plan, reports: impl Iterator<Item = (&'a i64, &'a Report)>) -> Verdicts {
    let judge = |(number, report): (&i64, &Report)| {
        let (outcome, reason) =
            settle::step_verdict(&judged(plan.steps.get(index(*number))?, report));
        let exit = kept(report, outcome.is_green());
        Some((*number, Verdict { outcome, reason, exit, written: report.logs.clone() }))
    };
    reports.filter_map(judge).collect()
}
