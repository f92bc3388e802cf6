//! The worker protocol, version 3: MessagePack with named maps over two WebSockets.
//!
//! *Control* carries small messages and never queues behind bytes; *bulk* carries log blocks and
//! the live tail. Every message about a build is addressed by its `Attempt` and may be sent again:
//! the receiver ignores what it already knows. So whoever was away says what it holds, and goes on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
pub use steading_core::words::{Attempt, BuildId, ClaimId, Micros, Reason, RequestId};

/// The newest version, which a worker speaks.
pub const PROTOCOL: u32 = 3;
/// The oldest version a master still serves. Version 2 brought `Hello::instance` and `Run::then`;
/// version 3 `Halt` and `Halted`, and numbers what says what is held.
pub const PROTOCOL_OLDEST: u32 = 2;
/// The version from which on a worker knows `Halt`.
pub const HALTS_SINCE: u32 = 3;
/// How often a worker sends a heartbeat, unless it is told otherwise, in milliseconds.
pub const HEARTBEAT_MS: u64 = 3_000;
/// How often one of many workers is told to, in milliseconds.
pub const HEARTBEAT_MANY_MS: u64 = 5_000;
/// From so many workers on.
pub const MANY: usize = 1_000;
/// A side that heard nothing for this long drops the link, in milliseconds; see [`silence_ms`].
pub const SILENCE_MS: u64 = 10_000;
/// The largest message either side accepts, in bytes: a block and its envelope.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// How often a worker sends a heartbeat when so many are connected, in milliseconds: what all of
/// them cost a master that has nothing to do is bounded.
#[must_use]
pub fn heartbeat_ms(workers: usize) -> u64 {
    if workers < MANY { HEARTBEAT_MS } else { HEARTBEAT_MANY_MS }
}

/// How long a control link with such heartbeats may be silent, in milliseconds: one may be lost.
#[must_use]
pub fn silence_ms(heartbeat_ms: u64) -> u64 {
    SILENCE_MS.max(heartbeat_ms.saturating_mul(2).saturating_add(1_000))
}

/// What a worker says of itself, first of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// `PROTOCOL` of the worker.
    pub protocol: u32,
    /// Its name.
    pub name: String,
    /// Its Steading version.
    pub version: String,
    /// Which directory it works in, among all there ever were: the same after each of its starts.
    /// Since version 2.
    #[serde(default)]
    pub instance: Option<String>,
    /// Its machine: kernel, cpus, memory, disk, as plain facts.
    pub facts: BTreeMap<String, String>,
    /// As [`Machine::troubles`]. Optional.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<Reason>,
    /// The attempts it holds.
    pub held: Vec<Attempt>,
}

/// What a worker says of its machine when that changes while it is connected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// All of them, as in [`Hello::facts`].
    pub facts: BTreeMap<String, String>,
    /// Why it should be given nothing, one for each code: `disk_full`. None: it takes builds.
    #[serde(default)]
    pub troubles: Vec<Reason>,
}

/// From worker to master, on the control link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToMaster {
    /// The first message of a session.
    Hello(Hello),
    /// "I am here", and what it holds, so that both sides find a difference in seconds (I2).
    Heartbeat {
        /// Its place among all that says what is held: see [`ToMaster::count`]. Since version 3.
        #[serde(default)]
        number: u64,
        /// The attempts it holds.
        held: Vec<Attempt>,
        /// Its machine, if that is otherwise than it last said on this link. Optional: a master
        /// that does not know it passes it over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        machine: Option<Box<Machine>>,
    },
    /// The offer is taken.
    Accepted {
        /// As that of a heartbeat.
        #[serde(default)]
        number: u64,
        /// Which offer.
        claim: ClaimId,
        /// The attempt now held.
        attempt: Attempt,
    },
    /// The offer is not taken.
    Refused {
        /// Which offer.
        claim: ClaimId,
        /// Why.
        reason: Reason,
    },
    /// A step ended; its logs are spooled and will be sent on the bulk link.
    StepDone {
        /// Whose step.
        attempt: Attempt,
        /// Its number in the plan.
        number: i64,
        /// How it ended.
        report: Report,
    },
    /// The answer to `Halt`: it begins no step that is not asked for. Since version 3.
    Halted {
        /// Which attempt.
        attempt: Attempt,
        /// The newest step it has begun, from 1; 0 before the first.
        newest: i64,
    },
    /// Every byte of the attempt is acknowledged and its workspace is free.
    Gathered {
        /// Which attempt.
        attempt: Attempt,
    },
    /// The worker stops and takes nothing more.
    Stopping,
}

impl ToMaster {
    /// Numbers what says which attempts are held, in the order in which a session says it, from 1.
    /// A heartbeat that comes after something with a higher number, twice or late, is true no more
    /// and says nothing: "I hold nothing" would cost what was accepted since.
    pub fn count(&mut self, said: &mut u64) {
        if let ToMaster::Heartbeat { number, .. } | ToMaster::Accepted { number, .. } = self {
            *said += 1;
            *number = *said;
        }
    }
}

/// From master to worker, on the control link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToWorker {
    /// The session begins.
    Welcome {
        /// Builds it may run at once.
        slots: i64,
        /// Held attempts the master no longer wants: a definite "drop it" (I1).
        drop: Vec<Attempt>,
        /// How often it wants a heartbeat, in milliseconds. Optional: an older worker passes it
        /// over.
        #[serde(default = "unless_told")]
        heartbeat_ms: u64,
    },
    /// The session does not begin; the text says why and what to do.
    Rejected {
        /// Machine-readable: `protocol`, `name`, `taken`.
        code: String,
        /// For people.
        text: String,
    },
    /// Will you build this?
    Offer {
        /// The offer.
        claim: ClaimId,
        /// The attempt it would be.
        attempt: Attempt,
        /// The builder: names the workspace.
        builder: String,
    },
    /// Run one step.
    Run {
        /// Whose step.
        attempt: Attempt,
        /// The build, for messages to people.
        build: BuildId,
        /// Its number in the plan.
        number: i64,
        /// What to do.
        primitive: Primitive,
        /// What to do next if this goes well, and so on: steps that need no decision. Since
        /// version 2.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        then: Vec<Next>,
    },
    /// Run ahead no further, and say how far that was; what runs goes on. Since version 3: an
    /// older worker is not sent this.
    Halt {
        /// Which attempt.
        attempt: Attempt,
    },
    /// Stop what runs: TERM, then KILL, the whole tree dead within 10 s.
    Cancel {
        /// Which attempt.
        attempt: Attempt,
    },
    /// No more steps: send what is left, free the workspace, say `Gathered`.
    Finish {
        /// Which attempt.
        attempt: Attempt,
    },
    /// Forget the attempt: kill it, delete its spool, say nothing more of it.
    Drop {
        /// Which attempt.
        attempt: Attempt,
    },
    /// The master goes away for a moment; keep what you hold and come back.
    Restarting,
    /// End the worker itself: at once when idle, else when its builds are gone.
    Stop,
}

/// What a master that does not say wants.
fn unless_told() -> u64 {
    HEARTBEAT_MS
}

/// A step that follows another that went well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Its number in the plan.
    pub number: i64,
    /// What to do.
    pub primitive: Primitive,
}

/// The few things a worker can do. Every step compiles to one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Primitive {
    /// Run a process in the workspace.
    Process {
        /// Program and arguments, handed over as they are.
        argv: Vec<String>,
        /// Added to the worker's own environment.
        env: BTreeMap<String, String>,
        /// Directory below the workspace; created if missing.
        workdir: Option<String>,
        /// Longest run, in milliseconds.
        timeout_ms: Option<i64>,
        /// Longest silence, in milliseconds.
        idle_timeout_ms: Option<i64>,
        /// How many bytes of each log are kept, where that is less than the worker keeps of any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log_bytes_max: Option<i64>,
    },
    /// Bring exactly this revision into the workspace.
    Checkout {
        /// URL, or an absolute path on this machine.
        url: String,
        /// The branch, to fetch and to stand on.
        branch: String,
        /// The full revision.
        revision: String,
        /// Fetch submodules too.
        submodules: bool,
    },
    /// Send files of the workspace to the archive.
    Upload {
        /// Globs below the workspace.
        paths: Vec<String>,
    },
}

/// How a step ended, as the worker saw it. What it means is decided in `core::settle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// Of the process, where there was one.
    pub exit: Option<ExitRecord>,
    /// Names of the logs it wrote: `stdout`, `stderr`.
    pub logs: Vec<String>,
    /// The last lines of stderr (at most 4 KiB), so that a failure shows its why at once.
    pub stderr_tail: String,
}

/// The ways a primitive ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ending {
    /// The process exited, or the primitive did its work (code 0).
    Exited {
        /// Its code.
        code: i32,
    },
    /// A signal ended it.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// It ran or was silent for too long, and was killed.
    TimedOut {
        /// True when it was silent for too long.
        idle: bool,
        /// The limit, in milliseconds.
        limit_ms: i64,
    },
    /// The program could not be started at all.
    NotStarted {
        /// What the system said, and of what.
        text: String,
    },
    /// It was cancelled.
    Cancelled,
    /// The source could not be brought: the revision does not exist.
    NoSuchRevision {
        /// Which, and where.
        text: String,
    },
    /// Nothing matched the paths to upload.
    NoSuchFile {
        /// The globs.
        text: String,
    },
    /// Not the build's fault: network, disk, the archive.
    Infrastructure {
        /// Machine-readable: `disk_full`, `fetch_failed`, `archive_unreachable`, ….
        code: String,
        /// What happened.
        text: String,
    },
}

/// What a process cost and how it ended: one for every process the farm starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where it ran, below the workspace.
    pub cwd: String,
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// Its signal, if one ended it.
    pub signal: Option<i32>,
    /// When it started.
    pub started_at: Micros,
    /// When it ended.
    pub ended_at: Micros,
    /// CPU time in user mode, in milliseconds, children included.
    pub user_ms: i64,
    /// CPU time in the kernel, in milliseconds, children included.
    pub system_ms: i64,
    /// Peak resident memory of the largest process, in KiB.
    pub max_rss_kib: i64,
    /// Processes still alive when it ended, by name; they were killed.
    pub leftovers: Vec<String>,
}

/// From worker to master, on the bulk link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BulkToMaster {
    /// One encoded block of a log, stored verbatim.
    Block {
        /// Which log.
        log: LogKey,
        /// Offset of its first raw byte.
        raw_offset: u64,
        /// The block, as `frames` encodes it.
        #[serde(with = "bytes")]
        encoded: Vec<u8>,
    },
    /// Raw bytes not yet in a block: for people who watch, never stored.
    Tail {
        /// Which log.
        log: LogKey,
        /// Offset of its first raw byte.
        raw_offset: u64,
        /// When the first of them came, by the worker's clock.
        at: Micros,
        /// The bytes.
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    },
    /// The log is whole.
    Close {
        /// Which log.
        log: LogKey,
        /// The closing table, as `frames` encodes it.
        #[serde(with = "bytes")]
        trailer: Vec<u8>,
        /// Raw bytes in all.
        bytes: u64,
        /// Lines in all.
        lines: u64,
        /// BLAKE3 of the raw bytes, in hex.
        hash: String,
    },
}

/// From master to worker, on the bulk link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BulkToWorker {
    /// Everything below this raw offset is durable.
    Stored {
        /// Which log.
        log: LogKey,
        /// The next raw offset wanted.
        next: u64,
    },
    /// The log is closed and durable; its spool may go.
    Closed {
        /// Which log.
        log: LogKey,
    },
    /// The master does not want this log (its attempt was dropped); its spool may go.
    Unwanted {
        /// Which log.
        log: LogKey,
    },
}

/// A log, by what both sides know of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogKey {
    /// Whose.
    pub attempt: Attempt,
    /// The step's number in the plan.
    pub step: i64,
    /// `stdout` or `stderr`.
    pub name: String,
}

/// Why bytes are not a message of this protocol.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Larger than either side accepts.
    #[error("the message has {0} bytes; at most {MESSAGE_BYTES_MAX} are accepted")]
    TooLarge(usize),
    /// Not MessagePack, or not a message.
    #[error("the message is not one of protocol {PROTOCOL}: {0}")]
    Malformed(#[from] rmp_serde::decode::Error),
}

/// Writes a message as MessagePack with named maps.
#[must_use]
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(message).expect("messages hold only maps, lists, numbers and texts")
}

/// Reads a message.
///
/// # Errors
/// When it is too large, not MessagePack, or no message of this protocol.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(DecodeError::TooLarge(bytes.len()));
    }
    Ok(rmp_serde::from_slice(bytes)?)
}

/// Bytes as MessagePack's own binary type rather than a list of numbers.
pub mod bytes {
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    /// Writes them.
    ///
    /// # Errors
    /// When the serializer does.
    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(bytes)
    }

    /// Reads them.
    ///
    /// # Errors
    /// When there are none.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        d.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
            let mut bytes = Vec::new();
            while let Some(byte) = seq.next_element()? {
                bytes.push(byte);
            }
            Ok(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> Attempt {
        Attempt { request: RequestId(7), epoch: 2 }
    }

    fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(message: &T) {
        assert_eq!(&decode::<T>(&encode(message)).expect("own messages decode"), message);
    }

    #[test]
    fn messages_survive_the_wire() {
        let facts = BTreeMap::from([("disk_free_mib".to_owned(), "12".to_owned())]);
        let machine = Machine { facts, troubles: vec![Reason::new("disk_full", "no room")] };
        for machine in [None, Some(Box::new(machine))] {
            round_trip(&ToMaster::Heartbeat { number: 7, held: vec![attempt()], machine });
        }
        round_trip(&ToWorker::Halt { attempt: attempt() });
        round_trip(&ToMaster::Halted { attempt: attempt(), newest: 2 });
        round_trip(&ToWorker::Run {
            attempt: attempt(),
            build: BuildId(3),
            number: 1,
            primitive: Primitive::Upload { paths: vec!["out/*".into()] },
            then: vec![Next { number: 2, primitive: Primitive::Upload { paths: vec![] } }],
        });
        round_trip(&BulkToMaster::Block {
            log: LogKey { attempt: attempt(), step: 1, name: "stdout".into() },
            raw_offset: 0,
            encoded: vec![0, 255, 1],
        });
    }

    #[test]
    fn golden_bytes_of_version_3() {
        let bytes =
            encode(&ToMaster::Accepted { number: 3, claim: ClaimId(1), attempt: attempt() });
        let text: String =
            bytes.iter().flat_map(|b| std::ascii::escape_default(*b)).map(char::from).collect();
        assert_eq!(
            text,
            concat!(
                r"\x84\xa4type\xa8accepted\xa6number\x03\xa5claim\x01",
                r"\xa7attempt\x82\xa7request\x07\xa5epoch\x02"
            )
        );
    }

    /// What a worker of version 2 says.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum ToMasterOf2 {
        Heartbeat { held: Vec<Attempt> },
    }

    /// What the first master of version 3 knows of a hello and a heartbeat.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum ToMasterOfFirst3 {
        Hello { protocol: u32, facts: BTreeMap<String, String>, held: Vec<Attempt> },
        Heartbeat { number: u64, held: Vec<Attempt> },
    }

    /// How a worker of version 2 reads the order to run a step.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum ToWorkerOf2 {
        Welcome {
            slots: i64,
            drop: Vec<Attempt>,
        },
        Run {
            attempt: Attempt,
            build: BuildId,
            number: i64,
            primitive: Primitive,
            #[serde(default)]
            then: Vec<Next>,
        },
    }

    #[test]
    fn version_2_reads_version_3_and_the_other_way_round() {
        let held = vec![attempt()];
        let old = ToMasterOf2::Heartbeat { held: held.clone() };
        let beat = |machine| ToMaster::Heartbeat { number: 0, held: held.clone(), machine };
        assert_eq!(decode::<ToMaster>(&encode(&old)).expect("understood"), beat(None));
        for machine in [None, Some(Box::default())] {
            let new = encode(&beat(machine));
            assert_eq!(decode::<ToMasterOf2>(&new).expect("understood"), old);
        }
        let primitive = Primitive::Upload { paths: vec![] };
        let then = vec![Next { number: 2, primitive: primitive.clone() }];
        let (attempt, build, number) = (attempt(), BuildId(1), 1);
        let (now, for_now) = (primitive.clone(), then.clone());
        let new = ToWorker::Run { attempt, build, number, primitive: now, then: for_now };
        let old = ToWorkerOf2::Run { attempt, build, number, primitive, then };
        assert_eq!(decode::<ToWorkerOf2>(&encode(&new)).expect("understood"), old);
        assert_eq!(decode::<ToWorker>(&encode(&old)).expect("understood"), new);
        let welcome = |heartbeat_ms| ToWorker::Welcome { slots: 2, drop: vec![], heartbeat_ms };
        let old = ToWorkerOf2::Welcome { slots: 2, drop: vec![] };
        let new = encode(&welcome(HEARTBEAT_MANY_MS));
        assert_eq!(decode::<ToWorkerOf2>(&new).expect("understood"), old);
        let known = decode::<ToWorker>(&encode(&old)).expect("understood");
        assert_eq!(known, welcome(HEARTBEAT_MS));
    }

    #[test]
    fn many_workers_say_less_often_that_they_are_there() {
        let check = |workers: usize, heartbeat: u64, silence: u64| {
            let told = heartbeat_ms(workers);
            assert_eq!((told, silence_ms(told)), (heartbeat, silence));
        };
        check(0, 3_000, 10_000);
        check(MANY - 1, 3_000, 10_000);
        check(MANY, 5_000, 11_000);
    }

    #[test]
    fn a_master_that_does_not_know_of_troubles_passes_them_over() {
        let troubles = vec![Reason::new("disk_full", "no room")];
        let facts = BTreeMap::from([("cpus".to_owned(), "2".to_owned())]);
        let hello = ToMaster::Hello(Hello {
            protocol: PROTOCOL,
            name: "barn".into(),
            version: "0.1.0".into(),
            instance: None,
            facts: facts.clone(),
            troubles: troubles.clone(),
            held: vec![attempt()],
        });
        let held = vec![attempt()];
        let known = ToMasterOfFirst3::Hello { protocol: 3, facts: facts.clone(), held };
        assert_eq!(decode::<ToMasterOfFirst3>(&encode(&hello)).expect("understood"), known);
        let machine = Some(Box::new(Machine { facts, troubles }));
        let beat = ToMaster::Heartbeat { number: 4, held: vec![], machine };
        let known = ToMasterOfFirst3::Heartbeat { number: 4, held: vec![] };
        assert_eq!(decode::<ToMasterOfFirst3>(&encode(&beat)).expect("understood"), known);
        let plain = ToMaster::Heartbeat { number: 4, held: vec![], machine: None };
        assert_eq!(encode(&plain), encode(&known), "what has not changed is not said");
    }

    #[test]
    fn what_says_what_is_held_is_numbered_and_nothing_else() {
        let mut said = 0;
        let mut number = |mut message: ToMaster| {
            message.count(&mut said);
            match message {
                ToMaster::Heartbeat { number, .. } | ToMaster::Accepted { number, .. } => number,
                _ => 0,
            }
        };
        let beat = || ToMaster::Heartbeat { number: 0, held: vec![], machine: None };
        assert_eq!(number(beat()), 1);
        let accepted = ToMaster::Accepted { number: 0, claim: ClaimId(1), attempt: attempt() };
        assert_eq!(number(accepted.clone()), 2);
        assert_eq!(number(ToMaster::Stopping), 0);
        assert_eq!(number(accepted), 3, "said again");
        assert_eq!(number(beat()), 4);
    }

    #[test]
    fn noise_is_an_error_that_says_so() {
        assert!(decode::<ToMaster>(b"\xc1nonsense").is_err());
        let large = vec![0; MESSAGE_BYTES_MAX + 1];
        let error = decode::<ToMaster>(&large).expect_err("too large").to_string();
        assert_eq!(error, "the message has 1048577 bytes; at most 1048576 are accepted");
    }
}
