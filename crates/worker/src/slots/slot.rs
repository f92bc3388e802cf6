//! The slots of a worker, and the task that looks after one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use steading_wire::worker::{Attempt, Ending};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::bury::{bury, see_off};
use super::found::{Found, find};
use super::talk::{Hearing, Telling, split};
use crate::home::{Home, mark};
use crate::process::{Launcher, failed, infrastructure};
use crate::shepherd::{FromShepherd, LADDER_MAX, ToShepherd, identity};

/// How many messages wait in either direction.
const QUEUE_MAX: usize = 256;
/// How long shepherds may take to go when the daemon does.
const CLOSE_MAX: Duration = Duration::from_secs(6);
/// How much longer than its own ladder a shepherd may take to end a step.
const END_MAX: Duration = Duration::from_secs(5);

/// What the daemon hears of a slot.
#[derive(Debug)]
pub(crate) enum Said {
    /// Its shepherd said something.
    Word(FromShepherd),
    /// Its shepherd is lost, or could not be started, and this step with it; nothing of it runs
    /// any more.
    Lost(Attempt, i64, Ending),
}

/// All slots.
pub(crate) struct Slots {
    keeper: Arc<Keeper>,
    wishes: BTreeMap<i64, mpsc::Sender<ToShepherd>>,
    tasks: JoinSet<()>,
    news: mpsc::Receiver<(i64, Said)>,
    /// Steps that shepherds of an earlier daemon run.
    pub(crate) running: BTreeSet<(Attempt, i64)>,
}

/// What every slot's task needs.
struct Keeper {
    dir: PathBuf,
    instance: String,
    program: String,
    launcher: Arc<Launcher>,
    news: mpsc::Sender<(i64, Said)>,
}

/// A shepherd that lives.
struct Living {
    child: Option<Child>,
    program: String,
    running: Option<(Attempt, i64)>,
    hearing: Hearing,
    telling: Telling,
}

/// Why a shepherd is not talked to any more.
enum Parted {
    /// The daemon goes; whether a step still runs.
    Closed { busy: bool },
    /// It was told to go, because it is not of this program.
    Replaced,
    /// It is lost.
    Lost(io::Error),
}

impl Slots {
    /// Finds the shepherds that live.
    pub(crate) async fn open(home: &Home, launcher: Arc<Launcher>) -> io::Result<Slots> {
        let (sender, news) = mpsc::channel(QUEUE_MAX);
        let keeper = Keeper {
            dir: home.slots.clone(),
            instance: home.instance.clone(),
            program: identity()?,
            launcher,
            news: sender,
        };
        let found = find(&keeper.dir, |slot| keeper.mark(slot)).await?;
        let mut slots = Slots {
            keeper: Arc::new(keeper),
            wishes: BTreeMap::new(),
            tasks: JoinSet::new(),
            news,
            running: BTreeSet::new(),
        };
        for Found { slot, here, hearing, telling } in found {
            let FromShepherd::Here { program, running, .. } = here else { continue };
            tracing::info!(
                slot,
                "its shepherd lives, and {}",
                match running {
                    Some((attempt, number)) => format!("runs step {number} of {attempt}"),
                    None => "is idle".to_owned(),
                }
            );
            slots.running.extend(running);
            slots.open_slot(slot, Some(Living { child: None, program, running, hearing, telling }));
        }
        Ok(slots)
    }

    /// Tells the shepherd of a slot, which is started if there is none.
    pub(crate) fn tell(&mut self, slot: i64, wish: ToShepherd) {
        if !self.wishes.contains_key(&slot) {
            self.open_slot(slot, None);
        }
        // A slot has one step at a time and few wishes; one that is full is stuck, and has a
        // deadline of its own.
        let told = self.wishes.get(&slot).map(|wishes| wishes.try_send(wish));
        if !matches!(told, Some(Ok(()))) {
            tracing::error!(slot, "its shepherd does not take what it is told");
        }
    }

    /// Tells every shepherd there is.
    pub(crate) fn tell_all(&self, wish: &ToShepherd) {
        for wishes in self.wishes.values() {
            let _ = wishes.try_send(wish.clone());
        }
    }

    /// What is heard next, and of which slot.
    pub(crate) async fn next(&mut self) -> (i64, Said) {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    /// Lets go of every shepherd: those that run nothing end, and are waited for.
    pub(crate) async fn close(mut self) {
        self.wishes.clear();
        let gone = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(CLOSE_MAX, gone).await.is_err() {
            tracing::debug!("some shepherds stay");
        }
    }

    fn open_slot(&mut self, slot: i64, living: Option<Living>) {
        let (sender, wishes) = mpsc::channel(QUEUE_MAX);
        self.wishes.insert(slot, sender);
        let keeper = Arc::clone(&self.keeper);
        self.tasks.spawn(async move { keeper.tend(slot, living, wishes).await });
    }
}

impl Keeper {
    fn mark(&self, slot: i64) -> String {
        mark(&self.instance, &slot.to_string())
    }

    fn dir(&self, slot: i64) -> PathBuf {
        self.dir.join(slot.to_string())
    }

    /// Looks after one slot for as long as the daemon wants it.
    async fn tend(
        &self,
        slot: i64,
        mut living: Option<Living>,
        mut wishes: mpsc::Receiver<ToShepherd>,
    ) {
        let dir = self.dir(slot);
        let mut first = None;
        loop {
            let shepherd = match living.take() {
                Some(living) => living,
                None => {
                    let Some(wish) = self.next_run(&mut first, &mut wishes).await else { return };
                    match self.start(slot, &dir).await {
                        Ok(fresh) => {
                            first = Some(wish);
                            fresh
                        }
                        Err(error) => {
                            let ending =
                                failed("no_process", "no shepherd could be started", &error);
                            self.lost(slot, begun_by(&wish), ending).await;
                            continue;
                        }
                    }
                }
            };
            let Living { child, program, running, hearing, telling } = shepherd;
            let mut talk = Talk { keeper: self, slot, step: running, replace: false };
            talk.replace = program != self.program;
            match talk.run(hearing, telling, &mut first, &mut wishes).await {
                Parted::Closed { busy: true } => return,
                Parted::Closed { busy: false } => return see_off(child, &dir).await,
                Parted::Replaced => see_off(child, &dir).await,
                Parted::Lost(error) => {
                    bury(child, &dir, &self.mark(slot)).await;
                    let text = format!("the shepherd of slot {slot} was lost: {error}");
                    self.lost(slot, talk.step, infrastructure("shepherd_lost", text)).await;
                }
            }
        }
    }

    /// The next wish a shepherd must be started for; others mean one that is gone.
    async fn next_run(
        &self,
        first: &mut Option<ToShepherd>,
        wishes: &mut mpsc::Receiver<ToShepherd>,
    ) -> Option<ToShepherd> {
        if let Some(run @ ToShepherd::Run(_)) = first.take() {
            return Some(run);
        }
        loop {
            match wishes.recv().await? {
                run @ ToShepherd::Run(_) => return Some(run),
                ToShepherd::End { .. } | ToShepherd::Show | ToShepherd::Leave => {}
            }
        }
    }

    async fn start(&self, slot: i64, dir: &Path) -> io::Result<Living> {
        fs_err::create_dir_all(dir)?;
        let (child, stream) = self.launcher.start_shepherd(dir, &self.mark(slot))?;
        let (mut hearing, telling) = split(stream);
        match hearing.here().await {
            Ok(_) => {
                let program = self.program.clone();
                Ok(Living { child: Some(child), program, running: None, hearing, telling })
            }
            Err(error) => {
                bury(Some(child), dir, &self.mark(slot)).await;
                Err(error)
            }
        }
    }

    async fn lost(&self, slot: i64, step: Option<(Attempt, i64)>, ending: Ending) {
        tracing::warn!(slot, "{ending:?}");
        if let Some((attempt, number)) = step {
            self.say(slot, Said::Lost(attempt, number, ending)).await;
        }
    }

    async fn say(&self, slot: i64, said: Said) {
        // Only a daemon that ends does not hear it.
        let _ = self.news.send((slot, said)).await;
    }
}

/// One conversation.
struct Talk<'a> {
    keeper: &'a Keeper,
    slot: i64,
    /// The step it runs, or was told to run.
    step: Option<(Attempt, i64)>,
    /// It is of another program: once it is idle, it goes.
    replace: bool,
}

impl Talk<'_> {
    async fn run(
        &mut self,
        mut hearing: Hearing,
        mut telling: Telling,
        first: &mut Option<ToShepherd>,
        wishes: &mut mpsc::Receiver<ToShepherd>,
    ) -> Parted {
        let mut deadline = None;
        if let Some(wish) = first.take() {
            self.step = begun_by(&wish);
            if let Err(error) = telling.tell(&wish).await {
                return Parted::Lost(error);
            }
        }
        loop {
            tokio::select! {
                heard = hearing.next() => match heard {
                    Ok(Some(word)) => {
                        let ended = matches!(word, FromShepherd::Ended { .. });
                        if ended {
                            (deadline, self.step) = (None, None);
                        }
                        if ended && self.replace {
                            return self.replaced(word, hearing, telling).await;
                        }
                        self.keeper.say(self.slot, Said::Word(word)).await;
                    }
                    Ok(None) => return Parted::Lost(io::ErrorKind::UnexpectedEof.into()),
                    Err(error) => return Parted::Lost(error),
                },
                wish = wishes.recv() => match wish {
                    Some(wish) => {
                        self.step = begun_by(&wish).or(self.step);
                        if self.step.is_some() && matches!(wish, ToShepherd::End { .. }) {
                            deadline.get_or_insert_with(|| Instant::now() + LADDER_MAX + END_MAX);
                        }
                        if let Err(error) = telling.tell(&wish).await {
                            return Parted::Lost(error);
                        }
                    }
                    None => return Parted::Closed { busy: self.step.is_some() },
                },
                () = overdue(deadline) => {
                    return Parted::Lost(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "it does not end its step",
                    ));
                }
            }
        }
    }

    /// Its last step ended: it goes before anybody can ask it for another.
    async fn replaced(
        &self,
        word: FromShepherd,
        mut hearing: Hearing,
        mut telling: Telling,
    ) -> Parted {
        tracing::info!(slot = self.slot, "its shepherd is of another program and is replaced");
        let gone = async {
            telling.tell(&ToShepherd::Leave).await?;
            while hearing.next().await?.is_some() {}
            Ok::<(), io::Error>(())
        };
        let gone = timeout(CLOSE_MAX, gone).await;
        self.keeper.say(self.slot, Said::Word(word)).await;
        match gone {
            Ok(_) => Parted::Replaced,
            Err(_) => Parted::Lost(io::Error::new(io::ErrorKind::TimedOut, "it does not go")),
        }
    }
}

/// The step a wish begins.
fn begun_by(wish: &ToShepherd) -> Option<(Attempt, i64)> {
    match wish {
        ToShepherd::Run(job) => Some((job.begin.attempt, job.begin.number())),
        ToShepherd::End { .. } | ToShepherd::Show | ToShepherd::Leave => None,
    }
}

async fn overdue(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
