//! Farms that are right, and what they come to.

mod support;

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
