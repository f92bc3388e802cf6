//! Whether a build's outcome is news: a builder that broke on a branch, or works again.

use crate::words::Outcome;

/// What changed for a builder on a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// The first failure, of a change.
    Broke,
    /// The first exception: the farm is at fault.
    Troubled,
    /// Green again.
    WorksAgain,
}

impl Turn {
    /// Every turn.
    pub const ALL: [Turn; 3] = [Turn::Broke, Turn::Troubled, Turn::WorksAgain];

    /// The word, as API and database spell it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Turn::Broke => "broke",
            Turn::Troubled => "troubled",
            Turn::WorksAgain => "works_again",
        }
    }

    /// The turn a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Turn> {
        Turn::ALL.into_iter().find(|turn| turn.word() == word)
    }

    /// What a builder did, to follow its name.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Turn::Broke => "is broken",
            Turn::Troubled => "could not be built",
            Turn::WorksAgain => "works again",
        }
    }
}

/// What an outcome changes. `before` is the newest earlier verdict on the same builder and branch,
/// the farm's own exceptions included; `of_code` the newest that was about the code.
#[must_use]
pub fn turn(before: Option<Outcome>, of_code: Option<Outcome>, now: Outcome) -> Option<Turn> {
    let bad = |outcome| matches!(outcome, Some(Outcome::Failure | Outcome::Exception));
    match now {
        Outcome::Success | Outcome::Warnings => bad(before).then_some(Turn::WorksAgain),
        Outcome::Failure => (of_code != Some(Outcome::Failure)).then_some(Turn::Broke),
        Outcome::Exception => (before != Some(Outcome::Exception)).then_some(Turn::Troubled),
        // No verdict.
        Outcome::Skipped | Outcome::Retry | Outcome::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter an outcome: `s`uccess, `w`arnings, `f`ailure, `e`xception, `c`ancelled, `r`etry.
    fn outcome(letter: char) -> Outcome {
        match letter {
            's' => Outcome::Success,
            'w' => Outcome::Warnings,
            'f' => Outcome::Failure,
            'e' => Outcome::Exception,
            'c' => Outcome::Cancelled,
            _ => Outcome::Retry,
        }
    }

    #[test]
    fn only_a_change_is_news() {
        use Turn::{Broke, Troubled, WorksAgain};
        let check = |builds: &str, expected: &[(usize, Turn)]| {
            let (mut before, mut of_code, mut found) = (None, None, Vec::new());
            for (at, now) in builds.chars().map(outcome).enumerate() {
                found.extend(turn(before, of_code, now).map(|turn| (at, turn)));
                if !matches!(now, Outcome::Cancelled | Outcome::Retry) {
                    before = Some(now);
                    of_code = if now == Outcome::Exception { of_code } else { Some(now) };
                }
            }
            assert_eq!(found, expected, "{builds}");
        };
        check("sss", &[]);
        check("f", &[(0, Broke)]);
        check("sffs", &[(1, Broke), (3, WorksAgain)]);
        check("sfcrfw", &[(1, Broke), (5, WorksAgain)]);
        check("wfsf", &[(1, Broke), (2, WorksAgain), (3, Broke)]);
        check("ses", &[(1, Troubled), (2, WorksAgain)]);
        check("sfefs", &[(1, Broke), (2, Troubled), (4, WorksAgain)]);
        check("see", &[(1, Troubled)]);
        check("c", &[]);
    }
}
