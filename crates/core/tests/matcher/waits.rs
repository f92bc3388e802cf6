//! Steps that wait for locks, in random worlds: how they come about, and what they are promised.

use std::collections::BTreeSet;

use steading_core::words::HeldLock;

use crate::churn::{Dice, Farm, LOCKS, Tally};
use crate::in_order::{self, Next, One};
use crate::world::{Waits, World, counting, exclusive};

impl Farm {
    /// A step of some build comes to its locks, or is cancelled while it waits for them.
    pub(crate) fn steps_change(&mut self) {
        if self.dice.one_in(6) {
            let steps: Vec<i64> = self.world.waiting.keys().copied().collect();
            if !steps.is_empty() {
                let step = *self.dice.pick(&steps);
                self.world.waiting.remove(&step);
            }
        } else {
            step_waits(&mut self.world, &mut self.dice, &self.lock_order);
        }
        self.world.tell_waiting(&mut self.matcher);
    }

    /// What was promised to those who wait is kept by what goes now.
    pub(crate) fn keeps_promises(&self, world: &World, next: Option<&Next>) -> Result<(), String> {
        let line = in_order::line(world, &self.policy);
        let goes = next.and_then(|next| line.iter().position(|one| is(one, next)));
        for (place, one) in line[..goes.unwrap_or(0)].iter().enumerate() {
            let shares = |other: &One| other.wants.keys().any(|pool| one.wants.contains_key(pool));
            let first = !line[..place].iter().any(shares);
            let sure = one.wants.keys().all(|pool| in_order::is_sure(world, pool));
            // First of all that want its locks, which are all held by builds that run.
            let behind = &line[goes.unwrap_or(0)];
            let takes = in_order::leaves_too_little(world, behind, one);
            if one.step.is_some() && first && sure && takes {
                return Err(format!("{next:?} takes what is kept for {one:?}"));
            }
        }
        Ok(())
    }

    /// Nothing new comes, and what runs ends, one after the other: everything that could ever start
    /// has started then. Every decision is compared.
    pub(crate) fn drain(&mut self, seed: u64, tally: &mut Tally) -> Result<(), String> {
        self.everybody_comes_back();
        loop {
            self.slices = false;
            self.matcher.look_at(usize::MAX);
            while let Some(found) = self.decide(seed, tally)? {
                self.carry_out(&found);
            }
            let world = &self.world;
            let waits = |request| world.waiting.values().any(|it| it.request == request);
            match world.runs.iter().position(|run| !waits(run.request)) {
                Some(at) => self.end(at),
                None if in_order::line(world, &self.policy).is_empty() => return Ok(()),
                None => return Err(format!("seed {seed}: all wait for each other:\n{world:#?}")),
            }
        }
    }

    /// All workers are there, and steps that want more than there is came to their deadline.
    fn everybody_comes_back(&mut self) {
        let waiting = std::mem::take(&mut self.world.waiting);
        for (step, waits) in waiting {
            let known = self.world.workers.contains_key(&waits.worker);
            if known && in_order::possible(&self.world, &waits) {
                self.world.waiting.insert(step, waits);
            }
        }
        let names: Vec<String> = self.world.workers.keys().cloned().collect();
        for name in names {
            self.world.workers.get_mut(&name).expect("known").open = true;
            self.world.tell_worker(&mut self.matcher, &name);
        }
        self.world.tell_waiting(&mut self.matcher);
    }
}

fn is(one: &One, next: &Next) -> bool {
    match next {
        Next::Step(step) => one.step == Some(*step),
        Next::Build(request, worker) => {
            one.step.is_none() && one.request == *request && one.worker == *worker
        }
    }
}

/// A build that runs, and no step of which waits, comes to a step that wants locks: only such as
/// are after all that the builder takes, in one order of locks. So there is no circle of them.
fn step_waits(world: &mut World, dice: &mut Dice, order: &[&'static str]) {
    let waits: BTreeSet<i64> = world.waiting.values().map(|waits| waits.request).collect();
    let run = |run: &&crate::world::Run| run.runs.is_some() && !waits.contains(&run.request);
    let runs: Vec<_> = world.runs.iter().filter(run).cloned().collect();
    if runs.is_empty() {
        return;
    }
    let build = dice.pick(&runs).clone();
    let Some(of) = build.of.clone() else { return };
    let taken = |lock: &str| build.locks.iter().any(|held| held.lock == lock);
    let last = order.iter().rposition(|lock| taken(lock)).map_or(0, |at| at + 1);
    let mut locks: Vec<HeldLock> = Vec::new();
    for lock in &order[last..] {
        match dice.roll(5) {
            0 | 1 => locks.push(counting(lock, 1 + i64::from(dice.one_in(4)))),
            2 => locks.push(exclusive(lock)),
            _ => {}
        }
    }
    if locks.is_empty() {
        return;
    }
    world.next_id += 1;
    let (request, worker) = (build.request, build.worker);
    world.waiting.insert(world.next_id, Waits { request, of, worker, locks });
}

/// The locks in some order.
pub(crate) fn some_order(dice: &mut Dice) -> Vec<&'static str> {
    let mut left = LOCKS.to_vec();
    let mut order = Vec::new();
    while !left.is_empty() {
        order.push(left.remove(usize::try_from(dice.roll(left.len() as u64)).expect("small")));
    }
    order
}
