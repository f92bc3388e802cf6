//! The control messages of protocol 2, as they were. What a worker of that version says and hears
//! goes through them: fields that came later are dropped, a message that came later is nonsense.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use steading_wire::worker::{
    Attempt, BuildId, ClaimId, DecodeError, Next, Primitive, Reason, Report, ToMaster, ToWorker,
    decode, encode,
};

/// From worker to master. What is in it is written today as then.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToMasterOf2 {
    Hello {
        protocol: u32,
        name: String,
        version: String,
        #[serde(default)]
        instance: Option<String>,
        facts: BTreeMap<String, String>,
        held: Vec<Attempt>,
    },
    Heartbeat {
        held: Vec<Attempt>,
    },
    Accepted {
        claim: ClaimId,
        attempt: Attempt,
    },
    Refused {
        claim: ClaimId,
        reason: Reason,
    },
    StepDone {
        attempt: Attempt,
        number: i64,
        report: Report,
    },
    Gathered {
        attempt: Attempt,
    },
    Stopping,
}

/// From master to worker.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToWorkerOf2 {
    Welcome {
        slots: i64,
        drop: Vec<Attempt>,
    },
    Rejected {
        code: String,
        text: String,
    },
    Offer {
        claim: ClaimId,
        attempt: Attempt,
        builder: String,
    },
    Run {
        attempt: Attempt,
        build: BuildId,
        number: i64,
        primitive: Primitive,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        then: Vec<Next>,
    },
    Cancel {
        attempt: Attempt,
    },
    Finish {
        attempt: Attempt,
    },
    Drop {
        attempt: Attempt,
    },
    Restarting,
    Stop,
}

/// What a worker of protocol 2 says instead.
pub(crate) fn says(message: &ToMaster) -> Result<Vec<u8>, DecodeError> {
    Ok(encode(&decode::<ToMasterOf2>(&encode(message))?))
}

/// What it understands.
pub(crate) fn hears(bytes: &[u8]) -> Result<ToWorker, DecodeError> {
    decode(&encode(&decode::<ToWorkerOf2>(bytes)?))
}
