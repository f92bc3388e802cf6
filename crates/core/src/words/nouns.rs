//! The nouns of history and their fields: the one table behind columns, filters, JSON, deltas and
//! the API document. What is not listed here is not public.

/// What a field holds, and so how it is stored, compared and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// Yes or no; stored as 1 or 0.
    Bool,
    /// Stored as microseconds, shown as RFC 3339 UTC.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A structure, stored as JSON text. Cannot be filtered or ordered by.
    Json,
}

/// One field of a noun.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in API, deltas and database.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be absent.
    pub nullable: bool,
    /// What it means, for the API document.
    pub doc: &'static str,
}

/// A noun of history. Each has an integer `id`.
#[derive(Debug, Clone, Copy)]
pub struct Noun {
    /// Singular, as in events; also the table's name.
    pub name: &'static str,
    /// Plural, as in URLs.
    pub plural: &'static str,
    /// Its fields, in the order in which they are shown. The first is `id`.
    pub fields: &'static [Field],
}

impl Noun {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

/// The noun a word names, singular or plural.
#[must_use]
pub fn noun(word: &str) -> Option<&'static Noun> {
    NOUNS.iter().find(|n| n.name == word || n.plural == word)
}

const OUTCOMES: Kind =
    Kind::Word(&["success", "warnings", "failure", "skipped", "exception", "retry", "cancelled"]);

const fn must(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { name, kind, nullable: false, doc }
}

const fn may(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { name, kind, nullable: true, doc }
}

const ID: Field = must("id", Kind::Int, "Its number, unique among its kind.");

/// Every public noun.
pub static NOUNS: &[Noun] = &[
    Noun {
        name: "change",
        plural: "changes",
        fields: &[
            ID,
            must("repository", Kind::Text, "The repository, as the farm declares it."),
            must("branch", Kind::Text, "The branch it is on."),
            must("revision", Kind::Text, "The full revision."),
            must("author", Kind::Text, "Who wrote it."),
            must("message", Kind::Text, "What they said about it."),
            must("files", Kind::Json, "Paths it touched, against its first parent."),
            may("commits", Kind::Json, "The revisions it stands for, when many came at once."),
            must("committed_at", Kind::Time, "When it was committed, by its author's clock."),
            must("created_at", Kind::Time, "When the farm learned of it."),
        ],
    },
    Noun {
        name: "buildset",
        plural: "buildsets",
        fields: &[
            ID,
            must("reason", Kind::Text, "Why it exists."),
            may("scheduler", Kind::Text, "The scheduler that made it."),
            may("owner", Kind::Text, "Who asked for it."),
            must("source_stamps", Kind::Json, "Which code: repository, branch, revision."),
            must("changes", Kind::Json, "Ids of the changes it is blamed on."),
            must("configuration_id", Kind::Int, "The configuration it began with."),
            must("submitted_at", Kind::Time, "When it was submitted."),
            may("complete_at", Kind::Time, "When its last request completed."),
            may("outcome", OUTCOMES, "The worst outcome of its requests."),
            may("outcome_reason", Kind::Json, "Why: code and text."),
            may("fail_fast", Kind::Bool, "Whether its first failure cancels the rest."),
        ],
    },
    Noun {
        name: "request",
        plural: "requests",
        fields: &[
            ID,
            must("buildset_id", Kind::Int, "The buildset it belongs to."),
            must("builder", Kind::Text, "The builder that shall build it."),
            must("priority", Kind::Int, "Higher goes first, where the policy says so."),
            may("prioritized_by", Kind::Text, "Who last changed its priority, if anybody did."),
            must("state", Kind::Word(super::RequestState::WORDS), "Where it is in its life."),
            must("epoch", Kind::Int, "Counts its attempts; 0 before the first."),
            may("repository", Kind::Text, "The repository to build."),
            may("branch", Kind::Text, "The branch to build."),
            may("revision", Kind::Text, "The full revision to build."),
            must("properties", Kind::Json, "Values by name, with their source."),
            may("owner", Kind::Text, "Who asked for it."),
            must("reason", Kind::Text, "Why it exists."),
            may("pinned_worker", Kind::Text, "The only worker that may build it."),
            may("worker", Kind::Text, "The worker it is offered to or built on."),
            may("build_id", Kind::Int, "Its newest build."),
            may("collapsed_into", Kind::Int, "The request it completes with."),
            must("configuration_id", Kind::Int, "The configuration it began with."),
            must("submitted_at", Kind::Time, "When it was submitted."),
            may("start_by", Kind::Time, "When it has waited as long as it shall, at most."),
            may("overdue_at", Kind::Time, "When the farm found that it had not started by then."),
            may("claimed_at", Kind::Time, "When it was last claimed."),
            may("complete_at", Kind::Time, "When it completed."),
            may("outcome", OUTCOMES, "How it ended."),
            may("outcome_reason", Kind::Json, "Why: code, text, and causes where there are any."),
            may("failures", Kind::Int, "Infrastructure errors charged to it."),
        ],
    },
    Noun {
        name: "claim",
        plural: "claims",
        fields: &[
            ID,
            must("request_id", Kind::Int, "The request offered."),
            must("epoch", Kind::Int, "The attempt it would be."),
            must("worker", Kind::Text, "The worker it is offered to."),
            must("state", Kind::Word(super::ClaimState::WORDS), "Its answer, if any."),
            must("match_seq", Kind::Int, "The event number the match was decided on."),
            must("match_at", Kind::Time, "The time the match was decided at."),
            must("offered_at", Kind::Time, "When it was offered."),
            must("deadline_at", Kind::Time, "When it expires unanswered."),
            may("answered_at", Kind::Time, "When it left `offered`."),
            may("answer_reason", Kind::Json, "Why it was refused, withdrawn or expired."),
        ],
    },
    Noun {
        name: "build",
        plural: "builds",
        fields: &[
            ID,
            must("builder", Kind::Text, "Its builder."),
            must("number", Kind::Int, "Its number within the builder, without gaps."),
            must("request_id", Kind::Int, "The request it is an attempt at."),
            must("buildset_id", Kind::Int, "The buildset it belongs to."),
            must("epoch", Kind::Int, "Which attempt."),
            must("worker", Kind::Text, "Where it runs or ran."),
            must("state", Kind::Word(super::BuildState::WORDS), "Where it is in its life."),
            may("outcome", OUTCOMES, "How it ended."),
            may("outcome_reason", Kind::Json, "Why: code, text, and causes where there are any."),
            may("step", Kind::Text, "The step it is at."),
            must("step_count", Kind::Int, "How many steps its plan has."),
            may("repository", Kind::Text, "The repository built."),
            may("branch", Kind::Text, "The branch built."),
            may("revision", Kind::Text, "The full revision built."),
            must("properties", Kind::Json, "Values by name, with their source."),
            may("owner", Kind::Text, "Who asked for it."),
            must("reason", Kind::Text, "Why it exists."),
            must("locks", Kind::Json, "The locks it holds from acceptance to its last step."),
            must("configuration_id", Kind::Int, "The configuration it began with."),
            must("started_at", Kind::Time, "When its worker accepted it."),
            may("steps_ended_at", Kind::Time, "When its last step ended and its locks were free."),
            may("finished_at", Kind::Time, "When it reached its outcome."),
            may("rerun", Kind::Word(&["safe", "never"]), "Whether it may be run again when lost."),
            may("cancelled_at", Kind::Time, "When somebody said stop."),
            may("lost_at", Kind::Time, "When its worker had stayed away for too long."),
        ],
    },
    Noun {
        name: "step",
        plural: "steps",
        fields: &[
            ID,
            must("build_id", Kind::Int, "The build it is part of."),
            must("number", Kind::Int, "Its place in the plan, from 1."),
            must("name", Kind::Text, "Its name, unique within the build."),
            must("state", Kind::Word(super::StepState::WORDS), "Waiting, running or finished."),
            may("outcome", OUTCOMES, "How it ended."),
            may("outcome_reason", Kind::Json, "Why: code and text."),
            may("command", Kind::Json, "What was run: argv, or a description."),
            may("exit", Kind::Json, "The exit record: code or signal, rusage, start, end."),
            may("takes", Kind::Json, "Locks it holds while it runs, besides its build's."),
            may("waiting_since", Kind::Time, "When it began to wait for them, if it had to."),
            may("waits_until", Kind::Time, "When it gives up waiting for them."),
            may("started_at", Kind::Time, "When it was sent to the worker; absent if skipped."),
            may("finished_at", Kind::Time, "When its outcome was known."),
        ],
    },
    Noun {
        name: "log",
        plural: "logs",
        fields: &[
            ID,
            must("build_id", Kind::Int, "The build that printed it."),
            must("step_id", Kind::Int, "The step that printed it."),
            must("name", Kind::Text, "stdout or stderr."),
            must("closed", Kind::Bool, "Whether it is whole."),
            may("bytes", Kind::Int, "How many bytes it has, once closed."),
            may("lines", Kind::Int, "How many lines it has, once closed."),
            may("hash", Kind::Text, "BLAKE3 of its bytes, once closed."),
            must("created_at", Kind::Time, "When it was opened."),
        ],
    },
    Noun {
        name: "artifact",
        plural: "artifacts",
        fields: &[
            ID,
            must("build_id", Kind::Int, "The build that left it."),
            must("step_id", Kind::Int, "The step that uploaded it."),
            must("path", Kind::Text, "Its path in the workspace."),
            must("size", Kind::Int, "Bytes."),
            must("hash", Kind::Text, "BLAKE3 of its bytes."),
            must("created_at", Kind::Time, "When it was stored."),
        ],
    },
    Noun {
        name: "worker",
        plural: "workers",
        fields: &[
            ID,
            must("name", Kind::Text, "Its name."),
            must("state", Kind::Word(super::WorkerState::WORDS), "What the farm knows of it."),
            must("slots", Kind::Int, "How many builds it runs at once."),
            may("max_builds", Kind::Int, "How many of them run steps at once at most."),
            must("labels", Kind::Json, "What it offers, by name."),
            may("version", Kind::Text, "Its Steading version."),
            may("facts", Kind::Json, "Its machine: kernel, cpus, memory, room on its disk."),
            must("draining", Kind::Bool, "Takes nothing new."),
            may("draining_by", Kind::Text, "Who drains it, if a person does."),
            may("draining_why", Kind::Text, "Why they do."),
            may("paused_by", Kind::Text, "Who paused it."),
            may("paused_why", Kind::Text, "Why they did."),
            may("paused_at", Kind::Time, "When they did."),
            may("connected_at", Kind::Time, "When its session began."),
            may("lost_at", Kind::Time, "When its last session ended."),
            may("failures", Kind::Int, "Infrastructure errors charged since its last good build."),
            may("quarantined_until", Kind::Time, "Until when it takes nothing; past: one build."),
            may("quarantined_why", Kind::Text, "Why it is in quarantine."),
            may("missing_at", Kind::Time, "When it had been away for longer than its limit."),
            may("reset_every", Kind::Int, "After how many builds it is reset, if it is."),
            may(
                "dirty_at",
                Kind::Time,
                "Since when a build may have left behind what a reset removes.",
            ),
            may("reset_at", Kind::Time, "When it was last reset."),
            may("reset_failures", Kind::Int, "Resets that failed since the last that succeeded."),
            may("reset_error", Kind::Text, "Why the last reset failed."),
            may("troubles", Kind::Json, "What it found itself to take nothing for."),
            may("resumed_by", Kind::Text, "Who last let it go on."),
            may("resumed_why", Kind::Text, "Why they did."),
        ],
    },
    Noun {
        name: "builder",
        plural: "builders",
        fields: &[
            ID,
            must("name", Kind::Text, "Its name."),
            must("active", Kind::Bool, "Whether the configuration declares it."),
            must("requires", Kind::Json, "Labels a worker must have."),
            must("locks", Kind::Json, "Locks its builds take."),
            must("steps", Kind::Json, "The names of its steps."),
            may("max_builds", Kind::Int, "How many of its builds run at once at most."),
            must("configuration_id", Kind::Int, "The configuration that last changed it."),
            may("paused_by", Kind::Text, "Who paused it."),
            may("paused_why", Kind::Text, "Why they did."),
            may("paused_at", Kind::Time, "When they did."),
            may("resumed_by", Kind::Text, "Who last let it go on."),
            may("resumed_why", Kind::Text, "Why they did."),
        ],
    },
    Noun {
        name: "scheduler",
        plural: "schedulers",
        fields: &[
            ID,
            must("name", Kind::Text, "Its name."),
            must("kind", Kind::Text, "on_change or force."),
            must("active", Kind::Bool, "Whether the configuration declares it."),
            must("builders", Kind::Json, "The builders it asks for."),
            must("spec", Kind::Json, "Its filters, times and parameters."),
            must("configuration_id", Kind::Int, "The configuration that last changed it."),
            may("paused_by", Kind::Text, "Who paused it."),
            may("paused_why", Kind::Text, "Why they did."),
            may("paused_at", Kind::Time, "When they did."),
            may("resumed_by", Kind::Text, "Who last let it go on."),
            may("resumed_why", Kind::Text, "Why they did."),
        ],
    },
    Noun {
        name: "lock",
        plural: "locks",
        fields: &[
            ID,
            must("name", Kind::Text, "Its name."),
            must("active", Kind::Bool, "Whether the configuration declares it."),
            must("per_worker", Kind::Bool, "Whether each worker has units of its own."),
            must("capacity", Kind::Json, "Units: a number, or numbers by worker glob."),
            must("configuration_id", Kind::Int, "The configuration that last changed it."),
        ],
    },
    Noun {
        name: "configuration",
        plural: "configurations",
        fields: &[
            ID,
            must("hash", Kind::Text, "BLAKE3 of its texts."),
            must("evaluator", Kind::Text, "What evaluated it, with version."),
            must("files", Kind::Json, "The names of its files."),
            must("applied_at", Kind::Time, "When it became the farm's."),
        ],
    },
    Noun {
        name: "cause",
        plural: "causes",
        fields: &[
            ID,
            must("worker", Kind::Text, "The worker it happened on."),
            may("request_id", Kind::Int, "The request it happened to."),
            may("build_id", Kind::Int, "The build, if there was one."),
            must("code", Kind::Text, "What happened, for machines."),
            must("text", Kind::Text, "What happened, for people."),
            must("charged", Kind::Word(super::Charged::WORDS), "Whose count it made grow."),
            must("verdict", Kind::Text, "What followed."),
            must("noted_at", Kind::Time, "When it was noticed."),
        ],
    },
    Noun {
        name: "fault",
        plural: "faults",
        fields: &[
            ID,
            must("configuration_id", Kind::Int, "The configuration whose policy failed."),
            must("function", Kind::Text, "The function: `allow`, `collapse`, or the term."),
            must("message", Kind::Text, "What went wrong, with file, line and the way to it."),
            must("seen", Kind::Text, "What the function had read of all whom this concerns."),
            may("request_id", Kind::Int, "A request it failed on."),
            may("worker", Kind::Text, "The worker it failed on."),
            must("noted_at", Kind::Time, "When it was noticed."),
        ],
    },
    Noun {
        name: "farm",
        plural: "farms",
        fields: &[
            ID,
            may("paused_by", Kind::Text, "Who paused or drains it."),
            may("paused_why", Kind::Text, "Why they do."),
            may("paused_at", Kind::Time, "When they said so."),
            must("draining", Kind::Bool, "Whether it was paused to become quiet."),
            must("troubles", Kind::Json, "What the farm itself found to hold everything back."),
            may("resumed_by", Kind::Text, "Who last let it go on."),
            may("resumed_why", Kind::Text, "Why they did."),
        ],
    },
    Noun {
        name: "notification",
        plural: "notifications",
        fields: &[
            ID,
            must("notifier", Kind::Text, "The `notify(…)` it is for, by name."),
            must("state", Kind::Word(super::NotificationState::WORDS), "How far it got."),
            must("turn", Kind::Text, "What changed: broke, worked_again, …."),
            must("build_id", Kind::Int, "The build it tells of."),
            may("previous_build_id", Kind::Int, "The build it is compared with."),
            must("attempts", Kind::Int, "How often it was tried."),
            may("error", Kind::Text, "Why the last try failed."),
            must("created_at", Kind::Time, "When it was decided."),
            may("next_at", Kind::Time, "When it is tried next."),
            may("ended_at", Kind::Time, "When it was told or given up."),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_noun_begins_with_its_id_and_repeats_no_field() {
        for noun in NOUNS {
            assert_eq!(noun.fields[0].name, "id", "{}", noun.name);
            for (i, field) in noun.fields.iter().enumerate() {
                assert!(!noun.fields[..i].iter().any(|f| f.name == field.name), "{}", field.name);
            }
        }
    }
}
