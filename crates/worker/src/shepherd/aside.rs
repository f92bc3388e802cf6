//! A thread that is asked one thing after another by somebody who need not wait for the answers.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// How it is asked, and how it answers: in the order of the questions. It ends with the questions.
pub(super) type Aside<Q, A> = (Sender<Q>, Receiver<A>);

/// Starts one. If that cannot be, the channels are closed, and nothing is ever answered.
pub(super) fn start<Q, A>(name: &str, answer: impl Fn(Q) -> A + Send + 'static) -> Aside<Q, A>
where
    Q: Send + 'static,
    A: Send + 'static,
{
    let (asks, asked) = channel();
    let (tell, answers) = channel();
    let work = move || {
        for question in asked {
            if tell.send(answer(question)).is_err() {
                return;
            }
        }
    };
    let _ = thread::Builder::new().name(name.to_owned()).spawn(work);
    (asks, answers)
}
