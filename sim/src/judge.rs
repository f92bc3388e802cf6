//! I11: what was claimed was the best there was. Each claim names the event and the time it was
//! decided on. The farm is put together as events told it up to there, by code of this crate, and
//! the oracle of the core's tests, which looks at every pair, says what goes first.

use std::collections::{BTreeMap, VecDeque};

use steading_core::farm::{Direction, Farm, Plan, Policy, TermKind};
use steading_core::words::{Delta, Event};

use brute::in_order::{Next, One, line, next};
use brute::world::World;
use brute::written::Written;
use facts::{Facts, int, is_troubled, noun, text};

mod brute;
mod facts;
mod moment;

pub(crate) use brute::written::Means;

/// A term as it was written: what it means, if no function says so; what the function takes, a
/// request, a worker, or both; and which way it prefers.
pub(crate) type Meant = (Option<Means>, (bool, bool), Direction);

/// A configuration the farm may have.
#[derive(Debug)]
struct Declared {
    farm: Farm,
    order: Written,
}

/// Everything decided in one pass of the farm: on the same facts, and on what it decided before.
#[derive(Debug)]
struct Pass {
    seq: i64,
    at: i64,
    configuration: String,
    world: World,
    /// One of its claims was wrong: what follows from it is.
    spoilt: bool,
}

/// Claims that were judged.
#[derive(Debug, Default, Clone, Copy)]
pub struct Judged {
    /// All of them.
    pub claims: usize,
    /// Those made while other requests waited.
    pub contested: usize,
    /// Those that passed somebody who ranks higher and waits for locks.
    pub passed: usize,
}

impl std::ops::AddAssign for Judged {
    fn add_assign(&mut self, other: Judged) {
        self.claims += other.claims;
        self.contested += other.contested;
        self.passed += other.passed;
    }
}

/// Judges claims.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// By hash.
    configurations: BTreeMap<String, Declared>,
    /// The farm at the newest decision that was judged.
    past: Facts,
    /// What happened since.
    since: VecDeque<Event>,
    /// The farm now; what a claiming section said before its claim is not in it yet.
    present: Facts,
    claiming: Vec<Event>,
    pass: Option<Pass>,
    /// How many claims were judged.
    pub(crate) judged: Judged,
}

impl Judge {
    /// Makes a configuration known, and what its author means by its order.
    pub(crate) fn learn(
        &mut self,
        hash: String,
        mut farm: Farm,
        policy: std::sync::Arc<dyn Policy>,
        meant: &[Meant],
    ) {
        // What is to be run is not looked at, and is much.
        farm.builders.values_mut().for_each(|builder| builder.plan = Plan::default());
        let terms = policy.order();
        assert_eq!(terms.len(), meant.len(), "{terms:?}");
        let term = |(place, (means, sides, direction)): (usize, &Meant)| {
            let means = means.unwrap_or_else(|| match terms[place].kind {
                TermKind::Function { function, .. } => Means::Function(function, *sides),
                kind => panic!("term {place} became {kind:?}"),
            });
            (means, *direction)
        };
        let terms = meant.iter().enumerate().map(term).collect();
        let order = Written { policy, terms, text: String::new() };
        self.configurations.insert(hash, Declared { farm, order });
    }

    /// Something happened; a claim is judged.
    pub(crate) fn hear(&mut self, event: &Event) -> Option<String> {
        let noun = noun(event)?;
        let offered = noun == "claim" && text(&event.delta, "state") == Some("offered");
        // A claiming section says of each claim that its request is taken, perhaps that its worker
        // is dirty from now on, and then whose it is.
        let begins = event.kind == "request.claimed";
        let soils = !self.claiming.is_empty() && event.delta.contains_key("dirty_at");
        if !soils && !offered {
            self.arrive();
        }
        let wrong = if offered { self.claim(event) } else { None };
        self.claiming.push(event.clone());
        if !begins && !soils {
            self.arrive();
        }
        wrong
    }

    /// The workers that take nothing because of what is wrong with their machine.
    pub(crate) fn troubled(&self) -> impl Iterator<Item = &str> {
        let workers = self.present.all("worker").filter(|(_, row)| is_troubled(row));
        workers.filter_map(|(_, row)| text(row, "name"))
    }

    /// The section has ended.
    fn arrive(&mut self) {
        for event in std::mem::take(&mut self.claiming) {
            self.present.fold(&event);
            self.since.push_back(event);
        }
    }

    fn claim(&mut self, event: &Event) -> Option<String> {
        let number = |field| int(&event.delta, field);
        let (seq, at) = (number("match_seq")?, number("match_at")?);
        let (request, offered_at) = (number("request_id")?, number("offered_at")?);
        let claimed = Next::Build(request, text(&event.delta, "worker")?.to_owned());
        self.judged.claims += 1;
        let pass = match self.pass.take() {
            Some(pass) if (pass.seq, pass.at) == (seq, at) => pass,
            _ => match self.began(seq, at) {
                Ok(pass) => pass,
                Err(why) => return Some(format!("I11: claim {}: {why}", event.noun_id)),
            },
        };
        let pass = self.pass.insert(pass);
        if pass.spoilt {
            return None;
        }
        let order = &self.configurations[&pass.configuration].order;
        loop {
            let first = next(&pass.world, order);
            if first.as_ref() == Some(&claimed) {
                self.judged.contested += usize::from(pass.world.requests.len() > 1);
                let passes = |one: &One| one.step.is_some() || one.request != request;
                let passed = line(&pass.world, order).first().is_some_and(passes);
                self.judged.passed += usize::from(passed);
                pass.world.start(request, text(&event.delta, "worker")?);
                return None;
            }
            let unchanged = Unchanged { present: &self.present, since: &self.since, offered_at };
            match first {
                // What cannot be claimed any more was decided on all the same.
                Some(Next::Build(request, worker))
                    if !unchanged.could_start(&pass.world, order, (request, &worker)) =>
                {
                    pass.world.start(request, &worker);
                }
                Some(Next::Step(step)) if unchanged.is_settled(step) => pass.world.grant(step),
                best => {
                    pass.spoilt = true;
                    return Some(format!(
                        "I11: claim {} is {claimed:?}, decided on event {seq} at {at}, where brute \
                         force finds {best:?}; the order: {:?}",
                        event.noun_id, order.terms
                    ));
                }
            }
        }
    }

    /// The farm as it was at that event and that time.
    fn began(&mut self, seq: i64, at: i64) -> Result<Pass, String> {
        while self.since.front().is_some_and(|event| event.seq.0 <= seq) {
            self.past.fold(&self.since.pop_front().expect("there is one"));
        }
        if self.past.is_paused() {
            return Err(format!("on event {seq} the farm starts nothing"));
        }
        let configuration = self.past.configuration().unwrap_or_default().to_owned();
        let Some(declared) = self.configurations.get(&configuration) else {
            return Err(format!("on event {seq} nobody knows configuration `{configuration}`"));
        };
        let world = self.past.at(&declared.farm, at);
        Ok(Pass { seq, at, configuration, world, spoilt: false })
    }
}

/// What happened between a decision and the section that was to make it true.
struct Unchanged<'a> {
    present: &'a Facts,
    since: &'a VecDeque<Event>,
    offered_at: i64,
}

impl Unchanged<'_> {
    /// Whether a tuple that was decided on could be claimed now, too.
    fn could_start(&self, then: &World, order: &Written, (request, worker): (i64, &str)) -> bool {
        if self.present.is_paused() {
            return false;
        }
        let mut world = self.present.at(&then.farm, self.offered_at);
        world.requests.retain(|id, _| *id == request);
        world.waiting.clear();
        for (name, work) in &mut world.workers {
            work.open = work.open && name == worker;
        }
        next(&world, order).is_some()
    }

    /// Whether a step that was to have its locks has them, or may have met something new.
    fn is_settled(&self, step: i64) -> bool {
        let waits = |row: &Delta| text(row, "state") == Some("waiting");
        let moved =
            self.since.iter().any(|event| ["build", "step", "claim"].contains(&&*event.noun));
        moved || !self.present.row("step", step).is_some_and(waits)
    }
}
