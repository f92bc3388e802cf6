//! The outbox: what is to be told outside, and what became of it.

use steading_core::settle::Turn;
use steading_core::words::{BuildId, EventKind, Micros, NotificationId, NotificationState, Seq};

use super::row::cells;
use crate::sql::statements;
use crate::{Error, Write};

statements! {
    REACH = "INSERT INTO reached (name, seq) VALUES (?1, ?2) \
        ON CONFLICT (name) DO UPDATE SET seq = excluded.seq";
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// The notifier it is for.
    pub notifier: String,
    /// What changed.
    pub turn: Turn,
    /// The build it tells of.
    pub build: BuildId,
    /// The build it is compared with.
    pub previous: Option<BuildId>,
}

impl Write<'_> {
    /// Puts something into the outbox; it is tried at once.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn add_notification(&mut self, new: &NewNotification) -> Result<NotificationId, Error> {
        let cells = cells! {
            notifier: &new.notifier, state: NotificationState::Waiting.word(),
            turn: new.turn.word(), build_id: new.build.0,
            previous_build_id: new.previous.map(|build| build.0), attempts: 0,
            created_at: self.now(), next_at: self.now(),
        };
        let kind = EventKind::NotificationAdded;
        Ok(NotificationId(self.insert(kind, NotificationId::NOUN, cells, vec![])?))
    }

    /// It was told.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn notification_sent(&mut self, id: NotificationId, attempts: i64) -> Result<(), Error> {
        let cells = cells! {
            state: NotificationState::Sent.word(), attempts: attempts, error: None::<&str>,
            next_at: None::<i64>, ended_at: self.now(),
        };
        self.patch(EventKind::NotificationSent, NotificationId::NOUN, id.0, cells)
    }

    /// It could not be told: it is tried again at that time, or never if there is none.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn notification_tried(
        &mut self,
        id: NotificationId,
        attempts: i64,
        error: &str,
        next_at: Option<Micros>,
    ) -> Result<(), Error> {
        let (kind, state) = match next_at {
            Some(_) => (EventKind::NotificationTried, NotificationState::Waiting),
            None => (EventKind::NotificationFailed, NotificationState::Failed),
        };
        let ended_at = next_at.is_none().then(|| self.now());
        let cells = cells! {
            state: state.word(), attempts: attempts, error: error, next_at: next_at,
            ended_at: ended_at,
        };
        self.patch(kind, NotificationId::NOUN, id.0, cells)
    }

    /// Whoever follows events under that name has looked at all up to this one.
    ///
    /// # Errors
    /// Only when the database fails.
    pub fn reach(&mut self, name: &str, seq: Seq) -> Result<(), Error> {
        self.execute(REACH, (name, seq.0))?;
        Ok(())
    }
}
