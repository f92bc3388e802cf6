//! Six kinds of builds, each made to end in seven ways: what their steps are, and what each of
//! them is to do.

use super::stream::AWK;

/// The kinds.
pub(super) const KINDS: [&str; 6] = ["one", "many", "lenient", "files", "loud", "choosy"];

/// How the step that decides over a build ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Success,
    Warnings,
    Failure,
    /// A failure, too: there is no such program.
    Missing,
    /// No step runs.
    Skipped,
    /// The condition of a step is wrong.
    Exception,
    /// It hangs until somebody cancels it.
    Cancelled,
}

impl Fate {
    pub(super) const ALL: [Fate; 7] = [
        Fate::Success,
        Fate::Warnings,
        Fate::Failure,
        Fate::Missing,
        Fate::Skipped,
        Fate::Exception,
        Fate::Cancelled,
    ];
}

/// The builder of a kind that ends like this.
pub(super) fn builder(kind: &str, fate: Fate) -> String {
    format!("{kind}-{fate:?}").to_lowercase()
}

/// What a step prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Nothing,
    /// Its name and the seed, on standard output.
    Name,
    /// A stream of so many lines on standard output, and one of so many on standard error.
    Streams(usize, usize),
}

/// How a step ends when its turn comes and nothing forbids it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Well,
    /// It fails and the build goes on.
    Forgiven,
    /// It fails or cannot be judged, and only `always` steps follow.
    Badly(&'static str),
    /// Its condition says no.
    Unwanted,
}

/// A step, and what it declares.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: String,
    /// A call in `farm.star` without its end.
    call: String,
    pub(super) always: bool,
    pub(super) end: End,
    pub(super) says: Says,
    /// Paths it uploads; each holds a stream of so many lines.
    pub(super) files: Vec<(&'static str, usize)>,
}

impl Step {
    fn new(name: &str, call: String, says: Says) -> Step {
        let (name, files) = (name.to_owned(), Vec::new());
        Step { name, call, always: false, end: End::Well, says, files }
    }

    fn with(mut self, arguments: &str, end: End) -> Step {
        self.call.push_str(arguments);
        Step { end, ..self }
    }

    fn always(mut self) -> Step {
        self.call.push_str(", always = True");
        Step { always: true, ..self }
    }

    fn unwanted(self) -> Step {
        self.with(", when = lambda build: False", End::Unwanted)
    }
}

/// A script; `$0` is the seed.
fn shell(script: &str) -> String {
    format!("shell([\"sh\", \"-ec\", \"\"\"{script}\"\"\", prop(\"seed\")]")
}

fn print(lines: usize) -> String {
    format!("awk -v x=$0 -v n={lines} 'BEGIN {{ {AWK} }}'")
}

/// A step that prints its name and the seed.
fn tell(name: &str) -> Step {
    Step::new(name, shell(&format!("echo {name} $0")), Says::Name)
}

fn upload(name: &str, globs: &str, files: &[(&'static str, usize)]) -> Step {
    let step = Step::new(name, format!("upload({globs}"), Says::Nothing);
    Step { files: files.to_vec(), ..step }
}

/// The step that decides over its build.
fn turn(fate: Fate) -> Step {
    let fail = || Step::new("turn", shell("echo turn $0; exit 3"), Says::Name);
    match fate {
        Fate::Success | Fate::Skipped => tell("turn"),
        Fate::Warnings => fail().with(", on_failure = \"warn\"", End::Forgiven),
        Fate::Failure => fail().with("", End::Badly("failure")),
        Fate::Missing => Step::new("turn", "shell([\"there-is-none\"]".into(), Says::Nothing)
            .with("", End::Badly("failure")),
        Fate::Exception => Step { says: Says::Nothing, ..tell("turn") }
            .with(", when = lambda build: build.nothing", End::Badly("exception")),
        Fate::Cancelled => {
            let script = "echo turn $0; touch DIR/hangs-$0; exec sleep 1000";
            Step::new("turn", shell(script), Says::Name).with("", End::Badly("cancelled"))
        }
    }
}

/// The steps of a kind that ends like this.
pub(super) fn steps(kind: &str, fate: Fate) -> Vec<Step> {
    let turn = turn(fate);
    let steps = match kind {
        "one" => vec![turn],
        "many" => many(turn),
        "lenient" => {
            let fail = Step::new("forgiven", shell("echo forgiven $0; exit 1"), Says::Name);
            vec![fail.with(", on_failure = \"ignore\"", End::Forgiven), turn, tell("after")]
        }
        "files" => files(turn),
        "loud" => {
            let script = format!("{}; {} >&2", print(40_000), print(9_000));
            vec![Step::new("shout", shell(&script), Says::Streams(40_000, 9_000)), turn]
        }
        "choosy" => {
            let wanted = tell("wanted").with(", when = lambda build: True", End::Well);
            vec![wanted, tell("unwanted").unwanted(), turn, tell("after"), tell("tidy").always()]
        }
        _ => panic!("no kind {kind}"),
    };
    match fate {
        Fate::Skipped => steps.into_iter().map(silence).collect(),
        _ => steps,
    }
}

/// A step whose condition says no, whatever it was before.
fn silence(mut step: Step) -> Step {
    if let Some((call, _)) = step.call.split_once(", when = ") {
        step.call = call.to_owned();
    }
    step.unwanted()
}

fn many(turn: Step) -> Vec<Step> {
    let mut steps: Vec<Step> = (1..=12).map(|n| tell(&format!("step{n}"))).collect();
    steps.insert(7, turn);
    steps
}

fn files(turn: Step) -> Vec<Step> {
    let script = format!(
        "rm -rf out late; mkdir -p out/deep; {} > out/large; {} > out/deep/small; : > out/empty; \
         {} > late",
        print(30_000),
        print(3),
        print(50),
    );
    let out = [("out/deep/small", 3), ("out/empty", 0), ("out/large", 30_000)];
    vec![
        Step::new("make", shell(&script), Says::Nothing),
        upload("keep", "\"out/**\"", &out),
        turn,
        upload("keep-late", "\"late\"", &[("late", 50)]).always(),
    ]
}

/// All builders as `farm.star` says them.
pub(super) fn star() -> String {
    let mut star = String::new();
    for (kind, fate) in all() {
        star.push_str(&format!("builder(\"{}\", steps = [\n", builder(kind, fate)));
        for step in steps(kind, fate) {
            star.push_str(&format!("    {}, name = \"{}\"),\n", step.call, step.name));
        }
        star.push_str("])\n");
    }
    star
}

/// Every kind with every fate.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Fate)> {
    KINDS.into_iter().flat_map(|kind| Fate::ALL.map(|fate| (kind, fate)))
}
