//! From a step of a plan to what a worker must do.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use steading_core::farm::{Command, Farm, PlanStep, StepKind, without_password};
use steading_core::lifecycle::deadlines::{ALWAYS, STEP};
use steading_core::words::{Build, BuildState, SourceStamp};
use steading_wire::worker::{MESSAGE_BYTES_MAX, Primitive, encode};

use super::arguments::{value, words};

/// Longest primitive, as it is sent: a larger message would be refused by the worker's link, and
/// the report that repeats its words by ours.
const PRIMITIVE_BYTES_MAX: usize = MESSAGE_BYTES_MAX / 2;

/// What a step needs besides its build.
#[derive(Debug, Clone)]
pub(super) struct Materials {
    /// The farm the build began with.
    pub(super) farm: std::sync::Arc<crate::farms::Present>,
    /// The stamps of its buildset, one per repository.
    pub(super) stamps: Vec<SourceStamp>,
}

/// What the worker must do, or a sentence that says why nobody could.
pub(super) fn primitive(
    build: &Build,
    step: &PlanStep,
    materials: &Materials,
) -> Result<Primitive, String> {
    let primitive = derived(build, step, materials)?;
    match encode(&primitive).len() {
        size if size > PRIMITIVE_BYTES_MAX => Err(format!(
            "its command and environment have {size} bytes, more than {PRIMITIVE_BYTES_MAX}; pass \
             long values in a file"
        )),
        _ => Ok(primitive),
    }
}

fn derived(build: &Build, step: &PlanStep, materials: &Materials) -> Result<Primitive, String> {
    match &step.kind {
        StepKind::Checkout { repository, submodules } => {
            checkout(&materials.farm.farm, &materials.stamps, repository, *submodules)
        }
        StepKind::Shell { .. } => process(build, &step.kind, &materials.farm.farm),
        StepKind::Upload { paths } => {
            let paths = words(paths, &build.properties).map_err(|e| e.to_string())?;
            Ok(Primitive::Upload { paths })
        }
    }
}

fn checkout(
    farm: &Farm,
    stamps: &[SourceStamp],
    name: &str,
    submodules: bool,
) -> Result<Primitive, String> {
    let repository = farm.repositories.get(name);
    let stamp = stamps.iter().find(|stamp| stamp.repository == name);
    match (repository, stamp) {
        (Some(repository), Some(stamp)) => Ok(Primitive::Checkout {
            url: repository.url.clone(),
            branch: stamp.branch.clone(),
            revision: stamp.revision.clone(),
            submodules,
        }),
        _ => Err(format!("the build has no revision of repository `{name}`")),
    }
}

fn process(build: &Build, kind: &StepKind, farm: &Farm) -> Result<Primitive, String> {
    let StepKind::Shell { command, env, workdir, timeout, idle_timeout } = kind else {
        return Err("only shell steps run processes".to_owned());
    };
    let argv = match command {
        Command::Script(script) => ["/bin/sh", "-e", "-c", script].map(str::to_owned).to_vec(),
        Command::Words(args) => words(args, &build.properties).map_err(|e| e.to_string())?,
    };
    if argv.is_empty() {
        return Err("every word of its command is empty".to_owned());
    }
    let mut environment = BTreeMap::new();
    for (name, arg) in env {
        let text = value(arg, &build.properties).map_err(|e| e.to_string())?;
        environment.insert(name.clone(), text);
    }
    let timeout = match build.state {
        BuildState::Cancelling => timeout.unwrap_or(ALWAYS).min(ALWAYS),
        _ => timeout.unwrap_or(STEP),
    };
    Ok(Primitive::Process {
        argv,
        env: environment,
        workdir: workdir.clone(),
        timeout_ms: Some(timeout.0),
        idle_timeout_ms: idle_timeout.map(|t| t.0),
        log_bytes_max: farm.builders.get(&build.builder).and_then(|builder| builder.log_limit),
    })
}

/// The command as people read it in history.
pub(super) fn described(primitive: &Primitive) -> Value {
    match primitive {
        Primitive::Process { argv, .. } => json!({ "argv": argv }),
        Primitive::Checkout { url, branch, revision, .. } => {
            json!({ "checkout": without_password(url), "branch": branch, "revision": revision })
        }
        Primitive::Upload { paths } => json!({ "upload": paths }),
    }
}

/// Whether doing it prints anything that is kept.
pub(super) fn has_logs(primitive: &Primitive) -> bool {
    !matches!(primitive, Primitive::Upload { .. })
}
