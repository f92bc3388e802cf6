//! The force form: fields a builder's `force(…)` declares, and those every force has.

use std::collections::BTreeMap;

use serde::Serialize;
use steading_core::farm::{Force, Param, ParamKind};
use steading_wire::rest;

use super::row::Row;

/// The form of one builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ForceForm {
    /// The builder.
    pub(crate) builder: String,
    /// Its declared fields.
    pub(crate) fields: Vec<FormField>,
    /// Names of workers it may be pinned to.
    pub(crate) workers: Vec<String>,
    /// The schedulers that declare it.
    pub(crate) by: Vec<String>,
    /// Sent twice, it is done once.
    pub(crate) key: String,
}

/// A declared field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FormField {
    /// The property it sets.
    pub(crate) name: String,
    /// What it begins with.
    pub(crate) default: String,
    /// What may be chosen; empty for any text.
    pub(crate) choices: Vec<String>,
}

/// The prefix of declared fields, so that no property can pose as a field of ours.
const PROPERTY: &str = "property.";

/// The form of a builder, from the schedulers of the farm.
pub(crate) fn force(builder: &str, schedulers: &[Row], workers: &[Row], key: String) -> ForceForm {
    let mut fields: Vec<FormField> = Vec::new();
    let mut by = Vec::new();
    let named = |s: &&Row| {
        let builders: Vec<String> = s.json("builders").unwrap_or_default();
        s.text("kind") == "force" && s.flag("active") && builders.iter().any(|b| b == builder)
    };
    for scheduler in schedulers.iter().filter(named) {
        by.push(scheduler.text("name").to_owned());
        for param in params(scheduler) {
            if fields.iter().all(|f| f.name != param.name) {
                fields.push(field(param));
            }
        }
    }
    let workers = workers.iter().map(|w| w.text("name").to_owned()).collect();
    ForceForm { builder: builder.to_owned(), fields, workers, by, key }
}

fn params(scheduler: &Row) -> Vec<Param> {
    scheduler.json::<Force>("spec").map(|force| force.params).unwrap_or_default()
}

fn field(param: Param) -> FormField {
    let choices = match param.kind {
        ParamKind::Text => Vec::new(),
        ParamKind::Choice(choices) => choices,
    };
    let default = param.default.or_else(|| choices.first().cloned()).unwrap_or_default();
    FormField { name: param.name, default, choices }
}

/// What a filled form asks for, and its key.
///
/// # Errors
/// A sentence for the person who filled it in.
pub(crate) fn filled(
    pairs: &BTreeMap<String, String>,
) -> Result<(rest::Force, Option<String>), String> {
    let given = |name: &str| pairs.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
    let priority = match given("priority") {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| format!("the priority `{text}` is not a whole number"))?
        }
    };
    let declared = pairs.iter().filter_map(|(name, value)| {
        name.strip_prefix(PROPERTY).map(|name| (name.to_owned(), value.clone()))
    });
    let mut properties: BTreeMap<String, String> = declared.collect();
    for line in given("more").unwrap_or_default().lines().filter(|l| !l.trim().is_empty()) {
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| format!("`{line}` is not a property; write name=value, one a line"))?;
        properties.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    let owned = |name| given(name).map(str::to_owned);
    let force = rest::Force {
        branch: owned("branch"),
        revision: owned("revision"),
        priority,
        worker: owned("worker"),
        reason: owned("reason"),
        properties,
    };
    Ok((force, owned("key")))
}

#[cfg(test)]
mod tests {
    use steading_core::words::Cell;

    use super::*;

    #[test]
    fn declared_parameters_become_fields() {
        let force = Force {
            builders: vec!["deploy".into()],
            params: vec![
                Param {
                    name: "channel".into(),
                    kind: ParamKind::Choice(vec!["beta".into(), "stable".into()]),
                    default: None,
                },
                Param { name: "notes".into(), kind: ParamKind::Text, default: Some("-".into()) },
            ],
            start_within: None,
        };
        let spec = serde_json::to_string(&force).expect("plain values");
        let scheduler = Row::from_iter([
            ("name", Cell::from("release")),
            ("kind", "force".into()),
            ("active", true.into()),
            ("builders", r#"["deploy"]"#.into()),
            ("spec", spec.as_str().into()),
        ]);
        let rows = [scheduler];
        let form = super::force("deploy", &rows, &[], "k".into());
        let names: Vec<_> = form.fields.iter().map(|f| (&*f.name, &*f.default)).collect();
        assert_eq!(names, [("channel", "beta"), ("notes", "-")]);
        assert_eq!(super::force("hello", &rows, &[], "k".into()).fields, []);
    }

    #[test]
    fn a_filled_form_is_a_force() {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
        };
        let (force, key) = filled(&pairs(&[
            ("branch", " main "),
            ("revision", ""),
            ("priority", "5"),
            ("property.channel", "beta"),
            ("more", "a = 1\n\nb=x=y"),
            ("key", "abc"),
        ]))
        .expect("a good form");
        assert_eq!(
            (force.branch.as_deref(), force.revision, force.priority),
            (Some("main"), None, 5)
        );
        let properties: Vec<_> = force.properties.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(properties, ["a=1", "b=x=y", "channel=beta"]);
        assert_eq!(key.as_deref(), Some("abc"));
        assert!(filled(&pairs(&[("priority", "high")])).is_err());
        assert!(filled(&pairs(&[("more", "what")])).is_err());
    }
}
