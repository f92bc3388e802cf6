//! What fails in the policy's functions is noted in history, once for all whom it concerns.

use steading_core::matcher::FaultReport;
use steading_core::words::{ConfigId, RequestId};
use steading_store::NewFault;

use crate::context::Context;
use crate::farms::FarmError;

/// Characters of a message that are kept: file, line and the way to it come first.
const MESSAGE_MAX: usize = 4_000;

/// Notes what failed under a configuration and was not noted before.
pub(crate) async fn note(
    context: &Context,
    configuration: ConfigId,
    faults: Vec<FaultReport>,
) -> Result<(), FarmError> {
    if faults.is_empty() {
        return Ok(());
    }
    let new: Vec<NewFault> = faults.into_iter().map(new).collect();
    let section =
        context.store.write("dispatch.fault", move |w| w.note_faults(configuration, &new));
    for fault in section.await? {
        let NewFault { function, message, .. } = fault;
        tracing::warn!("the policy's {function} failed: {message}");
    }
    Ok(())
}

fn new(fault: FaultReport) -> NewFault {
    let FaultReport { function, message, seen, request, worker } = fault;
    NewFault {
        function,
        message: message.chars().take(MESSAGE_MAX).collect(),
        seen,
        request: Some(request).filter(|id| *id != RequestId(0)),
        worker: Some(worker).filter(|name| !name.is_empty()),
    }
}
