//! One run: a farm, its people and its faults from a seed, from the first start to the last
//! request.

use std::collections::BTreeMap;
use std::time::Duration;

use steading_store::audit::{self, Violation};
use steading_store::{Error, Fate, Options, Read, Reader, Run};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::check::Checker;
use crate::disk::{Disk, Hunt};
use crate::fault::Fault;
use crate::judge::{Judge, Judged};
use crate::life::{Life, options};
use crate::machine::Machine;
use crate::mutant::Mutant;
use crate::people::People;
use crate::phase::Coverage;
use crate::programs::Played;
use crate::rng::Rng;
use crate::scene::Scene;
use crate::trace::Trace;
use crate::world::{Happens, Parts, World};
use crate::{ends, farm};

/// How long people ask and things go wrong, in milliseconds.
const TROUBLE_MS: u64 = 5 * 60_000;
/// How long after that the last request may take.
const PATIENCE_MS: u64 = 3 * 3_600_000;
/// How long the last messages may take.
const SETTLE_MS: u64 = 20_000;
/// How often the whole audit runs, in the master's commits.
const AUDIT_EVERY: u64 = 2_000;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides everything.
    pub seed: u64,
    /// How many builds people want.
    pub builds: u64,
    /// How many things go wrong at most.
    pub faults: u64,
    /// What the run is about.
    pub scene: Scene,
    /// Keep the words of the trace.
    pub trace: bool,
    /// Run every section twice.
    pub rehearse: bool,
    /// What is broken in the model, if anything.
    pub mutant: Option<Mutant>,
    /// The faults, instead of those the seed draws.
    pub only: Option<Vec<Fault>>,
    /// Sections at which the master is killed once each, and where.
    pub hunt: Option<Hunt>,
}

impl Plan {
    /// The usual run of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Plan {
        let (trace, rehearse) = (false, seed.is_multiple_of(16));
        let (scene, mutant, only, hunt) = (Scene::Day, None, None, None);
        Plan { seed, builds: 50, faults: 12, scene, trace, rehearse, mutant, only, hunt }
    }
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Everything that must not be.
    pub violations: Vec<String>,
    /// Builds that were begun.
    pub builds: usize,
    /// Builds that were begun and had no verdict.
    pub lost: usize,
    /// Claims that brute force judged.
    pub judged: Judged,
    /// Requests, and how many completed in each way.
    pub outcomes: BTreeMap<String, usize>,
    /// Events of history.
    pub events: i64,
    /// What went wrong, by kind.
    pub injected: BTreeMap<&'static str, u64>,
    /// In which phases.
    pub covered: Coverage,
    /// Lives of the master.
    pub lives: u64,
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// The fingerprint of everything that happened, in order.
    pub hash: u64,
    /// The words, if they were kept.
    pub trace: Vec<String>,
    /// The faults of the run.
    pub faults: Vec<Fault>,
    /// Where the master was still to be killed, and was not.
    pub(crate) unhunted: Hunt,
}

/// How a life of the master ended.
enum End {
    Died,
    Over,
}

/// Runs it.
///
/// # Panics
/// When the machine this runs on has no room for the farm's files.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("steading-sim-");
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { folder.tempdir_in(memory) } else { folder.tempdir() };
    let folder = folder.expect("a directory for the farm's files");
    let seed = |purpose| Rng::new(plan.seed, purpose);
    let drawn = farm::draw(&mut seed(1), plan.scene);
    let told = |text: &String| farm::told(text, plan.mutant);
    let texts = [told(&drawn.other), told(&drawn.text)];
    std::fs::write(folder.path().join("farm.star"), &texts[1]).expect("room for the farm");
    let machines = drawn.workers.iter().zip(100..);
    let spool = |name: &String| folder.path().join("machines").join(name);
    let machine =
        |(name, n): (&String, u64)| Machine::new(name.clone(), spool(name), seed(n), plan.mutant);
    let machines = machines.map(machine).collect();
    let machines_count = drawn.workers.len();
    let drawn_faults = || plan.scene.faults(&mut seed(2), plan.faults, machines_count, TROUBLE_MS);
    let faults = plan.only.clone().unwrap_or_else(drawn_faults);
    let mut world = World::new(Parts {
        chance: seed(3),
        machines,
        people: People::draw(&mut seed(4), plan.builds, TROUBLE_MS, &drawn),
        faults,
        disk: Disk::new(seed(5), folder.path().to_owned()),
        data: folder.path().to_owned(),
        played: Played::new(seed(6)),
        repository: drawn.repository,
        farms: texts.clone(),
        checker: Checker::new(drawn.verdicts.clone(), judge(&drawn, &texts)),
        trace: Trace::new(plan.trace),
        mutant: plan.mutant,
        peace_ms: TROUBLE_MS,
    });
    world.disk.hunt(plan.hunt.clone().unwrap_or_default());
    lives(&mut world, plan);
    report(world)
}

/// A judge who knows what each farm of the run declares, by the text its master gets.
fn judge(drawn: &farm::Drawn, told: &[String; 2]) -> Judge {
    let mut judge = Judge::default();
    for (text, told) in [&drawn.other, &drawn.text].into_iter().zip(told) {
        let load = |text: &String| {
            let files = BTreeMap::from([("farm.star".to_owned(), text.clone())]);
            let loaded = steading_config::load_texts(&files, std::path::Path::new("/nowhere"));
            loaded.unwrap_or_else(|errors| panic!("{errors}\n{text}"))
        };
        let (meant, told) = (load(text), load(told));
        judge.learn(told.text.hash, meant.farm, meant.policy, &drawn.order);
    }
    judge
}

/// One life of the master after the other, and the time between them.
fn lives(world: &mut World, plan: &Plan) {
    loop {
        while !world.wants_master {
            world.step();
        }
        world.wants_master = false;
        world.lives += 1;
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
        let end = runtime.block_on(live(world, plan));
        world.master_gone();
        drop(runtime);
        match end {
            End::Over => return,
            End::Died => {
                let wait = world.down_ms();
                world.at(world.now + wait, Happens::MasterStarts);
            }
        }
    }
}

/// A life of the master, and everything that happens meanwhile.
async fn live(world: &mut World, plan: &Plan) -> End {
    let (out, mut outs) = unbounded_channel();
    let (began, base) = (Instant::now(), world.now);
    let world_now = || base + u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    world.disk.begin(base);
    if world.disk.has_jumped() {
        world.troubles.clock_set(base);
    }
    let options = options(&world.data, &world.disk, plan.rehearse);
    let (data, disk) = (world.data.clone(), world.disk.clone());
    let life = tokio::select! {
        biased;
        () = disk.died() => return End::Died,
        life = Life::start(options, &disk, &data, world.sources(), out) => life,
    };
    world.now = world.now.max(world_now());
    match life {
        Ok(life) => world.life = Some(life),
        Err(error) => {
            world.trace.note(world.now, || format!("the master does not start: {error}"));
            return End::Died;
        }
    }
    observe(world).await;
    if plan.hunt.is_some() {
        // After each recovery, history is whole.
        audit_now(world).await;
    }
    let mut audited = disk.groups();
    let mut stopping: Option<JoinHandle<()>> = None;
    loop {
        observe(world).await;
        if disk.groups() >= audited + AUDIT_EVERY {
            audited = disk.groups();
            audit_now(world).await;
        }
        if ends::is_over(world, PATIENCE_MS, SETTLE_MS) {
            ends::judge(world).await;
            return End::Over;
        }
        if let (Some(how), Some(life)) = (world.stopping.take(), &world.life) {
            stopping.get_or_insert_with(|| life.stop(how));
        }
        if world.master_paused > world.now {
            sleep_through(world).await;
            continue;
        }
        let next = began + Duration::from_millis(world.next_ms().saturating_sub(base));
        tokio::select! {
            biased;
            () = disk.died() => return End::Died,
            () = over(&mut stopping) => return End::Died,
            Some(out) = outs.recv() => {
                world.now = world.now.max(world_now());
                // What is committed is known before anybody hears of it.
                observe(world).await;
                world.out(out);
            }
            () = tokio::time::sleep_until(next) => world.step(),
        }
    }
}

/// The checker looks at what is new in history.
async fn observe(world: &mut World) {
    let Some(life) = &world.life else { return };
    let newest = *life.newest.borrow();
    if newest == world.checker.seq && world.reader.is_some() {
        return;
    }
    if world.reader.is_none() {
        let clock = world.disk.clone();
        let run = Run::Inline(std::sync::Arc::new(|_| Fate::Go));
        let options = Options { run, ..Options::new(&world.data, move || clock.now()) };
        world.reader = Some(Reader::open(&options).expect("history is there"));
    }
    let reader = world.reader.take().expect("opened above");
    let events = world.checker.look(&reader, &world.machines, world.now).await;
    world.reader = Some(reader);
    world.saw(&events);
    ends::explain_losses(world);
}

/// The farm's own audit of everything but the archive.
async fn audit_now(world: &mut World) {
    if world.disk.has_jumped() {
        // A master that starts with a clock that was set forward finds much to be overdue.
        return;
    }
    let Some(reader) = &world.reader else { return };
    let judged: Result<Vec<Violation>, Error> = reader.read(|r: &Read<'_>| audit::history(r)).await;
    match judged {
        Ok(found) => world.checker.found.extend(found.iter().map(ToString::to_string)),
        Err(error) => world.checker.found.push(format!("history cannot be audited: {error}")),
    }
}

/// The master has stopped, if it is stopping.
async fn over(stopping: &mut Option<JoinHandle<()>>) {
    match stopping {
        Some(stopping) => drop(stopping.await),
        None => std::future::pending().await,
    }
}

/// The master's process gets no time while the world goes on; then all its timers are due at once.
async fn sleep_through(world: &mut World) {
    let (from, until) = (world.now, world.master_paused);
    while world.next_ms() <= until && !world.disk.is_dead() {
        world.step();
    }
    world.now = world.now.max(until.min(world.next_ms()));
    world.master_paused = 0;
    tokio::time::advance(Duration::from_millis(world.now - from)).await;
}

fn report(mut world: World) -> Report {
    let mut violations = std::mem::take(&mut world.checker.found);
    violations.dedup();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for asked in world.checker.requests.values() {
        *outcomes.entry(asked.outcome.clone()).or_default() += 1;
    }
    let without = |outcome: &str| outcome == "retry" || outcome == "exception";
    Report {
        violations,
        builds: world.checker.builds.len(),
        judged: world.checker.judge.judged,
        lost: world.checker.builds.values().filter(|build| without(&build.outcome)).count(),
        outcomes,
        events: world.checker.seq.0,
        injected: world.injected,
        covered: world.covered,
        lives: world.lives,
        simulated_ms: world.now,
        hash: world.trace.hash(),
        trace: world.trace.lines(),
        faults: world.faults,
        unhunted: world.disk.unhunted(),
    }
}
