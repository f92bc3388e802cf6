//! A plausible past: green builds, warnings, a failure, an exception, a cancelled build, two that
//! run, some that wait.

use steading_core::words::Outcome;

use crate::farm::{Farm, Made, Past, Told, step};

const BUILDERS: [(&str, &[&str]); 4] = [
    ("hello-stable", &["checkout", "build", "test", "docs", "upload"]),
    ("hello-beta", &["checkout", "build", "test", "docs", "upload"]),
    ("kernel-arm64", &["checkout", "build", "boot-test", "publish"]),
    ("docs", &["checkout", "render"]),
];

fn checkout() -> Told {
    step(
        "checkout",
        3_100,
        &[
            "!Cloning into '.'...",
            "!remote: Enumerating objects: 1284, done.",
            "!Receiving objects:  40%\r!Receiving objects: 100% (1284/1284), 2.1 MiB, done.",
            "HEAD is now at 4f1c9ad",
        ],
    )
}

fn compile() -> Told {
    let crates = ["core", "frames", "store", "wire", "master", "web", "worker"];
    let mut lines: Vec<String> = crates
        .iter()
        .map(|name| format!("!\x1b[1m\x1b[32m   Compiling\x1b[0m hello-{name} v0.1.0"))
        .collect();
    lines.push("!\x1b[1m\x1b[33mwarning\x1b[0m\x1b[1m: unused variable: `tab`\x1b[0m".into());
    lines.push("!  \x1b[1m\x1b[34m--> \x1b[0msrc/parser.rs:41:9".into());
    lines.push("!\x1b[1m\x1b[32m    Finished\x1b[0m `dev` profile in 58.21s".into());
    Told { lines, ..step("build", 58_400, &[]) }
}

fn tests(count: usize) -> Told {
    let mut lines = vec![format!("running {count} tests")];
    lines.extend((0..count).map(|n| format!("test parser::case_{n:03} ... \x1b[32mok\x1b[0m")));
    lines.push(format!("test result: \x1b[32mok\x1b[0m. {count} passed; 0 failed"));
    Told { lines, ..step("test", 31_900, &[]) }
}

fn boot_test() -> Told {
    let mut lines: Vec<String> = (0..205)
        .map(|n| format!("[    0.{n:03}] pci 0000:00:{:02x}.0: BAR {}: assigned", n % 32, n % 6))
        .collect();
    lines.extend([
        "[    0.412] smp: Brought up 1 node, 4 CPUs".into(),
        "[    0.431] devtmpfs: initialized".into(),
        "[    0.447] arch_timer: probe deferred".into(),
        "![    2.501] clocksource: no usable source, giving up".into(),
        "![    2.502] Kernel panic - not syncing: \x1b[1;31mno clock\x1b[0m".into(),
        "!qemu-system-aarch64: terminating on signal 6".into(),
    ]);
    Told { lines, ..step("boot-test", 43_800, &[]) }
        .ends(Outcome::Failure, "`make boot-test` exited 101 after 43.8 s")
}

fn hello(builder: &'static str, worker: &'static str) -> Past {
    let docs = step("docs", 7_200, &["rendered 48 pages"])
        .ends(Outcome::Warnings, "exited 1, and on_failure = \"warn\"");
    let upload = step("upload", 400, &["target/release/hello"]);
    let steps = vec![checkout(), compile(), tests(60), docs, upload];
    let artifact = Some(("target/release/hello", &b"not really a program"[..]));
    Past { artifact, ..Past::of(builder, worker, steps) }
        .ends(Outcome::Warnings, "step docs ended with warnings")
}

/// The farm after a busy day; the second value is the build that runs and prints.
pub(crate) async fn busy() -> (Farm, Made) {
    let farm = Farm::new(&BUILDERS).await;
    farm.worker("barn", 4, "linux").await;
    farm.worker("byre", 2, "linux").await;
    farm.worker("loft", 1, "linux").await;
    let messages = [
        "Teach the parser about tabs",
        "Fix a typo in the manual",
        "Render the manual in two columns",
        "Drop the fallback clock source\n\nNobody has one any more.",
        "Speed up start",
    ];
    for (n, message) in (1_u64..).zip(messages) {
        farm.later(3_600_000);
        let change =
            farm.change(n * 1_234_567, message, &["src/parser.rs", "docs/manual.md"]).await;
        let of = |past: Past| Past { change: Some(change.clone()), ..past };
        let mut green = hello("hello-stable", "barn");
        if n != 2 {
            green.steps.remove(3);
            green = green.ends(Outcome::Success, "");
        }
        farm.build(of(green)).await;
        farm.build(of(Past::of("docs", "byre", vec![checkout(), step("render", 9_000, &["ok"])])))
            .await;
        let mut kernel = vec![checkout(), Told { ms: 298_000, ..compile() }];
        if n < 4 {
            kernel.push(step("boot-test", 40_000, &["login:"]));
            kernel.push(step("publish", 900, &["vmlinux"]));
            farm.build(of(Past::of("kernel-arm64", "byre", kernel))).await;
        } else {
            kernel.push(boot_test());
            kernel.push(step("publish", 0, &[]).ends(Outcome::Skipped, "an earlier step failed"));
            let past = Past { waited_ms: 24_000, ..Past::of("kernel-arm64", "byre", kernel) };
            let why = "step boot-test failed: `make boot-test` exited 101 after 43.8 s";
            farm.build(of(past.ends(Outcome::Failure, why))).await;
        }
    }
    rest(&farm).await;
    let made = running(&farm).await;
    (farm, made)
}

async fn rest(farm: &Farm) {
    let change =
        farm.change(77_777_777, "Keep <b>angle</b> & \"quotes\" apart", &["src/a.rs"]).await;
    let lost = Past::of(
        "docs",
        "byre",
        vec![
            checkout(),
            step("render", 4_000, &["!No space left on device"])
                .ends(Outcome::Exception, "the disk of byre is full"),
        ],
    );
    farm.build(
        Past { change: Some(change.clone()), ..lost }
            .ends(Outcome::Exception, "not the change: the disk of byre is full"),
    )
    .await;
    let stopped = Past::of(
        "hello-beta",
        "barn",
        vec![checkout(), compile().ends(Outcome::Cancelled, "stopped by ann: wrong branch")],
    );
    farm.build(
        Past { change: Some(change), never: &["test", "docs", "upload"], ..stopped }
            .ends(Outcome::Cancelled, "wrong branch"),
    )
    .await;
    let pause = |w: &mut steading_store::Write<'_>| {
        w.pause_worker("loft", "ann", "a new disk is being built in")
    };
    farm.store.write("pause", pause).await.expect("pauses");
}

async fn running(farm: &Farm) -> Made {
    let change = farm.change(99_999_999, "Greet the whole farm", &["src/main.rs"]).await;
    let mut steps = vec![checkout(), compile(), Told { ms: 11_000, ..tests(24) }.runs()];
    steps[2].lines.pop();
    let past = Past {
        change: Some(change.clone()),
        never: &["docs", "upload"],
        ..Past::of("hello-stable", "barn", steps)
    };
    let kernel = vec![checkout(), Told { ms: 201_000, ..compile() }.runs()];
    let kernel = Past {
        change: Some(change.clone()),
        never: &["boot-test", "publish"],
        ..Past::of("kernel-arm64", "byre", kernel)
    };
    farm.build(kernel.runs()).await;
    let made = farm.build(past.runs()).await;
    for builder in ["hello-beta", "docs", "hello-stable"] {
        farm.submit(builder, Some(&change)).await;
    }
    farm.later(4_000);
    made
}
