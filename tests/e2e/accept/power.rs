//! Power cuts: all that was acknowledged or shown is there afterwards, though every disk loses what
//! was not synced.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use serde_json::json;
use steading_faults::{Figures, Loss};
use tokio::time::Instant;

use super::far::Far;
use super::load::{Load, builder, nothing_shown_is_gone};
use super::machine::Machine;
use super::random::Random;
use super::stream::{AWK, is_begun_once, stream};
use super::{number, say};
use crate::farm::{Client, Farm, until};

const SEED: u64 = 20_261_122;
/// From the moment a machine runs again to the next power cut.
const BETWEEN_MS: (u64, u64) = (300, 2_500);

/// What one run is to be.
#[derive(Clone, Copy)]
struct Run {
    seed: u64,
    cuts: u64,
}

impl Run {
    /// The size from the environment, or this.
    fn of(cuts: u64) -> Run {
        Run { seed: number("POWER_SEED", SEED), cuts: number("POWER_CUTS", cuts) }
    }
}

#[test]
fn a_farm_on_one_machine_survives_power_cuts() {
    one_machine(Run { seed: SEED, cuts: 2 });
}

#[test]
fn a_farm_of_several_machines_survives_power_cuts() {
    machines(Run { seed: SEED, cuts: 3 });
}

#[test]
#[ignore = "minutes: tests/README.md says how to run it"]
fn power_cuts_of_one_machine() {
    one_machine(Run::of(100));
}

#[test]
#[ignore = "minutes: tests/README.md says how to run it"]
fn power_cuts_of_several_machines() {
    machines(Run::of(100));
}

/// How slow the master's disk is, so that a build gathers long enough to be met at it.
const SLOW: Duration = Duration::from_millis(300);

#[test]
fn a_step_that_was_said_to_have_ended_survives_its_worker_with_its_log() {
    const LINES: usize = 30_000;
    let star = format!(
        "workers(\"far\", slots = 4)\nbuilder(\"short\", steps = [shell(\"\"\"\n\
         awk 'BEGIN {{ x = {SEED}; n = {LINES}; {AWK} }}'\n\"\"\", name = \"only\")])\n"
    );
    let mut farm = Farm::new(&star);
    let home = (farm.path(), farm.data(), farm.outside("master.boot"));
    let Some(machine) = Machine::new(&home.0, &home.1, &home.2) else { return };
    start(&mut farm, &machine, "master");
    let (home, boot) = (Far::home(&farm, "far"), farm.outside("far.boot"));
    let Some(mut other) = Machine::new(&home, &home, &boot) else { return };
    let mut far = Far::start_as(&farm, "far", |command| other.process(command));
    let client = farm.client();
    client.until("/workers/far", |worker| worker["state"] == "ready");
    machine.disk().delay(SLOW);
    let requests: Vec<i64> = (0..4).map(|_| client.force_plain("short")).collect();
    let gathering = until("a build whose end is known and whose log is not", || {
        Some(that_gather(&client)).filter(|builds| !builds.is_empty())
    });
    other.cut(Loss::All);
    machine.disk().delay(Duration::ZERO);
    other.boot();
    far.start_again(&farm, |command| other.process(command));
    for build in gathering {
        let build = client.until(&format!("/builds/{build}"), |it| it["state"] == "finished");
        assert_eq!(build["outcome"], "success", "its end was told, so it is on disk: {build}");
        assert!(client.log(&build, "only", "stdout") == stream(SEED, LINES), "{build}");
    }
    let _ = client.try_post("/workers/far/resume", &json!({}), None);
    for request in requests {
        assert_eq!(client.complete(request)["outcome"], "success");
    }
    far.end();
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
}

/// A farm whose master is a machine of its own.
fn farm(workers: &str) -> Option<(Farm, Machine)> {
    let farm = Farm::new(&format!("{workers}{}", builder()));
    let machine = Machine::new(&farm.path(), &farm.data(), &farm.outside("master.boot"))?;
    Some((farm, machine))
}

fn start(farm: &mut Farm, machine: &Machine, verb: &str) {
    let command = machine.process(farm.command(&[verb, "--listen", "127.0.0.1:0"]));
    farm.up_as(command);
}

/// What is lost: in one cut of two all that was not synced, in the other what chance wants.
fn loss(random: &mut Random) -> Loss {
    match random.below(2) {
        0 => Loss::All,
        _ => Loss::Some(random.next()),
    }
}

/// Master and workers share the machine, and its death.
fn one_machine(run: Run) {
    let Some((mut farm, mut machine)) = farm(r#"worker("near", slots = 4)"#) else { return };
    start(&mut farm, &machine, "up");
    let (client, feed, began) = (farm.client(), farm.feed(), Instant::now());
    let load = Load::new(client, run.seed);
    let mut random = Random::new(run.seed);
    let acknowledged = thread::scope(|scope| {
        let forcing = scope.spawn(|| load.force());
        for _ in 0..run.cuts {
            park(random.millis(BETWEEN_MS.0, BETWEEN_MS.1));
            machine.cut(loss(&mut random));
            farm.buried();
            machine.boot();
            start(&mut farm, &machine, "up");
            load.trust("near");
        }
        load.end();
        forcing.join().expect("forced")
    });
    load.quiet();
    let builds = load.is_there(&acknowledged);
    is_begun_once(&farm);
    let events = nothing_shown_is_gone(&farm, &feed);
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    report("one machine", run, (acknowledged.len(), builds, events), machine.figures(), began);
}

/// One machine for the master, one for a worker – either loses its power, or both do –, and a
/// second worker that never does: what is lost on two workers is given up by the farm, rightly.
fn machines(run: Run) {
    const FAR: &str = "far";
    let workers = "workers(\"far\", slots = 2)\nworkers(\"lucky\")\n";
    let Some((mut farm, mut machine)) = farm(workers) else { return };
    start(&mut farm, &machine, "master");
    let (home, boot) = (Far::home(&farm, FAR), farm.outside("far.boot"));
    let Some(mut other) = Machine::new(&home, &home, &boot) else { return };
    let mut far = Far::start_as(&farm, FAR, |command| other.process(command));
    let lucky = Far::start(&farm, "lucky");
    let (client, feed, began) = (farm.client(), farm.feed(), Instant::now());
    let load = Load::new(client.clone(), run.seed);
    let mut random = Random::new(run.seed);
    let mut gathering = BTreeSet::new();
    let acknowledged = thread::scope(|scope| {
        let forcing = scope.spawn(|| load.force());
        for _ in 0..run.cuts {
            park(random.millis(BETWEEN_MS.0, BETWEEN_MS.1));
            let (which, loss) = (random.below(5), loss(&mut random));
            gathering.extend(that_gather(&client));
            // The worker's, the master's, or both at once.
            let (masters, workers) = (which >= 2, which <= 2);
            if masters {
                machine.cut(loss);
                farm.buried();
            }
            if workers {
                other.cut(loss);
                other.boot();
                far.start_again(&farm, |command| other.process(command));
            }
            if masters {
                machine.boot();
                start(&mut farm, &machine, "master");
            }
            load.trust(FAR);
        }
        load.end();
        forcing.join().expect("forced")
    });
    load.quiet();
    let builds = load.is_there(&acknowledged);
    is_begun_once(&farm);
    let events = nothing_shown_is_gone(&farm, &feed);
    for build in &gathering {
        let build = client.item(&format!("/builds/{build}"));
        assert_eq!(build["outcome"], "success", "its end was known, so its logs are: {build}");
    }
    far.end();
    lucky.end();
    assert_eq!(farm.stop(), Some(0), "{}", farm.said());
    farm.is_gone_and_sound();
    let mut figures = machine.figures();
    figures.syncs += other.figures().syncs;
    figures.lost += other.figures().lost;
    report("two machines", run, (acknowledged.len(), builds, events), figures, began);
    say(&format!("power: {} builds were gathering when the power was cut", gathering.len()));
}

/// Builds whose last step has ended, as the master says.
fn that_gather(client: &Client) -> BTreeSet<i64> {
    let answer = client.try_get("/builds?state=gathering&limit=100").ok();
    let items = answer.and_then(|answer| answer.body["items"].as_array().cloned());
    items.unwrap_or_default().iter().map(|build| build["id"].as_i64().expect("an id")).collect()
}

fn park(span: Duration) {
    let end = Instant::now() + span;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        thread::park_timeout(left);
    }
}

fn report(
    what: &str,
    run: Run,
    (requests, builds, events): (usize, usize, usize),
    figures: Figures,
    began: Instant,
) {
    say(&format!(
        "power: {what}, seed {}, {} power cuts took {} changes that were not synced ({} syncs); \
         {requests} requests complete, each once, {builds} builds, {events} events as they were \
         shown; {:.0} s",
        run.seed,
        run.cuts,
        figures.lost,
        figures.syncs,
        began.elapsed().as_secs_f64(),
    ));
}
