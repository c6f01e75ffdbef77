//! A slice in progress.

use viga_runtime::Pid;
use viga_runtime::control_block::{ARGUMENTS, NO_TIMEOUT, command, entry};
use viga_runtime::executor::slice_end;
use viga_runtime::monitor::AliasMode;

use crate::isolate::{Ended, Isolate, Received};

/// A slice in progress, as its body sees it.
pub struct Turn<'a> {
    pub isolate: &'a mut Isolate,
    pub pid: Pid,
    pub wake: i32,
    pub timed_out: bool,
    /// With a wake by outcome: reference and end of the call.
    pub outcome: Option<(u64, Ended)>,
    pub timeout: i32,
    pub held: i32,
    pub reductions: i32,
    pub(crate) words: usize,
    pub(crate) at: usize,
}

impl Turn<'_> {
    fn word(&self, place: usize) -> i32 {
        self.isolate.block.get(self.words + place)
    }

    pub(crate) fn taken(&self) -> i32 {
        self.at as i32 - self.word(entry::WINDOW_START)
    }

    fn window_end(&self) -> usize {
        (self.word(entry::WINDOW_START) + self.word(entry::WINDOW_LEN)) as usize
    }

    /// Messages of the window that have not been taken.
    pub fn left_in_window(&self) -> usize {
        self.window_end() - self.at
    }

    /// The next message.
    pub fn take(&mut self) -> Option<Received> {
        self.isolate.step();
        if self.at == self.window_end() {
            if self.word(entry::MORE) == 0 {
                return None;
            }
            let block = self.isolate.block;
            self.isolate
                .meanwhile(|queues, domain| domain.refill(queues, &block));
            self.at = self.word(entry::WINDOW_START) as usize;
            if self.word(entry::WINDOW_LEN) == 0 {
                return None;
            }
        }
        let word = self.at;
        let handle = self.isolate.block.get(word) as u32;
        self.at += 1;
        self.reductions += 1;
        Some(self.isolate.received(handle, word))
    }

    pub fn return_window(&mut self) {
        let taken = self.taken() as u32;
        let block = self.isolate.block;
        block.set(ARGUMENTS, taken as i32);
        self.isolate
            .meanwhile(|queues, domain| domain.return_window(queues, &block, taken));
    }

    /// Ends the process in the way the protocol asks for; the body must return the end it gives.
    pub fn exit(&mut self, reason: u64) -> i32 {
        let reason = if self.word(entry::QUIET) == 1 {
            self.isolate.ledger.store(reason)
        } else {
            self.isolate.reason(reason)
        };
        self.exit_constant(reason)
    }

    pub fn exit_constant(&mut self, reason: u32) -> i32 {
        let pid = self.pid;
        if self.word(entry::QUIET) == 1 {
            self.isolate.put(&[
                command::EXIT,
                pid.index as i32,
                pid.serial as i32,
                reason as i32,
            ]);
        } else {
            self.isolate.cross(|queues, domain| {
                let reason = domain.reason_of_executor(reason);
                domain.exit(queues, pid, reason);
            });
        }
        slice_end::EXIT
    }

    pub fn link(&mut self, other: Pid) {
        let index = self.pid.index;
        self.isolate
            .cross(|queues, domain| domain.link(queues, index, other));
    }

    pub fn unlink(&mut self, other: Pid) {
        let index = self.pid.index;
        self.isolate.cross(|_, domain| domain.unlink(index, other));
    }

    pub fn monitor(&mut self, target: Pid, alias: AliasMode) -> u64 {
        let index = self.pid.index;
        let reference = self.isolate.new_reference();
        self.isolate
            .cross(|queues, domain| domain.monitor(queues, index, target, reference, alias));
        reference
    }

    pub fn demonitor(&mut self, reference: u64, flush: bool) -> bool {
        if flush {
            self.return_window();
        }
        let pid = self.pid;
        self.isolate
            .cross(|_, domain| domain.demonitor(pid, reference, flush))
    }

    pub fn call(&mut self, target: Pid, request: u64, timeout: Option<u32>) -> u64 {
        let reference = self.isolate.new_reference();
        let handle = self.isolate.word_for(target, request);
        let timeout = timeout.map_or(NO_TIMEOUT, |timeout| timeout as i32);
        self.isolate.put(&[
            command::CALL,
            target.index as i32,
            target.serial as i32,
            handle as i32,
            reference as i32,
            (reference >> 32) as i32,
            timeout,
            self.pid.index as i32,
        ]);
        reference
    }

    pub fn reply(&mut self, caller: Pid, reference: u64, value: u64) {
        self.refer(command::REPLY, caller, reference, value);
    }

    pub fn send_alias(&mut self, owner: Pid, reference: u64, value: u64) {
        self.refer(command::SEND_ALIAS, owner, reference, value);
    }

    fn refer(&mut self, code: i32, to: Pid, reference: u64, value: u64) {
        let handle = self.isolate.word_for(to, value);
        self.isolate.put(&[
            code,
            to.index as i32,
            to.serial as i32,
            handle as i32,
            reference as i32,
            (reference >> 32) as i32,
            0,
            0,
        ]);
    }
}
