//! What is to be done, and who does it.

use std::sync::Arc;

use steading_wire::worker::ToMaster;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Daemon;
use crate::attempts::{Assignment, broken, carry_out, job};
use crate::in_place;
use crate::session::work::Order;
use crate::shepherd::ToShepherd;
use crate::spool::Begin;

impl Daemon {
    /// Does what is to be done now.
    pub(super) fn act(&mut self) {
        // Before anything begins in one of them.
        self.tools.keeper.in_use(self.work.workspaces());
        while let Some(order) = self.work.order() {
            match order {
                Order::Say(message) => self.say(message),
                Order::Run { begin, workspace } => self.run_there(begin, &workspace),
                Order::End { slot, attempt, number } => {
                    self.slots.tell(slot, ToShepherd::End { attempt, number });
                }
                Order::Perform { begin, workspace } => {
                    self.perform(Assignment { begin, workspace });
                }
                Order::Cancel(attempt) => {
                    self.here.get(&attempt).into_iter().for_each(CancellationToken::cancel);
                }
            }
        }
    }

    fn run_there(&mut self, begin: Begin, workspace: &str) {
        match job(&self.tools, &begin, workspace) {
            Ok(job) => self.slots.tell(begin.slot, ToShepherd::Run(Box::new(job))),
            Err(ending) => {
                self.work.not_begun(begin, ending);
                self.wait_for_master();
            }
        }
    }

    fn perform(&mut self, assignment: Assignment) {
        let (attempt, number) = (assignment.begin.attempt, assignment.begin.number());
        let begin = assignment.begin.clone();
        let cancel = CancellationToken::new();
        self.here.insert(attempt, cancel.clone());
        let tools = Arc::clone(&self.tools);
        self.steps.spawn(async move {
            let own = Arc::clone(&tools);
            let step = async move { carry_out(&own, assignment, &cancel).await };
            let step = AbortOnDropHandle::new(tokio::spawn(step));
            // A fault in one step costs that step and nothing else.
            let report = step.await.unwrap_or_else(|error| {
                let ending = broken(&error.to_string());
                in_place(|| tools.spool.close_lost(begin, ending, tools.log_bytes_max))
            });
            (attempt, number, report)
        });
    }

    pub(super) fn say(&mut self, mut message: ToMaster) {
        if let Some(link) = &self.link {
            message.count(&mut self.said);
            link.say(message);
        }
    }
}
