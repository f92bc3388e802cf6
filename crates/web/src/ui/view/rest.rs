//! The small pages: changes, schedulers, locks.

use serde::Serialize;
use serde_json::Value;
use steading_core::farm::{Force, OnChange};
use steading_core::words::Micros;

use super::build::{ChangeLine, change};
use super::row::Row;
use super::words::{count, sentence};

/// The changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Changes {
    /// The answer.
    pub(crate) headline: String,
    /// Newest first.
    pub(crate) items: Vec<ChangeLine>,
    /// The id below which older ones go on.
    pub(crate) older: Option<i64>,
}

/// The schedulers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Schedulers {
    /// The answer.
    pub(crate) headline: String,
    /// Each scheduler.
    pub(crate) items: Vec<SchedulerLine>,
}

/// A scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SchedulerLine {
    /// Its name.
    pub(crate) name: String,
    /// `on_change` or `force`.
    pub(crate) kind: String,
    /// What sets it off.
    pub(crate) when: String,
    /// The builders it asks for.
    pub(crate) builders: Vec<String>,
    /// Who paused it and why; empty when nobody did.
    pub(crate) paused: String,
}

/// The locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Locks {
    /// The answer.
    pub(crate) headline: String,
    /// Each lock.
    pub(crate) items: Vec<LockLine>,
}

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LockLine {
    /// Its name.
    pub(crate) name: String,
    /// How many units, in words.
    pub(crate) capacity: String,
    /// Builds that hold it: builder, number and how much.
    pub(crate) holders: Vec<Holder>,
}

/// A build that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Holder {
    /// Its builder.
    pub(crate) builder: String,
    /// Its number.
    pub(crate) number: i64,
    /// Where it runs.
    pub(crate) worker: String,
    /// How much it holds.
    pub(crate) access: String,
}

/// The changes, newest first.
pub(crate) fn changes(rows: &[Row], more: bool, now: Micros) -> Changes {
    let items: Vec<ChangeLine> = rows.iter().map(|c| change(c, now)).collect();
    let headline = match items.first() {
        None => "No change has been seen yet".to_owned(),
        Some(newest) => {
            let when = newest.when.as_ref().map(|w| w.text.clone()).unwrap_or_default();
            format!("The newest change was seen {when}")
        }
    };
    Changes { headline, older: if more { items.last().map(|c| c.id) } else { None }, items }
}

/// The schedulers the configuration declares.
pub(crate) fn schedulers(rows: &[Row]) -> Schedulers {
    let items: Vec<SchedulerLine> = rows.iter().map(scheduler).collect();
    let n = i64::try_from(items.len()).unwrap_or(0);
    let headline = match n {
        0 => "Nothing sets off a build by itself".to_owned(),
        1 => "One scheduler sets off builds".to_owned(),
        n => format!("{} set off builds", sentence(&count(n, "scheduler"))),
    };
    Schedulers { headline, items }
}

fn scheduler(row: &Row) -> SchedulerLine {
    let when = match row.text("kind") {
        "force" => row.json::<Force>("spec").map(|force| forced(&force)),
        _ => row.json::<OnChange>("spec").map(|on| on_change(&on)),
    };
    let when = when.unwrap_or_default();
    SchedulerLine {
        name: row.text("name").to_owned(),
        kind: row.text("kind").to_owned(),
        when,
        builders: row.json("builders").unwrap_or_default(),
        paused: row.paused(),
    }
}

fn forced(force: &Force) -> String {
    let params: Vec<&str> = force.params.iter().map(|p| p.name.as_str()).collect();
    if params.is_empty() {
        "a person's wish".to_owned()
    } else {
        format!("a person's wish, asking for {}", params.join(", "))
    }
}

fn on_change(on: &OnChange) -> String {
    let mut text = format!("a change of {}", on.repository);
    if !on.branches.is_empty() {
        text.push_str(&format!(" on {}", on.branches.join(", ")));
    }
    if !on.files.is_empty() {
        text.push_str(&format!(" in {}", on.files.join(", ")));
    }
    if on.quiet.0 > 0 {
        text.push_str(&format!(", once quiet for {}", on.quiet));
    }
    text
}

/// The locks, with the live builds that hold them.
pub(crate) fn locks(rows: &[Row], live: &[Row]) -> Locks {
    let items: Vec<LockLine> = rows.iter().map(|l| lock(l, live)).collect();
    let held = items.iter().filter(|l| !l.holders.is_empty()).count();
    let all = i64::try_from(items.len()).unwrap_or(0);
    let headline = match (all, held) {
        (0, _) => "No locks are declared".to_owned(),
        (_, 0) => format!("{}, none of them held", sentence(&count(all, "lock"))),
        (_, held) => format!("{}, {held} held", sentence(&count(all, "lock"))),
    };
    Locks { headline, items }
}

fn lock(row: &Row, live: &[Row]) -> LockLine {
    use steading_core::words::{Access, HeldLock};
    let name = row.text("name");
    let mut holders = Vec::new();
    for build in live.iter().filter(|b| b.time("steps_ended_at").is_none()) {
        let held: Vec<HeldLock> = build.json("locks").unwrap_or_default();
        for held in held.into_iter().filter(|h| h.lock == name) {
            let access = match held.access {
                Access::Counting(1) => "1 unit".to_owned(),
                Access::Counting(n) => format!("{n} units"),
                Access::Exclusive => "all of it".to_owned(),
            };
            holders.push(Holder {
                builder: build.text("builder").to_owned(),
                number: build.int("number"),
                worker: build.text("worker").to_owned(),
                access,
            });
        }
    }
    let scope = if row.flag("per_worker") { " on each worker" } else { " in the whole farm" };
    let units = match row.json::<Value>("capacity") {
        Some(Value::Number(n)) if n.as_i64() == Some(1) => "1 unit".to_owned(),
        Some(Value::Number(n)) => format!("{n} units"),
        Some(Value::Object(by)) => {
            let by: Vec<String> = by.iter().map(|(glob, n)| format!("{glob}: {n}")).collect();
            format!("units by worker ({})", by.join(", "))
        }
        _ => String::new(),
    };
    LockLine { name: name.to_owned(), capacity: format!("{units}{scope}"), holders }
}

#[cfg(test)]
mod tests {
    use steading_core::words::{Cell, Duration};

    use super::*;

    #[test]
    fn schedulers_say_what_sets_them_off() {
        let on = OnChange {
            cancel_superseded: false,
            fail_fast: false,
            repository: "./hello".into(),
            builders: vec!["hello".into()],
            branches: vec!["main".into()],
            files: vec!["src/**".into()],
            quiet: Duration::seconds(10),
            max_wait: Duration::seconds(100),
            priority: 0,
            ..OnChange::default()
        };
        let spec = serde_json::to_string(&on).expect("plain values");
        let row =
            Row::from_iter([("kind", Cell::from("on_change")), ("spec", spec.as_str().into())]);
        let view = schedulers(&[row]);
        assert_eq!(
            view.items[0].when,
            "a change of ./hello on main in src/**, once quiet for 10.0 s"
        );
    }

    #[test]
    fn locks_show_who_holds_them() {
        let lock = Row::from_iter([
            ("name", Cell::from("gpu")),
            ("capacity", "2".into()),
            ("per_worker", false.into()),
        ]);
        let build = Row::from_iter([
            ("builder", Cell::from("hello")),
            ("number", 4.into()),
            ("locks", r#"[{"lock":"gpu","access":{"counting":1}}]"#.into()),
        ]);
        let view = locks(&[lock], &[build]);
        assert_eq!(view.headline, "One lock, 1 held");
        assert_eq!(view.items[0].capacity, "2 units in the whole farm");
        assert_eq!(view.items[0].holders[0].access, "1 unit");
    }
}
