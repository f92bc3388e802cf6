//! Forcing a builder: through its form where there is one, freely otherwise.

use std::collections::BTreeMap;

use crate::farm::{Farm, Force, Param, ParamKind};
use crate::matcher::{Why, could_run};
use crate::words::{Properties, Property, Value};

/// Properties every build has from the farm itself: nobody else may set them.
pub const RESERVED: [&str; 8] =
    ["repository", "branch", "revision", "builder", "worker", "build_number", "reason", "owner"];

/// A wish that may go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forced {
    /// The `force(…)` it passed through, if the builder has one.
    pub scheduler: Option<String>,
    /// Its properties, defaults included.
    pub properties: Properties,
}

/// Why a builder is not forced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForceError {
    /// There is no such builder.
    #[error("the farm has no builder `{builder}`{}", one_of(" it has", .known))]
    NoBuilder {
        /// The name given.
        builder: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A property only the farm sets.
    #[error("property `{name}` is set by the farm itself: choose another name")]
    Reserved {
        /// Its name.
        name: String,
    },
    /// The form has no such parameter.
    #[error("`{form}` has no parameter `{name}`{}", one_of(" it has", .known))]
    UnknownParameter {
        /// The `force(…)`.
        form: String,
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A choice that is none.
    #[error("`{value}` is no choice for `{name}` of `{form}`{}", one_of(" choose", .choices))]
    NoChoice {
        /// The `force(…)`.
        form: String,
        /// The parameter.
        name: String,
        /// The value given.
        value: String,
        /// The values there are.
        choices: Vec<String>,
    },
    /// A parameter without default that was not given.
    #[error("`{form}` needs `{name}`{}", one_of(" choose", .choices))]
    Missing {
        /// The `force(…)`.
        form: String,
        /// The parameter.
        name: String,
        /// The values there are.
        choices: Vec<String>,
    },
    /// No worker of that name is declared or admitted.
    #[error("the farm has no worker `{worker}` and no `workers(…)` that admits it")]
    NoWorker {
        /// The name given.
        worker: String,
    },
    /// The worker could never run this builder.
    #[error("worker `{worker}` can never run `{builder}`: {}", .why.text())]
    Ineligible {
        /// The worker.
        worker: String,
        /// The builder.
        builder: String,
        /// What is in the way.
        why: Why,
    },
}

fn one_of(lead: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    format!(":{lead} {}", names.join(", "))
}

/// Whether a builder may be forced with these properties on that worker (any, if `None`). If
/// `force(…)` declarations name the builder, the wish passes through the first, in name order, that
/// takes it.
///
/// # Errors
/// When the builder, a parameter, a value or the worker is not what the farm declares; with several
/// forms, the error is the first form's.
pub fn force(
    farm: &Farm,
    builder: &str,
    given: &BTreeMap<String, String>,
    pinned: Option<&str>,
) -> Result<Forced, ForceError> {
    if !farm.builders.contains_key(builder) {
        let known = farm.builders.keys().cloned().collect();
        return Err(ForceError::NoBuilder { builder: builder.to_owned(), known });
    }
    if let Some(worker) = pinned {
        pin(farm, builder, worker)?;
    }
    if let Some(name) = given.keys().find(|name| RESERVED.contains(&name.as_str())) {
        return Err(ForceError::Reserved { name: name.clone() });
    }
    let mut refused = None;
    for (name, form) in farm.forces(builder) {
        match fill(name, form, given) {
            Ok(properties) => {
                return Ok(Forced { scheduler: Some(name.clone()), properties });
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match refused {
        Some(error) => Err(error),
        None => Ok(Forced { scheduler: None, properties: properties(given) }),
    }
}

fn pin(farm: &Farm, builder: &str, worker: &str) -> Result<(), ForceError> {
    let worker = worker.to_owned();
    if farm.worker(&worker).is_none() {
        return Err(ForceError::NoWorker { worker });
    }
    could_run(farm, builder, &worker).map_err(|why| {
        let builder = builder.to_owned();
        ForceError::Ineligible { worker, builder, why }
    })
}

/// The properties a form makes of what was given.
fn fill(
    form: &str,
    force: &Force,
    given: &BTreeMap<String, String>,
) -> Result<Properties, ForceError> {
    let unknown = given.keys().find(|name| !force.params.iter().any(|p| p.name == **name));
    if let Some(name) = unknown {
        let known = force.params.iter().map(|p| p.name.clone()).collect();
        let (form, name) = (form.to_owned(), name.clone());
        return Err(ForceError::UnknownParameter { form, name, known });
    }
    let mut filled = BTreeMap::new();
    for param in &force.params {
        filled.insert(param.name.clone(), value(form, param, given.get(&param.name))?);
    }
    Ok(properties(&filled))
}

/// What a parameter becomes: a text that is not given is empty, a choice must be made.
fn value(form: &str, param: &Param, given: Option<&String>) -> Result<String, ForceError> {
    let (form, name) = (form.to_owned(), param.name.clone());
    match (&param.kind, given.or(param.default.as_ref())) {
        (ParamKind::Text, value) => Ok(value.cloned().unwrap_or_default()),
        (ParamKind::Choice(choices), None) => {
            Err(ForceError::Missing { form, name, choices: choices.clone() })
        }
        (ParamKind::Choice(choices), Some(value)) if !choices.contains(value) => {
            let (value, choices) = (value.clone(), choices.clone());
            Err(ForceError::NoChoice { form, name, value, choices })
        }
        (ParamKind::Choice(_), Some(value)) => Ok(value.clone()),
    }
}

fn properties(values: &BTreeMap<String, String>) -> Properties {
    let property =
        |value: &String| Property { value: Value::Text(value.clone()), source: "force".to_owned() };
    values.iter().map(|(name, value)| (name.clone(), property(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::{Builder, Plan, Scheduler, WorkerSpec};

    fn farm() -> Farm {
        let mut farm = Farm::default();
        for (name, os) in [("build", "linux"), ("deploy", "linux"), ("sign", "mac")] {
            let builder = Builder {
                name: name.into(),
                requires: [("os".to_owned(), Value::from(os))].into(),
                workers: Vec::new(),
                locks: Vec::new(),
                plan: Plan::default(),
                ..Builder::default()
            };
            farm.builders.insert(name.into(), builder);
        }
        let labels = [("os".to_owned(), Value::from("linux"))];
        farm.workers = vec![WorkerSpec {
            name: "linux-*".into(),
            pattern: true,
            slots: 1,
            labels: labels.into(),
            ..WorkerSpec::default()
        }];
        let param = |name: &str, kind, default: Option<&str>| Param {
            name: name.into(),
            kind,
            default: default.map(Into::into),
        };
        let channel = ParamKind::Choice(vec!["beta".into(), "stable".into()]);
        let params = vec![
            param("channel", channel.clone(), Some("beta")),
            param("notes", ParamKind::Text, None),
        ];
        let release = Force { builders: vec!["deploy".into()], params, ..Force::default() };
        farm.schedulers.insert("release".into(), Scheduler::Force(release));
        let sign = Force {
            builders: vec!["sign".into()],
            params: vec![param("channel", channel, None)],
            ..Force::default()
        };
        farm.schedulers.insert("signing".into(), Scheduler::Force(sign));
        farm
    }

    #[test]
    fn a_form_is_passed_through_and_anything_else_is_free() {
        let check = |builder: &str, given: &[(&str, &str)], pin: Option<&str>, expected: &str| {
            let given = given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let found = match force(&farm(), builder, &given, pin) {
                Err(error) => error.to_string(),
                Ok(Forced { scheduler, properties }) => {
                    assert!(properties.values().all(|p| p.source == "force"));
                    let values = properties.iter().map(|(n, p)| format!("{n}={:?}", p.value));
                    let values = values.collect::<Vec<_>>().join(" ");
                    format!("{} {values}", scheduler.as_deref().unwrap_or("free"))
                }
            };
            assert_eq!(found, expected);
        };
        check("build", &[("x", "1")], None, "free x=Text(\"1\")");
        check("build", &[], Some("linux-7"), "free ");
        check("deploy", &[], None, r#"release channel=Text("beta") notes=Text("")"#);
        check(
            "deploy",
            &[("channel", "stable"), ("notes", "hi")],
            None,
            r#"release channel=Text("stable") notes=Text("hi")"#,
        );
        check(
            "deploy",
            &[("channel", "nightly")],
            None,
            "`nightly` is no choice for `channel` of `release`: choose `beta`, `stable`",
        );
        check(
            "deploy",
            &[("chanel", "beta")],
            None,
            "`release` has no parameter `chanel`: it has `channel`, `notes`",
        );
        check("sign", &[], None, "`signing` needs `channel`: choose `beta`, `stable`");
        check(
            "biuld",
            &[],
            None,
            "the farm has no builder `biuld`: it has `build`, `deploy`, `sign`",
        );
        check(
            "build",
            &[("branch", "x")],
            None,
            "property `branch` is set by the farm itself: choose another name",
        );
        check(
            "build",
            &[],
            Some("barn"),
            "the farm has no worker `barn` and no `workers(…)` that admits it",
        );
        check(
            "sign",
            &[("channel", "beta")],
            Some("linux-7"),
            "worker `linux-7` can never run `sign`: label `os` is `linux`, `mac` is required",
        );
    }

    #[test]
    fn with_several_forms_the_first_that_takes_it_is_used() {
        let mut farm = farm();
        let any = Force { builders: vec!["deploy".into()], ..Force::default() };
        farm.schedulers.insert("again".into(), Scheduler::Force(any));
        let with = |given: BTreeMap<String, String>| {
            force(&farm, "deploy", &given, None).map(|forced| forced.scheduler)
        };
        assert_eq!(with(BTreeMap::new()), Ok(Some("again".into())));
        let given = [("notes".to_owned(), "x".to_owned())].into();
        assert_eq!(with(given), Ok(Some("release".into())));
    }
}
