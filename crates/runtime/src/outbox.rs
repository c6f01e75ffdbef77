//! The outbox: commands that the isolate gave without crossing, worked off in the order in which they were given.

use viga_scheduler::{Priority, RunQueues};

use crate::away::Recipient;
use crate::control_block::{ControlBlock, NO_TIMEOUT, OUTBOX, OUTBOX_WORDS, command, header};
use crate::handles::FRAGMENT;
use crate::monitor::AliasMode;
use crate::process::flag;
use crate::{Domain, Pid, Spawn};

impl Domain {
    pub(crate) fn work_off_outbox(&mut self, queues: &mut RunQueues, block: &ControlBlock) {
        let len = (block.get(header::OUTBOX_LEN).max(0) as usize).min(OUTBOX_WORDS);
        let end = OUTBOX + len;
        let mut at = OUTBOX;
        while at + 4 <= end {
            let pid = Pid {
                index: block.get(at + 1) as u32,
                serial: block.get(at + 2) as u32,
            };
            let handle = block.get(at + 3) as u32;
            let code = block.get(at);
            at += 4;
            match code {
                command::SEND if handle & FRAGMENT == 0 => self.send(queues, pid, handle),
                command::SEND => self.send_fragment(queues, Recipient::Process(pid), handle),
                command::EXIT => {
                    let reason = self.reason_of_executor(handle);
                    self.exit(queues, pid, reason);
                }
                _ if at + 4 <= end => {
                    let low = block.get(at) as u32;
                    let high = block.get(at + 1) as u32;
                    let reference = u64::from(low) | u64::from(high) << 32;
                    match code {
                        command::REPLY if handle & FRAGMENT != 0 => {
                            self.send_fragment(queues, Recipient::Caller(pid, reference), handle);
                        }
                        command::SEND_ALIAS if handle & FRAGMENT != 0 => {
                            self.send_fragment(queues, Recipient::Alias(pid, reference), handle);
                        }
                        command::REPLY => self.reply(queues, pid, reference, handle),
                        command::SEND_ALIAS => self.send_alias(queues, pid, reference, handle),
                        command::SPAWN => {
                            let parent = Pid {
                                index: block.get(at + 2) as u32,
                                serial: block.get(at + 3) as u32,
                            };
                            self.spawn_reserved(queues, pid, parent, handle, reference);
                        }
                        _ => {
                            let timeout = block.get(at + 2);
                            let timeout =
                                (timeout != NO_TIMEOUT).then_some(u64::from(timeout as u32));
                            let caller = block.get(at + 3) as u32;
                            self.call(queues, caller, pid, reference, handle, timeout);
                        }
                    }
                    at += 4;
                }
                _ => break,
            }
        }
        block.set(header::OUTBOX_LEN, 0);
    }

    /// The isolate has started a process in a reserved place. `how`: priority in bits 0 and 1, linked in bit 2,
    /// movable in bit 3, at rest too in bit 4.
    fn spawn_reserved(
        &mut self,
        queues: &mut RunQueues,
        pid: Pid,
        parent: Pid,
        how: u32,
        monitor: u64,
    ) {
        let priority = Priority::from_u8(how as u8 & 3).unwrap_or(Priority::Normal);
        let parent_lives = self.table.live(parent).is_some();
        let known = if parent_lives {
            self.pid_at(parent.index)
        } else {
            parent
        };
        let spawn = Spawn {
            parent: known,
            priority,
        };
        if !self.begin(queues, pid, spawn) {
            return;
        }
        let flags =
            u16::from(how & 8 != 0) * flag::MOVABLE + u16::from(how & 16 != 0) * flag::SETTLED;
        self.table.entry(pid.index).set(flags);
        if flags & flag::MOVABLE != 0 {
            // It was queued before it was known to be movable.
            self.table.queued(pid.index);
        }
        if how & 4 != 0 {
            if parent_lives {
                self.link(queues, parent.index, pid);
            } else {
                self.link(queues, pid.index, parent);
            }
        }
        if monitor != 0 && parent_lives {
            self.monitor(queues, parent.index, pid, monitor, AliasMode::None);
        }
    }
}
