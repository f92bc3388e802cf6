//! Whether the oracle notices when the matcher is wrong: each mutant is made in a copy of the core,
//! whose own comparison with brute force then runs. None of it is in the product's code.

mod copy;
mod list;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::process::clock;
use copy::{Copy, Told};
use list::{MUTANTS, Mutant};

/// A mutant that takes so many times as long as the matcher as it is makes no more decisions.
const PATIENCE: u32 = 5;

/// Tries all mutants, or those whose name begins so; true when each is caught.
pub(crate) fn run(only: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let copy = Copy { root: root.to_owned(), at: root.join("target/mutants") };
    let limit = match as_it_is(&copy) {
        Ok(limit) => limit,
        Err(why) => {
            println!("cannot tell mutants from the matcher as it is: {why}");
            return false;
        }
    };
    let tried = MUTANTS.iter().filter(|mutant| mutant.name.starts_with(only));
    let caught: Vec<bool> = tried.map(|mutant| is_caught(&copy, mutant, limit)).collect();
    println!("{} of {} mutants caught", caught.iter().filter(|one| **one).count(), caught.len());
    !caught.is_empty() && caught.iter().all(|one| *one)
}

/// How long a mutant may take; an error unless the comparison passes without one.
fn as_it_is(copy: &Copy) -> Result<Duration, String> {
    copy.renew(None)?;
    let program = copy.build()?;
    let start = clock();
    match copy.compare(&program, Duration::from_secs(600))? {
        Told::Equal(summary) => {
            let took = start.elapsed();
            println!("{:<10} the matcher as it is: {summary}, {:.1} s", "equal", seconds(start));
            Ok((took * PATIENCE).max(Duration::from_secs(30)))
        }
        Told::Differs(what) => Err(format!("it differs from brute force: {what}")),
        Told::Hangs => Err("its comparison does not end".to_owned()),
    }
}

fn is_caught(copy: &Copy, mutant: &Mutant, limit: Duration) -> bool {
    let tried = copy.renew(Some(mutant)).and_then(|()| copy.build()).and_then(|program| {
        let start = clock();
        Ok((copy.compare(&program, limit)?, seconds(start)))
    });
    let (told, how, caught) = match tried {
        Ok((Told::Differs(what), took)) => ("caught", format!("{what}, {took:.1} s"), true),
        Ok((Told::Hangs, took)) => ("caught", format!("does not end, {took:.0} s"), true),
        Ok((Told::Equal(summary), _)) => ("NOT CAUGHT", summary, false),
        Err(why) => ("NOT TRIED", why, false),
    };
    println!("{told:<10} {}: {how}", mutant.name);
    caught
}

fn seconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}
