//! What a forecast rests on: how long things usually take, and who has slots and locks since when.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;
use steading_core::forecast::{Live, Usual};
use steading_core::matcher::Holding;
use steading_core::replay::Length;
use steading_core::words::Micros;

use super::parse;
use crate::sql::statements;
use crate::{Error, Read};

/// How many green builds a duration is learned from, the newest ones.
const LEARNED_OF: i64 = 50;

macro_rules! request {
    ($tail:literal) => {
        concat!(
            "SELECT request.id AS id, request.builder AS builder, request.priority AS priority, \
             request.repository AS repository, request.branch AS branch, \
             request.revision AS revision, request.properties AS properties, \
             request.owner AS owner, request.reason AS reason, \
             request.submitted_at AS submitted_at, request.start_by AS start_by, ",
            $tail
        )
    };
}

statements! {
    BUILDERS = "SELECT name FROM builder ORDER BY name";
    GREEN = "SELECT started_at, steps_ended_at, finished_at FROM build \
        WHERE builder = ?1 AND outcome IN ('success', 'warnings') ORDER BY number DESC LIMIT ?2";
    GREEN_STEPS = "SELECT name, started_at, finished_at FROM step \
        WHERE build_id IN (SELECT id FROM build \
        WHERE builder = ?1 AND outcome IN ('success', 'warnings') ORDER BY number DESC LIMIT ?2) \
        AND started_at IS NOT NULL AND finished_at IS NOT NULL";
    OFFERS = request!(
        "claim.worker AS worker, claim.locks AS locks \
         FROM claim JOIN request ON request.id = claim.request_id \
         WHERE claim.state = 'offered' ORDER BY claim.id"
    );
    BUILDS = request!(
        "build.number AS number, build.worker AS worker, build.locks AS locks, \
         build.started_at AS started_at, COALESCE(build.steps_ended_at, \
         CASE WHEN build.state = 'lost' AND build.rerun = 'safe' THEN build.lost_at END) \
         AS steps_ended_at FROM build JOIN request ON request.id = build.request_id \
         WHERE build.finished_at IS NULL ORDER BY build.id"
    );
    STEPS = "SELECT step.name AS name, step.locks AS locks, step.started_at AS started_at, \
        build.builder AS builder, build.number AS number, build.worker AS worker \
        FROM build JOIN step ON step.build_id = build.id \
        WHERE build.finished_at IS NULL AND step.state = 'running' AND step.locks <> '[]' \
        AND NOT (build.state = 'lost' AND build.rerun = 'safe') \
        ORDER BY step.id";
}

impl Read<'_> {
    /// How long builds usually take, by builder: learned from its newest green ones. A builder
    /// without any is not there. Looks at a bounded number of builds of each builder.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn durations(&self) -> Result<BTreeMap<String, Usual>, Error> {
        let names = self.rows(BUILDERS, [], |row| Ok(row.get::<_, String>("name")?))?;
        let mut durations = BTreeMap::new();
        for name in names {
            durations.extend(self.duration(&name)?.map(|usual| (name, usual)));
        }
        Ok(durations)
    }

    /// The same of one builder.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn duration(&self, builder: &str) -> Result<Option<Usual>, Error> {
        Ok(Usual::of(&self.rows(GREEN, (builder, LEARNED_OF), length)?))
    }

    /// How long the steps of a builder usually take, by name: learned from the same builds.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn step_durations(&self, builder: &str) -> Result<BTreeMap<String, Usual>, Error> {
        let mut steps: BTreeMap<String, Vec<Length>> = BTreeMap::new();
        let all = self.rows(GREEN_STEPS, (builder, LEARNED_OF), |row| {
            let took = finished(row)?.since(Micros(row.get("started_at")?));
            Ok((row.get::<_, String>("name")?, Length { locks: took, slot: took }))
        })?;
        for (name, length) in all {
            steps.entry(name).or_default().push(length);
        }
        let learned = |(name, lengths): (String, Vec<Length>)| Some((name, Usual::of(&lengths)?));
        Ok(steps.into_iter().filter_map(learned).collect())
    }

    /// Who has slots and locks, as in `holdings`, and since when.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn live_holdings(&self) -> Result<Vec<Live>, Error> {
        let mut all = self.rows(OFFERS, [], |row| {
            let view = parse::request_view(row)?;
            let offered = live(row, format!("request {} (being offered)", view.id))?;
            Ok(Live { of: Some(view), ..offered })
        })?;
        all.extend(self.rows(BUILDS, [], |row| {
            let mut live = live(row, build_name(row)?)?;
            live.started_at = parse::time(row, "started_at")?;
            live.of = Some(parse::request_view(row)?);
            if parse::time(row, "steps_ended_at")?.is_some() {
                live.holding.locks.clear();
                live.holding.runs = None;
            }
            Ok(live)
        })?);
        all.extend(self.rows(STEPS, [], |row| {
            let step: String = row.get("name")?;
            let mut live = live(row, format!("{} {step}", build_name(row)?))?;
            live.started_at = parse::time(row, "started_at")?;
            live.holding.slot = false;
            live.holding.runs = None;
            live.step = Some(step);
            Ok(live)
        })?);
        Ok(all)
    }

    /// How long those steps usually take that hold locks of their own, by builder and step.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn durations_of_steps(
        &self,
        live: &[Live],
    ) -> Result<BTreeMap<(String, String), Usual>, Error> {
        let builders: BTreeSet<&String> =
            live.iter().filter(|live| live.step.is_some()).map(|live| &live.builder).collect();
        let mut all = BTreeMap::new();
        for builder in builders {
            let steps = self.step_durations(builder)?;
            all.extend(steps.into_iter().map(|(step, usual)| ((builder.clone(), step), usual)));
        }
        Ok(all)
    }
}

fn live(row: &Row<'_>, by: String) -> Result<Live, Error> {
    let (builder, locks): (String, _) = (row.get("builder")?, parse::json(row, "locks")?);
    let runs = Some(builder.clone());
    Ok(Live {
        holding: Holding { by, worker: row.get("worker")?, slot: true, locks, runs },
        builder,
        of: None,
        step: None,
        started_at: None,
    })
}

fn build_name(row: &Row<'_>) -> Result<String, Error> {
    let (builder, number): (String, i64) = (row.get("builder")?, row.get("number")?);
    Ok(format!("{builder}/{number}"))
}

fn length(row: &Row<'_>) -> Result<Length, Error> {
    let (started, finished) = (Micros(row.get("started_at")?), finished(row)?);
    let steps_ended = parse::time(row, "steps_ended_at")?.unwrap_or(finished);
    Ok(Length { locks: steps_ended.since(started), slot: finished.since(started) })
}

fn finished(row: &Row<'_>) -> Result<Micros, Error> {
    Ok(Micros(row.get("finished_at")?))
}
