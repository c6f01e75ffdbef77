//! The isolate's side of the slice protocol, with closures as bodies: what `ts/src/engine/native` does in JavaScript.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use viga_runtime::control_block::{
    BATCH, BURIED, NO_TIMEOUT, NOT_STAGED, OUTBOX, OUTBOX_WORDS, RELEASED, STAGED, WINDOW, WORDS,
    command, entry, header,
};
use viga_runtime::executor::{Wake, slice_end};
use viga_runtime::handles::{FRAGMENT, SYSTEM, SystemMessage};
use viga_runtime::{ControlBlock, Domain, Lent, Pid, ProcessFacts, Spawn, System};
use viga_scheduler::{Parker, Priority, RunQueues};

use crate::ledger::Ledger;
use crate::records::Memory;
pub use crate::turn::Turn;

/// Bytes for the records that an isolate sends in one crossing.
const OUTGOING: usize = 16 << 10;
/// Room for the records of a batch; what does not fit is asked for.
const INCOMING: usize = 256;
const SINGLE: usize = 4 << 10;

/// What a slice of a process does; gives the slice's end.
pub type Body = Box<dyn FnMut(&mut Turn<'_>) -> i32>;

/// The process outside all processes, of the first scheduler.
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

/// What unwinds when the thread of an isolate is lost.
pub struct Lost;

/// See the module.
pub struct Isolate {
    pub system: System,
    /// Of its scheduler.
    pub number: usize,
    /// Its process outside all processes.
    pub root: Pid,
    pub block: ControlBlock,
    pub ledger: Ledger<u64>,
    /// Slices run of each batch at most; the others are taken back.
    pub slices_per_batch: usize,
    /// So many steps it does before its thread is lost.
    pub steps_left: Option<u32>,
    /// By index; the body is on the stack while its slice runs.
    bodies: HashMap<u32, (Pid, Option<Body>)>,
    /// Processes that the core has said to be over.
    pub buried: Vec<Pid>,
    /// What a process is made of that another scheduler has started here, by the number in its blueprint.
    pub definition: Option<Rc<dyn Fn(u64) -> Body>>,
    /// Timers that send to processes of other schedulers: nobody's end cancels them.
    away_timers: Vec<(u32, u32)>,
    reference: u64,
    outgoing: Memory,
    outgoing_len: usize,
    incoming: Memory,
    single: Memory,
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
        Self::attached(System::new(process_limit, parker, |_| {}), 0)
    }

    /// One isolate for each scheduler of one system.
    pub fn several(schedulers: usize) -> Vec<Self> {
        let system = Self::system_of(schedulers);
        (0..schedulers)
            .map(|number| Self::attached(system.clone(), number))
            .collect()
    }

    pub fn system_of(schedulers: usize) -> System {
        let parkers = (0..schedulers).map(|_| Parker::thread()).collect();
        System::with_schedulers(1 << 20, parkers, true, |_| {})
    }

    /// An isolate that executes the processes of scheduler `number` from now on.
    pub fn attached(system: System, number: usize) -> Self {
        let mut words = vec![0; WORDS].into_boxed_slice();
        // SAFETY: the words live as long as the isolate and are touched through the view alone.
        let block = unsafe { ControlBlock::new(words.as_mut_ptr()) };
        let root = system.attach(number, block);
        let reference = system.take_references() - 1;
        let isolate = Isolate {
            number,
            root,
            block,
            ledger: Ledger::new(),
            slices_per_batch: usize::MAX,
            steps_left: None,
            bodies: HashMap::new(),
            buried: Vec::new(),
            definition: None,
            away_timers: Vec::new(),
            reference,
            outgoing: Memory::new(OUTGOING),
            outgoing_len: 0,
            incoming: Memory::new(INCOMING),
            single: Memory::new(SINGLE),
            _words: words,
            system,
        };
        isolate.system.operate(number, |_, domain| {
            domain.lend(Lent::Outgoing, isolate.outgoing.lent());
            domain.lend(Lent::Incoming, isolate.incoming.lent());
            domain.lend(Lent::Single, isolate.single.lent());
        });
        isolate
    }

    /// The isolate's thread is lost: nothing that it has not told the core comes to pass. A new one for the same scheduler.
    pub fn replaced(self) -> Self {
        let (system, number) = (self.system.clone(), self.number);
        drop(self);
        Self::attached(system, number)
    }

    /// One operation of the addon, after what was done before has taken effect.
    pub fn cross<T>(&mut self, body: impl FnOnce(&mut RunQueues, &mut Domain) -> T) -> T {
        self.step();
        let block = self.block;
        let given = self.system.operate(self.number, |queues, domain| {
            domain.sync(queues, &block);
            let given = body(queues, domain);
            domain.give_back(&block);
            given
        });
        self.forget();
        given
    }

    /// Here the thread may be lost.
    pub fn step(&mut self) {
        match &mut self.steps_left {
            Some(0) => std::panic::resume_unwind(Box::new(Lost)),
            Some(left) => *left -= 1,
            None => {}
        }
    }

    /// An operation in whose midst all other schedulers are: what they have sent does not arrive before it.
    pub fn meanwhile<T>(&mut self, body: impl FnOnce(&mut RunQueues, &mut Domain) -> T) -> T {
        self.system.operate(self.number, body)
    }

    /// What the others have sent takes effect.
    pub fn hear(&mut self) {
        self.cross(|_, _| {});
    }

    /// Writes a record that goes with the next crossing; the word that names it.
    pub fn record(&mut self, value: u64, binaries: &[u64]) -> u32 {
        if self.block.get(header::OUTBOX_LEN) == 0 {
            self.outgoing_len = 0;
        }
        let length = 16 + binaries.len() * 8;
        if self.outgoing_len + length > self.outgoing.len() {
            self.hear();
            self.outgoing_len = 0;
        }
        let at = self.outgoing_len;
        self.outgoing_len += self.outgoing.put(at, value, binaries);
        FRAGMENT | (at / 8) as u32
    }

    /// Whether what is for this process must be encoded.
    pub fn is_away(&self, pid: Pid) -> bool {
        self.system.home(pid) != self.number
    }

    /// The word of a message for `to`.
    pub fn word_for(&mut self, to: Pid, value: u64) -> u32 {
        if self.is_away(to) {
            self.record(value, &[])
        } else {
            self.ledger.store(value)
        }
    }

    /// The word of a reason, which others may hear of.
    pub fn reason(&mut self, value: u64) -> u32 {
        if self.system.schedulers() > 1 {
            self.record(value, &[])
        } else {
            self.ledger.store(value)
        }
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
        self.spawn_from(self.root, body)
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

    /// Starts a process on another scheduler, of what is known there by the number `blueprint`.
    pub fn spawn_away(
        &mut self,
        scheduler: usize,
        parent: Pid,
        blueprint: u64,
        linked: bool,
        monitor: u64,
    ) -> Pid {
        let pid = self.system.claim(scheduler).expect("there is room");
        let word = self.record(blueprint, &[]);
        let spawn = Spawn {
            parent,
            priority: Priority::Normal,
        };
        self.cross(|_, domain| domain.spawn_away(pid, spawn, linked, monitor, word));
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
        let word = self.word_for(to, value);
        self.send_word(to, word);
    }

    pub fn send_word(&mut self, to: Pid, word: u32) {
        self.put(&[
            command::SEND,
            to.index as i32,
            to.serial as i32,
            word as i32,
        ]);
    }

    /// An exit signal from the root process, with a reason of its own.
    pub fn signal_exit(&mut self, to: Pid, reason: u64) {
        let reason = self.reason(reason);
        self.signal_constant(to, reason);
    }

    /// As `signal_exit`, with the word of a reason.
    pub fn signal_constant(&mut self, to: Pid, reason: u32) {
        let root = self.root;
        self.cross(|queues, domain| {
            let reason = domain.reason_of_executor(reason);
            domain.signal_exit(queues, root, to, reason);
        });
    }

    pub fn is_alive(&mut self, pid: Pid) -> bool {
        if self.is_away(pid) {
            return self.system.is_alive(pid);
        }
        self.cross(|_, domain| domain.is_alive(pid))
    }

    pub fn facts(&mut self, pid: Pid) -> Option<ProcessFacts> {
        if self.is_away(pid) {
            return self.system.process_facts(pid);
        }
        self.cross(|_, domain| domain.process_facts(pid))
    }

    /// Starts a timer that sends `value`.
    pub fn start_timer(&mut self, to: Pid, milliseconds: u64, value: u64) -> (u32, u32) {
        let message = self.word_for(to, value);
        let timer = self.cross(|_, domain| domain.start_timer(to, milliseconds, message));
        if self.is_away(to) {
            self.away_timers.push(timer);
        }
        timer
    }

    pub fn cancel_away_timers(&mut self) {
        for (timer, stamp) in std::mem::take(&mut self.away_timers) {
            self.cross(|_, domain| domain.cancel_timer(timer, stamp));
        }
    }

    /// Writes a command into the outbox.
    pub fn put(&mut self, words: &[i32]) {
        self.step();
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
            let block = self.block;
            let number = self.number;
            self.system
                .operate(number, |_, domain| domain.give_back(&block));
        }
    }

    /// Asks for one batch and runs it; false when there was nothing to run.
    pub fn run_batch(&mut self) -> bool {
        self.step();
        self.system.next(self.number, &self.block);
        self.forget();
        let len = self.block.get(header::BATCH_LEN) as usize;
        let mut place = 0;
        self.block.set(header::IN_SLICE, 1);
        while place < len.min(self.slices_per_batch) {
            self.block.set(header::BATCH_DONE, place as i32);
            self.step();
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
        if self.block.get(words + entry::WAKE) == Wake::Arrive as i32 {
            self.begin_arrived(index, words);
        }
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
        if turn.wake == Wake::Arrive as i32 {
            turn.take();
            turn.wake = Wake::Start as i32;
        }
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

    /// The body of a process that another scheduler has started here.
    fn begin_arrived(&mut self, index: u32, words: usize) {
        let pid = Pid {
            index,
            serial: self.block.get(words + entry::OUTCOME_LOW) as u32,
        };
        let word = self.block.get(words + entry::WINDOW_START) as usize;
        let handle = self.block.get(word) as u32;
        let Received::Value(blueprint) = self.received(handle, word) else {
            panic!("the first message is the blueprint");
        };
        let definition = self.definition.as_ref().expect("it knows what arrives");
        self.bodies
            .insert(index, (pid, Some(definition(blueprint))));
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
            0 => Ended::Reply(self.value_outside(handle)),
            1 if handle & FRAGMENT != 0 => {
                let shown = self.operate(|domain| domain.show_fragment(handle));
                shown.expect("there is room for the reason");
                Ended::Down(Ok(self.single.read(0)))
            }
            1 => Ended::Down(self.ledger.peek(handle).ok_or(handle)),
            _ => Ended::Timeout,
        };
        Some((u64::from(low) | u64::from(high) << 32, ended))
    }

    /// What the operations do that come in the midst of what the isolate reads.
    pub fn operate<T>(&mut self, body: impl FnOnce(&mut Domain) -> T) -> T {
        self.system.operate(self.number, |_, domain| body(domain))
    }

    /// A message that stands in no window.
    fn value_outside(&mut self, handle: u32) -> u64 {
        if handle & FRAGMENT == 0 {
            return self.ledger.take(handle);
        }
        let shown = self.operate(|domain| domain.show_message(handle));
        shown.expect("there is room for the message");
        self.single.read(0)
    }

    /// The message in a word of a window.
    pub fn received(&mut self, handle: u32, word: usize) -> Received {
        if handle & (SYSTEM | FRAGMENT) != FRAGMENT {
            return self.received_outside(handle);
        }
        let place = self.block.get(word - WINDOW + STAGED);
        if place != NOT_STAGED {
            return Received::Value(self.incoming.read(place as usize));
        }
        let shown = self.operate(|domain| domain.show_fragment(handle));
        shown.expect("there is room for the message");
        Received::Value(self.single.read(0))
    }

    fn received_outside(&mut self, handle: u32) -> Received {
        if handle & SYSTEM == 0 {
            return Received::Value(self.value_outside(handle));
        }
        let shown = self.operate(|domain| domain.show_system_message(handle));
        let message = shown.expect("there is room for the reason");
        match message.expect("a system message has content") {
            SystemMessage::Exit { from, reason } => Received::Exit {
                from,
                reason: self.reason_shown(reason),
            },
            SystemMessage::Down {
                reference,
                from,
                reason,
            } => Received::Down {
                reference,
                from,
                reason: self.reason_shown(reason),
            },
        }
    }

    fn reason_shown(&self, reason: u32) -> Result<u64, u32> {
        if reason & FRAGMENT != 0 {
            return Ok(self.single.read(0));
        }
        self.ledger.peek(reason).ok_or(reason)
    }

    /// The root process takes a message.
    pub fn take_outside(&mut self) -> Option<Received> {
        let root = self.root;
        let handle = self.cross(|_, domain| domain.take_outside(root, 0))?;
        Some(self.received_outside(handle))
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
            self.sleep(Some(Duration::from_millis(wait as u64)));
        }
    }

    /// Sleeps until something arrives or the time is up.
    pub fn sleep(&mut self, limit: Option<Duration>) {
        if self.system.park(self.number) {
            self.system.scheduler(self.number).sleep(limit);
        }
    }
}

impl Drop for Isolate {
    fn drop(&mut self) {
        // The memory goes, so the core must know it no more.
        self.system.isolate_ended(self.number);
    }
}
