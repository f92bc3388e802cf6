//! What the faces ask of the master: a command and a handle to send it by.
//!
//! `web` and `master` do not know each other's insides; this is the whole of what joins them,
//! besides history and its events.

use steading_core::words::{BuildId, RequestId};
use tokio::sync::{mpsc, oneshot};

use crate::problem::{Code, Problem};
use crate::rest;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Submit a request of this builder.
    Force {
        /// The builder.
        builder: String,
        /// What was asked for.
        force: rest::Force,
    },
    /// Submit the same again: same builder, stamp and properties.
    Rebuild {
        /// The build to repeat.
        build: BuildId,
        /// Why.
        why: rest::Why,
    },
    /// Learn of a change.
    Change(rest::NewChange),
    /// Stop a build.
    CancelBuild {
        /// Which.
        build: BuildId,
        /// Why.
        why: rest::Why,
    },
    /// Take a request back, or stop its build.
    CancelRequest {
        /// Which.
        request: RequestId,
        /// Why.
        why: rest::Why,
    },
    /// Give a waiting request another priority.
    Prioritize {
        /// Which.
        request: RequestId,
        /// The new one.
        priority: i64,
    },
    /// Hold something back.
    Pause {
        /// What.
        what: Pausable,
        /// Why.
        why: rest::Why,
    },
    /// Let it go on.
    Resume {
        /// What.
        what: Pausable,
        /// Why.
        why: rest::Why,
    },
    /// Start nothing new, so that it becomes quiet.
    Drain {
        /// The worker; the whole farm if none is named.
        worker: Option<String>,
        /// Why.
        why: rest::Why,
    },
    /// Why is this request not running?
    Explain {
        /// Which.
        request: RequestId,
    },
    /// The queue in dispatch order.
    Queue {
        /// At most this many items.
        limit: usize,
    },
    /// Read the configuration again and apply it if it is good.
    Reload,
    /// Make a token.
    NewToken(rest::NewToken),
    /// Forget a token.
    RevokeToken {
        /// Its name.
        name: String,
    },
}

/// What can be held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pausable {
    /// The whole farm: nothing is started.
    Farm,
    /// A worker: nothing is started there.
    Worker(String),
    /// A builder: its requests wait.
    Builder(String),
    /// A scheduler: what it sees it keeps until it is resumed; who asks a form is refused.
    Scheduler(String),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To force and rebuild.
    Submitted(rest::Submitted),
    /// To change.
    ChangesAdded(rest::ChangesAdded),
    /// To cancel, prioritize, pause, resume, drain, revoke.
    Done,
    /// To explain.
    Explanation(rest::Explanation),
    /// To queue.
    Queue(rest::Queue),
    /// To reload.
    Reloaded(rest::Reloaded),
    /// To a new token.
    Token(rest::Token),
}

/// A command on its way, with who asks and where the answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub command: Command,
    /// Who asks: the token's name.
    pub by: String,
    /// For writes that may be sent twice: the same key gets the same answer.
    pub idempotency_key: Option<String>,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Answer, Problem>>,
}

/// Sends commands to the master. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    sender: mpsc::Sender<Asked>,
}

/// How many commands may wait for the master.
const QUEUE: usize = 256;

/// A handle and the end the master listens on.
#[must_use]
pub fn channel() -> (Handle, mpsc::Receiver<Asked>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Handle { sender }, receiver)
}

impl Handle {
    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The master's own problem, or `unavailable` when it is stopping.
    pub async fn ask(
        &self,
        command: Command,
        by: String,
        idempotency_key: Option<String>,
    ) -> Result<Answer, Problem> {
        let gone = |_| Problem::new(Code::Unavailable, "the master is stopping; try again soon");
        let (reply, answer) = oneshot::channel();
        let asked = Asked { command, by, idempotency_key, reply };
        self.sender.send(asked).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }
}
