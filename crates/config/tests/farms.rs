//! Farms that are right, and what they come to.

mod support;

use steading_core::farm::Scheduler;
use steading_core::words::Access;
use support::good;

const DESIGN: &str = r#"
repo = git("https://git.example.org/hello.git", branches = ["main", "release/*"], poll = "30s")

worker("barn", slots = 2, labels = {"os": "linux"})            # named worker
workers("linux-*", slots = 4, labels = {"os": "linux"})        # any worker whose name and token match

gpu  = lock("gpu", capacity = 2)                               # farm-wide
disk = lock("disk", per_worker = True, capacity = {"*": 1, "linux-7": 3})

def rust(toolchain):
    return [
        checkout(repo),
        shell("cargo build --locked", env = {"RUSTUP_TOOLCHAIN": toolchain}, timeout = "20m", idle_timeout = "5m"),
        shell(["cargo", "test", prop("test_filter", default = "")], name = "test", locks = [disk.exclusive()]),
        shell("make docs", when = lambda build: build.branch == "main", on_failure = "warn"),
        upload("target/release/hello"),
    ]

[builder("hello-" + t, steps = rust(t), requires = {"os": "linux"}, locks = [gpu.counting(1)]) for t in ["stable", "beta"]]
builder("deploy", steps = [shell("echo deploy")])

on_change(repo, builders = "hello-*", branch = "main", files = ["src/**"], quiet = "10s")
force("release", builders = ["deploy"], params = [choice("channel", ["beta", "stable"]), text("notes")])

policy(
    allow = lambda request, worker: not ("spot" in worker.labels and request.branch.startswith("release/")),
    order = [
        highest(lambda request: request.priority),
        highest(lambda request, worker: worker.last_builder == request.builder),
        oldest(),
        lowest(lambda worker: worker.busy_slots),
    ],
    collapse = lambda a, b: a.branch != "release",
)
"#;

#[test]
fn the_farm_of_the_design() {
    let loaded = good(DESIGN);
    insta::assert_debug_snapshot!("design_farm", loaded.farm);
    insta::assert_debug_snapshot!("design_order", loaded.policy.order());
    assert_eq!(loaded.warnings, []);
}

/// The steps of builder `b` with their kinds shortened to a word.
fn step_names(steps: &str) -> Vec<String> {
    let text = format!("r = git(\"r\")\nbuilder(\"b\", steps = [{steps}])\n");
    let farm = good(&text).farm;
    farm.builders["b"].plan.steps.iter().map(|step| step.name.clone()).collect()
}

#[test]
fn steps_are_called_after_what_they_do() {
    let check = |steps: &str, expected: &[&str]| {
        assert_eq!(step_names(steps), expected, "{steps}");
    };
    check(r#"checkout(r), shell("cargo build"), upload("x")"#, &["checkout", "cargo", "upload"]);
    check(r#"shell("make a"), shell("make b"), shell("make c")"#, &["make", "make-2", "make-3"]);
    check(r#"shell("make"), shell("x", name = "make")"#, &["make-2", "make"]);
    check(r#"shell(["./ci/run", "--all"]), shell([prop("tool")])"#, &["run", "shell"]);
}

#[test]
fn durations_and_defaults_of_a_scheduler() {
    let text = "r = git(\"r\", branches = \"main\")\nbuilder(\"b\", steps = [checkout(r)])\n";
    let schedulers = |more: &str| good(&format!("{text}{more}\n")).farm.schedulers;
    insta::assert_debug_snapshot!(schedulers("on_change(r, builders = \"b\")"), @r#"
    {
        "on_change:b": OnChange(
            OnChange {
                repository: "r",
                builders: [
                    "b",
                ],
                branches: [],
                files: [],
                quiet: Duration(
                    0,
                ),
                max_wait: Duration(
                    0,
                ),
                priority: 0,
                start_within: None,
                cancel_superseded: false,
                fail_fast: false,
            },
        ),
    }
    "#);
    insta::assert_debug_snapshot!(
        schedulers("on_change(r, builders = [\"b\", \"*\"], branch = \"main\", quiet = \"2s\", priority = -1)"),
        @r#"
        {
            "on_change:b,*@main": OnChange(
                OnChange {
                    repository: "r",
                    builders: [
                        "b",
                    ],
                    branches: [
                        "main",
                    ],
                    files: [],
                    quiet: Duration(
                        2000,
                    ),
                    max_wait: Duration(
                        20000,
                    ),
                    priority: -1,
                    start_within: None,
                    cancel_superseded: false,
                    fail_fast: false,
                },
            ),
        }
        "#
    );
}

#[test]
fn limits_and_bounds_reach_the_farm() {
    let text = "worker(\"a\", slots = 4, max_builds = 2)\nworkers(\"b-*\")\n\
                builder(\"one\", steps = [shell(\"x\")], max_builds = 3, max_wait = \"2h\")\n\
                builder(\"two\", steps = [shell(\"x\")])\n\
                force(\"f\", builders = \"*\", start_within = \"3h\")\n\
                force(\"g\", builders = \"one\", start_within = \"1h\")\n";
    let farm = good(text).farm;
    let limits: Vec<Option<i64>> = farm.workers.iter().map(|worker| worker.max_builds).collect();
    assert_eq!(limits, [Some(2), None]);
    assert_eq!(farm.builders["one"].max_builds, Some(3));
    let within = |builder, scheduler| farm.start_within(builder, scheduler).map(|span| span.0);
    let hours = |n: i64| Some(n * 3_600_000);
    assert_eq!(within("one", None), hours(2));
    assert_eq!((within("one", Some("f")), within("one", Some("g"))), (hours(2), hours(1)));
    assert_eq!((within("two", Some("f")), within("two", None)), (hours(3), None));
}

#[test]
fn schedulers_without_a_name_get_one_from_what_they_say() {
    let text = "r = git(\"r\")\nbuilder(\"b\", steps = [checkout(r)])\non_change(r, builders = \"*\")\n\
                on_change(r, builders = \"b\", branch = [\"main\", \"v*\"])\non_change(r, builders = \"*\")\n\
                on_change(r, builders = \"b\", name = \"mine\")\nforce(\"f\", builders = \"b\")\n";
    let names: Vec<String> = good(text).farm.schedulers.into_keys().collect();
    assert_eq!(names, ["f", "mine", "on_change:*", "on_change:*-2", "on_change:b@main,v*"]);
}

#[test]
fn a_bare_lock_is_one_unit_and_with_one_unit_all_of_it() {
    let locks = |capacity: &str, taken: &str| {
        let text = format!(
            "l = lock(\"l\", {capacity})\nbuilder(\"b\", steps = [shell(\"x\")], locks = [{taken}])\n"
        );
        good(&text).farm.builders["b"].locks[0].access
    };
    assert_eq!(locks("capacity = 1", "l"), Access::Exclusive);
    assert_eq!(locks("capacity = 3", "l"), Access::Counting(1));
    assert_eq!(locks("per_worker = True, capacity = {\"*\": 1}", "l"), Access::Counting(1));
    assert_eq!(locks("capacity = 3", "l.counting(2)"), Access::Counting(2));
    assert_eq!(locks("capacity = 3", "l.counting()"), Access::Counting(1));
    assert_eq!(locks("capacity = 3", "l.exclusive()"), Access::Exclusive);
}

#[test]
fn values_of_the_build_reach_words_and_environment() {
    let text = r#"
channel = prop("channel", default = "beta")
builder("b", steps = [
    shell(["deploy", join("--channel=", channel), 3], env = {"N": 4, "WHO": prop("owner")}),
    upload(["out/**/*.deb", join("logs/", channel)], name = "packages", always = True),
])
"#;
    insta::assert_debug_snapshot!(good(text).farm.builders["b"].plan.steps, @r#"
    [
        PlanStep {
            name: "deploy",
            kind: Shell {
                command: Words(
                    [
                        Text(
                            "deploy",
                        ),
                        Join(
                            [
                                Text(
                                    "--channel=",
                                ),
                                Prop {
                                    name: "channel",
                                    default: Some(
                                        "beta",
                                    ),
                                },
                            ],
                        ),
                        Text(
                            "3",
                        ),
                    ],
                ),
                env: {
                    "N": Text(
                        "4",
                    ),
                    "WHO": Prop {
                        name: "owner",
                        default: None,
                    },
                },
                workdir: None,
                timeout: None,
                idle_timeout: None,
            },
            locks: [],
            when: None,
            on_failure: Fail,
            always: false,
        },
        PlanStep {
            name: "packages",
            kind: Upload {
                paths: [
                    Text(
                        "out/**/*.deb",
                    ),
                    Join(
                        [
                            Text(
                                "logs/",
                            ),
                            Prop {
                                name: "channel",
                                default: Some(
                                    "beta",
                                ),
                            },
                        ],
                    ),
                ],
            },
            locks: [],
            when: None,
            on_failure: Fail,
            always: true,
        },
    ]
    "#);
}

#[test]
fn forms_have_defaults() {
    let text = r#"
builder("b", steps = [shell("x")])
force("f", builders = "b", params = [
    choice("channel", ["beta", "stable"]),
    choice("size", ["s", "l"], default = "l"),
    text("notes"),
    text("who", default = "me"),
])
"#;
    let Scheduler::Force(force) = &good(text).farm.schedulers["f"] else { panic!("a form") };
    let defaults: Vec<_> = force.params.iter().map(|p| p.default.as_deref()).collect();
    assert_eq!(defaults, [Some("beta"), Some("l"), Some(""), Some("me")]);
}

#[test]
fn an_empty_farm_is_a_farm() {
    let farm = good("").farm;
    assert_eq!((farm.builders.len(), farm.workers.len()), (0, 1));
}

#[test]
fn a_builder_may_wait_for_machines_elsewhere() {
    let text = "workers(\"linux-*\", labels = {\"os\": \"linux\"})\n\
                builder(\"a\", steps = [shell(\"x\")], requires = {\"os\": \"linux\"}, workers = [\"linux-7\"])\n";
    assert_eq!(good(text).farm.builders["a"].workers, ["linux-7"]);
}

#[test]
fn locks_in_one_order_are_no_circle() {
    let text = "a = lock(\"a\")\nb = lock(\"b\")\nc = lock(\"c\")\n\
                builder(\"one\", locks = [a], steps = [shell(\"x\", locks = [b]), shell(\"y\", locks = [c])])\n\
                builder(\"two\", locks = [b], steps = [shell(\"z\", locks = [c])])\n";
    assert_eq!(good(text).farm.builders.len(), 2);
}
