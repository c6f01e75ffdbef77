//! Monitors, aliases and calls: one record each, on the list of its owner, on that of its target, and in an index by
//! reference.

use crate::between::Signal;
use crate::slab::NIL;
use crate::{Domain, Pid};

/// When an alias ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AliasMode {
    /// Not an alias.
    None = 0,
    /// With `unalias`.
    Explicit = 1,
    /// Also with the monitor.
    Demonitor = 2,
    /// Also with the first message through it.
    Reply = 3,
}

impl AliasMode {
    /// The mode with this number; `None` for a number that is none.
    pub fn from_u8(number: u8) -> Option<AliasMode> {
        [
            AliasMode::None,
            AliasMode::Explicit,
            AliasMode::Demonitor,
            AliasMode::Reply,
        ]
        .into_iter()
        .find(|mode| *mode as u8 == number)
    }
}

/// What becomes of the record when the target ends, or the reference is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A DOWN message.
    Monitor,
    /// An outcome; `timer` ends it.
    Call { timer: u32 },
}

/// No process.
pub(crate) const NOBODY: Pid = Pid {
    index: NIL,
    serial: 0,
};

/// One record. `target` is NIL for an alias that watches nobody (any more), and for a target that is far.
pub(crate) struct Monitor {
    pub reference: u64,
    /// NIL when the owner is far.
    pub owner: u32,
    pub target: u32,
    /// The owner or the target, where it lives on another scheduler, which has a record of its own.
    pub far: Pid,
    pub purpose: Purpose,
    pub alias: AliasMode,
    /// The target has ended during the owner's slice: the DOWN comes when that is over.
    pub down_pending: bool,
    pub(crate) owner_previous: u32,
    pub(crate) owner_next: u32,
    pub(crate) target_previous: u32,
    pub(crate) target_next: u32,
}

impl Monitor {
    /// A DOWN will come of it; false for calls, and for what is only an alias.
    pub(crate) fn is_watching(&self) -> bool {
        self.purpose == Purpose::Monitor
            && (self.target != NIL || self.far != NOBODY || self.down_pending)
    }
}

impl Domain {
    /// Makes a record, at the head of the lists of its owner and its target. O(1).
    pub(crate) fn add_monitor(
        &mut self,
        reference: u64,
        owner: u32,
        target: u32,
        purpose: Purpose,
        alias: AliasMode,
    ) -> u32 {
        let owner_next = self.table.peek(owner).monitors_owned;
        let target_next = if target == NIL {
            NIL
        } else {
            self.table.peek(target).monitors_on
        };
        let record = self.monitors.insert(Monitor {
            reference,
            owner,
            target,
            far: NOBODY,
            purpose,
            alias,
            down_pending: false,
            owner_previous: NIL,
            owner_next,
            target_previous: NIL,
            target_next,
        });
        if owner_next != NIL {
            self.monitors[owner_next].owner_previous = record;
        }
        self.table.entry(owner).monitors_owned = record;
        if target != NIL {
            if target_next != NIL {
                self.monitors[target_next].target_previous = record;
            }
            self.table.entry(target).monitors_on = record;
        }
        self.monitor_index.insert(reference, record);
        record
    }

    /// A process of another scheduler watches the one at `index` from now on, or has called it. O(1).
    pub(crate) fn add_watcher(&mut self, index: u32, owner: Pid, reference: u64, purpose: Purpose) {
        let target_next = self.table.peek(index).monitors_on;
        let record = self.monitors.insert(Monitor {
            reference,
            owner: NIL,
            target: index,
            far: owner,
            purpose,
            alias: AliasMode::None,
            down_pending: false,
            owner_previous: NIL,
            owner_next: NIL,
            target_previous: NIL,
            target_next,
        });
        if target_next != NIL {
            self.monitors[target_next].target_previous = record;
        }
        self.table.entry(index).monitors_on = record;
        self.watcher_index.insert((owner, reference), record);
    }

    /// A process of another scheduler watches no more, or its call is over. False when nothing was known of it here. O(1).
    pub(crate) fn forget_watcher(&mut self, owner: Pid, reference: u64) -> bool {
        let record = self.watcher_index.get(&(owner, reference)).copied();
        if let Some(record) = record {
            self.remove_monitor(record);
        }
        record.is_some()
    }

    /// The record that `owner` made under `reference`.
    pub(crate) fn find_monitor(&self, owner: Pid, reference: u64) -> Option<u32> {
        let record = *self.monitor_index.get(&reference)?;
        let entry = self.table.peek(self.monitors[record].owner);
        (self.monitors[record].owner == owner.index && entry.serial == owner.serial)
            .then_some(record)
    }

    /// Takes the record off its target's list: it watches nobody any more. O(1).
    pub(crate) fn detach_monitor(&mut self, record: u32) {
        let Monitor {
            target,
            target_previous,
            target_next,
            ..
        } = self.monitors[record];
        if target == NIL {
            self.detach_from_far(record);
            return;
        }
        if target_previous == NIL {
            self.table.entry(target).monitors_on = target_next;
        } else {
            self.monitors[target_previous].target_next = target_next;
        }
        if target_next != NIL {
            self.monitors[target_next].target_previous = target_previous;
        }
        let monitor = &mut self.monitors[record];
        monitor.target = NIL;
        monitor.target_previous = NIL;
        monitor.target_next = NIL;
    }

    /// The target is far, if anywhere: its scheduler is told that it is watched no more.
    fn detach_from_far(&mut self, record: u32) {
        let target = std::mem::replace(&mut self.monitors[record].far, NOBODY);
        if target != NOBODY {
            let Monitor {
                owner, reference, ..
            } = self.monitors[record];
            let owner = self.pid_at(owner);
            let signal = Signal::Demonitor {
                target,
                owner,
                reference,
            };
            self.post(target, signal);
        }
    }

    /// Ends a record, and the timer of a call. O(1).
    pub(crate) fn remove_monitor(&mut self, record: u32) -> Monitor {
        self.detach_monitor(record);
        let monitor = self.monitors.remove(record);
        if monitor.owner == NIL {
            self.watcher_index.remove(&(monitor.far, monitor.reference));
            return monitor;
        }
        self.monitor_index.remove(&monitor.reference);
        if monitor.owner_previous == NIL {
            self.table.entry(monitor.owner).monitors_owned = monitor.owner_next;
        } else {
            self.monitors[monitor.owner_previous].owner_next = monitor.owner_next;
        }
        if monitor.owner_next != NIL {
            self.monitors[monitor.owner_next].owner_previous = monitor.owner_previous;
        }
        if let Purpose::Call { timer } = monitor.purpose
            && timer != NIL
        {
            self.wheel.cancel(timer);
        }
        monitor
    }

    /// All records, calls and aliases too, that the process at `index` owns, newest first.
    pub(crate) fn owned_records(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.table.peek(index).monitors_owned;
        std::iter::successors((first != NIL).then_some(first), |record| {
            let next = self.monitors[*record].owner_next;
            (next != NIL).then_some(next)
        })
    }

    /// Targets of the monitors of the process at `index`, newest first.
    pub(crate) fn monitored_by_it(&self, index: u32) -> impl Iterator<Item = Pid> + '_ {
        let mut record = self.table.peek(index).monitors_owned;
        std::iter::from_fn(move || {
            while record != NIL {
                let monitor = &self.monitors[record];
                record = monitor.owner_next;
                if monitor.purpose != Purpose::Monitor {
                    continue;
                }
                if monitor.target != NIL {
                    return Some(self.pid_at(monitor.target));
                }
                if monitor.far != NOBODY {
                    return Some(monitor.far);
                }
            }
            None
        })
    }

    /// All records, calls too, on the process at `index`, newest first.
    pub(crate) fn monitor_records_on(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.table.peek(index).monitors_on;
        std::iter::successors((first != NIL).then_some(first), |record| {
            let next = self.monitors[*record].target_next;
            (next != NIL).then_some(next)
        })
    }

    /// Owners of the monitors on the process at `index`, newest first; calls in progress are not among them.
    pub(crate) fn monitors_of_it(&self, index: u32) -> impl Iterator<Item = Pid> + '_ {
        self.monitor_records_on(index)
            .map(|record| &self.monitors[record])
            .filter(|monitor| monitor.purpose == Purpose::Monitor)
            .map(|monitor| match monitor.owner {
                NIL => monitor.far,
                owner => self.pid_at(owner),
            })
    }
}
