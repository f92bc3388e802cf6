//! Programs that the master starts on its own machine: git, and the commands that reset workers.

use std::sync::Arc;
use std::time::Duration;

/// Where they run.
#[derive(Clone, Default)]
pub enum Programs {
    /// As processes.
    #[default]
    Processes,
    /// Nowhere: somebody answers for them. For simulations, whose time is not that of processes.
    Played(Play),
}

/// Told the words of a command, gives how long it takes, and what it writes to its standard output
/// or, when it fails, to its standard error.
pub type Play = Arc<dyn Fn(&[String]) -> (Duration, Result<Vec<u8>, String>) + Send + Sync>;

impl std::fmt::Debug for Programs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Programs::Processes => "Processes",
            Programs::Played(_) => "Played",
        })
    }
}

impl Programs {
    /// The answer of whoever plays; none: the process is to be started.
    pub(crate) async fn play(&self, words: &[String]) -> Option<Result<Vec<u8>, String>> {
        let Programs::Played(play) = self else { return None };
        let (takes, said) = play(words);
        tokio::time::sleep(takes).await;
        Some(said)
    }
}
