//! People who want builds: they ask under a key until they are answered, and change their minds.

use std::collections::BTreeSet;

use steading_core::words::RequestId;
use steading_wire::command::{Answer, Command};
use steading_wire::problem::Problem;
use steading_wire::rest;

use crate::farm::{Drawn, SOURCE};
use crate::rng::Rng;

/// What somebody wants.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) at_ms: u64,
    builder: String,
    priority: i64,
    /// Where they want it.
    pinned: Option<String>,
    /// What they do later: after so long, this.
    later: Vec<(u64, Mind)>,
    /// The request, once the master said so.
    pub(crate) request: Option<RequestId>,
}

/// How somebody changes their mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mind {
    /// No longer wanted.
    Cancel,
    /// More, or less, urgent.
    Prioritize(i64),
}

/// All of them.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) wishes: Vec<Wish>,
    /// Requests somebody asked to cancel.
    pub(crate) cancelled: BTreeSet<RequestId>,
}

impl People {
    /// Draws so many wishes over a time, some of them all at once.
    pub(crate) fn draw(rng: &mut Rng, count: u64, horizon_ms: u64, farm: &Drawn) -> People {
        let builders: Vec<&String> = farm.verdicts.keys().filter(|name| *name != SOURCE).collect();
        // Sometimes all want what the others have, all at once.
        let few = ["alone", "many", "near", "shared"];
        let wanted: Vec<&String> = match rng.chance(300) {
            true => builders.into_iter().filter(|name| few.contains(&name.as_str())).collect(),
            false => builders,
        };
        let (rush_ms, rushing) = (rng.below(horizon_ms), *rng.pick(&[100, 300, 800]));
        let wishes = (0..count).map(|_| {
            let at_ms = if rng.chance(rushing) { rush_ms } else { rng.below(horizon_ms) };
            let mut later = Vec::new();
            if rng.chance(150) {
                let most = *rng.pick(&[50, 3_000, 60_000]);
                let wait = rng.range(0, most);
                later.push((wait, Mind::Cancel));
                if rng.chance(300) {
                    later.push((wait + rng.range(0, 3_000), Mind::Cancel));
                }
            }
            if rng.chance(100) {
                later.push((rng.below(5_000), Mind::Prioritize(rng.below(9) as i64)));
            }
            let priority = rng.below(3) as i64;
            let builder = (*rng.pick(&wanted)).clone();
            // Where any worker will do.
            let pins = builder == "many" || builder == "shared";
            let pinned = (pins && rng.chance(200)).then(|| rng.pick(&farm.workers).clone());
            Wish { at_ms, builder, priority, pinned, later, request: None }
        });
        People { wishes: wishes.collect(), cancelled: BTreeSet::new() }
    }

    /// The command of a wish, and its key.
    pub(crate) fn ask(&self, index: usize) -> (Command, String) {
        let wish = &self.wishes[index];
        let (priority, worker) = (wish.priority, wish.pinned.clone());
        let force = rest::Force { priority, worker, ..rest::Force::default() };
        (Command::Force { builder: wish.builder.clone(), force }, format!("wish {index}"))
    }

    /// The command of somebody who changed their mind.
    pub(crate) fn change(&mut self, index: usize, mind: Mind) -> Option<Command> {
        let request = self.wishes[index].request?;
        Some(match mind {
            Mind::Cancel => {
                self.cancelled.insert(request);
                Command::CancelRequest { request, why: rest::Why::default() }
            }
            Mind::Prioritize(priority) => Command::Prioritize { request, priority },
        })
    }

    /// A wish was answered: what its owner does later, or an error when nothing was promised.
    pub(crate) fn answered(
        &mut self,
        index: usize,
        answer: &Result<Answer, Problem>,
    ) -> Result<Vec<(u64, Mind)>, String> {
        let wish = &mut self.wishes[index];
        let Ok(Answer::Submitted(submitted)) = answer else { return Err(format!("{answer:?}")) };
        let Some(id) = submitted.requests.values().next() else {
            return Err("a buildset without requests".to_owned());
        };
        let first = wish.request.replace(RequestId(*id)).is_none();
        Ok(if first { std::mem::take(&mut wish.later) } else { Vec::new() })
    }

    /// Whether everybody was answered.
    pub(crate) fn content(&self) -> bool {
        self.wishes.iter().all(|wish| wish.request.is_some())
    }
}
