//! Failures of the policy's functions: each noted once.

use steading_core::words::{ConfigId, EventKind, FaultId, RequestId};

use super::row::cells;
use crate::sql::statements;
use crate::{Error, Write};

/// Noted of one configuration at most: whoever has seen these needs no more of them.
pub const FAULTS_MAX: i64 = 100;

statements! {
    COUNT = "SELECT COUNT(*) FROM fault WHERE configuration_id = ?1";
    KNOWN = "SELECT COUNT(*) FROM fault WHERE configuration_id = ?1 AND function = ?2 \
        AND seen = ?3 AND message = ?4";
}

/// A function of the policy failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFault {
    /// `allow`, `collapse`, or the label of the term.
    pub function: String,
    /// What went wrong, with file, line and the way to it.
    pub message: String,
    /// What it had read: so it fails for all of whom this is true. Empty where nobody can tell.
    pub seen: String,
    /// A request it failed on.
    pub request: Option<RequestId>,
    /// The worker it failed on.
    pub worker: Option<String>,
}

impl Write<'_> {
    /// Notes those of a configuration that were not noted before, up to [`FAULTS_MAX`] in all, and
    /// answers them.
    ///
    /// # Errors
    /// `NotFound` when the configuration is unknown.
    pub fn note_faults(
        &mut self,
        configuration: ConfigId,
        faults: &[NewFault],
    ) -> Result<Vec<NewFault>, Error> {
        self.require_configuration(configuration)?;
        let (id, mut count) = (configuration.0, self.int(COUNT, [configuration.0])?);
        let mut noted = Vec::new();
        for fault in faults {
            let known = (id, &fault.function, &fault.seen, &fault.message);
            if count >= FAULTS_MAX || self.int(KNOWN, known)? > 0 {
                continue;
            }
            let cells = cells! {
                configuration_id: id, function: &fault.function, message: &fault.message,
                seen: &fault.seen, request_id: fault.request.map(|id| id.0),
                worker: fault.worker.as_ref(), noted_at: self.now(),
            };
            self.insert(EventKind::FaultNoted, FaultId::NOUN, cells, vec![])?;
            noted.push(fault.clone());
            count += 1;
        }
        Ok(noted)
    }
}
