//! Who is to blame for a build that ended without a verdict, and what follows from it.
//!
//! Infrastructure errors are counted for the worker and for the request, apart. The one that
//! stands out is acted upon: a worker that fails whatever it is given is quarantined, a request
//! that fails wherever it goes is stopped. When many workers fail at once it is neither: the farm
//! is suspected, nobody is charged, and nothing is started for a while. The rules are one table
//! (`RULES`), printed in `docs/blame.md`.

use std::cmp::Ordering;
use std::fmt;

use crate::farm::Rerun;
use crate::words::{Charged, Duration};

/// Errors charged to a worker since its last good build that put it into quarantine.
pub const WORKER_FAILURES_MAX: i64 = 3;
/// The first quarantine; each further one lasts twice as long.
pub const QUARANTINE_FIRST: Duration = Duration::seconds(60);
/// The longest quarantine.
pub const QUARANTINE_LONGEST: Duration = Duration::seconds(3600);
/// Workers that must have failed a request, and completed other builds meanwhile, before it is
/// stopped.
pub const WITNESSES_MIN: i64 = 2;
/// How long a request must have failed on what lies outside of the farm before it is stopped: a
/// server that is away for a minute is no fault of the request.
pub const GLITCH: Duration = Duration::seconds(60);
/// How far back the farm looks for workers that fail together.
pub const TOGETHER: Duration = Duration::seconds(60);
/// Workers that must have failed within that time before the farm is suspected.
pub const TOGETHER_MIN: i64 = 3;
/// And more than this part of them, in percent.
pub const TOGETHER_PERCENT: i64 = 30;

/// What kind of error it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The worker was lost with the build, or came back without it.
    Lost,
    /// Something outside of the build did not work: a repository, a disk, the archive.
    Outside,
    /// The worker did not answer an offer, or keeps refusing what it should take.
    Unanswered,
    /// The worker had said that it stops: nobody's error.
    Excused,
}

impl Trouble {
    /// What kind the code of a reason stands for.
    #[must_use]
    pub fn of(code: &str) -> Trouble {
        match code {
            "worker_lost" | "overdue" | "shepherd_lost" | "machine_restarted" | "worker_fault" => {
                Trouble::Lost
            }
            "worker_stopped" => Trouble::Excused,
            "no_answer" | "refused" => Trouble::Unanswered,
            _ => Trouble::Outside,
        }
    }
}

/// Whether a worker is trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trust {
    /// It takes builds into all its slots.
    #[default]
    Full,
    /// It takes none until its quarantine ends.
    Quarantined,
    /// It is back from a quarantine and takes one build at a time, until one goes well.
    Canary,
}

/// What is known of the worker, without the new error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerRecord {
    /// Errors charged to it since its last good build.
    pub failures: i64,
    /// Whether it is trusted.
    pub trust: Trust,
    /// Its quarantines since its last good build.
    pub quarantines: i64,
}

/// What is known of the request, without the new error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRecord {
    /// Errors charged to it.
    pub failures: i64,
    /// Since its first error.
    pub lasted: Duration,
    /// Workers that failed it, the present one included, and completed other builds meanwhile.
    pub witnesses: i64,
    /// Builds it had that count, the present one included.
    pub builds: i64,
    /// Builds it may have.
    pub budget: i64,
    /// Whether a build that was lost may be run again.
    pub rerun: Rerun,
}

/// What is known of the farm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FarmRecord {
    /// Workers with an error within the last minute, the present one included.
    pub failing: i64,
    /// Workers that are connected, or failed within that minute.
    pub workers: i64,
}

/// A judgement's ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What happened.
    pub trouble: Trouble,
    /// To whose build.
    pub worker: WorkerRecord,
    /// At whose build.
    pub request: RequestRecord,
    /// Among whom.
    pub farm: FarmRecord,
}

/// What becomes of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It returns to the queue.
    Retry,
    /// It is stopped: it fails wherever it goes.
    Poison,
    /// Its budget is spent.
    Exhausted,
    /// Its builder says that a lost build is never run again.
    NotRerun,
}

/// A judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The rule that decided.
    pub rule: Rule,
    /// Whose count grows.
    pub charged: Charged,
    /// How long the worker is quarantined, if it is.
    pub quarantine: Option<Duration>,
    /// What becomes of the request.
    pub fate: Fate,
}

/// Why it was decided so; the first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The worker had said that it stops.
    Excused,
    /// Too many workers fail at once.
    Farm,
    /// The request fails wherever it goes.
    Poison,
    /// The worker is in quarantine already.
    Known,
    /// The build was the canary.
    Canary,
    /// The worker fails whatever it is given.
    Worker,
    /// The worker stands out, not enough yet.
    Suspect,
    /// Both failed equally often.
    Even,
    /// The request stands out, and nothing proves that the workers are sound.
    Unproven,
}

/// A rule in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleText {
    /// The rule.
    pub rule: Rule,
    /// When it applies.
    pub when: &'static str,
    /// What it does to the worker.
    pub worker: &'static str,
    /// What it does to the request.
    pub request: &'static str,
}

const fn text(
    rule: Rule,
    when: &'static str,
    worker: &'static str,
    request: &'static str,
) -> RuleText {
    RuleText { rule, when, worker, request }
}

/// The table, in the order in which it is asked: w counts the worker's errors since its last good
/// build, r the request's, both with the new one.
pub static RULES: &[RuleText] = &[
    text(Rule::Excused, "the worker had said that it stops", "–", "again"),
    text(
        Rule::Farm,
        "more than 30 % of the workers, at least 3, failed within a minute",
        "what that minute charged is taken back",
        "again; the farm starts nothing for a minute",
    ),
    text(
        Rule::Poison,
        "r > w, and 2 workers that failed it completed other builds meanwhile; for what lies \
         outside also: for more than a minute",
        "what it charged is taken back",
        "`exception`, with its causes",
    ),
    text(Rule::Known, "the worker is in quarantine already", "w + 1", "r + 1, again"),
    text(Rule::Canary, "it was the canary", "w + 1, quarantine, twice as long", "r + 1, again"),
    text(Rule::Worker, "w > r, w at least 3", "w + 1, quarantine", "r + 1, again"),
    text(Rule::Suspect, "w > r", "w + 1", "r + 1, again"),
    text(Rule::Even, "w = r", "w + 1", "r + 1, again"),
    text(Rule::Unproven, "r > w", "w + 1", "r + 1, again"),
];

impl fmt::Display for RuleText {
    /// A line of a table in Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} | {} |", self.when, self.worker, self.request)
    }
}

/// Judges an error.
#[must_use]
pub fn judge(facts: &Facts) -> Verdict {
    let rule = rule(facts);
    let charged = match rule {
        Rule::Excused | Rule::Farm => Charged::Nobody,
        Rule::Poison => Charged::Request,
        _ if facts.trouble == Trouble::Unanswered => Charged::Worker,
        _ => Charged::Both,
    };
    let quarantine =
        matches!(rule, Rule::Canary | Rule::Worker).then(|| quarantine(facts.worker.quarantines));
    Verdict { rule, charged, quarantine, fate: fate(facts, rule, charged) }
}

/// Whether so many workers fail together that it is none of theirs.
#[must_use]
pub fn is_farms(farm: FarmRecord) -> bool {
    farm.failing >= TOGETHER_MIN && farm.failing * 100 > farm.workers * TOGETHER_PERCENT
}

/// How long the next quarantine lasts after so many in a row.
#[must_use]
pub fn quarantine(earlier: i64) -> Duration {
    let doubled = u32::try_from(earlier).unwrap_or(u32::MAX);
    QUARANTINE_FIRST.times(2_i64.saturating_pow(doubled)).min(QUARANTINE_LONGEST)
}

fn rule(facts: &Facts) -> Rule {
    let Facts { trouble, worker, request, farm } = facts;
    if *trouble == Trouble::Excused {
        return Rule::Excused;
    }
    if is_farms(*farm) {
        return Rule::Farm;
    }
    // An offer that nobody answers says nothing about the request.
    let offered = *trouble == Trouble::Unanswered;
    let (w, r) = (worker.failures + 1, if offered { 0 } else { request.failures + 1 });
    if r > w && is_proven(*trouble, request) {
        return Rule::Poison;
    }
    match (worker.trust, w.cmp(&r)) {
        (Trust::Quarantined, _) => Rule::Known,
        (Trust::Canary, _) => Rule::Canary,
        (Trust::Full, Ordering::Greater) if w >= WORKER_FAILURES_MAX => Rule::Worker,
        (Trust::Full, Ordering::Greater) => Rule::Suspect,
        (Trust::Full, Ordering::Equal) => Rule::Even,
        (Trust::Full, Ordering::Less) => Rule::Unproven,
    }
}

fn is_proven(trouble: Trouble, request: &RequestRecord) -> bool {
    let long_enough = trouble == Trouble::Lost || request.lasted > GLITCH;
    request.witnesses >= WITNESSES_MIN && long_enough
}

fn fate(facts: &Facts, rule: Rule, charged: Charged) -> Fate {
    let request = &facts.request;
    if facts.trouble == Trouble::Unanswered {
        return Fate::Retry;
    }
    match (rule, request.rerun) {
        (Rule::Poison, _) => Fate::Poison,
        (_, Rerun::Never) => Fate::NotRerun,
        _ if charged != Charged::Nobody && request.builds >= request.budget => Fate::Exhausted,
        _ => Fate::Retry,
    }
}

#[cfg(test)]
mod tests;
