//! Start-up: what a stopped master cannot know any more is put right.

use steading_core::words::{ClaimState, Reason, WorkerState};

use crate::sql::statements;
use crate::{Error, Write};

statements! {
    ONLINE = "SELECT name FROM worker WHERE state <> 'offline' ORDER BY id";
    RESETTING = "SELECT name FROM worker WHERE state = 'resetting' ORDER BY id";
}

/// What a start-up found and put right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Workers that had a session and have none now.
    pub workers: Vec<String>,
    /// Claims offered and never answered; their requests are pending again.
    pub claims: usize,
}

impl Write<'_> {
    /// Makes history true again after a stop or a crash: no worker has a session, no offer stands.
    /// Live builds stay: their workers may come back with them.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn recover(&mut self) -> Result<Recovered, Error> {
        debug_assert_eq!(WorkerState::Offline.word(), "offline");
        debug_assert_eq!(WorkerState::Resetting.word(), "resetting");
        // Nobody knows how far a reset got: it is done again.
        for worker in self.rows(RESETTING, [], |row| Ok(row.get::<_, String>(0)?))? {
            self.fail_reset(&worker, "the master was restarted meanwhile")?;
        }
        let workers = self.rows(ONLINE, [], |row| Ok(row.get::<_, String>(0)?))?;
        for worker in &workers {
            self.worker_lost(worker)?;
        }
        let claims = self.offered_claims()?;
        let reason = Reason::new("master_restarted", "the master restarted before it was answered");
        for claim in &claims {
            self.answer_claim(claim.id, ClaimState::Expired, Some(&reason))?;
        }
        Ok(Recovered { workers, claims: claims.len() })
    }
}
