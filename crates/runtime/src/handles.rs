//! Handles of messages and reasons: numbers the executing side chose. Messages belong to one mailbox; a reason may be
//! wanted by many receivers and is counted. What nobody wants any more is queued here to be given back.
//!
//! A handle with the top bit set is not the executor's: it names a system message (EXIT, DOWN) that the runtime made.

use crate::slab::{NIL, Slab};
use viga_ets::ProcessId as Pid;

/// Set in the names of system messages.
pub const SYSTEM: u32 = 1 << 31;
/// Handles below this one are constants that the executor keeps for ever.
pub const FIRST_COUNTED: u32 = 16;

/// Constant handles of the reasons that the runtime itself gives.
pub mod constant {
    /// An end without a fault; ignored as an exit signal unless trapped.
    pub const NORMAL: u32 = 0;
    /// As an exit signal that no link carries: ends whoever gets it.
    pub const KILL: u32 = 1;
    /// What others see of a process that KILL has ended.
    pub const KILLED: u32 = 2;
    /// There is no such process.
    pub const NOPROC: u32 = 3;
    /// The node of the process is not connected.
    pub const NOCONNECTION: u32 = 4;
}

/// A message that the runtime made. `reason` is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemMessage {
    /// An exit signal to a process that traps them.
    Exit {
        /// Whose end it is, or who sent it.
        from: Pid,
        /// Handle of the reason.
        reason: u32,
    },
    /// The end of a monitored process.
    Down {
        /// Of the monitor.
        reference: u64,
        /// The process that has ended, or was not there.
        from: Pid,
        /// Handle of the reason.
        reason: u32,
    },
}

/// See the module. `next` links messages of one mailbox, and those that wait to be given back.
pub(crate) struct Handles {
    next: Vec<u32>,
    counts: Vec<u32>,
    system: Slab<(SystemMessage, u32)>,
    released_head: u32,
    released_tail: u32,
}

impl Handles {
    pub fn new() -> Self {
        Handles {
            next: Vec::new(),
            counts: Vec::new(),
            system: Slab::new(),
            released_head: NIL,
            released_tail: NIL,
        }
    }

    /// Bytes held for all handles.
    pub fn bytes(&self) -> usize {
        (self.next.capacity() + self.counts.capacity()) * size_of::<u32>() + self.system.bytes()
    }

    /// The handle behind this one in its list, or NIL. O(1).
    #[inline]
    pub fn next(&self, handle: u32) -> u32 {
        if handle & SYSTEM == 0 {
            self.next[handle as usize]
        } else {
            self.system[handle & !SYSTEM].1
        }
    }

    /// Links `handle` with the one behind it. O(1), amortized over the growth for handles not seen before.
    #[inline]
    pub fn set_next(&mut self, handle: u32, next: u32) {
        if handle & SYSTEM == 0 {
            if handle as usize >= self.next.len() {
                self.grow(handle);
            }
            self.next[handle as usize] = next;
        } else {
            self.system[handle & !SYSTEM].1 = next;
        }
    }

    #[cold]
    fn grow(&mut self, handle: u32) {
        let wanted = (handle as usize + 1).max(self.next.len() * 2).max(1024);
        self.next.resize(wanted, NIL);
    }

    /// Names a system message; takes over one count of its reason.
    pub fn system_message(&mut self, message: SystemMessage) -> u32 {
        self.system.insert((message, NIL)) | SYSTEM
    }

    /// The content of a system message that waits in some mailbox; `None` when there is none of that name. O(1).
    pub fn peek_system(&self, handle: u32) -> Option<SystemMessage> {
        self.system
            .get(handle & !SYSTEM)
            .map(|(message, _)| *message)
    }

    /// One more receiver wants the reason.
    pub fn retain(&mut self, reason: u32) {
        if reason < FIRST_COUNTED {
            return;
        }
        if reason as usize >= self.counts.len() {
            self.counts
                .resize((reason as usize + 1).max(self.counts.len() * 2), 0);
        }
        self.counts[reason as usize] += 1;
    }

    /// A receiver less; the last one gives the reason back.
    pub fn drop_reason(&mut self, reason: u32) {
        if reason < FIRST_COUNTED {
            return;
        }
        let count = &mut self.counts[reason as usize];
        *count -= 1;
        if *count == 0 {
            self.give_back(reason);
        }
    }

    /// Nobody will take this message.
    pub fn release(&mut self, handle: u32) {
        if handle & SYSTEM == 0 {
            self.give_back(handle);
        } else {
            self.forget_system(handle);
        }
    }

    /// A system message has been taken, or will never be.
    pub fn forget_system(&mut self, handle: u32) {
        let (message, _) = self.system.remove(handle & !SYSTEM);
        match message {
            SystemMessage::Exit { reason, .. } | SystemMessage::Down { reason, .. } => {
                self.drop_reason(reason)
            }
        }
    }

    /// Releases a whole mailbox in O(1): it is walked when its messages are given back, a portion at a time.
    pub fn release_chain(&mut self, head: u32, tail: u32) {
        if self.released_head == NIL {
            self.released_head = head;
        } else {
            self.set_next(self.released_tail, head);
        }
        self.released_tail = tail;
    }

    fn give_back(&mut self, handle: u32) {
        self.set_next(handle, NIL);
        self.release_chain(handle, handle);
    }

    /// Whether something waits to be given back.
    #[inline]
    pub fn has_released(&self) -> bool {
        self.released_head != NIL
    }

    /// The next handle to give back to the executor.
    pub fn take_released(&mut self) -> Option<u32> {
        while self.released_head != NIL {
            let handle = self.released_head;
            self.released_head = self.next(handle);
            if self.released_head == NIL {
                self.released_tail = NIL;
            }

            if handle & SYSTEM == 0 {
                return Some(handle);
            }
            self.forget_system(handle);
        }
        None
    }
}
