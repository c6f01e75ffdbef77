//! Calls: a monitor, the address of the reply, the request and a time limit in one record, and an outcome that does not pass
//! through the caller's mailbox.

use viga_scheduler::RunQueues;

use crate::handles::{FRAGMENT, constant};
use crate::monitor::{AliasMode, Purpose};
use crate::outcome::{Outcome, OutcomeKind};
use crate::process::Status;
use crate::slab::NIL;
use crate::timer::Action;
use crate::{Domain, Pid};

impl Domain {
    /// A call: a monitor, an address for the reply, the request and a time limit, in one. O(1).
    pub fn call(
        &mut self,
        queues: &mut RunQueues,
        caller: u32,
        target: Pid,
        reference: u64,
        request: u32,
        timeout: Option<u64>,
    ) {
        if self.table.peek(caller).status == Status::Free {
            if request & FRAGMENT == 0 {
                self.handles.release(request);
            }
            return;
        }
        let far = self.table.is_away(target);
        if !far && self.table.live(target).is_none() {
            if request & FRAGMENT == 0 {
                self.handles.release(request);
            }
            self.outcome(
                queues,
                caller,
                reference,
                OutcomeKind::Down,
                constant::NOPROC,
            );
            return;
        }
        let record = self.add_monitor(
            reference,
            caller,
            if far { NIL } else { target.index },
            Purpose::Call { timer: NIL },
            AliasMode::None,
        );
        if let Some(milliseconds) = timeout {
            let now = self.clock.now_us();
            let timer = self
                .wheel
                .start(now, milliseconds, Action::Call { monitor: record });
            self.monitors[record].purpose = Purpose::Call { timer };
        }
        if far {
            self.call_away(queues, record, target, request);
        } else if let Some(request) = self.message_of_executor(request) {
            self.append(queues, target.index, request);
        }
    }

    /// Answers a call; dropped when it is over. O(1).
    pub fn reply(&mut self, queues: &mut RunQueues, caller: Pid, reference: u64, value: u32) {
        match self.find_monitor(caller, reference) {
            Some(record) if matches!(self.monitors[record].purpose, Purpose::Call { .. }) => {
                self.remove_monitor(record);
                self.outcome(queues, caller.index, reference, OutcomeKind::Reply, value);
            }
            _ => self.handles.release(value),
        }
    }

    /// Gives a pending call up: no outcome will come. False when it was not pending (any more): its outcome may be on its way,
    /// and is the caller's to pass over. O(1).
    pub fn abandon(&mut self, caller: Pid, reference: u64) -> bool {
        match self.find_monitor(caller, reference) {
            Some(record) if matches!(self.monitors[record].purpose, Purpose::Call { .. }) => {
                self.remove_monitor(record);
                true
            }
            _ => false,
        }
    }

    /// Tells a process how its call came to an end. A Down takes over one count of the reason.
    pub(crate) fn outcome(
        &mut self,
        queues: &mut RunQueues,
        caller: u32,
        reference: u64,
        kind: OutcomeKind,
        handle: u32,
    ) {
        let record = self.outcomes.insert(Outcome {
            reference,
            kind,
            handle,
            next: NIL,
        });
        let entry = self.table.entry(caller);
        let tail = entry.outcome_tail;
        entry.outcome_tail = record;
        if tail == NIL {
            entry.outcome_head = record;
        }
        let wakes = matches!(
            entry.status,
            Status::Waiting | Status::AwaitsOutcome | Status::Held
        );
        if tail != NIL {
            self.outcomes[tail].next = record;
        }
        if wakes {
            self.make_runnable(queues, caller);
        }
    }
}
