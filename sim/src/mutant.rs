//! Broken variants of the model, or of what the farm is told, to show that the checker can fail.

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
    /// The farm decides in another order than was written.
    OrdersOtherwise,
    /// A lock has more units than was written.
    LendsMore,
}

impl Mutant {
    /// Each of them.
    pub const ALL: [Mutant; 9] = [
        Mutant::IgnoresDrop,
        Mutant::SkipsProcesses,
        Mutant::ForgetsWhatItHolds,
        Mutant::MixesUpBytes,
        Mutant::LosesMessages,
        Mutant::MeetsNobody,
        Mutant::LosesSpool,
        Mutant::OrdersOtherwise,
        Mutant::LendsMore,
    ];
}
