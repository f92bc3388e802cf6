//! Files: from a folder, from a stored configuration, broken ones, and always the same.

mod support;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use steading_config::{Options, load, load_policy, load_texts, load_with};
use support::{bad, good};

const FARM: &str = r#"load("//lib/rust.star", "rust")

repo = git("../hello")

builder("hello", steps = rust(repo))
on_change(repo, builders = "hello")
policy(order = [highest(lambda request: request.priority), oldest()])
"#;

const LIB: &str = r#"def rust(repo):
    return [checkout(repo), shell("cargo test", when = lambda build: build.branch == "main")]
"#;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let farm = folder.path().join("farm");
    fs::create_dir_all(farm.join("lib")).expect("folders");
    fs::create_dir(folder.path().join("hello")).expect("a repository");
    fs::write(farm.join("farm.star"), FARM).expect("farm.star");
    fs::write(farm.join("lib/rust.star"), LIB).expect("rust.star");
    folder
}

fn failure(path: &Path) -> String {
    let root = path.ancestors().find(|a| a.parent() == Some(Path::new("/tmp"))).unwrap_or(path);
    let text = load(path).expect_err("this is no farm").to_string();
    text.replace(&root.display().to_string(), "TEMP")
}

#[test]
fn a_folder_and_its_stored_texts_are_the_same_farm() {
    let folder = folder();
    let root = folder.path().join("farm");
    let loaded = load(&root).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.warnings, []);
    let names: Vec<&String> = loaded.text.files.keys().collect();
    assert_eq!(names, ["farm.star", "lib/rust.star"]);
    assert!(loaded.text.evaluator.starts_with("starlark "));
    let real = fs::canonicalize(&root).expect("the folder");
    let again = load_texts(&loaded.text.files, &real).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((again.farm, again.text), (loaded.farm, loaded.text));
    assert_eq!(again.policy.order(), loaded.policy.order());
}

#[test]
fn a_repository_by_path_is_found_from_the_farm() {
    let folder = folder();
    let loaded = load(&folder.path().join("farm")).unwrap_or_else(|errors| panic!("{errors}"));
    let repository = &loaded.farm.repositories["../hello"];
    let real = fs::canonicalize(folder.path().join("hello")).expect("the repository");
    assert_eq!(Path::new(&repository.url), real);
}

#[test]
fn a_repository_that_is_not_there_is_a_warning() {
    let folder = folder();
    fs::remove_dir(folder.path().join("hello")).expect("removed");
    let loaded = load(&folder.path().join("farm")).unwrap_or_else(|errors| panic!("{errors}"));
    let warnings: Vec<String> = loaded.warnings.iter().map(|w| w.message.clone()).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("there is no repository at "), "{warnings:?}");
}

#[test]
fn a_star_file_of_another_name_begins_a_farm_too() {
    let folder = folder();
    let other = folder.path().join("farm/other.star");
    fs::write(
        &other,
        "load(\"//lib/rust.star\", \"rust\")\nbuilder(\"x\", steps = rust(git(\"a\")))\n",
    )
    .expect("other.star");
    let loaded = load(&other).unwrap_or_else(|errors| panic!("{errors}"));
    let root = fs::canonicalize(folder.path().join("farm")).expect("the folder");
    let again = load_texts(&loaded.text.files, &root).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(again.farm, loaded.farm);
}

#[test]
fn the_hash_covers_names_and_texts() {
    let hash = |files: &[(&str, &str)]| {
        support::load_files(files).unwrap_or_else(|errors| panic!("{errors}")).text.hash
    };
    let one = hash(&[("farm.star", "worker(\"a\")\n")]);
    assert_eq!(one, hash(&[("farm.star", "worker(\"a\")\n")]));
    assert_ne!(one, hash(&[("farm.star", "worker(\"a\") \n")]));
    assert_ne!(one, hash(&[("other.star", "worker(\"a\")\n")]));
    assert_eq!(one.len(), 64);
}

#[test]
fn a_farm_without_workers_has_its_own() {
    let folder = folder();
    let options = Options { local_slots: 6 };
    let loaded = load_with(&folder.path().join("farm"), &options).expect("a farm");
    let [local] = loaded.farm.workers.as_slice() else { panic!("{:?}", loaded.farm.workers) };
    assert_eq!((local.name.as_str(), local.slots, local.pattern), ("local", 6, false));
    assert!(local.labels.is_empty());
}

#[test]
fn what_is_no_farm() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("notes.txt"), "x").expect("a file");
    insta::assert_snapshot!(failure(&at("nowhere")), @r#"
    error: cannot read TEMP/nowhere: No such file or directory (os error 2)
      = help: give the directory of a farm, or the path of its .star file
    "#);
    insta::assert_snapshot!(failure(&at("hello")), @r#"
    error: TEMP/hello has no farm.star
      = help: a farm is a directory with a farm.star; examples/hello has a small one
    "#);
    insta::assert_snapshot!(failure(&at("notes.txt")), @"error: TEMP/notes.txt is neither a directory nor a .star file");
}

#[test]
fn files_that_are_no_text() {
    let folder = folder();
    let lib = folder.path().join("farm/lib/rust.star");
    fs::write(&lib, b"ok = 1\nx = \"\xff\"\n").expect("bytes");
    insta::assert_snapshot!(failure(&folder.path().join("farm")), @r#"
    error: TEMP/farm/lib/rust.star is not UTF-8: line 2 has a byte that is no letter
     --> farm.star:1:6
      |
    1 | load("//lib/rust.star", "rust")
      |      ^^^^^^^^^^^^^^^^^
    "#);
    fs::write(&lib, " ".repeat((1 << 20) + 1)).expect("much");
    insta::assert_snapshot!(failure(&folder.path().join("farm")), @r#"
    error: TEMP/farm/lib/rust.star is larger than 1 MiB
     --> farm.star:1:6
      |
    1 | load("//lib/rust.star", "rust")
      |      ^^^^^^^^^^^^^^^^^
    "#);
    fs::remove_file(&lib).expect("removed");
    insta::assert_snapshot!(failure(&folder.path().join("farm")), @r#"
    error: cannot read TEMP/farm/lib/rust.star: No such file or directory (os error 2)
     --> farm.star:1:6
      |
    1 | load("//lib/rust.star", "rust")
      |      ^^^^^^^^^^^^^^^^^
    "#);
    fs::create_dir(&lib).expect("a folder");
    insta::assert_snapshot!(failure(&folder.path().join("farm")), @r#"
    error: TEMP/farm/lib/rust.star is not a file
     --> farm.star:1:6
      |
    1 | load("//lib/rust.star", "rust")
      |      ^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_link_does_not_lead_out_of_the_farm() {
    let folder = folder();
    let lib = folder.path().join("farm/lib/rust.star");
    fs::write(folder.path().join("outside.star"), LIB).expect("a file");
    fs::remove_file(&lib).expect("removed");
    std::os::unix::fs::symlink("../../outside.star", &lib).expect("a link");
    insta::assert_snapshot!(failure(&folder.path().join("farm")), @r#"
    error: lib/rust.star is a link to outside of the farm
     --> farm.star:1:6
      |
    1 | load("//lib/rust.star", "rust")
      |      ^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn an_empty_stored_configuration_is_refused() {
    let errors = load_texts(&Default::default(), Path::new("/farm")).expect_err("no files");
    assert_eq!(errors.to_string(), "error: the stored configuration has no files");
}

#[test]
fn what_print_says_is_a_warning() {
    let warnings = good("print(\"hello\", 3)\n").warnings;
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning.to_string(), "warning: print: hello 3\n --> farm.star");
}

#[test]
fn a_branch_nobody_watches_is_a_warning() {
    let text = "r = git(\"https://x.org/r\", branches = [\"main\"])\nbuilder(\"b\", steps = [checkout(r)])\n\
                on_change(r, builders = \"b\", branch = \"dev\")\n";
    let warnings = good(text).warnings;
    insta::assert_snapshot!(warnings[0], @r#"
    warning: branch "dev" of this repository is not watched
     --> farm.star:3:39
      |
    3 | on_change(r, builders = "b", branch = "dev")
      |                                       ^^^^^
      = note: `branches` of `git` at farm.star:1:5
      = help: add it to `branches` of `git(…)`
    "#);
}

#[test]
fn the_first_example_of_the_reference_is_a_farm() {
    let reference = include_str!("../../../docs/farm-star.md");
    let (_, rest) = reference.split_once("```python\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    assert_eq!(good(example).farm.builders.len(), 1);
}

#[test]
fn many_small_files_are_within_the_limits() {
    let mut files: Vec<(String, String)> =
        (0..900).map(|n| (format!("l{n}.star"), format!("x{n} = {n}\n"))).collect();
    let loads = (0..900).map(|n| format!("load(\"//l{n}.star\", \"x{n}\")\n"));
    files.push(("farm.star".to_owned(), loads.collect()));
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    assert!(support::load_files(&files).is_ok());
}

#[test]
fn a_thousand_builders_are_well_within_the_limits() {
    let text = "[builder(\"b%d\" % n, steps = [shell([\"make\", prop(\"x\")]) for _ in range(9)]) for n in range(1000)]\n";
    assert_eq!(good(text).farm.builders.len(), 1000);
}

#[test]
fn deep_and_long_texts_are_harmless() {
    for part in ["(", "[", "{", "-", "not ", "1+", "lambda: ", "1 if 1 else ", "a.", "f(", "x and "]
    {
        for count in [900, 200_000] {
            let _ = support::load(&format!("x = {}", part.repeat(count)));
        }
    }
    let _ = support::load(&format!("if 1:\n  pass\n{}", "elif 1:\n  pass\n".repeat(50_000)));
    let nested = (0..700).map(|depth| format!("{}if 1:\n", " ".repeat(depth)));
    let _ = support::load(&format!("{}{}pass\n", nested.collect::<String>(), " ".repeat(700)));
    assert!(bad("x = \"\"\"").contains("farm.star"), "an open string has a place");
}

/// Pieces that arbitrary texts are made of: torn farms find more than torn bytes.
const PIECES: [&str; 46] = [
    "git(",
    "worker(",
    "workers(",
    "lock(",
    "builder(",
    "checkout(",
    "shell(",
    "upload(",
    "prop(",
    "join(",
    "on_change(",
    "force(",
    "choice(",
    "text(",
    "policy(",
    "highest(",
    "oldest()",
    "aging(",
    "fair(",
    ".counting(",
    ".exclusive()",
    "\"a\"",
    "\"b*\"",
    "\"10s\"",
    "repo",
    "name = ",
    "steps = ",
    "locks = ",
    "when = ",
    "lambda request: ",
    "lambda a, b: ",
    "None",
    "True",
    "-1",
    "1.5",
    "[",
    "]",
    "{",
    "}",
    ": ",
    ", ",
    ")",
    "\n",
    "x = ",
    "é",
    " for n in range(3)",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_a_farm_or_a_list_of_findings(text in "\\PC{0,80}") {
        if let Err(errors) = support::load(&text) {
            prop_assert!(!errors.0.is_empty() && !errors.to_string().is_empty());
        }
    }

    #[test]
    fn any_pieces_load_the_same_twice(picks in prop::collection::vec(0..PIECES.len(), 0..30)) {
        let text: String = picks.iter().map(|pick| PIECES[*pick]).collect();
        let (once, twice) = (support::load(&text), support::load(&text));
        match (once, twice) {
            (Ok(a), Ok(b)) => {
                prop_assert_eq!(a.farm, b.farm);
                prop_assert_eq!(a.policy.order(), b.policy.order());
                prop_assert_eq!(a.text, b.text);
            }
            (Err(a), Err(b)) => prop_assert_eq!(a, b),
            (a, b) => prop_assert!(false, "{:?} and {:?}", a.is_ok(), b.is_ok()),
        }
    }
}

#[test]
fn a_policy_is_read_from_a_farm_or_from_a_file_of_its_own() {
    let folder = folder();
    let farm = folder.path().join("farm");
    let labels = |path: &Path| {
        let policy = load_policy(path).unwrap_or_else(|errors| panic!("{errors}"));
        policy.order().iter().map(|term| term.label.clone()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&farm), ["highest(lambda request: request.priority)", "oldest()"]);
    assert_eq!(labels(&farm.join("farm.star")), labels(&farm));
    let alone = folder.path().join("other.star");
    fs::write(&alone, "policy(order = [newest()])").expect("written");
    assert_eq!(labels(&alone), ["newest()"]);
    let failure = |text: &str| {
        fs::write(&alone, text).expect("written");
        load_policy(&alone).expect_err("no policy").to_string()
    };
    assert!(failure("x = 1").contains("other.star says no policy(…)"));
    assert!(failure("policy(order = [lambda request: 1])").contains("has no direction"));
}
