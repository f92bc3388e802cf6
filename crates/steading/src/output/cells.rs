//! Which columns a noun has in `steading list`, and what stands in them.

use serde_json::{Map, Value};
use steading_core::words::{Field, Kind, Micros, noun};
use steading_wire::render;

use super::glyph::{look, state_of};
use super::table::{Colours, Grid, Slot};
use super::times::{ago, took};

/// Characters of a revision that people compare.
const REVISION: usize = 10;
/// Characters of a free text in a table.
const TEXT_MAX: usize = 60;

type Row = Map<String, Value>;

/// How one column is made of a row.
struct Column {
    head: &'static str,
    cell: fn(&Row, Micros) -> Slot,
}

/// The table of a list of a noun (plural).
pub(crate) fn columns(noun: &str, items: &[Row], now: Micros, colours: Colours) -> String {
    let columns = of(noun);
    if columns.is_empty() {
        return plain(noun, items, now, colours);
    }
    let heads: Vec<&str> = columns.iter().map(|c| c.head).collect();
    let mut grid = Grid::new(&heads, colours);
    for item in items {
        grid.row(columns.iter().map(|column| (column.cell)(item, now)).collect());
    }
    grid.text()
}

macro_rules! cols {
    ($($head:literal => $cell:expr),* $(,)?) => { vec![$(Column { head: $head, cell: $cell }),*] };
}

fn of(plural: &str) -> Vec<Column> {
    match plural {
        "builds" => cols! {
            "BUILD" => |r, _| Slot::Text(format!("{}/{}", text(r, "builder"), text(r, "number"))),
            "ID" => |r, _| Slot::Number(text(r, "id")),
            "STATE" => |r, _| Slot::State(look(state_of(r))),
            "STEP" => |r, _| Slot::Text(text(r, "step")),
            "BRANCH" => |r, _| Slot::Text(text(r, "branch")),
            "REVISION" => |r, _| Slot::Text(short(&text(r, "revision"))),
            "WORKER" => |r, _| Slot::Text(text(r, "worker")),
            "STARTED" => |r, now| Slot::Number(ago(r, "started_at", now)),
            "TOOK" => |r, now| Slot::Number(took(r, "started_at", "finished_at", now)),
        },
        "requests" => cols! {
            "REQUEST" => |r, _| Slot::Number(text(r, "id")),
            "BUILDER" => |r, _| Slot::Text(text(r, "builder")),
            "STATE" => |r, _| Slot::State(look(state_of(r))),
            "BRANCH" => |r, _| Slot::Text(text(r, "branch")),
            "REVISION" => |r, _| Slot::Text(short(&text(r, "revision"))),
            "PRIORITY" => |r, _| Slot::Number(text(r, "priority")),
            "WORKER" => |r, _| Slot::Text(text(r, "worker")),
            "SUBMITTED" => |r, now| Slot::Number(ago(r, "submitted_at", now)),
            "REASON" => |r, now| Slot::Text(cut(&request_note(r, now))),
        },
        "changes" => cols! {
            "CHANGE" => |r, _| Slot::Number(text(r, "id")),
            "BRANCH" => |r, _| Slot::Text(text(r, "branch")),
            "REVISION" => |r, _| Slot::Text(short(&text(r, "revision"))),
            "AUTHOR" => |r, _| Slot::Text(cut(&text(r, "author"))),
            "FOUND" => |r, now| Slot::Number(ago(r, "created_at", now)),
            "MESSAGE" => |r, _| Slot::Text(cut(&text(r, "message"))),
        },
        _ => of_house(plural),
    }
}

/// The nouns a farm is made of, and parts of builds.
fn of_house(plural: &str) -> Vec<Column> {
    match plural {
        "workers" => cols! {
            "WORKER" => |r, _| Slot::Text(text(r, "name")),
            "STATE" => |r, _| Slot::State(look(state_of(r))),
            "SLOTS" => |r, _| Slot::Number(at_most(text(r, "slots"), r)),
            "LABELS" => |r, _| Slot::Text(text(r, "labels")),
            "VERSION" => |r, _| Slot::Text(text(r, "version")),
            "NOTE" => |r, now| Slot::Text(worker_note(r, now)),
        },
        "builders" => cols! {
            "BUILDER" => |r, _| Slot::Text(text(r, "name")),
            "STEPS" => |r, _| Slot::Text(text(r, "steps")),
            "REQUIRES" => |r, _| Slot::Text(text(r, "requires")),
            "LOCKS" => |r, _| Slot::Text(text(r, "locks")),
            "BUILDS" => |r, _| Slot::Text(at_most(String::new(), r)),
            "NOTE" => |r, _| Slot::Text(paused(r)),
        },
        "schedulers" => cols! {
            "SCHEDULER" => |r, _| Slot::Text(text(r, "name")),
            "KIND" => |r, _| Slot::Text(text(r, "kind")),
            "BUILDERS" => |r, _| Slot::Text(text(r, "builders")),
            "NOTE" => |r, _| Slot::Text(paused(r)),
        },
        "causes" => cols! {
            "CAUSE" => |r, _| Slot::Number(text(r, "id")),
            "WORKER" => |r, _| Slot::Text(text(r, "worker")),
            "BUILD" => |r, _| Slot::Number(text(r, "build_id")),
            "NOTED" => |r, now| Slot::Number(ago(r, "noted_at", now)),
            "WHAT" => |r, _| Slot::Text(cut(&text(r, "text"))),
            "CHARGED" => |r, _| Slot::Text(text(r, "charged")),
            "THEN" => |r, _| Slot::Text(cut(&text(r, "verdict"))),
        },
        "faults" => cols! {
            "FAULT" => |r, _| Slot::Number(text(r, "id")),
            "FUNCTION" => |r, _| Slot::Text(cut(&text(r, "function"))),
            "NOTED" => |r, now| Slot::Number(ago(r, "noted_at", now)),
            "REQUEST" => |r, _| Slot::Number(text(r, "request_id")),
            "WORKER" => |r, _| Slot::Text(text(r, "worker")),
            "WHAT" => |r, _| Slot::Text(cut(&text(r, "message"))),
        },
        "locks" => cols! {
            "LOCK" => |r, _| Slot::Text(text(r, "name")),
            "CAPACITY" => |r, _| Slot::Text(text(r, "capacity")),
            "WHERE" => |r, _| Slot::Text(lock_place(r)),
        },
        _ => of_parts(plural),
    }
}

/// What belongs to builds, and what is told of them.
fn of_parts(plural: &str) -> Vec<Column> {
    match plural {
        "buildsets" => cols! {
            "BUILDSET" => |r, _| Slot::Number(text(r, "id")),
            "STATE" => |r, _| Slot::State(look(state_of(r))),
            "SCHEDULER" => |r, _| Slot::Text(text(r, "scheduler")),
            "OWNER" => |r, _| Slot::Text(text(r, "owner")),
            "SUBMITTED" => |r, now| Slot::Number(ago(r, "submitted_at", now)),
            "REASON" => |r, _| Slot::Text(cut(&text(r, "reason"))),
        },
        "steps" => cols! {
            "STEP" => |r, _| Slot::Number(text(r, "number")),
            "NAME" => |r, _| Slot::Text(text(r, "name")),
            "STATE" => |r, _| Slot::State(look(state_of(r))),
            "TOOK" => |r, now| Slot::Number(took(r, "started_at", "finished_at", now)),
            "WHY" => |r, _| Slot::Text(cut(&text(r, "outcome_reason"))),
        },
        "artifacts" => cols! {
            "ARTIFACT" => |r, _| Slot::Number(text(r, "id")),
            "BUILD" => |r, _| Slot::Number(text(r, "build_id")),
            "PATH" => |r, _| Slot::Text(text(r, "path")),
            "BYTES" => |r, _| Slot::Number(text(r, "size")),
            "HASH" => |r, _| Slot::Text(text(r, "hash")),
        },
        "notifications" => cols! {
            "NOTIFICATION" => |r, _| Slot::Number(text(r, "id")),
            "TO" => |r, _| Slot::Text(text(r, "notifier")),
            "STATE" => |r, _| Slot::State(look(state_of(r))),
            "TOLD" => |r, _| Slot::Text(text(r, "turn")),
            "BUILD" => |r, _| Slot::Number(text(r, "build_id")),
            "TRIES" => |r, _| Slot::Number(text(r, "attempts")),
            "SINCE" => |r, now| Slot::Number(ago(r, "created_at", now)),
            "WHY" => |r, _| Slot::Text(cut(&text(r, "error"))),
        },
        _ => Vec::new(),
    }
}

/// Nouns nobody lists often: every field that fits a cell.
fn plain(plural: &str, items: &[Row], now: Micros, colours: Colours) -> String {
    let fields = noun(plural).map_or(&[][..], |noun| noun.fields);
    let fields: Vec<_> = fields.iter().filter(|f| f.kind != Kind::Json).collect();
    let heads: Vec<String> = fields.iter().map(|f| f.name.to_uppercase()).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut grid = Grid::new(&heads, colours);
    for item in items {
        let cell = |field: &&&Field| match field.kind {
            Kind::Time => Slot::Number(ago(item, field.name, now)),
            Kind::Int => Slot::Number(text(item, field.name)),
            _ => Slot::Text(cut(&text(item, field.name))),
        };
        grid.row(fields.iter().map(|field| cell(&field)).collect());
    }
    grid.text()
}

/// A field in words: texts bare, lists with commas, objects as `name=value`, reasons as their text.
pub(crate) fn text(row: &Row, field: &str) -> String {
    row.get(field).map(said).unwrap_or_default()
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::Object(map) => object(map),
        other => other.to_string(),
    }
}

fn object(map: &Row) -> String {
    // A reason says itself; a lock or a property shows what matters of it.
    if let (Some(Value::String(_)), Some(Value::String(text))) = (map.get("code"), map.get("text"))
    {
        return text.clone();
    }
    if let Some(Value::String(lock)) = map.get("lock") {
        return match map.get("access") {
            Some(Value::Object(access)) => {
                format!("{lock} ×{}", access.get("counting").map(said).unwrap_or_default())
            }
            _ => format!("{lock} (exclusive)"),
        };
    }
    if let (Some(value), Some(_), 2) = (map.get("value"), map.get("source"), map.len()) {
        return said(value);
    }
    map.iter().map(|(k, v)| format!("{k}={}", said(v))).collect::<Vec<_>>().join(", ")
}

fn short(revision: &str) -> String {
    revision.chars().take(REVISION).collect()
}

/// The first line, not too long.
fn cut(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= TEXT_MAX && line.len() == text.trim_end().len() {
        return line.to_owned();
    }
    let start: String = line.chars().take(TEXT_MAX - 1).collect();
    format!("{}…", start.trim_end())
}

/// Why a request exists; before that, what is amiss with it.
fn request_note(row: &Row, now: Micros) -> String {
    let (reason, since) = (text(row, "reason"), ago(row, "start_by", now));
    let overdue = !text(row, "overdue_at").is_empty() && text(row, "state") == "pending";
    if overdue { format!("overdue, was to start {since}: {reason}") } else { reason }
}

/// With how many builds there may be at once, where that is limited.
fn at_most(first: String, row: &Row) -> String {
    match (first.as_str(), text(row, "max_builds").as_str()) {
        (_, "") => first,
        ("", most) => format!("at most {most}"),
        (_, most) => format!("{first}, at most {most} builds"),
    }
}

fn worker_note(row: &Row, now: Micros) -> String {
    for note in [paused(row), said_by("drained", row, "draining")] {
        if !note.is_empty() {
            return note;
        }
    }
    let troubles = text(row, "troubles");
    if text(row, "state") == "ready" && !troubles.is_empty() {
        return troubles;
    }
    let (until, why) = (text(row, "quarantined_until"), text(row, "quarantined_why"));
    if until > render::time(now) {
        return format!("in quarantine: {why}");
    }
    if !until.is_empty() {
        return format!("back from quarantine, takes one build at a time: {why}");
    }
    let lost = ago(row, "lost_at", now);
    if text(row, "state") == "offline" && !lost.is_empty() {
        return format!("last seen {lost}");
    }
    String::new()
}

/// Who paused it and why; nothing if nobody did.
fn paused(row: &Row) -> String {
    said_by("paused", row, "paused")
}

fn said_by(word: &str, row: &Row, fields: &str) -> String {
    let (who, why) = (text(row, &format!("{fields}_by")), text(row, &format!("{fields}_why")));
    match (who.as_str(), why.as_str()) {
        ("", _) => String::new(),
        (who, "") => format!("{word} by {who}"),
        (who, why) => format!("{word} by {who}: {why}"),
    }
}

fn lock_place(row: &Row) -> String {
    let each = row.get("per_worker").and_then(Value::as_bool) == Some(true);
    (if each { "on each worker" } else { "farm-wide" }).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use steading_wire::render::parse_time;

    use super::*;

    fn table(noun: &str, rows: Value) -> String {
        let rows: Vec<Row> = serde_json::from_value(rows).expect("rows");
        let now = parse_time("2026-01-01T01:00:00Z").expect("a time");
        columns(noun, &rows, now, Colours::Off)
    }

    #[test]
    fn builds() {
        let rows = json!([
            {"id": 31, "builder": "hello", "number": 17, "state": "finished", "outcome": "failure",
             "step": "test", "branch": "main", "revision": "4f2a9c1d77e0aa", "worker": "barn",
             "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01.5Z"},
            {"id": 32, "builder": "hello", "number": 18, "state": "running", "outcome": null,
             "step": null, "branch": null, "revision": null, "worker": "barn",
             "started_at": "2026-01-01T00:59:00Z", "finished_at": null},
        ]);
        insta::assert_snapshot!(table("builds", rows), @r"
        BUILD     ID  STATE      STEP  BRANCH  REVISION    WORKER  STARTED    TOOK
        hello/17  31  ✗ failure  test  main    4f2a9c1d77  barn      1 h ago  1.5 s
        hello/18  32  ▶ running                            barn    1 min ago   1:00
        ");
    }

    #[test]
    fn workers() {
        let rows = json!([
            {"name": "barn", "state": "ready", "slots": 2, "labels": {"os": "linux", "gpu": true},
             "version": "0.1.0", "draining": false, "paused_by": "eve", "paused_why": "disk"},
            {"name": "shed", "state": "offline", "slots": 1, "labels": {}, "version": null,
             "draining": false, "paused_by": null, "lost_at": "2026-01-01T00:30:00Z"},
            {"name": "loft", "state": "ready", "slots": 1, "labels": {}, "version": null,
             "troubles": [{"code": "disk_full", "text": "its disk is nearly full"}]},
        ]);
        insta::assert_snapshot!(table("workers", rows), @r"
        WORKER  STATE       SLOTS  LABELS              VERSION  NOTE
        barn    ‖ paused        2  gpu=true, os=linux  0.1.0    paused by eve: disk
        shed    ○ offline       1                               last seen 30 min ago
        loft    ‖ troubled      1                               its disk is nearly full
        ");
    }

    #[test]
    fn what_is_limited_says_so() {
        let rows = json!([
            {"name": "barn", "state": "ready", "slots": 4, "max_builds": 2, "labels": {},
             "version": null},
        ]);
        insta::assert_snapshot!(table("workers", rows), @r"
        WORKER  STATE    SLOTS                LABELS  VERSION  NOTE
        barn    ● ready  4, at most 2 builds
        ");
        let rows = json!([
            {"name": "hello", "steps": ["make"], "requires": {}, "locks": [], "max_builds": 1},
            {"name": "world", "steps": ["make"], "requires": {}, "locks": [], "max_builds": null},
        ]);
        insta::assert_snapshot!(table("builders", rows), @r"
        BUILDER  STEPS  REQUIRES  LOCKS  BUILDS     NOTE
        hello    make                    at most 1
        world    make
        ");
    }

    #[test]
    fn an_overdue_request_says_so() {
        let overdue = json!({"state": "pending", "reason": "forced", "overdue_at":
            "2026-01-01T00:30:00Z", "start_by": "2026-01-01T00:30:00Z"});
        let Value::Object(mut row) = overdue else { panic!("an object") };
        let now = parse_time("2026-01-01T01:00:00Z").expect("a time");
        assert_eq!(request_note(&row, now), "overdue, was to start 30 min ago: forced");
        row.insert("state".into(), json!("complete"));
        assert_eq!(request_note(&row, now), "forced");
    }

    #[test]
    fn other_nouns_show_what_fits() {
        let rows = json!([
            {"id": 3, "build_id": 1, "step_id": 2, "name": "stdout", "closed": true, "bytes": 12,
             "lines": 1, "hash": null, "created_at": "2026-01-01T00:59:00Z"},
        ]);
        insta::assert_snapshot!(table("logs", rows), @r"
        ID  BUILD_ID  STEP_ID  NAME    CLOSED  BYTES  LINES  HASH  CREATED_AT
         3         1        2  stdout  true       12      1         1 min ago
        ");
    }

    #[test]
    fn values_are_said_not_dumped() {
        let check = |value: Value, expected: &str| assert_eq!(said(&value), expected);
        check(json!(null), "");
        check(json!(["a", "b"]), "a, b");
        check(json!({"os": "linux", "gpu": true}), "gpu=true, os=linux");
        check(json!({"code": "exit_code", "text": "exited with 1"}), "exited with 1");
        check(json!([{"lock": "gpu", "access": {"counting": 2}}]), "gpu ×2");
        check(json!([{"lock": "db", "access": "exclusive"}]), "db (exclusive)");
        check(json!({"channel": {"value": "beta", "source": "force"}}), "channel=beta");
    }

    #[test]
    fn long_texts_are_cut_where_it_shows() {
        let check = |text: &str, expected: &str| assert_eq!(cut(text), expected);
        check("short", "short");
        check("one\ntwo", "one…");
        check(&"x".repeat(61), &format!("{}…", "x".repeat(59)));
        check("a line\n", "a line");
    }
}
