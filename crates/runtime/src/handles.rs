//! Handles of messages and reasons: numbers the executing side chose. Messages belong to one mailbox; a reason may be
//! wanted by many receivers and is counted. What nobody wants any more is queued here to be given back.
//!
//! Two kinds are not the executor's. One with the top bit set names a system message (EXIT, DOWN) that the runtime made; one
//! with the bit below it names a fragment: the encoded message or reason that came from another scheduler. The executor
//! gets their content with the slice that takes them, and the runtime forgets them.

use crate::between::Reason;
use crate::fragment::Fragment;
use crate::slab::{NIL, Slab};
use viga_ets::ProcessId as Pid;

/// Set in the names of system messages.
pub const SYSTEM: u32 = 1 << 31;
/// Set in the names of fragments.
pub const FRAGMENT: u32 = 1 << 30;
const FOREIGN: u32 = SYSTEM | FRAGMENT;
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
    /// The isolate that executed the process has ended.
    pub const SCHEDULER_DOWN: u32 = 6;
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

/// A fragment that waits in a mailbox, or is the reason of some ends. As a message it has one count.
struct Parcel {
    fragment: Fragment,
    count: u32,
    next: u32,
}

/// See the module. `next` links messages of one mailbox, and those that wait to be given back.
pub(crate) struct Handles {
    next: Vec<u32>,
    counts: Vec<u32>,
    system: Slab<(SystemMessage, u32)>,
    parcels: Slab<Parcel>,
    released_head: u32,
    released_tail: u32,
}

impl Handles {
    pub fn new() -> Self {
        Handles {
            next: Vec::new(),
            counts: Vec::new(),
            system: Slab::new(),
            parcels: Slab::new(),
            released_head: NIL,
            released_tail: NIL,
        }
    }

    /// Bytes held for all handles.
    pub fn bytes(&self) -> usize {
        (self.next.capacity() + self.counts.capacity()) * size_of::<u32>()
            + self.system.bytes()
            + self.parcels.bytes()
    }

    /// The handle behind this one in its list, or NIL. O(1).
    #[inline]
    pub fn next(&self, handle: u32) -> u32 {
        if handle & FOREIGN == 0 {
            self.next[handle as usize]
        } else if handle & SYSTEM != 0 {
            self.system[handle & !SYSTEM].1
        } else {
            self.parcels[handle & !FRAGMENT].next
        }
    }

    /// Links `handle` with the one behind it. O(1), amortized over the growth for handles not seen before.
    #[inline]
    pub fn set_next(&mut self, handle: u32, next: u32) {
        if handle & FOREIGN == 0 {
            if handle as usize >= self.next.len() {
                self.grow(handle);
            }
            self.next[handle as usize] = next;
        } else if handle & SYSTEM != 0 {
            self.system[handle & !SYSTEM].1 = next;
        } else {
            self.parcels[handle & !FRAGMENT].next = next;
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

    /// Names a fragment: as a message, or with `counted` false as a reason that nobody wants yet.
    pub fn parcel(&mut self, fragment: Fragment, counted: bool) -> u32 {
        self.parcels.insert(Parcel {
            fragment,
            count: u32::from(counted),
            next: NIL,
        }) | FRAGMENT
    }

    /// The fragment of this name.
    pub fn fragment(&self, handle: u32) -> Option<&Fragment> {
        if handle & FOREIGN != FRAGMENT {
            return None;
        }
        Some(&self.parcels.get(handle & !FRAGMENT)?.fragment)
    }

    /// Takes the fragment of a message out: its handle means nothing afterwards.
    pub fn take_fragment(&mut self, handle: u32) -> Option<Fragment> {
        self.fragment(handle)?;
        Some(self.parcels.remove(handle & !FRAGMENT).fragment)
    }

    /// Fragments that wait.
    pub fn fragment_count(&self) -> u32 {
        self.parcels.len()
    }

    /// A reason that came from another scheduler, not counted yet.
    pub fn reason_from(&mut self, reason: Reason) -> u32 {
        match reason {
            Reason::Constant(reason) => reason.min(FIRST_COUNTED - 1),
            Reason::Fragment(fragment) => self.parcel(fragment, false),
        }
    }

    /// The reason for another scheduler. The executor encodes each reason that others may want to know; one that it kept
    /// for itself cannot travel, and becomes 'killed'.
    pub fn reason_for(&self, reason: u32) -> Reason {
        if reason < FIRST_COUNTED {
            return Reason::Constant(reason);
        }
        self.fragment(reason)
            .and_then(Fragment::duplicate)
            .map_or(Reason::Constant(constant::KILLED), Reason::Fragment)
    }

    /// One more receiver wants the reason.
    pub fn retain(&mut self, reason: u32) {
        if reason < FIRST_COUNTED {
            return;
        }
        if reason & FRAGMENT != 0 {
            self.parcels[reason & !FRAGMENT].count += 1;
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
        if reason & FRAGMENT != 0 {
            let parcel = &mut self.parcels[reason & !FRAGMENT];
            parcel.count -= 1;
            if parcel.count == 0 {
                self.parcels.remove(reason & !FRAGMENT);
            }
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
        if handle & FOREIGN == 0 {
            self.give_back(handle);
        } else {
            self.forget_foreign(handle);
        }
    }

    /// Nobody wants this system message or fragment any more.
    pub fn forget_foreign(&mut self, handle: u32) {
        if handle & SYSTEM != 0 {
            self.forget_system(handle);
        } else {
            self.parcels.remove(handle & !FRAGMENT);
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

    /// The isolate is gone and all its processes have ended: its handles are void, and so is what was in its hands, system
    /// messages and fragments.
    pub fn forget_isolate(&mut self) {
        self.forget_released();
        let left: Vec<u32> = self.system.indexes().collect();
        for index in left {
            self.forget_system(index | SYSTEM);
        }
        self.forget_released();
        let left: Vec<u32> = self.parcels.indexes().collect();
        for index in left {
            self.parcels.remove(index);
        }
        self.counts.fill(0);
    }

    /// What waits to be given back is nobody's any more.
    pub fn forget_released(&mut self) {
        while self.take_released().is_some() {}
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

            if handle & FOREIGN == 0 {
                return Some(handle);
            }
            self.forget_foreign(handle);
        }
        None
    }
}
