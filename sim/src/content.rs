//! What the modelled processes print and leave behind: made from who prints, so that anybody can
//! say afterwards what a log must hold, byte by byte.

use steading_wire::worker::{Attempt, LogKey};

/// The first `length` bytes that this log's process prints.
pub(crate) fn printed(key: &LogKey, length: usize) -> Vec<u8> {
    let Attempt { request, epoch } = key.attempt;
    let mut bytes = Vec::with_capacity(length + 64);
    let mut line = 0_u64;
    while bytes.len() < length {
        line += 1;
        let text =
            format!("request {request} epoch {epoch} step {} {} {line}\n", key.step, key.name);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The bytes of the file that a step of an attempt uploads.
pub(crate) fn left(attempt: Attempt, step: i64) -> Vec<u8> {
    printed(&LogKey { attempt, step, name: "out/file".to_owned() }, 300)
}

/// BLAKE3, in hex.
pub(crate) fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
