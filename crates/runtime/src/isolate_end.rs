//! The end of an isolate: its processes end with it, and the scheduler waits for another one.

use viga_scheduler::RunQueues;

use crate::batch::NO_SLICE;
use crate::outcome::OutcomeKind;
use crate::process::Status;
use crate::slab::NIL;
use crate::{Domain, Pid};

impl Domain {
    /// The isolate that executed the processes is gone: all of them end, and those linked with them or watching them hear
    /// of it. Every handle of the isolate's is void. What was in its outbox was never sent.
    pub fn isolate_ended(&mut self, queues: &mut RunQueues, reason: u32) {
        self.drop_pending();
        self.drop_batch();
        let places: Vec<Pid> = self.table.pids().collect();
        for place in places {
            if self.table.live(place).is_some() {
                self.end_process(queues, place.index, reason);
            }
        }
        self.bury_dying(queues);
        while queues.pop().is_some() {}
        self.hastened.clear();
        self.buried.clear();
        // What is left sends to other schedulers, and nobody would fire it here.
        self.wheel.cancel_all();
        self.shown.clear();
        self.handles.forget_isolate();
        self.table.free_all();
        self.batch.forget_isolate();
        let inbox = self.between.inbox(self.scheduler);
        self.between.set_attached(self.scheduler, false);
        inbox.set_vacant(true);
    }

    /// Slices in the isolate's hands are over. Fragments in their windows are the core's until they are settled; what the isolate
    /// has taken of system messages nobody knows.
    fn drop_batch(&mut self) {
        let Some(block) = self.batch.block else {
            return;
        };
        for place in self.batch.settled..self.batch.len {
            let slice = self.batch.slices[place];
            if slice.index == NIL {
                continue;
            }
            self.forget_staged(
                &block,
                slice.window_start,
                slice.window_start + slice.window_len,
            );
            if let Some(outcome) = slice.outcome
                && outcome.kind == OutcomeKind::Down
            {
                self.handles.drop_reason(outcome.handle);
            }
            let process = self.table.entry(slice.index);
            if process.serial == slice.serial && process.status != Status::Free {
                process.status = Status::Waiting;
            }
            self.batch.slices[place] = NO_SLICE;
        }
        self.batch.len = 0;
        self.batch.settled = 0;
    }
}
