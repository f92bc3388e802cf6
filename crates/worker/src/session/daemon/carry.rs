//! What the table of attempts wants done, and who does it.

use std::sync::Arc;

use steading_wire::worker::{Attempt, Primitive, ToMaster};
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Daemon, Runs};
use crate::attempts::{Assignment, Effect, broken, carry_out, close_lost, job};
use crate::shepherd::ToShepherd;
use crate::spool::Begin;

impl Daemon {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        // Before anything begins in one of them.
        self.tools.keeper.in_use(self.table.workspaces());
        for effect in effects {
            match effect {
                Effect::Keep(begin) => {
                    let attempt = begin.attempt;
                    if let Err(error) = block_in_place(|| self.tools.spool.keep(begin)) {
                        let effects = self.table.on_unkept(attempt, &error.to_string());
                        return self.carry_out(effects);
                    }
                }
                Effect::Say(message) => self.say(message),
                Effect::Start { begin, workspace } => self.start(begin, workspace),
                Effect::Kill(attempt) => self.kill(attempt),
                Effect::Send(attempt, number) => self.tools.spool.send(attempt, number),
                Effect::Forget(attempt) => self.tools.spool.forget(attempt),
            }
        }
    }

    pub(super) fn kill(&mut self, attempt: Attempt) {
        match self.running.get(&attempt) {
            Some(Runs::Here(_, cancel)) => cancel.cancel(),
            Some(Runs::There(begin)) => {
                let (slot, number) = (begin.slot, begin.number());
                self.slots.tell(slot, ToShepherd::End { attempt, number });
            }
            None => {}
        }
    }

    pub(super) fn start(&mut self, begin: Begin, workspace: String) {
        let (attempt, number) = (begin.attempt, begin.number());
        match begin.step.as_ref().map(|step| step.primitive.clone()) {
            Some(process @ Primitive::Process { .. }) => {
                match job(&self.tools, &begin, &workspace, &process) {
                    Ok(job) => {
                        let slot = begin.slot;
                        self.running.insert(attempt, Runs::There(Box::new(begin)));
                        self.slots.tell(slot, ToShepherd::Run(Box::new(job)));
                    }
                    Err(ending) => {
                        let report = block_in_place(|| close_lost(&self.tools, begin, ending));
                        self.step_ended(attempt, number, report);
                    }
                }
            }
            _ => self.start_here(Assignment { begin, workspace }),
        }
        if self.ending {
            self.kill(attempt);
        }
    }

    pub(super) fn start_here(&mut self, assignment: Assignment) {
        let (attempt, number) = (assignment.begin.attempt, assignment.begin.number());
        let begin = assignment.begin.clone();
        let cancel = CancellationToken::new();
        self.running.insert(attempt, Runs::Here(number, cancel.clone()));
        let tools = Arc::clone(&self.tools);
        self.steps.spawn(async move {
            let own = Arc::clone(&tools);
            let step = async move { carry_out(&own, assignment, &cancel).await };
            let step = AbortOnDropHandle::new(tokio::spawn(step));
            // A fault in one step costs that step and nothing else.
            let report = step.await.unwrap_or_else(|error| {
                block_in_place(|| close_lost(&tools, begin, broken(&error.to_string())))
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
