//! From what a worker saw to what `core::settle` judges, and to what history keeps of it.

use serde_json::{Value, json};
use steading_core::farm::{PlanStep, StepKind};
use steading_core::settle::StepReport;
use steading_core::words::Duration;
use steading_wire::render;
use steading_wire::worker::{Ending, ExitRecord, Report};

/// What the ending means to the core.
pub(super) fn judged(step: &PlanStep, report: &Report) -> StepReport {
    match &report.ending {
        Ending::Exited { code: 0 } if !matches!(step.kind, StepKind::Shell { .. }) => {
            StepReport::Done
        }
        Ending::Exited { code } => StepReport::Exited { code: *code },
        Ending::Signalled { signal } => {
            StepReport::Signalled { signal: *signal, out_of_memory: false }
        }
        Ending::TimedOut { idle: false, limit_ms } => {
            StepReport::TimedOut { limit: Duration(*limit_ms) }
        }
        Ending::TimedOut { idle: true, limit_ms } => {
            StepReport::Silent { limit: Duration(*limit_ms) }
        }
        Ending::NotStarted { text } => not_started(report, text),
        Ending::Cancelled => StepReport::Cancelled,
        Ending::NoSuchRevision { text } => StepReport::NotRunnable { message: text.clone() },
        Ending::NoSuchFile { text } => StepReport::NothingMatched { paths: vec![text.clone()] },
        Ending::Infrastructure { code, text } => infrastructure(step, code, text),
    }
}

fn not_started(report: &Report, text: &str) -> StepReport {
    let program = report.exit.as_ref().and_then(|exit| exit.argv.first()).cloned();
    match program {
        Some(program) => StepReport::NotExecutable { program, message: text.to_owned() },
        None => StepReport::NotRunnable { message: text.to_owned() },
    }
}

fn infrastructure(step: &PlanStep, code: &str, text: &str) -> StepReport {
    match (code, &step.kind) {
        ("disk_full", _) => StepReport::DiskFull { message: text.to_owned() },
        ("shepherd_lost" | "machine_restarted" | "worker_fault" | "no_process", _) => {
            StepReport::Lost { code: code.to_owned(), message: text.to_owned() }
        }
        (_, StepKind::Checkout { repository, .. }) => StepReport::RepositoryUnreachable {
            repository: repository.clone(),
            message: text.to_owned(),
        },
        _ => StepReport::Infrastructure { message: text.to_owned() },
    }
}

/// The exit record as history keeps it, with the end of stderr where it did not go well.
pub(super) fn kept(report: &Report, green: bool) -> Option<Value> {
    let tail = (!green && !report.stderr_tail.is_empty()).then_some(&report.stderr_tail);
    let mut kept = match &report.exit {
        Some(exit) => record(exit),
        None if tail.is_some() => json!({}),
        None => return None,
    };
    if let Some(tail) = tail {
        kept["stderr_tail"] = json!(tail);
    }
    Some(kept)
}

fn record(exit: &ExitRecord) -> Value {
    json!({
        "argv": exit.argv,
        "cwd": exit.cwd,
        "code": exit.code,
        "signal": exit.signal,
        "started_at": render::time(exit.started_at),
        "ended_at": render::time(exit.ended_at),
        "duration_ms": exit.ended_at.since(exit.started_at),
        "user_ms": exit.user_ms,
        "system_ms": exit.system_ms,
        "max_rss_kib": exit.max_rss_kib,
        "leftovers": exit.leftovers,
    })
}
