//! Steps on a machine: begun, printed, ended, killed, lost.

use super::*;

impl Machine {
    /// Does what the worker wants done now, and sends what there is to send.
    pub(super) fn act(&mut self, now: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some(order) = self.daemon.as_mut().and_then(|daemon| daemon.work.order()) {
            match order {
                Order::Say(message) => acts.extend(self.say(message)),
                Order::Run { begin, workspace } => {
                    acts.extend(self.run_there(&begin, workspace, now));
                }
                Order::Perform { begin, workspace } => {
                    acts.extend(self.perform(begin, workspace, now));
                }
                Order::End { slot, attempt, number } => {
                    let step = self.shepherds.get_mut(&slot);
                    let step = step.filter(|it| (it.attempt, it.number) == (attempt, number));
                    acts.extend(kill(step, &mut self.rng));
                }
                Order::Cancel(attempt) => {
                    let step = self.daemon.as_mut().and_then(|it| it.here.get_mut(&attempt));
                    acts.extend(kill(step, &mut self.rng));
                }
            }
        }
        acts.extend(self.pump());
        acts
    }

    /// A shepherd is told to run a step. One that was begun before is not begun again.
    fn run_there(&mut self, begin: &Begin, workspace: String, now: u64) -> Vec<Act> {
        let (attempt, number) = (begin.attempt, begin.number());
        if let Some(other) = self.shepherds.get(&begin.slot) {
            let same = (other.attempt, other.number) == (attempt, number);
            return if same { Vec::new() } else { not_begun(begin, "the slot runs another step") };
        }
        let Some(daemon) = &self.daemon else { return Vec::new() };
        let path = daemon.spool.path(attempt, number);
        let file = match StepFile::create(&path, begin.clone(), LOG_BYTES_MAX) {
            Ok(file) => file,
            Err(error) => return not_begun(begin, &error.to_string()),
        };
        let mut acts = self.is_free(attempt, &workspace);
        if self.truth.contains_key(&(attempt, number)) {
            acts.push(Act::Violation(format!("step {number} of {attempt} is run twice")));
        }
        let skipped = self.mutant == Some(Mutant::SkipsProcesses) && self.rng.chance(100);
        if !skipped {
            self.truth.insert((attempt, number), Truth::default());
        }
        self.serial += 1;
        let step = Running::new(begin, workspace, self.serial, now, file);
        acts.push(Act::Later(step.script.ms, Own::Ends(self.serial)));
        if step.script.bytes > 0 {
            acts.push(Act::Later(step.script.ms / 2, Own::Prints(self.serial)));
        }
        self.shepherds.insert(begin.slot, step);
        acts
    }

    /// The daemon carries a step out itself. One that an earlier daemon began begins again.
    fn perform(&mut self, begin: Begin, workspace: String, now: u64) -> Vec<Act> {
        let (attempt, number) = (begin.attempt, begin.number());
        let mut acts = self.is_free(attempt, &workspace);
        let Some(daemon) = &mut self.daemon else { return acts };
        let file = daemon.spool.write(begin.clone(), LOG_BYTES_MAX);
        let file = file.expect("a disk that is not full");
        self.truth.insert((attempt, number), Truth::default());
        self.serial += 1;
        let step = Running::new(&begin, workspace, self.serial, now, file);
        acts.push(match step.script.upload {
            true => Act::Later(0, Own::Sends(attempt, number)),
            false => Act::Later(step.script.ms, Own::Ends(self.serial)),
        });
        daemon.here.insert(attempt, step);
        acts
    }

    fn is_free(&self, attempt: Attempt, workspace: &str) -> Vec<Act> {
        let here = self.daemon.iter().flat_map(|daemon| daemon.here.values());
        let used = self.shepherds.values().chain(here).any(|other| other.workspace == workspace);
        let text = || format!("{attempt} begins in workspace {workspace}, which is in use");
        used.then(|| Act::Violation(text())).into_iter().collect()
    }

    /// A process prints the first half.
    pub(super) fn prints(&mut self, serial: u64, now: u64) -> Vec<Act> {
        let mixed = self.mutant == Some(Mutant::MixesUpBytes) && self.rng.chance(100);
        let step = self.shepherds.values_mut().find(|step| step.serial == serial);
        let Some(step) = step else { return Vec::new() };
        let half = step.script.bytes / 2;
        let grew = step.print(&mut self.truth, half, now, mixed).then(|| step.grew());
        grew.map(tell).into_iter().collect()
    }

    /// A step ends.
    pub(super) fn ends(&mut self, serial: u64, now: u64) -> Vec<Act> {
        let slot = self.shepherds.iter().find(|(_, step)| step.serial == serial);
        if let Some(slot) = slot.map(|(slot, _)| *slot) {
            let mut step = self.shepherds.remove(&slot).expect("found above");
            let ending = step.ending(now);
            if ending != Ending::Cancelled {
                let mixed = self.mutant == Some(Mutant::MixesUpBytes) && self.rng.chance(100);
                step.print(&mut self.truth, step.script.bytes, now, mixed);
            }
            return vec![tell(step.finish(&mut self.truth, ending, now))];
        }
        let here = self.daemon.as_ref().and_then(|daemon| {
            daemon.here.values().find(|step| step.serial == serial).map(|step| step.attempt)
        });
        let ending = here.and_then(|attempt| {
            self.daemon.as_ref()?.here.get(&attempt).map(|step| step.ending(now))
        });
        match (here, ending) {
            (Some(attempt), Some(ending)) => self.ended_here(attempt, ending, now),
            _ => Vec::new(),
        }
    }

    /// What the daemon did itself is over.
    fn ended_here(&mut self, attempt: Attempt, ending: Ending, now: u64) -> Vec<Act> {
        let Some(daemon) = &mut self.daemon else { return Vec::new() };
        let Some(step) = daemon.here.remove(&attempt) else { return Vec::new() };
        let word = step.finish(&mut self.truth, ending, now);
        daemon.work.hear_shepherd(word);
        self.act(now)
    }

    /// The daemon hears a shepherd, or remembers what it said until it listens.
    pub(super) fn hears(&mut self, word: FromShepherd, now: u64) -> Vec<Act> {
        if let Some(meeting) = &mut self.meeting {
            meeting.words.push(word);
        } else if let Some(daemon) = &mut self.daemon {
            daemon.work.hear_shepherd(word);
        }
        self.act(now)
    }

    /// The daemon finds that a shepherd is lost.
    pub(super) fn finds_lost(&mut self, attempt: Attempt, number: i64, now: u64) -> Vec<Act> {
        if let Some(daemon) = &mut self.daemon {
            daemon.work.shepherd_lost(attempt, number, lost("shepherd_lost", "it was killed"));
        }
        self.act(now)
    }

    /// Whether it sends the file of this step.
    pub(crate) fn sends(&self, attempt: Attempt, number: i64) -> bool {
        let step = self.daemon.as_ref().and_then(|daemon| daemon.here.get(&attempt));
        step.is_some_and(|step| step.number == number && !step.killed)
    }

    /// An upload was answered.
    pub(crate) fn uploaded(
        &mut self,
        attempt: Attempt,
        number: i64,
        status: u16,
        now: u64,
    ) -> Vec<Act> {
        let step = self.daemon.as_ref().and_then(|daemon| daemon.here.get(&attempt));
        if step.is_none_or(|step| step.number != number) {
            return Vec::new();
        }
        let failed = |code: &str| lost(code, &format!("the master answered {status}"));
        match status {
            200..300 => self.ended_here(attempt, Ending::Exited { code: 0 }, now),
            409 => self.ended_here(attempt, failed("unwanted"), now),
            507 => self.ended_here(attempt, failed("archive_full"), now),
            408 | 429 | 500..600 => vec![Act::Later(500, Own::Sends(attempt, number))],
            _ => self.ended_here(attempt, failed("archive_refused"), now),
        }
    }
}

/// A shepherd says something: the daemon hears it in a moment, if it still lives.
fn tell(word: FromShepherd) -> Act {
    Act::Later(1, Own::Said(word))
}

fn not_begun(begin: &Begin, why: &str) -> Vec<Act> {
    let ending = lost("slot_busy", why);
    let report = Report { ending, exit: None, logs: Vec::new(), stderr_tail: String::new() };
    let (attempt, number) = (begin.attempt, begin.number());
    vec![tell(FromShepherd::Ended { attempt, number, end: 0, report: Box::new(report) })]
}

fn kill(step: Option<&mut Running>, rng: &mut Rng) -> Option<Act> {
    let step = step.filter(|step| !step.killed)?;
    step.killed = true;
    Some(Act::Later(rng.below(KILL_MS), Own::Ends(step.serial)))
}

fn lost(code: &str, text: &str) -> Ending {
    Ending::Infrastructure { code: code.to_owned(), text: text.to_owned() }
}
