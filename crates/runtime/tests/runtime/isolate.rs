//! The isolate's side of the slice protocol, with closures as bodies: what `ts/src/engine/native` does in JavaScript.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use viga_runtime::control_block::{
    ARGUMENTS, BATCH, BURIED, NO_TIMEOUT, OUTBOX, OUTBOX_WORDS, RELEASED, WORDS, command, entry,
    header,
};
use viga_runtime::executor::slice_end;
use viga_runtime::handles::{SYSTEM, SystemMessage};
use viga_runtime::monitor::AliasMode;
use viga_runtime::{ControlBlock, Domain, Pid, ProcessFacts, Spawn, System};
use viga_scheduler::{Parker, Priority, RunQueues};

use crate::ledger::Ledger;

/// What a slice of a process does; gives the slice's end.
pub type Body = Box<dyn FnMut(&mut Turn<'_>) -> i32>;

/// The process outside all processes.
pub const ROOT: Pid = Pid {
    index: 0,
    serial: 0,
};

/// What a process takes from its mailbox. Reasons are values, `Err` holds a constant one's handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Value(u64),
    Exit {
        from: Pid,
        reason: Result<u64, u32>,
    },
    Down {
        reference: u64,
        from: Pid,
        reason: Result<u64, u32>,
    },
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Reply(u64),
    Down(Result<u64, u32>),
    Timeout,
}

/// See the module.
pub struct Isolate {
    pub system: System,
    pub block: ControlBlock,
    pub ledger: Ledger<u64>,
    /// Slices run of each batch at most; the others are taken back.
    pub slices_per_batch: usize,
    /// By index; the body is on the stack while its slice runs.
    bodies: HashMap<u32, (Pid, Option<Body>)>,
    /// Processes that the core has said to be over.
    pub buried: Vec<Pid>,
    reference: u64,
    _words: Box<[i32]>,
}

impl Isolate {
    pub fn new() -> Self {
        Self::with_limit(1 << 20)
    }

    pub fn with_limit(process_limit: u32) -> Self {
        Self::with(process_limit, Parker::thread())
    }

    pub fn with(process_limit: u32, parker: Parker) -> Self {
        let mut words = vec![0; WORDS].into_boxed_slice();
        // SAFETY: the words live as long as the isolate and are touched through the view alone.
        let block = unsafe { ControlBlock::new(words.as_mut_ptr()) };
        let system = System::new(process_limit, parker, |_| {});
        system.attach(0, block);
        Isolate {
            system,
            block,
            ledger: Ledger::new(),
            slices_per_batch: usize::MAX,
            bodies: HashMap::new(),
            buried: Vec::new(),
            reference: 0,
            _words: words,
        }
    }

    /// One operation of the addon, after what was done before has taken effect.
    pub fn cross<T>(&mut self, body: impl FnOnce(&mut RunQueues, &mut Domain) -> T) -> T {
        let block = self.block;
        let given = self.system.operate(0, |queues, domain| {
            domain.sync(queues, &block);
            let given = body(queues, domain);
            domain.give_back(&block);
            given
        });
        self.forget();
        given
    }

    pub fn new_reference(&mut self) -> u64 {
        self.reference += 1;
        self.reference
    }

    /// What `new_reference` will give.
    pub fn next_reference(&self) -> u64 {
        self.reference + 1
    }

    pub fn spawn(&mut self, body: impl FnMut(&mut Turn<'_>) -> i32 + 'static) -> Pid {
        self.spawn_from(ROOT, body)
    }

    pub fn spawn_from(
        &mut self,
        parent: Pid,
        body: impl FnMut(&mut Turn<'_>) -> i32 + 'static,
    ) -> Pid {
        let spawn = Spawn {
            parent,
            priority: Priority::Normal,
        };
        let pid = self
            .cross(|queues, domain| domain.spawn(queues, spawn))
            .expect("there is room");
        self.bodies.insert(pid.index, (pid, Some(Box::new(body))));
        pid
    }

    /// A process that keeps what it receives.
    pub fn collector(&mut self) -> (Pid, Rc<RefCell<Vec<Received>>>) {
        let received = Rc::new(RefCell::new(Vec::new()));
        let pid = self.spawn({
            let received = Rc::clone(&received);
            move |turn| {
                while let Some(message) = turn.take() {
                    received.borrow_mut().push(message);
                }
                slice_end::WAIT
            }
        });
        (pid, received)
    }

    /// A process that traps exit signals and keeps what it receives.
    pub fn trapping_collector(&mut self) -> (Pid, Rc<RefCell<Vec<Received>>>) {
        let (pid, received) = self.collector();
        self.cross(|_, domain| domain.set_trap_exit(pid, true));
        (pid, received)
    }

    pub fn send(&mut self, to: Pid, value: u64) {
        let handle = self.ledger.store(value);
        self.put(&[
            command::SEND,
            to.index as i32,
            to.serial as i32,
            handle as i32,
        ]);
    }

    /// An exit signal from the root process, with a reason of its own.
    pub fn signal_exit(&mut self, to: Pid, reason: u64) {
        let reason = self.ledger.store(reason);
        self.signal_constant(to, reason);
    }

    pub fn signal_constant(&mut self, to: Pid, reason: u32) {
        self.cross(|queues, domain| domain.signal_exit(queues, ROOT, to, reason));
    }

    pub fn is_alive(&mut self, pid: Pid) -> bool {
        self.cross(|_, domain| domain.is_alive(pid))
    }

    pub fn facts(&mut self, pid: Pid) -> Option<ProcessFacts> {
        self.cross(|_, domain| domain.process_facts(pid))
    }

    /// Writes a command into the outbox.
    pub fn put(&mut self, words: &[i32]) {
        let mut len = self.block.get(header::OUTBOX_LEN) as usize;
        if len + words.len() > OUTBOX_WORDS {
            self.cross(|_, _| {});
            len = 0;
        }
        for (place, word) in words.iter().enumerate() {
            self.block.set(OUTBOX + len + place, *word);
        }
        self.block
            .set(header::OUTBOX_LEN, (len + words.len()) as i32);
    }

    /// Lets go of what the core has given back.
    fn forget(&mut self) {
        loop {
            for place in 0..self.block.get(header::RELEASED_LEN) as usize {
                self.ledger.take(self.block.get(RELEASED + place) as u32);
            }
            for place in 0..self.block.get(header::BURIED_LEN) as usize / 2 {
                let pid = Pid {
                    index: self.block.get(BURIED + place * 2) as u32,
                    serial: self.block.get(BURIED + place * 2 + 1) as u32,
                };
                self.drop_body(pid);
                self.buried.push(pid);
            }
            self.block.set(header::RELEASED_LEN, 0);
            self.block.set(header::BURIED_LEN, 0);
            if self.block.get(header::MORE_TO_DROP) == 0 {
                return;
            }
            self.system.lock().state().give_back(&self.block);
        }
    }

    /// Asks for one batch and runs it; false when there was nothing to run.
    pub fn run_batch(&mut self) -> bool {
        self.system.next(0, &self.block);
        self.forget();
        let len = self.block.get(header::BATCH_LEN) as usize;
        let mut place = 0;
        self.block.set(header::IN_SLICE, 1);
        while place < len.min(self.slices_per_batch) {
            self.block.set(header::BATCH_DONE, place as i32);
            let words = BATCH + place * entry::WORDS;
            let index = self.block.get(words + entry::INDEX);
            if index >= 0 {
                self.run_slice(index as u32, words);
            }
            place += 1;
        }
        self.block.set(header::BATCH_DONE, place as i32);
        self.block.set(header::IN_SLICE, 0);
        len != 0
    }

    fn run_slice(&mut self, index: u32, words: usize) {
        let (pid, body) = self.bodies.get_mut(&index).expect("it has a body");
        let (pid, mut body) = (*pid, body.take().expect("it does not run"));
        let outcome = self.load_outcome(words);
        let mut turn = Turn {
            pid,
            wake: self.block.get(words + entry::WAKE),
            timed_out: self.block.get(words + entry::TIMED_OUT) != 0,
            outcome,
            timeout: NO_TIMEOUT,
            held: 0,
            reductions: 0,
            words,
            at: self.block.get(words + entry::WINDOW_START) as usize,
            isolate: self,
        };
        let end = body(&mut turn);
        let (timeout, held, reductions) = (turn.timeout, turn.held, turn.reductions);
        let taken = turn.taken();
        self.block.set(words + entry::END, end);
        self.block.set(words + entry::TAKEN, taken);
        self.block.set(words + entry::HELD, held);
        self.block.set(words + entry::REDUCTIONS, reductions);
        self.block.set(words + entry::TIMEOUT, timeout);
        if end == slice_end::EXIT {
            self.drop_body(pid);
        } else if let Some((owner, place)) = self.bodies.get_mut(&index)
            && *owner == pid
        {
            *place = Some(body);
        }
    }

    fn drop_body(&mut self, pid: Pid) {
        if self
            .bodies
            .get(&pid.index)
            .is_some_and(|(of, _)| *of == pid)
        {
            self.bodies.remove(&pid.index);
        }
    }

    fn load_outcome(&mut self, words: usize) -> Option<(u64, Ended)> {
        if self.block.get(words + entry::WAKE) != viga_runtime::executor::Wake::Outcome as i32 {
            return None;
        }
        let handle = self.block.get(words + entry::OUTCOME_HANDLE) as u32;
        let low = self.block.get(words + entry::OUTCOME_LOW) as u32;
        let high = self.block.get(words + entry::OUTCOME_HIGH) as u32;
        let ended = match self.block.get(words + entry::OUTCOME_KIND) {
            0 => Ended::Reply(self.ledger.take(handle)),
            1 => Ended::Down(self.ledger.peek(handle).ok_or(handle)),
            _ => Ended::Timeout,
        };
        Some((u64::from(low) | u64::from(high) << 32, ended))
    }

    fn received(&mut self, handle: u32) -> Received {
        if handle & SYSTEM == 0 {
            return Received::Value(self.ledger.take(handle));
        }
        let message = self.system.lock().state().take_system_message(handle);
        match message.expect("a system message has content") {
            SystemMessage::Exit { from, reason } => Received::Exit {
                from,
                reason: self.ledger.peek(reason).ok_or(reason),
            },
            SystemMessage::Down {
                reference,
                from,
                reason,
            } => Received::Down {
                reference,
                from,
                reason: self.ledger.peek(reason).ok_or(reason),
            },
        }
    }

    /// The root process takes a message.
    pub fn take_outside(&mut self) -> Option<Received> {
        let handle = self.cross(|_, domain| domain.take_outside(ROOT, 0))?;
        Some(self.received(handle))
    }

    /// Runs until nothing is ready; timers may be left.
    pub fn run(&mut self) {
        while self.run_batch() {}
    }

    /// Runs until nothing is ready and no timer is due within a minute, asleep until each is due.
    pub fn run_with_timers(&mut self) {
        loop {
            self.run();
            let wait = self.block.get(header::NEXT_DEADLINE);
            if !(0..60_000).contains(&wait) {
                return;
            }
            self.system.lock().announce_park();
            self.system
                .scheduler(0)
                .sleep(Some(Duration::from_millis(wait as u64)));
        }
    }
}

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
    words: usize,
    at: usize,
}

impl Turn<'_> {
    fn word(&self, place: usize) -> i32 {
        self.isolate.block.get(self.words + place)
    }

    fn taken(&self) -> i32 {
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
        if self.at == self.window_end() {
            if self.word(entry::MORE) == 0 {
                return None;
            }
            let block = self.isolate.block;
            let mut guard = self.isolate.system.lock();
            let (queues, domain) = guard.split();
            domain.refill(queues, &block);
            drop(guard);
            self.at = self.word(entry::WINDOW_START) as usize;
            if self.word(entry::WINDOW_LEN) == 0 {
                return None;
            }
        }
        let handle = self.isolate.block.get(self.at) as u32;
        self.at += 1;
        self.reductions += 1;
        Some(self.isolate.received(handle))
    }

    pub fn return_window(&mut self) {
        let taken = self.taken() as u32;
        let block = self.isolate.block;
        block.set(ARGUMENTS, taken as i32);
        let mut guard = self.isolate.system.lock();
        let (queues, domain) = guard.split();
        domain.return_window(queues, &block, taken);
    }

    /// Ends the process in the way the protocol asks for; the body must return the end it gives.
    pub fn exit(&mut self, reason: u64) -> i32 {
        let reason = self.isolate.ledger.store(reason);
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
            self.isolate
                .cross(|queues, domain| domain.exit(queues, pid, reason));
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
        let handle = self.isolate.ledger.store(request);
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
        let handle = self.isolate.ledger.store(value);
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
