//! What is printed for farms that are wrong: one test per kind, the text is the product.

mod support;

use support::{bad, good, load_files};

/// Declarations that other lines need.
const FARM: &str = r#"repo = git("https://git.example.org/hello.git", branches = ["main"])
gpu = lock("gpu", capacity = 2)
disk = lock("disk", per_worker = True, capacity = {"*": 1, "linux-7": 3})
worker("barn", slots = 2, labels = {"os": "linux", "cores": 8})
builder("hello", steps = [shell("make")])
"#;

#[track_caller]
fn bad_after_farm(text: &str) -> String {
    bad(&format!("{FARM}{text}"))
}

mod texts {
    use super::*;

    #[test]
    fn syntax() {
        insta::assert_snapshot!(bad("worker(\"barn\"\nworker(\"shed\")\n"), @r#"
        error: unexpected identifier 'worker', expected symbol ')'
         --> farm.star:2:1
          |
        2 | worker("shed")
          | ^^^^^^
        "#);
    }

    #[test]
    fn every_undefined_name() {
        insta::assert_snapshot!(bad("wroker(\"barn\")\nx = frobnicate(1)\n"), @r#"
        error: there is nothing named `wroker`
         --> farm.star:1:1
          |
        1 | wroker("barn")
          | ^^^^^^
          = help: did you mean `worker`?

        error: there is nothing named `frobnicate`
         --> farm.star:2:5
          |
        2 | x = frobnicate(1)
          |     ^^^^^^^^^^
        "#);
    }

    #[test]
    fn a_type_the_interpreter_refuses() {
        insta::assert_snapshot!(bad("def label(n):\n    return \"w\" + n\n\nworker(label(1))\n"), @r#"
        error: operation `+` not supported for types `string` and `int`
         --> farm.star:2:12
          |
        2 |     return "w" + n
          |            ^^^^^^^
          = note: called from farm.star:4:8
        "#);
    }

    #[test]
    fn fail_is_the_users_own_word() {
        insta::assert_snapshot!(bad("fail(\"set TOOLCHAINS first\")\n"), @r#"
        error: set TOOLCHAINS first
         --> farm.star:1:1
          |
        1 | fail("set TOOLCHAINS first")
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#);
    }

    #[test]
    fn parts_nested_too_deep() {
        insta::assert_snapshot!(bad(&format!("x = {}", "(".repeat(5000))), @r#"
        error: more than 2000 parts are nested or chained here
         --> farm.star:1:2003
          |
        1 | ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((
          |                                         ^
          = help: divide it with variables
        "#);
    }

    #[test]
    fn an_attribute_of_a_lock() {
        insta::assert_snapshot!(bad_after_farm("gpu.counted(1)\n"), @r#"
        error: this object has no attribute `counted`
         --> farm.star:6:1
          |
        6 | gpu.counted(1)
          | ^^^^^^^^^^^^^^
        "#);
    }

    #[test]
    fn load_of_what_is_not_there() {
        let text = "load(\"//lib.star\", \"a\")\nload(\"lib.star\", \"b\")\nload(\"//../x.star\", \"c\")\n\
                    load(\"@steading//rust.star\", \"d\")\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: the stored configuration has no lib.star
         --> farm.star:1:6
          |
        1 | load("//lib.star", "a")
          |      ^^^^^^^^^^^^

        error: "lib.star" is not a file of the farm
         --> farm.star:2:6
          |
        2 | load("lib.star", "b")
          |      ^^^^^^^^^^
          = help: files are named from the farm's directory: "//lib.star"

        error: "//../x.star" is outside of the farm
         --> farm.star:3:6
          |
        3 | load("//../x.star", "c")
          |      ^^^^^^^^^^^^^
          = help: files are named from the farm's directory, as in "//lib/rust.star"

        error: this version of Steading has no file "@steading//rust.star"
         --> farm.star:4:6
          |
        4 | load("@steading//rust.star", "d")
          |      ^^^^^^^^^^^^^^^^^^^^^^
          = help: it has "@steading//policies.star"
        "#);
    }

    #[test]
    fn files_that_load_each_other() {
        let a = ("farm.star", "load(\"//a.star\", \"a\")\n");
        let files = [
            a,
            ("a.star", "load(\"//b.star\", \"b\")\n"),
            ("b.star", "load(\"//a.star\", \"a\")\n"),
        ];
        insta::assert_snapshot!(load_files(&files).expect_err("a circle"), @r#"
        error: files load each other in a circle: a.star → b.star → a.star
         --> b.star:1:6
          |
        1 | load("//a.star", "a")
          |      ^^^^^^^^^^
          = help: move what both need to a third file
        "#);
    }

    #[test]
    fn an_error_in_a_loaded_file_names_its_caller() {
        let lib = "def rust(timeout):\n    return [shell(\"cargo build\", timeout = timeout)]\n";
        let farm = "load(\"//lib.star\", \"rust\")\n\nbuilder(\"a\", steps = rust(\"20x\"))\n";
        let files = [("farm.star", farm), ("lib.star", lib)];
        insta::assert_snapshot!(load_files(&files).expect_err("a bad duration"), @r#"
        error: "20x" is not a duration
         --> lib.star:2:44
          |
        2 |     return [shell("cargo build", timeout = timeout)]
          |                                            ^^^^^^^
          = note: called from farm.star:3:22
          = help: write a whole number and a unit, one of ms, s, m, h, d, as in "30s"
        "#);
    }
}

mod arguments {
    use super::*;

    #[test]
    fn unknown_keyword() {
        insta::assert_snapshot!(bad("worker(\"barn\", slot = 2)\nworker(\"shed\", size = 2)\n"), @r#"
        error: `worker` has no argument `slot`
         --> farm.star:1:16
          |
        1 | worker("barn", slot = 2)
          |                ^^^^
          = help: did you mean `slots`?

        error: `worker` has no argument `size`
         --> farm.star:2:16
          |
        2 | worker("shed", size = 2)
          |                ^^^^
          = help: it takes `name`, `slots`, `labels`, `max_builds`, `grace`, `missing_after`, `reset`, `reset_timeout`, `reset_every`
        "#);
    }

    #[test]
    fn missing_given_twice_and_by_place() {
        let text = "worker()\nworker(\"a\", name = \"b\")\nworker(\"c\", 2)\noldest(1)\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: `worker` needs `name`
         --> farm.star:1:1
          |
        1 | worker()
          | ^^^^^^^^

        error: `name` of `worker` is given twice
         --> farm.star:2:13
          |
        2 | worker("a", name = "b")
          |             ^^^^

        error: `worker` takes only `name` by its place
         --> farm.star:3:13
          |
        3 | worker("c", 2)
          |             ^
          = help: name it, as in `slots = …`

        error: `oldest` takes no arguments
         --> farm.star:4:8
          |
        4 | oldest(1)
          |        ^
        "#);
    }

    #[test]
    fn wrong_types() {
        let text = "worker(7, slots = \"2\", labels = {\"os\": 1.5, 3: \"x\"})\n\
                    lock(\"l\", per_worker = 1)\nbuilder(\"b\", steps = shell(\"make\"))\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: `name` of `worker` must be a string, not the number 7
         --> farm.star:1:8
          |
        1 | worker(7, slots = "2", labels = {"os": 1.5, 3: "x"})
          |        ^

        error: `slots` of `worker` must be a whole number, not the string "2"
         --> farm.star:1:19
          |
        1 | worker(7, slots = "2", labels = {"os": 1.5, 3: "x"})
          |                   ^^^

        error: the keys of `labels` must be strings, not the number 3
         --> farm.star:1:33
          |
        1 | worker(7, slots = "2", labels = {"os": 1.5, 3: "x"})
          |                                 ^^^^^^^^^^^^^^^^^^^

        error: "os" in `labels` of `worker` must be a string, a whole number, True or False, not a float
         --> farm.star:1:40
          |
        1 | worker(7, slots = "2", labels = {"os": 1.5, 3: "x"})
          |                                        ^^^

        error: `per_worker` of `lock` must be True or False, not the number 1
         --> farm.star:2:24
          |
        2 | lock("l", per_worker = 1)
          |                        ^

        error: `steps` of `builder` must be a list of steps, not a step
         --> farm.star:3:22
          |
        3 | builder("b", steps = shell("make"))
          |                      ^^^^^^^^^^^^^
        "#);
    }

    #[test]
    fn numbers_out_of_range() {
        let text = "worker(\"a\", slots = 0)\nlock(\"l\", capacity = -1)\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: `slots` of `worker` must be at least 1, not 0
         --> farm.star:1:21
          |
        1 | worker("a", slots = 0)
          |                     ^

        error: `capacity` of `lock` must be at least 1, not -1
         --> farm.star:2:22
          |
        2 | lock("l", capacity = -1)
          |                      ^^
        "#);
    }

    #[test]
    fn how_many_builds_at_once() {
        let text = "worker(\"a\", slots = 2, max_builds = 0)\nworkers(\"b-*\", max_builds = \"2\")\n\
                    builder(\"c\", steps = [shell(\"x\")], max_builds = -1)\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: `max_builds` of `worker` must be at least 1, not 0
         --> farm.star:1:37
          |
        1 | worker("a", slots = 2, max_builds = 0)
          |                                     ^

        error: `max_builds` of `workers` must be a whole number, not the string "2"
         --> farm.star:2:29
          |
        2 | workers("b-*", max_builds = "2")
          |                             ^^^

        error: `max_builds` of `builder` must be at least 1, not -1
         --> farm.star:3:49
          |
        3 | builder("c", steps = [shell("x")], max_builds = -1)
          |                                                 ^^
        "#);
        let text = "worker(\"a\", slots = 2, max_builds = 3)\n";
        let warnings: Vec<String> = good(text).warnings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(warnings.join("\n"), @r#"
        warning: `max_builds` has no effect: there are only 2 slots
         --> farm.star:1:37
          |
        1 | worker("a", slots = 2, max_builds = 3)
          |                                     ^
        "#);
    }

    #[test]
    fn backfill_is_yes_or_no_and_wants_locks() {
        let text = "builder(\"b\", steps = [shell(\"x\")])\npolicy(backfill = \"yes\")\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: `backfill` of `policy` must be True or False, not the string "yes"
         --> farm.star:2:19
          |
        2 | policy(backfill = "yes")
          |                   ^^^^^
        "#);
        let text = text.replace("\"yes\"", "True");
        let warnings: Vec<String> = good(&text).warnings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(warnings.join("\n"), @r#"
        warning: `backfill` has no effect: no builder takes a lock, or has `max_builds`
         --> farm.star:2:19
          |
        2 | policy(backfill = True)
          |                   ^^^^
        "#);
        let locked = text.replace("])", "], max_builds = 1)");
        assert_eq!(good(&locked).warnings, []);
        assert!(good(&locked).policy.backfills());
        assert!(!good(&locked.replace("True", "False")).policy.backfills());
        assert_eq!(good("policy(backfill = True)").warnings, [], "a policy and no more");
    }

    #[test]
    fn how_long_requests_wait() {
        let text = "builder(\"b\", steps = [shell(\"x\")], max_wait = 7200)\n\
                    builder(\"c\", steps = [shell(\"x\")], max_wait = \"0s\")\n\
                    force(\"f\", builders = \"b\", start_within = \"soon\")\n\
                    force(\"g\", builders = \"b\", max_wait = \"2h\")\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: `max_wait` of `builder` has no unit
         --> farm.star:1:47
          |
        1 | builder("b", steps = [shell("x")], max_wait = 7200)
          |                                               ^^^^
          = help: write "7200s" for seconds

        error: `max_wait` must not be zero
         --> farm.star:2:47
          |
        2 | builder("c", steps = [shell("x")], max_wait = "0s")
          |                                               ^^^^
          = help: every request would go before the others at once, and none before another

        error: "soon" is not a duration
         --> farm.star:3:43
          |
        3 | force("f", builders = "b", start_within = "soon")
          |                                           ^^^^^^
          = help: write a whole number and a unit, one of ms, s, m, h, d, as in "30s"

        error: `force` has no argument `max_wait`
         --> farm.star:4:28
          |
        4 | force("g", builders = "b", max_wait = "2h")
          |                            ^^^^^^^^
          = help: it takes `name`, `builders`, `params`, `start_within`
        "#);
    }

    #[test]
    fn names() {
        let text = "worker(\"my worker\")\nworker(\"\")\nlock(\"a/b\")\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: "my worker" cannot be a name
         --> farm.star:1:8
          |
        1 | worker("my worker")
          |        ^^^^^^^^^^^
          = help: a name begins with a letter, a digit or _, goes on with these and . + @ : -, and has at most 100 of them

        error: "" cannot be a name
         --> farm.star:2:8
          |
        2 | worker("")
          |        ^^
          = help: a name begins with a letter, a digit or _, goes on with these and . + @ : -, and has at most 100 of them

        error: "a/b" cannot be a name
         --> farm.star:3:6
          |
        3 | lock("a/b")
          |      ^^^^^
          = help: a name begins with a letter, a digit or _, goes on with these and . + @ : -, and has at most 100 of them
        "#);
    }

    #[test]
    fn durations() {
        let text = "shell(\"make\", timeout = \"20\", idle_timeout = 30)\nshell(\"make\", timeout = \"0s\")\n\
                    git(\"x\", poll = \"10ms\")\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: "20" is not a duration
         --> farm.star:1:25
          |
        1 | shell("make", timeout = "20", idle_timeout = 30)
          |                         ^^^^
          = help: write a whole number and a unit, one of ms, s, m, h, d, as in "30s"

        error: `idle_timeout` of `shell` has no unit
         --> farm.star:1:46
          |
        1 | shell("make", timeout = "20", idle_timeout = 30)
          |                                              ^^
          = help: write "30s" for seconds

        error: `timeout` of `shell` must not be zero
         --> farm.star:2:25
          |
        2 | shell("make", timeout = "0s")
          |                         ^^^^

        error: `poll` of `git` must be at least "1s"
         --> farm.star:3:17
          |
        3 | git("x", poll = "10ms")
          |                 ^^^^^^
        "#);
    }

    #[test]
    fn globs() {
        let text = "workers(\"linux-[\")\nupload([\"ok\", \"{a\"])\nupload(\"../x\")\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: "linux-[" is not a glob: unclosed character class; missing ']'
         --> farm.star:1:9
          |
        1 | workers("linux-[")
          |         ^^^^^^^^^
          = help: `*` stands for anything within one segment, `**` across `/`, `?` for one letter; `[ab]` and `{a,b}` for a choice

        error: "{a" is not a glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
         --> farm.star:2:15
          |
        2 | upload(["ok", "{a"])
          |               ^^^^
          = help: `*` stands for anything within one segment, `**` across `/`, `?` for one letter; `[ab]` and `{a,b}` for a choice

        error: "../x" is outside of the workspace
         --> farm.star:3:8
          |
        3 | upload("../x")
          |        ^^^^^^
          = help: write a path below the workspace
        "#);
    }

    #[test]
    fn what_becomes_of_a_lost_build() {
        let text = "builder(\"b\", steps = [shell(\"x\")], retries = 0, rerun = \"maybe\")\n\
                    worker(\"w\", grace = 60)\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: `retries` of `builder` must be at least 1, not 0
         --> farm.star:1:46
          |
        1 | builder("b", steps = [shell("x")], retries = 0, rerun = "maybe")
          |                                              ^

        error: `rerun` is "maybe"
         --> farm.star:1:57
          |
        1 | builder("b", steps = [shell("x")], retries = 0, rerun = "maybe")
          |                                                         ^^^^^^^
          = help: write "safe" if a lost build may be run again, "never" if it may not

        error: `grace` of `worker` has no unit
         --> farm.star:2:21
          |
        2 | worker("w", grace = 60)
          |                     ^^
          = help: write "60s" for seconds
        "#);
    }

    #[test]
    fn what_is_still_to_come() {
        let text = "cron(\"nightly\", \"0 3 * * *\", builders = [\"hello\"], only_if_changed = True)\n\
                    after(\"hello\", builders = [\"hello\"])\n\
                    shell([\"deploy\", secret(\"key\")])\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: `cron` is not implemented yet in this version of Steading
         --> farm.star:6:1
          |
        6 | cron("nightly", "0 3 * * *", builders = ["hello"], only_if_changed = True)
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        error: `after` is not implemented yet in this version of Steading
         --> farm.star:7:1
          |
        7 | after("hello", builders = ["hello"])
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        error: `secret` is not implemented yet in this version of Steading
         --> farm.star:8:18
          |
        8 | shell(["deploy", secret("key")])
          |                  ^^^^^^^^^^^^^
        "#);
    }

    #[test]
    fn one_mistake_in_a_loop_is_said_once() {
        let text = "[builder(\"b%d\" % n, steps = [shell(\"make\", timeout = \"x\")]) for n in range(9)]\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: "x" is not a duration
         --> farm.star:1:54
          |
        1 | [builder("b%d" % n, steps = [shell("make", timeout = "x")]) for n in range(9)]
          |                                                      ^^^
          = help: write a whole number and a unit, one of ms, s, m, h, d, as in "30s"
        "#);
    }
}

mod steps {
    use super::*;

    #[test]
    fn no_steps_and_no_step() {
        let text = "builder(\"a\", steps = [])\nbuilder(\"b\", steps = [repo, [shell(\"x\")]])\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: a builder without steps builds nothing
         --> farm.star:6:22
          |
        6 | builder("a", steps = [])
          |                      ^^
          = help: give it at least one, as in `steps = [shell("make")]`

        error: element 1 of `steps` of `builder` must be a step, not a repository
         --> farm.star:7:23
          |
        7 | builder("b", steps = [repo, [shell("x")]])
          |                       ^^^^

        error: element 2 of `steps` is a list
         --> farm.star:7:29
          |
        7 | builder("b", steps = [repo, [shell("x")]])
          |                             ^^^^^^^^^^^^
          = help: join lists of steps with `+`
        "#);
    }

    #[test]
    fn two_steps_of_one_name() {
        let text = "builder(\"a\", steps = [\n    shell(\"x\", name = \"test\"),\n    shell(\"y\", name = \"test\"),\n])\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: builder `a` has two steps named "test"
         --> farm.star:3:23
          |
        3 |     shell("y", name = "test"),
          |                       ^^^^^^
          = note: the builder is at farm.star:1:1
        "#);
    }

    #[test]
    fn on_failure() {
        insta::assert_snapshot!(bad("shell(\"x\", on_failure = \"wran\")\nshell(\"x\", on_failure = \"retry\")\n"), @r#"
        error: `on_failure` cannot be "wran"
         --> farm.star:1:25
          |
        1 | shell("x", on_failure = "wran")
          |                         ^^^^^^
          = help: did you mean "warn"?

        error: `on_failure` cannot be "retry"
         --> farm.star:2:25
          |
        2 | shell("x", on_failure = "retry")
          |                         ^^^^^^^
          = help: write "fail", "warn" or "ignore"
        "#);
    }

    #[test]
    fn commands() {
        let text = "shell(\"\")\nshell([])\nshell(prop(\"x\"))\nshell([\"a\", None])\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: an empty command does nothing
         --> farm.star:1:7
          |
        1 | shell("")
          |       ^^

        error: an empty command does nothing
         --> farm.star:2:7
          |
        2 | shell([])
          |       ^^

        error: a value never becomes a script
         --> farm.star:3:7
          |
        3 | shell(prop("x"))
          |       ^^^^^^^^^
          = help: write the words of the command as a list: ["program", prop("…")]

        error: element 2 of `command` of `shell` must be a string, a whole number, prop(…) or join(…), not None
         --> farm.star:4:13
          |
        4 | shell(["a", None])
          |             ^^^^
        "#);
    }

    #[test]
    fn a_value_never_becomes_a_script() {
        let text =
            "shell(\"deploy %s\" % prop(\"channel\"))\nshell(\"deploy \" + prop(\"channel\"))\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: a value that is only known to the build was put into a string
         --> farm.star:1:7
          |
        1 | shell("deploy %s" % prop("channel"))
          |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: use join("…", prop("…")), or hand it over in `env`

        error: a value that is only known to the build cannot be added to; use join("…", prop("…"))
         --> farm.star:2:7
          |
        2 | shell("deploy " + prop("channel"))
          |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#);
    }

    #[test]
    fn environment() {
        let text = "shell(\"x\", env = {\"A=B\": \"\", \"STEADING_TOKEN\": \"x\", \"C\": None})\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: "A=B" cannot be the name of a variable
         --> farm.star:1:26
          |
        1 | shell("x", env = {"A=B": "", "STEADING_TOKEN": "x", "C": None})
          |                          ^^

        error: "STEADING_TOKEN" is a name the farm keeps for itself
         --> farm.star:1:48
          |
        1 | shell("x", env = {"A=B": "", "STEADING_TOKEN": "x", "C": None})
          |                                                ^^^
          = help: choose another name

        error: "C" in `env` of `shell` must be a string, a whole number, prop(…) or join(…), not None
         --> farm.star:1:58
          |
        1 | shell("x", env = {"A=B": "", "STEADING_TOKEN": "x", "C": None})
          |                                                          ^^^^
        "#);
    }

    #[test]
    fn a_condition_is_asked_about_its_build() {
        insta::assert_snapshot!(bad("shell(\"x\", when = lambda b: True)\nshell(\"x\", when = True)\n"), @r#"
        error: the function of a step's condition has a parameter `b`
         --> farm.star:1:19
          |
        1 | shell("x", when = lambda b: True)
          |                   ^^^^^^^^^^^^^^
          = help: it is called with one argument, `build`

        error: `when` of `shell` must be a lambda or a function of the farm, not True
         --> farm.star:2:19
          |
        2 | shell("x", when = True)
          |                   ^^^^
        "#);
    }

    #[test]
    fn checkout_takes_a_repository() {
        insta::assert_snapshot!(bad("checkout(\"https://git.example.org/hello.git\")\n"), @r#"
        error: `repo` of `checkout` must be a repository, as in `repo = git("…")`, not the string "https://git.example.org/hello.git"
         --> farm.star:1:10
          |
        1 | checkout("https://git.example.org/hello.git")
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#);
    }
}

mod whole {
    use super::*;

    #[test]
    fn duplicates() {
        let text = "worker(\"barn\")\nlock(\"gpu\")\nbuilder(\"hello\", steps = [shell(\"x\")])\n\
                    force(\"f\", builders = \"hello\")\nforce(\"f\", builders = \"hello\")\n\
                    git(\"https://git.example.org/hello.git\")\npolicy()\npolicy()\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: the worker "barn" exists already
         --> farm.star:6:8
          |
        6 | worker("barn")
          |        ^^^^^^
          = note: first declared at farm.star:4:1

        error: the lock "gpu" exists already
         --> farm.star:7:6
          |
        7 | lock("gpu")
          |      ^^^^^
          = note: first declared at farm.star:2:7

        error: the builder "hello" exists already
         --> farm.star:8:9
          |
        8 | builder("hello", steps = [shell("x")])
          |         ^^^^^^^
          = note: first declared at farm.star:5:1

        error: the scheduler "f" exists already
          --> farm.star:10:7
           |
        10 | force("f", builders = "hello")
           |       ^^^
           = note: first declared at farm.star:9:1

        error: the repository "https://git.example.org/hello.git" exists already
          --> farm.star:11:5
           |
        11 | git("https://git.example.org/hello.git")
           |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = note: first declared at farm.star:1:8
           = help: declare it once and use what `git` answered

        error: a farm has one policy
          --> farm.star:13:1
           |
        13 | policy()
           | ^^^^^^^^
           = note: it was given at farm.star:12:1
        "#);
    }

    #[test]
    fn unknown_builders() {
        let text = "on_change(repo, builders = [\"hello\", \"helo\"])\n\
                    on_change(repo, builders = \"web-*\")\nforce(\"f\", builders = [])\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: a scheduler without builders does nothing
         --> farm.star:8:23
          |
        8 | force("f", builders = [])
          |                       ^^

        error: there is no builder "helo"
         --> farm.star:6:38
          |
        6 | on_change(repo, builders = ["hello", "helo"])
          |                                      ^^^^^^
          = help: did you mean "hello"?

        error: no builder matches "web-*"
         --> farm.star:7:28
          |
        7 | on_change(repo, builders = "web-*")
          |                            ^^^^^^^
          = help: the farm has hello
        "#);
    }

    #[test]
    fn max_wait_is_no_shorter_than_quiet() {
        insta::assert_snapshot!(bad_after_farm("on_change(repo, builders = \"hello\", quiet = \"10s\", max_wait = \"1s\")\n"), @r#"
        error: `max_wait` is shorter than `quiet`
         --> farm.star:6:63
          |
        6 | on_change(repo, builders = "hello", quiet = "10s", max_wait = "1s")
          |                                                               ^^^^
          = help: `max_wait` caps the quiet period that every further change begins anew
        "#);
    }

    #[test]
    fn forms() {
        let text = "force(\"f\", builders = \"hello\", params = [\n    choice(\"channel\", [\"beta\", \"stable\"], default = \"stabel\"),\n    \
                    text(\"branch\"),\n    text(\"notes\"),\n    text(\"notes\"),\n    choice(\"empty\", []),\n])\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: "stabel" is not among the choices
         --> farm.star:7:53
          |
        7 |     choice("channel", ["beta", "stable"], default = "stabel"),
          |                                                     ^^^^^^^^
          = help: did you mean "stable"?

        error: every build has a property "branch" already
         --> farm.star:8:10
          |
        8 |     text("branch"),
          |          ^^^^^^^^
          = help: choose another name

        error: a choice needs something to choose from
          --> farm.star:11:21
           |
        11 |     choice("empty", []),
           |                     ^^

        error: the form has two fields named "notes"
          --> farm.star:10:5
           |
        10 |     text("notes"),
           |     ^^^^^^^^^^^^^
        "#);
    }

    #[test]
    fn unknown_locks() {
        let text = "builder(\"a\", steps = [shell(\"x\")], locks = [\"gpu\", \"gpus\", gpu, gpu.counting(2)])\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: lock "gpu" is named by a string
         --> farm.star:6:45
          |
        6 | builder("a", steps = [shell("x")], locks = ["gpu", "gpus", gpu, gpu.counting(2)])
          |                                             ^^^^^
          = help: write the variable that holds what `lock(…)` answered

        error: there is no lock "gpus"
         --> farm.star:6:52
          |
        6 | builder("a", steps = [shell("x")], locks = ["gpu", "gpus", gpu, gpu.counting(2)])
          |                                                    ^^^^^^
          = help: declare it with `lock(…)` and write the variable that holds what `lock(…)` answered

        error: lock `gpu` is taken twice
         --> farm.star:6:65
          |
        6 | builder("a", steps = [shell("x")], locks = ["gpu", "gpus", gpu, gpu.counting(2)])
          |                                                                 ^^^^^^^^^^^^^^^
          = help: take it once, by counting(n)
        "#);
    }

    #[test]
    fn more_units_than_there_are() {
        insta::assert_snapshot!(bad_after_farm("gpu.counting(3)\ndisk.counting(4)\ngpu.counting(0)\n"), @r#"
        error: 3 units of lock `gpu` can never be free: it has 2
         --> farm.star:6:14
          |
        6 | gpu.counting(3)
          |              ^
          = note: lock `gpu` is declared at farm.star:2:7

        error: 4 units of lock `disk` can never be free: it has 3
         --> farm.star:7:15
          |
        7 | disk.counting(4)
          |               ^
          = note: lock `disk` is declared at farm.star:3:8

        error: `n` of `counting` must be at least 1, not 0
         --> farm.star:8:14
          |
        8 | gpu.counting(0)
          |              ^
        "#);
    }

    #[test]
    fn capacities() {
        let text = "lock(\"a\", capacity = {\"*\": 1})\nlock(\"b\", per_worker = True, capacity = {\"x\": \"y\", \"[\": 1})\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: only a lock of each worker can have a capacity by worker
         --> farm.star:1:22
          |
        1 | lock("a", capacity = {"*": 1})
          |                      ^^^^^^^^
          = help: add `per_worker = True`, or give one number

        error: "x" in `capacity` of `lock` must be a whole number, not the string "y"
         --> farm.star:2:47
          |
        2 | lock("b", per_worker = True, capacity = {"x": "y", "[": 1})
          |                                               ^^^

        error: "[" is not a glob: unclosed character class; missing ']'
         --> farm.star:2:57
          |
        2 | lock("b", per_worker = True, capacity = {"x": "y", "[": 1})
          |                                                         ^
          = help: `*` stands for anything within one segment, `**` across `/`, `?` for one letter; `[ab]` and `{a,b}` for a choice
        "#);
    }

    #[test]
    fn locks_in_a_circle() {
        let text = "a = lock(\"a\")\nb = lock(\"b\")\n\
                    builder(\"one\", locks = [a], steps = [shell(\"x\", locks = [b])])\n\
                    builder(\"two\", locks = [b], steps = [\n    shell(\"y\"),\n    shell(\"z\", locks = [a]),\n])\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: builds could wait for each other for ever: `a` → `b` → `a`
         --> farm.star:6:24
          |
        6 |     shell("z", locks = [a]),
          |                        ^^^
          = note: builder `one` holds `a` while its step at farm.star:3:38 waits for `b`
          = note: builder `two` holds `b` while its step at farm.star:6:5 waits for `a`
          = help: let all builders take their locks in one order, or hold them for the whole build
        "#);
    }

    #[test]
    fn a_step_takes_what_its_builder_holds() {
        let text = "builder(\"a\", locks = [gpu.counting(1)], steps = [shell(\"x\", locks = [gpu.counting(1)])])\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: this step takes lock `gpu`, which its builder `a` holds already
         --> farm.star:6:69
          |
        6 | builder("a", locks = [gpu.counting(1)], steps = [shell("x", locks = [gpu.counting(1)])])
          |                                                                     ^^^^^^^^^^^^^^^^^
          = note: the builder is at farm.star:6:1
          = help: take it in the builder or in the step: two builds that want more would wait for ever
        "#);
    }

    #[test]
    fn a_builder_no_worker_can_serve() {
        let text = "builder(\"a\", steps = [shell(\"x\")], requires = {\"os\": \"mac\"})\n\
                    builder(\"b\", steps = [shell(\"x\")], requires = {\"so\": \"linux\"})\n\
                    builder(\"c\", steps = [shell(\"x\")], requires = {\"arch\": \"arm64\"})\n\
                    builder(\"d\", steps = [shell(\"x\")], workers = [\"barm\"])\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: no worker can ever satisfy builder `a`
         --> farm.star:6:47
          |
        6 | builder("a", steps = [shell("x")], requires = {"os": "mac"})
          |                                               ^^^^^^^^^^^^^
          = help: the farm has `barn` (cores=8 os=linux)

        error: no worker can ever satisfy builder `b`
         --> farm.star:7:54
          |
        7 | builder("b", steps = [shell("x")], requires = {"so": "linux"})
          |                                                      ^^^^^^^
          = help: did you mean the label "os"?

        error: no worker can ever satisfy builder `c`
         --> farm.star:8:56
          |
        8 | builder("c", steps = [shell("x")], requires = {"arch": "arm64"})
          |                                                        ^^^^^^^
          = help: no worker has a label "arch"

        error: no worker can ever satisfy builder `d`
         --> farm.star:9:46
          |
        9 | builder("d", steps = [shell("x")], workers = ["barm"])
          |                                              ^^^^^^^^
          = help: did you mean "barn"?
        "#);
    }

    #[test]
    fn a_builder_the_own_worker_cannot_serve() {
        insta::assert_snapshot!(bad("builder(\"a\", steps = [shell(\"x\")], requires = {\"os\": \"linux\"})\n"), @r#"
        error: no worker can ever satisfy builder `a`
         --> farm.star:1:54
          |
        1 | builder("a", steps = [shell("x")], requires = {"os": "linux"})
          |                                                      ^^^^^^^
          = help: the farm declares no workers, and its own worker `local` has no labels: declare one with `worker(…, labels = {…})`
        "#);
    }

    #[test]
    fn a_lock_no_fitting_worker_has_enough_of() {
        let text = "builder(\"a\", steps = [shell(\"x\")], locks = [disk.counting(3)], workers = [\"barn\"])\n";
        insta::assert_snapshot!(bad_after_farm(text), @r#"
        error: no worker can ever satisfy builder `a`
         --> farm.star:6:1
          |
        6 | builder("a", steps = [shell("x")], locks = [disk.counting(3)], workers = ["barn"])
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: none of its workers has enough units of lock `disk`; see its `capacity`
        "#);
    }

    #[test]
    fn what_depends_on_something_refused_is_no_further_error() {
        let text = "worker(\"my worker\", labels = {\"os\": \"linux\"})\n\
                    builder(\"a\", steps = [shell(\"x\")], requires = {\"os\": \"linux\"})\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: "my worker" cannot be a name
         --> farm.star:1:8
          |
        1 | worker("my worker", labels = {"os": "linux"})
          |        ^^^^^^^^^^^
          = help: a name begins with a letter, a digit or _, goes on with these and . + @ : -, and has at most 100 of them
        "#);
    }
}

mod policy {
    use super::*;

    #[test]
    fn parameters_say_what_a_function_depends_on() {
        let text = "policy(\n    allow = lambda reqest, worker: True,\n    \
                    order = [highest(lambda: 1), lowest(lambda build: 1)],\n    \
                    collapse = lambda older, newer: True,\n)\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: the function of a term of the order takes no argument
         --> farm.star:3:22
          |
        3 |     order = [highest(lambda: 1), lowest(lambda build: 1)],
          |                      ^^^^^^^^^
          = help: it may take `request` and `worker`; the names say what it depends on

        error: the function of a term of the order has a parameter `build`
         --> farm.star:3:41
          |
        3 |     order = [highest(lambda: 1), lowest(lambda build: 1)],
          |                                         ^^^^^^^^^^^^^^^
          = help: it may take `request` and `worker`; the names say what it depends on

        error: the function of `allow` has a parameter `reqest`
         --> farm.star:2:13
          |
        2 |     allow = lambda reqest, worker: True,
          |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: did you mean `request`? it may take `request` and `worker`; the names say what it depends on

        error: `collapse` takes exactly `a` and `b`
         --> farm.star:4:16
          |
        4 |     collapse = lambda older, newer: True,
          |                ^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write `collapse = lambda a, b: …`: a is the older request, b the newer
        "#);
    }

    #[test]
    fn terms_have_a_direction() {
        insta::assert_snapshot!(bad("policy(order = [lambda request: request.priority, oldest, highest(len)])\n"), @r#"
        error: `function` of `highest` must be a lambda or a function of the farm, not a built-in function
         --> farm.star:1:67
          |
        1 | policy(order = [lambda request: request.priority, oldest, highest(len)])
          |                                                                   ^^^

        error: element 1 of `order` has no direction
         --> farm.star:1:17
          |
        1 | policy(order = [lambda request: request.priority, oldest, highest(len)])
          |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write highest(…) or lowest(…) around the function

        error: element 2 of `order` of `policy` must be a term like highest(…), oldest() or fair(…), not a built-in function
         --> farm.star:1:51
          |
        1 | policy(order = [lambda request: request.priority, oldest, highest(len)])
          |                                                   ^^^^^^
        "#);
    }
}

mod limits {
    use super::*;

    #[test]
    fn a_loop_without_an_end() {
        let text = "def spin():\n    for _ in range(1000000000):\n        pass\n\nspin()\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: farm.star takes too long: the limit is 1000000 calls and loop rounds
         --> farm.star:2:5
          |
        2 |     for _ in range(1000000000):
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = note: called from farm.star:5:1
          = help: look for a loop with too many rounds
        "#);
    }

    #[test]
    fn a_list_that_grows_without_an_end() {
        let text = "def grow():\n    kept = []\n    for n in range(1000000):\n        kept.append(\"x\" * 10000 + str(n))\n\ngrow()\n";
        insta::assert_snapshot!(bad(text), @r#"
        error: farm.star needs too much memory: the limit is 256 MiB
         --> farm.star:4:35
          |
        4 |         kept.append("x" * 10000 + str(n))
          |                                   ^^^^^^
          = note: called from farm.star:6:1
          = help: look for what grows; it is noticed a bit late
        "#);
    }

    #[test]
    fn a_function_that_calls_itself() {
        insta::assert_snapshot!(bad("def f(n):\n    return f(n + 1)\n\nf(0)\n"), @r#"
        error: functions call each other too deep
         --> farm.star:2:12
          |
        2 |     return f(n + 1)
          |            ^^^^^^^^
          = note: called from farm.star:4:1
          = help: look for a function that calls itself without an end
        "#);
    }
}
