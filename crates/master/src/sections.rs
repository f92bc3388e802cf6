//! Every write section of the product, by name: what a kill at a commit may cut in two.
//!
//! `tests/tidy` compares this list with the code, so that a new section is not forgotten here; the
//! simulation kills at each of them, before its commit and after it, and looks at what is left.

/// The name of each section and what it writes.
pub const SECTIONS: &[(&str, &str)] = &[
    ("artifact.add", "an artifact whose bytes are stored has its row"),
    ("build.accept", "an offer was taken: the build exists and its first step begins"),
    ("build.advance", "what comes next in a build is written down"),
    ("build.finish", "a build has its outcome, its request too or is back in the queue"),
    ("claim.expire", "an offer nobody answered goes back"),
    ("claim.refused", "a worker does not take an offer"),
    ("claim.unheard", "offers that an earlier session lost go back"),
    ("command.cancel", "somebody said stop"),
    ("command.pause", "a worker gets nothing more"),
    ("command.prioritize", "a request has another priority"),
    ("command.resume", "a worker gets builds again"),
    ("command.revoke", "a token is forgotten"),
    ("command.submit", "somebody asked for a build"),
    ("configuration.apply", "a configuration is in force"),
    ("dispatch.claim", "requests are offered to workers"),
    ("dispatch.withdraw", "an offer that could not be sent goes back"),
    ("intake.record", "a repository was looked at: its changes and heads"),
    ("intake.tell", "somebody told of a change"),
    ("log.close", "a log is whole"),
    ("master.recover", "a master starts: nobody is connected, nothing is offered"),
    ("schedule.change", "what a change sets off"),
    ("schedule.first", "the first builds of a new farm"),
    ("schedule.timer", "what a timer sets off"),
    ("step.done", "a step has its outcome, and what comes next is written down"),
    ("stop.cancel", "the farm stops and its builds with it"),
    ("token.add", "a token is known"),
    ("worker.connect", "a session began"),
    ("worker.gone", "a session ended and could not say so"),
    ("worker.lost", "a session ended"),
    ("worker.redeclared", "the farm was reloaded under a session"),
    ("worker.stopping", "a worker takes nothing more"),
];
