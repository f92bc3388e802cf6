//! Which crate may depend on which, read from cargo's own metadata.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::report;
use crate::sources::root;

/// The rooms each room may name.
const EDGES: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("frames", &[]),
    ("config", &["core"]),
    ("store", &["core", "frames"]),
    ("wire", &["core"]),
    ("worker", &["wire", "frames", "core"]),
    ("master", &["core", "config", "store", "frames", "wire"]),
    ("web", &["core", "store", "frames", "wire"]),
    ("steading", &["core", "config", "store", "frames", "wire", "master", "web", "worker"]),
];

/// Everything `core` may name: no runtime, no clock, no I/O, and no randomness that anything can
/// depend on: `foldhash` seeds maps that are looked up in and never walked, `smol_str` keeps short
/// texts in place.
const CORE: &[&str] =
    &["foldhash", "globset", "jiff", "serde", "serde_json", "smol_str", "thiserror"];

/// Crates with one home.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("postgres", &["store"]),
    ("starlark", &["config"]),
    ("axum", &["master", "web", "steading", "sim"]),
    ("minijinja", &["web"]),
    ("rmp-serde", &["wire"]),
    ("clap", &["steading", "sim"]),
    ("tokio-tungstenite", &["worker", "bench"]),
    ("fuser", &["faults"]),
];

fn metadata() -> Value {
    #[expect(clippy::disallowed_methods, reason = "only cargo knows what a manifest means")]
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("metadata is JSON")
}

/// Normal dependencies by room.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages.iter().map(|package| (room(text(&package["name"])), names(package))).collect()
}

fn names(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().expect("a list of dependencies");
    let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
    normal.map(|dependency| text(&dependency["name"]).to_owned()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a name")
}

fn room(package: &str) -> String {
    package.strip_prefix("steading-").unwrap_or(package).to_owned()
}

#[test]
fn rooms_name_only_the_rooms_they_may() {
    let mut findings = Vec::new();
    for (name, dependencies) in dependencies() {
        let Some((_, allowed)) = EDGES.iter().find(|(room, _)| *room == name) else { continue };
        for dependency in dependencies.iter().filter(|d| d.starts_with("steading-")) {
            if !allowed.contains(&room(dependency).as_str()) {
                findings.push(format!("{name} names {dependency}"));
            }
        }
    }
    report("a room may name only the rooms below it", &findings);
}

#[test]
fn the_core_is_pure_by_its_manifest() {
    let all = dependencies();
    let findings: Vec<String> = all["core"]
        .iter()
        .filter(|dependency| !CORE.contains(&dependency.as_str()))
        .map(|dependency| format!("core names {dependency}"))
        .collect();
    report("core has no runtime, no clock, no randomness and no I/O", &findings);
}

#[test]
fn heavy_crates_have_one_home() {
    let mut findings = Vec::new();
    for (name, dependencies) in dependencies() {
        for (dependency, homes) in HOMES {
            if dependencies.contains(*dependency) && !homes.contains(&name.as_str()) {
                findings.push(format!("{name} names {dependency}, whose home is {homes:?}"));
            }
        }
    }
    report("a crate with one home is named only there", &findings);
}

/// The README's first command is a bare `cargo run`.
#[test]
fn cargo_run_means_the_farm() {
    let metadata = metadata();
    let default = &metadata["workspace_default_members"];
    let default = default.as_array().expect("a list of packages");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let targets = packages
        .iter()
        .filter(|package| default.contains(&package["id"]))
        .flat_map(|package| package["targets"].as_array().expect("a list of targets"));
    let programs: Vec<&str> = targets
        .filter(|target| target["kind"][0] == "bin")
        .map(|target| text(&target["name"]))
        .collect();
    assert_eq!(programs, ["steading"], "programs of the default members");
}
