//! `lock(…)`, its two ways of being taken, and `locks = […]` of builders and steps.

use std::collections::BTreeMap;

use steading_core::farm::{Lock, LockCapacity};
use steading_core::words::{Access, HeldLock};

use super::names::{name, once};
use crate::args::{Args, GLOB_HELP, check_glob};
use crate::draft::{Declared, Draft};
use crate::input::{Input, Object, quoted};
use crate::place::Part;

pub(crate) fn lock(args: &mut Args, draft: &mut Draft) -> Object {
    let name = name(args, "name");
    let per_worker = args.bool("per_worker").unwrap_or(false);
    let capacity = capacity(args);
    if matches!(capacity, LockCapacity::ByWorker(_)) && !per_worker {
        let message = "only a lock of each worker can have a capacity by worker";
        args.wrong_with("capacity", &[], message, "add `per_worker = True`, or give one number");
    }
    let Some(name) = name else { return Object::Broken };
    let earlier = draft.locks.iter().find(|l| l.it.name == name);
    if let Some(error) = once(args, "name", "lock", &name, earlier) {
        args.findings.push(error);
        return Object::Broken;
    }
    let it = Lock { name, per_worker, capacity };
    draft.locks.push(Declared { it, place: args.place().clone() });
    Object::Lock(draft.locks.len() - 1)
}

fn capacity(args: &mut Args) -> LockCapacity {
    let entries = match args.any("capacity") {
        Some(Input::Dict(_)) => args.dict("capacity").unwrap_or_default(),
        Some(Input::Int(_)) => return LockCapacity::Units(args.int("capacity", 1).unwrap_or(1)),
        None => return LockCapacity::Units(1),
        Some(other) => {
            let what = "a whole number, or a dict of worker globs and whole numbers";
            args.refuse("capacity", &[], what, &other);
            return LockCapacity::Units(1);
        }
    };
    let mut by_worker = BTreeMap::new();
    for (glob, units) in entries {
        if let Err(why) = check_glob(&glob) {
            let message = format!("{} is not a glob: {why}", quoted(&glob));
            args.wrong_with("capacity", &[Part::Key(&glob)], message, GLOB_HELP);
        }
        if let Some(units) = args.units("capacity", &glob, &units) {
            by_worker.insert(glob, units);
        }
    }
    LockCapacity::ByWorker(by_worker)
}

/// The most units a lock has anywhere.
fn most(lock: &Lock) -> i64 {
    match &lock.capacity {
        LockCapacity::Units(units) => *units,
        LockCapacity::ByWorker(by) => {
            let otherwise = if by.contains_key("*") { 0 } else { 1 };
            by.values().copied().max().unwrap_or(0).max(otherwise)
        }
    }
}

/// `lock.counting(n)`.
pub(crate) fn counting(args: &mut Args, draft: &mut Draft, lock: usize) -> Object {
    let units = args.int("n", 1);
    let broken = units.is_none() && args.wrong();
    let (units, lock) = (units.unwrap_or(1), &draft.locks[lock]);
    let most = most(&lock.it);
    if units > most {
        let name = &lock.it.name;
        let message = format!("{units} units of lock `{name}` can never be free: it has {most}");
        let note = format!("lock `{name}` is declared at {}", lock.place.location());
        let error = args.place().error(&args.path_of("n"), message).note(note);
        args.findings.push(error);
        return Object::Broken;
    }
    if broken {
        return Object::Broken;
    }
    take(draft, HeldLock { lock: lock.it.name.clone(), access: Access::Counting(units) })
}

/// `lock.exclusive()`.
pub(crate) fn exclusive(_args: &mut Args, draft: &mut Draft, lock: usize) -> Object {
    let lock = draft.locks[lock].it.name.clone();
    take(draft, HeldLock { lock, access: Access::Exclusive })
}

fn take(draft: &mut Draft, held: HeldLock) -> Object {
    draft.uses.push(held);
    Object::LockUse(draft.uses.len() - 1)
}

/// `locks = […]`: uses of locks. A lock without a way of taking it means one unit, and with a
/// capacity of one that is all of it.
pub(super) fn locks(args: &mut Args, draft: &Draft) -> Vec<HeldLock> {
    let mut held: Vec<HeldLock> = Vec::new();
    for (index, input) in args.list("locks", "locks").unwrap_or_default().iter().enumerate() {
        let path = [Part::Item(index)];
        let one = match input {
            Input::Object(Object::LockUse(at)) => draft.uses[*at].clone(),
            Input::Object(Object::Lock(at)) => bare(&draft.locks[*at].it),
            Input::Text(name) => {
                unknown(args, draft, name, &path);
                continue;
            }
            other => {
                args.refuse("locks", &path, "a lock, or one taken by counting(n)", other);
                continue;
            }
        };
        if held.iter().any(|h| h.lock == one.lock) {
            let message = format!("lock `{}` is taken twice", one.lock);
            args.wrong_with("locks", &path, message, "take it once, by counting(n)");
            continue;
        }
        held.push(one);
    }
    held
}

fn bare(lock: &Lock) -> HeldLock {
    let access = match lock.capacity {
        LockCapacity::Units(1) => Access::Exclusive,
        _ => Access::Counting(1),
    };
    HeldLock { lock: lock.name.clone(), access }
}

fn unknown(args: &mut Args, draft: &Draft, name: &str, path: &[Part<'_>]) {
    let known = draft.locks.iter().any(|l| l.it.name == name);
    let help = "write the variable that holds what `lock(…)` answered";
    if known {
        let message = format!("lock {} is named by a string", quoted(name));
        args.wrong_with("locks", path, message, help);
    } else {
        let message = format!("there is no lock {}", quoted(name));
        args.wrong_with("locks", path, message, format!("declare it with `lock(…)` and {help}"));
    }
}
