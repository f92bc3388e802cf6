//! Broken variants of the model, to show that the checker can fail.

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A worker goes on with what it was told to drop.
    IgnoresDrop,
    /// A worker reports steps it never ran.
    SkipsProcesses,
    /// A worker does not say what it holds, now and then.
    ForgetsWhatItHolds,
    /// A log arrives with other bytes than were printed.
    MixesUpBytes,
    /// The link loses what a worker says, now and then, and nobody notices.
    LosesMessages,
    /// A daemon that starts does not meet the shepherds that live.
    MeetsNobody,
    /// A daemon that starts finds its spool empty.
    LosesSpool,
}

impl Mutant {
    /// Each of them.
    pub const ALL: [Mutant; 7] = [
        Mutant::IgnoresDrop,
        Mutant::SkipsProcesses,
        Mutant::ForgetsWhatItHolds,
        Mutant::MixesUpBytes,
        Mutant::LosesMessages,
        Mutant::MeetsNobody,
        Mutant::LosesSpool,
    ];
}
