//! Request classes that are gone. The worker classes keep their edges to these for a while: to look
//! up one in each costs more than to pass some worker classes, whole, for each class that goes.
//!
//! A class that is gone has no requests and is not seen, so its edges lead to nobody. Its number is
//! given to another when all worker classes were passed since.

use super::live_order::Live;

/// Classes whose numbers are not to be used again yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Gone {
    /// By class.
    gone: Vec<bool>,
    /// Before this round began.
    before: Vec<u32>,
    /// Since it began.
    since: Vec<u32>,
    /// The worker class to be passed next.
    next: usize,
}

impl Gone {
    fn add(&mut self, class: u32) {
        let at = class as usize;
        if self.gone.len() <= at {
            self.gone.resize(at + 1, false);
        }
        self.gone[at] = true;
        self.since.push(class);
    }

    fn is(&self, class: u32) -> bool {
        self.gone.get(class as usize).is_some_and(|gone| *gone)
    }

    /// All worker classes were passed. Gives the classes they have no edges to any more.
    fn end_round(&mut self) -> Vec<u32> {
        self.next = 0;
        let passed = std::mem::replace(&mut self.before, std::mem::take(&mut self.since));
        for class in &passed {
            self.gone[*class as usize] = false;
        }
        passed
    }
}

impl Live {
    /// A request class is gone: some worker classes lose their edges to those that are. All of them
    /// were passed once when about as many classes are gone as are kept.
    pub(super) fn sweep(&mut self, class: u32) {
        self.gone.add(class);
        for _ in 0..self.graph.workers.len().div_ceil(self.kept.0.max(1)) {
            let Live { gone, graph, .. } = self;
            let Some(worker) = graph.workers.get_mut(gone.next) else { break };
            worker.back.retain(|edge| !gone.is(edge.class));
            gone.next += 1;
        }
        if self.gone.next >= self.graph.workers.len() {
            for class in self.gone.end_round() {
                self.index.requests.spare(class);
            }
        }
    }
}
