//! Exit codes: part of the interface, so they have names.

use std::process::ExitCode;

use steading_core::words::Outcome;

/// How the command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all went well.
    Green,
    /// 1: a build failed, or an audit found a violation.
    Red,
    /// 2: the command line or the configuration is wrong.
    Usage,
    /// 3: the farm is at fault, or cannot be reached.
    Infrastructure,
    /// 4: somebody cancelled it.
    Cancelled,
    /// 130: interrupted from the keyboard.
    Interrupted,
}

impl Exit {
    /// The number the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Green => 0,
            Exit::Red => 1,
            Exit::Usage => 2,
            Exit::Infrastructure => 3,
            Exit::Cancelled => 4,
            Exit::Interrupted => 130,
        }
    }

    /// The verdict an outcome is.
    pub(crate) fn of(outcome: Outcome) -> Exit {
        match outcome {
            Outcome::Success | Outcome::Warnings | Outcome::Skipped => Exit::Green,
            Outcome::Failure => Exit::Red,
            Outcome::Exception | Outcome::Retry => Exit::Infrastructure,
            Outcome::Cancelled => Exit::Cancelled,
        }
    }

    /// The verdict over many: a red build is the most telling, then the farm's own faults.
    pub(crate) fn worst(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let order = |exit: &Exit| match exit {
            Exit::Green => 0,
            Exit::Cancelled => 1,
            Exit::Infrastructure => 2,
            Exit::Red => 3,
            Exit::Usage => 4,
            Exit::Interrupted => 5,
        };
        exits.into_iter().max_by_key(order).unwrap_or(Exit::Green)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_the_exit_codes_of_the_manual() {
        let check = |word: &str, code: u8| {
            let outcome = Outcome::from_word(word).expect("an outcome");
            assert_eq!(Exit::of(outcome).code(), code, "{word}");
        };
        check("success", 0);
        check("warnings", 0);
        check("skipped", 0);
        check("failure", 1);
        check("exception", 3);
        check("retry", 3);
        check("cancelled", 4);
        assert_eq!(Exit::Usage.code(), 2);
        assert_eq!(Exit::Interrupted.code(), 130);
    }

    #[test]
    fn red_outweighs_infrastructure_outweighs_cancelled() {
        let check = |exits: &[Exit], expected| {
            assert_eq!(Exit::worst(exits.iter().copied()), expected);
        };
        check(&[], Exit::Green);
        check(&[Exit::Green, Exit::Cancelled], Exit::Cancelled);
        check(&[Exit::Infrastructure, Exit::Cancelled], Exit::Infrastructure);
        check(&[Exit::Red, Exit::Infrastructure, Exit::Green], Exit::Red);
    }
}
