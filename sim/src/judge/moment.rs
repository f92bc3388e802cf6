//! A moment of a farm as the oracle looks at it: who waits, who is there, who holds what, by what
//! the documentation says of each.

use steading_core::farm::{Farm, RequestView};
use steading_core::words::{Delta, HeldLock, Micros, Properties, RequestId};

use super::brute::world::{Req, Run, Waits, Work, World};
use super::facts::{Facts, int, is_troubled, text};

/// How long a request rests after an offer that came back, and after builds that were lost, in
/// microseconds (docs/blame.md).
const RESTS_US: [i64; 5] = [1_000_000, 2_000_000, 8_000_000, 32_000_000, 60_000_000];

impl Facts {
    /// What a match at that time is decided on.
    pub(super) fn at(&self, farm: &Farm, now: i64) -> World {
        let mut world = World { farm: farm.clone(), now, ..World::default() };
        for (id, row) in self.all("request") {
            let waits = text(row, "state") == Some("pending") && !self.is_held_back(row);
            if let (true, Some(req)) = (waits && self.rests_until(id, row) <= now, self.req(id)) {
                world.requests.insert(id, req);
            }
        }
        for (id, row) in self.all("worker") {
            let name = text(row, "name").unwrap_or_default().to_owned();
            world.workers.insert(name, self.work(id, row, now));
        }
        self.hold(farm, &mut world);
        world
    }

    /// Somebody or something keeps the farm from starting anything.
    pub(super) fn is_paused(&self) -> bool {
        let paused = |row: &Delta| text(row, "paused_by").is_some() || is_troubled(row);
        self.all("farm").any(|(_, row)| paused(row))
    }

    fn is_held_back(&self, request: &Delta) -> bool {
        let builder = text(request, "builder");
        let mut of_it = self.all("builder").filter(|(_, row)| text(row, "name") == builder);
        of_it.any(|(_, row)| text(row, "paused_by").is_some())
    }

    fn rests_until(&self, id: i64, row: &Delta) -> i64 {
        let epoch = int(row, "epoch").unwrap_or(0);
        let build = self.of_attempt("build", id, epoch);
        let ended = |build| int(build, "lost_at").or(int(build, "finished_at"));
        if let Some(ended) = build.and_then(ended) {
            let of_it = |(_, build): &(i64, &Delta)| int(build, "request_id") == Some(id);
            let lost = self.all("build").filter(of_it).count();
            return ended + RESTS_US[lost.min(RESTS_US.len() - 1)];
        }
        let claim = self.of_attempt("claim", id, epoch);
        claim.and_then(|claim| int(claim, "answered_at")).map_or(0, |at| at + RESTS_US[0])
    }

    fn req(&self, id: i64) -> Option<Req> {
        let row = self.row("request", id)?;
        let words = |field: &str| text(row, field).unwrap_or_default().into();
        let (submitted, start_by) = (int(row, "submitted_at")?, int(row, "start_by"));
        let properties: Properties = json(row, "properties");
        let seen = RequestView {
            id: RequestId(id),
            builder: words("builder"),
            priority: int(row, "priority")?,
            repository: words("repository"),
            branch: words("branch"),
            revision: words("revision"),
            owner: words("owner"),
            reason: words("reason"),
            properties: properties.into(),
            submitted_at: Micros(submitted),
            start_by: start_by.map(Micros),
        };
        Some(Req {
            builder: seen.builder.to_string(),
            priority: seen.priority,
            branch: seen.branch.to_string(),
            submitted,
            size: 0,
            pinned: text(row, "pinned_worker").map(str::to_owned),
            start_by,
            seen: Some(seen),
        })
    }

    fn work(&self, id: i64, row: &Delta, now: i64) -> Work {
        let name = text(row, "name").unwrap_or_default();
        let state = text(row, "state").unwrap_or_default();
        let dirty = match (int(row, "dirty_at"), int(row, "reset_every")) {
            (Some(_), Some(every)) => {
                let every = usize::try_from(every).unwrap_or(0);
                every <= 1 || self.builds_since_clean(id, name) >= every
            }
            _ => false,
        };
        let until = int(row, "quarantined_until");
        let held = text(row, "paused_by").is_some() || int(row, "draining") == Some(1);
        let kept = held || is_troubled(row) || dirty || until.is_some_and(|until| until > now);
        let slots = int(row, "slots").unwrap_or(0);
        let newest = self.all("build").filter(|(_, build)| text(build, "worker") == Some(name));
        let newest = newest.last().and_then(|(_, build)| text(build, "builder"));
        Work {
            labels: json(row, "labels"),
            // After a quarantine one build shows whether all is well.
            slots: if until.is_some() { slots.min(1) } else { slots },
            last_builder: newest.unwrap_or_default().to_owned(),
            open: state == "ready" && !kept,
            draining: state != "offline",
        }
    }

    /// Who holds slots and locks, and who waits for more of these.
    fn hold(&self, farm: &Farm, world: &mut World) {
        for (_, claim) in self.all("claim").filter(|(_, it)| text(it, "state") == Some("offered")) {
            let request = int(claim, "request_id").unwrap_or(0);
            let Some(req) = self.req(request) else { continue };
            let locks = farm.builders.get(&req.builder).map(|it| it.locks.clone());
            let (worker, runs) = (on(claim), Some(req.builder.clone()));
            let (locks, of) = (locks.unwrap_or_default(), Some(req));
            world.runs.push(Run { request, worker, slot: true, locks, runs, of, ends: None });
        }
        for (_, build) in self.all("build").filter(|(_, it)| int(it, "finished_at").is_none()) {
            let request = int(build, "request_id").unwrap_or(0);
            let over = int(build, "steps_ended_at").is_some() || is_given_up(build);
            let runs = text(build, "builder").filter(|_| !over).map(str::to_owned);
            let locks = if over { Vec::new() } else { json(build, "locks") };
            let (worker, of) = (on(build), self.req(request));
            world.runs.push(Run { request, worker, slot: true, locks, runs, of, ends: None });
        }
        for (id, step) in self.all("step") {
            self.step(world, id, step);
        }
    }

    /// A step with locks of its own holds them, or waits for them.
    fn step(&self, world: &mut World, id: i64, step: &Delta) {
        let locks: Vec<HeldLock> = json(step, "takes");
        let build = int(step, "build_id").and_then(|build| self.row("build", build));
        let live = |build: &&Delta| int(build, "finished_at").is_none();
        let Some(build) = build.filter(live).filter(|_| !locks.is_empty()) else { return };
        let (worker, request) = (on(build), int(build, "request_id").unwrap_or(0));
        match text(step, "state") {
            Some("running") if !is_given_up(build) => {
                let (request, slot, runs, of) = (0, false, None, None);
                world.runs.push(Run { request, worker, slot, locks, runs, of, ends: None });
            }
            Some("waiting") if text(build, "state") != Some("lost") => {
                let waits = self.req(request).map(|of| Waits { request, of, worker, locks });
                world.waiting.extend(waits.map(|waits| (id, waits)));
            }
            _ => {}
        }
    }
}

/// Lost, and free to begin elsewhere: its locks are free.
fn is_given_up(build: &Delta) -> bool {
    text(build, "state") == Some("lost") && text(build, "rerun") == Some("safe")
}

fn on(row: &Delta) -> String {
    text(row, "worker").unwrap_or_default().to_owned()
}

fn json<T: serde::de::DeserializeOwned + Default>(row: &Delta, field: &str) -> T {
    text(row, field).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
