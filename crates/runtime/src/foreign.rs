//! Signals from threads other than the executing isolate's.
//!
//! Such a thread does not know which of the slices in the isolate's hands is running, and the control block is not its to
//! write. So while the isolate has slices, what it sends waits here, in order, for the next crossing; otherwise it takes
//! effect at once. Asking (facts, names, who is alive) never waits.

use viga_scheduler::RunQueues;

use crate::{Domain, Pid};

/// What another thread sends.
pub(crate) enum ForeignSignal {
    Message { to: Pid, handle: u32 },
    Exit { from: Pid, to: Pid, reason: u32 },
}

impl Domain {
    /// Takes a signal from another thread. O(1), and whatever ends with it.
    pub(crate) fn foreign_signal(&mut self, queues: &mut RunQueues, signal: ForeignSignal) {
        if self.batch.is_out() {
            self.foreign.push(signal);
        } else {
            self.deliver_foreign(queues, signal);
        }
    }

    fn deliver_foreign(&mut self, queues: &mut RunQueues, signal: ForeignSignal) {
        match signal {
            ForeignSignal::Message { to, handle } => self.send(queues, to, handle),
            ForeignSignal::Exit { from, to, reason } => self.signal_exit(queues, from, to, reason),
        }
    }

    /// A crossing: what waits takes effect.
    #[cold]
    pub(crate) fn work_off_foreign(&mut self, queues: &mut RunQueues) {
        let mut signals = std::mem::take(&mut self.foreign);
        for signal in signals.drain(..) {
            self.deliver_foreign(queues, signal);
        }
        self.foreign = signals;
    }
}
