//! Every command and option. One definition gives parsing, help and completion.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use steading_core::words::{Duration, parse_size};

use super::examples;

/// A build farm in one binary.
#[derive(Debug, Parser)]
#[command(name = "steading", version, after_help = examples::TOP, infer_subcommands = false)]
#[command(disable_help_subcommand = false, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Where and how to reach the farm.
    #[command(flatten)]
    pub(crate) target: Target,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How a client verb finds its farm.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which farm")]
pub(crate) struct Target {
    /// The farm's directory; address and token are found in its data directory [default: here]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) farm: Option<PathBuf>,
    /// Address of a farm elsewhere, as in http://farm.example.org:8040
    #[arg(long, global = true, value_name = "URL", env = "STEADING_URL")]
    pub(crate) url: Option<String>,
    /// Token to show with --url
    #[arg(long, global = true, value_name = "TOKEN", env = "STEADING_TOKEN")]
    #[arg(hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the whole farm on this machine: master, web pages, local workers
    #[command(after_help = examples::UP)]
    Up(UpArgs),
    /// Build once and show it: exit code 0 is green
    #[command(after_help = examples::RUN)]
    Run(RunArgs),
    /// Read farm.star and say whether it is good
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Start a master alone; workers dial in from elsewhere
    #[command(after_help = examples::MASTER)]
    Master(MasterArgs),
    /// Start a worker that dials its master
    #[command(after_help = examples::WORKER)]
    Worker(WorkerArgs),
    /// Ask for a build of a builder
    #[command(after_help = examples::FORCE)]
    Force(ForceArgs),
    /// Tell the farm of a change now, instead of waiting for its poller
    #[command(after_help = examples::CHANGE)]
    Change(ChangeArgs),
    /// Build local edits without committing them (not yet)
    #[command(hide = true)]
    Try(NotYetArgs),
    /// List builds, requests, builders, workers, …
    #[command(after_help = examples::LIST)]
    List(ListArgs),
    /// Show one build, request, change, builder or worker
    #[command(after_help = examples::SHOW)]
    Show(ShowArgs),
    /// Print what a build or one of its steps wrote
    #[command(after_help = examples::LOG)]
    Log(LogArgs),
    /// Say why a request is not running yet
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainArgs),
    /// Stop a build, or take a request back
    #[command(after_help = examples::CANCEL)]
    Cancel(CancelArgs),
    /// Give a waiting request another priority
    #[command(after_help = examples::PRIORITIZE)]
    Prioritize(PrioritizeArgs),
    /// Build the same again: same builder, revision and properties
    #[command(after_help = examples::REBUILD)]
    Rebuild(RebuildArgs),
    /// Hold back a worker, a builder, a scheduler, or the whole farm
    #[command(after_help = examples::PAUSE)]
    Pause(PauseArgs),
    /// Let go on what was paused or drained
    #[command(after_help = examples::RESUME)]
    Resume(ResumeArgs),
    /// Start nothing new and wait until the farm, or a worker, is quiet
    #[command(after_help = examples::DRAIN)]
    Drain(DrainArgs),
    /// Make a running farm read farm.star again
    #[command(after_help = examples::RELOAD)]
    Reload(JsonArgs),
    /// Print what happens, one JSON event a line
    #[command(after_help = examples::EVENTS)]
    Events(EventsArgs),
    /// Check every invariant over history and archive
    #[command(after_help = examples::AUDIT)]
    Audit(AuditArgs),
    /// Run recorded history again under another policy, and compare
    #[command(after_help = examples::REPLAY)]
    Replay(ReplayArgs),
    /// Make or revoke tokens for workers and people
    #[command(after_help = examples::TOKEN, arg_required_else_help = true)]
    Token {
        /// Which.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Open the farm's pages in a browser, signed in
    #[command(after_help = examples::OPEN)]
    Open,
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Arguments of verbs that do nothing yet.
#[derive(Debug, Args)]
pub(crate) struct NotYetArgs {
    /// Whatever they may be.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) _anything: Vec<String>,
}

/// `up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The farm's directory, or its farm.star [default: here]
    #[arg(value_name = "FARM")]
    pub(crate) path: Option<PathBuf>,
    /// Where the farm keeps its data [default: FARM/.steading]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address to listen on; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8040")]
    pub(crate) listen: String,
    /// Host name to answer to besides the address listened on; may be given many times
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// When stopped, leave running builds to their workers; the next `up` adopts them (default)
    #[arg(long, conflicts_with = "cancel")]
    pub(crate) keep: bool,
    /// When stopped, cancel what still runs
    #[arg(long)]
    pub(crate) cancel: bool,
}

/// `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The farm's directory, or its farm.star [default: here]
    #[arg(value_name = "FARM")]
    pub(crate) path: Option<PathBuf>,
    /// Where the farm keeps its data [default: FARM/.steading]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Build this one; may be given many times [default: every builder]
    #[arg(long = "builder", short = 'b', value_name = "BUILDER")]
    pub(crate) builders: Vec<String>,
    /// Set a property of the builds
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Print the finished builds as JSON instead of progress and table
    #[arg(long)]
    pub(crate) json: bool,
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The farm's directory, or its farm.star [default: here]
    #[arg(value_name = "FARM")]
    pub(crate) path: Option<PathBuf>,
    /// The data, for what the policy costs on the queue [default: FARM/.steading]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print diagnostics, counts and the policy's cost as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `master`.
#[derive(Debug, Args)]
pub(crate) struct MasterArgs {
    /// The farm's directory, or its farm.star [default: here]
    #[arg(value_name = "FARM")]
    pub(crate) path: Option<PathBuf>,
    /// Where the farm keeps its data [default: FARM/.steading]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address to listen on; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8040")]
    pub(crate) listen: String,
    /// Host name to answer to besides the address listened on; may be given many times
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
}

/// `worker`.
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Address of the master, as in http://farm.example.org:8040
    #[arg(long, value_name = "URL", required_unless_present = "data")]
    pub(crate) master: Option<String>,
    /// The worker's name, as farm.star declares it
    #[arg(long)]
    pub(crate) name: String,
    /// File that holds the worker's token; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: PathBuf,
    /// Data directory of a farm on this machine: the master is found there
    #[arg(long, value_name = "DIR", conflicts_with = "master")]
    pub(crate) data: Option<PathBuf>,
    /// Where workspaces and spool live [default: ./steading-worker/NAME, or in --data]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// What workspaces may take before those unused for longest go, as in 20GiB [default: half of
    /// the file system]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) work_limit: Option<u64>,
    /// The same for mirrors of repositories [default: a quarter of the file system]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) mirror_limit: Option<u64>,
    /// Room to keep free on its file system: with less it takes no builds [default: 256MiB, at most
    /// a sixteenth of the file system]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) keep_free: Option<u64>,
}

/// `force`.
#[derive(Debug, Args)]
pub(crate) struct ForceArgs {
    /// The builder
    pub(crate) builder: String,
    /// Branch to build [default: the repository's default branch]
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// Revision, tag or branch to build [default: the branch's head]
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// Higher goes first, where the policy says so
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) priority: i64,
    /// The only worker that may build it
    #[arg(long)]
    pub(crate) worker: Option<String>,
    /// Why; shown with the build
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Set a property of the build
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Send the same key again to get the same answer instead of a second build
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Follow the build to its end; the exit code is its verdict
    #[arg(long)]
    pub(crate) wait: bool,
    /// Print the API's own answer
    #[arg(long)]
    pub(crate) json: bool,
}

/// `change`.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The repository, as farm.star writes it
    pub(crate) repository: String,
    /// The branch it is on
    #[arg(long, default_value = "main")]
    pub(crate) branch: String,
    /// The revision [default: the branch's head]
    #[arg(long)]
    pub(crate) revision: Option<String>,
    /// Print the API's own answer
    #[arg(long)]
    pub(crate) json: bool,
}

/// `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// builds, requests, builders, workers, changes, schedulers, locks, buildsets, artifacts
    pub(crate) noun: String,
    /// Filters, as in outcome=failure or started_at__ge=2026-01-01T00:00:00Z
    #[arg(value_name = "FIELD=VALUE", value_parser = key_value)]
    pub(crate) filters: Vec<(String, String)>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 25)]
    pub(crate) limit: u32,
    /// Field to order by; a leading - turns it around
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) order: Option<String>,
    /// Where the page begins: `next` of the page before
    #[arg(long)]
    pub(crate) cursor: Option<String>,
    /// Print the API's own answer
    #[arg(long)]
    pub(crate) json: bool,
}

/// `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// build, request, change, builder, worker, buildset – or `lifecycle`
    pub(crate) noun: String,
    /// Its number or name; a build also as hello/17
    #[arg(required_if_eq_any = [
        ("noun", "build"), ("noun", "request"), ("noun", "change"),
        ("noun", "builder"), ("noun", "worker"), ("noun", "buildset"),
    ])]
    pub(crate) id: Option<String>,
    /// Print the API's own answer
    #[arg(long)]
    pub(crate) json: bool,
}

/// `log`.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The build: 17, or hello/17
    pub(crate) build: String,
    /// The step, by name or number [default: every step]
    pub(crate) step: Option<String>,
    /// Go on printing until the build is finished
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
    /// Only lines that match this regular expression
    #[arg(long, value_name = "RE")]
    pub(crate) grep: Option<String>,
    /// Only what was written to standard error
    #[arg(long)]
    pub(crate) stderr: bool,
    /// The bytes exactly as the step wrote them, of one log
    #[arg(long, conflicts_with_all = ["grep", "follow", "json"], requires = "step")]
    pub(crate) raw: bool,
    /// Print the API's own answer, one log a line
    #[arg(long, conflicts_with = "follow")]
    pub(crate) json: bool,
}

/// `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The request's number
    pub(crate) request: i64,
    /// Print the API's own answer
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The builds: 17, or hello/17; with --request numbers of requests
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// The numbers name requests, not builds
    #[arg(long)]
    pub(crate) request: bool,
    /// Why, and its reason
    #[command(flatten)]
    pub(crate) why: WhyArgs,
    /// Print each as the API has it then, a line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `prioritize`.
#[derive(Debug, Args)]
pub(crate) struct PrioritizeArgs {
    /// The request's number
    pub(crate) request: i64,
    /// Higher goes first, where the policy says so
    #[arg(allow_negative_numbers = true)]
    pub(crate) priority: i64,
}

/// `rebuild`.
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// The build: 17, or hello/17
    pub(crate) build: String,
    /// Why, and its reason
    #[command(flatten)]
    pub(crate) why: WhyArgs,
    /// Follow the build to its end; the exit code is its verdict
    #[arg(long)]
    pub(crate) wait: bool,
    /// Print the API's own answer
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pause`.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// What: worker, builder or scheduler and names, or globs of names; or farm. Names alone are
    /// those of workers
    #[arg(value_name = "WHAT", required = true)]
    pub(crate) what: Vec<String>,
    /// Why, and its reason
    #[command(flatten)]
    pub(crate) why: WhyArgs,
    /// Print each as the API has it then, a line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// What: worker, builder or scheduler and names, or globs of names; or farm. Names alone are
    /// those of workers
    #[arg(value_name = "WHAT", required = true)]
    pub(crate) what: Vec<String>,
    /// Why, and its reason
    #[command(flatten)]
    pub(crate) why: WhyArgs,
    /// Print each as the API has it then, a line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `drain`.
#[derive(Debug, Args)]
pub(crate) struct DrainArgs {
    /// What: worker and names, or globs of names; or farm [default: farm]
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
    /// Why, and its reason
    #[command(flatten)]
    pub(crate) why: WhyArgs,
    /// Wait until nothing runs there any more (default)
    #[arg(long, conflicts_with = "no_wait")]
    pub(crate) wait: bool,
    /// Only say so; what runs ends by itself
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// A person's reason.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WhyArgs {
    /// Why; shown to others
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) reason: String,
}

/// Readers without other options.
#[derive(Debug, Args)]
pub(crate) struct JsonArgs {
    /// Print the API's own answer
    #[arg(long)]
    pub(crate) json: bool,
}

/// `events`.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Begin after this event number; 0 begins with the oldest kept
    #[arg(long, value_name = "SEQ")]
    pub(crate) since: Option<i64>,
    /// Go on printing as they happen
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
    /// Only events of this noun; may be given many times
    #[arg(long = "noun", value_name = "NOUN")]
    pub(crate) nouns: Vec<String>,
    /// Accepted like everywhere: events are JSON anyway
    #[arg(long, hide = true)]
    pub(crate) json: bool,
}

/// `audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The farm's directory, or its farm.star [default: here]
    #[arg(value_name = "FARM")]
    pub(crate) path: Option<PathBuf>,
    /// Where the farm keeps its data [default: FARM/.steading]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The farm's directory, or its farm.star [default: here]
    #[arg(value_name = "FARM")]
    pub(crate) path: Option<PathBuf>,
    /// Where the farm keeps its data [default: FARM/.steading]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The .star file whose `policy(…)` to try; a whole farm, or that alone
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// How far to go back from the newest event
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = Duration::parse)]
    pub(crate) since: Duration,
    /// Print both reports and every difference as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for a worker of that name, or for all that match a glob
    Worker {
        /// The worker's name, or a glob as in "linux-*".
        name: String,
        /// How long it is valid, as in 90d [default: for ever]
        #[arg(long, value_name = "DURATION", value_parser = duration_s)]
        valid: Option<i64>,
        /// Print the API's own answer
        #[arg(long)]
        json: bool,
    },
    /// Make a token that may read and write
    Admin {
        /// What to call it.
        name: String,
        /// How long it is valid, as in 90d [default: for ever]
        #[arg(long, value_name = "DURATION", value_parser = duration_s)]
        valid: Option<i64>,
        /// Print the API's own answer
        #[arg(long)]
        json: bool,
    },
    /// Make a token that may only read
    Read {
        /// What to call it.
        name: String,
        /// How long it is valid, as in 90d [default: for ever]
        #[arg(long, value_name = "DURATION", value_parser = duration_s)]
        valid: Option<i64>,
        /// Print the API's own answer
        #[arg(long)]
        json: bool,
    },
    /// Make a token worthless, at once
    Revoke {
        /// What it is called.
        name: String,
    },
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not of the form KEY=VALUE")),
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    let size = parse_size(text).map_err(|e| e.to_string())?;
    u64::try_from(size).map_err(|e| e.to_string())
}

fn duration_s(text: &str) -> Result<i64, String> {
    let span = Duration::parse(text).map_err(|e| e.to_string())?;
    Ok(span.0 / 1000)
}
