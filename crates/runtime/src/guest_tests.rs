//! A process that has moved, as those see it who live where it is now and where its home is.

use std::ptr::NonNull;

use viga_scheduler::{Parker, Priority, RunQueues};

use crate::control_block::{LEAVING, WORDS};
use crate::handles::FRAGMENT;
use crate::process::{Status, flag};
use crate::{Buffer, ControlBlock, Domain, Lent, NIL, Pid, Spawn, System};

/// An empty record.
const RECORD: u64 = 0;
const REFERENCE: u64 = 1_000;

struct Isolates {
    system: System,
    blocks: Vec<ControlBlock>,
    _words: Vec<Box<[i32]>>,
    _record: Box<u64>,
}

impl Isolates {
    fn two() -> Self {
        let parkers = (0..2).map(|_| Parker::thread()).collect();
        let system = System::with_schedulers(100, parkers, true, |_| {});
        let mut words: Vec<Box<[i32]>> = (0..2).map(|_| vec![0; WORDS].into()).collect();
        // SAFETY: the words live as long as the system and are touched through the views alone.
        let block = |words: &mut Box<[i32]>| unsafe { ControlBlock::new(words.as_mut_ptr()) };
        let blocks: Vec<ControlBlock> = words.iter_mut().map(block).collect();
        let record = Box::new(RECORD);
        for (number, block) in blocks.iter().enumerate() {
            system.attach(number, *block);
            // SAFETY: the record lives as long as the system and nobody writes to it.
            let bytes = unsafe { Buffer::new(NonNull::from(&*record).cast(), size_of::<u64>()) };
            system.operate(number, |_, domain| domain.lend(Lent::Outgoing, bytes));
        }
        Isolates {
            system,
            blocks,
            _words: words,
            _record: record,
        }
    }

    fn on<T>(&self, number: usize, body: impl FnOnce(&mut RunQueues, &mut Domain) -> T) -> T {
        self.system.operate(number, body)
    }

    fn spawn(&self, number: usize) -> Pid {
        let spawn = Spawn {
            parent: self.on(number, |_, domain| domain.pids()[0]),
            priority: Priority::Normal,
        };
        self.on(number, |queues, domain| domain.spawn(queues, spawn))
            .expect("there is room")
    }

    /// Everything that is on its way arrives.
    fn settle(&self) {
        for _ in 0..4 {
            for (number, block) in self.blocks.iter().enumerate() {
                self.on(number, |queues, domain| domain.sync(queues, block));
            }
        }
    }

    /// A process of the first scheduler, on its way to the second.
    fn traveller(&self) -> Pid {
        let pid = self.spawn(0);
        let block = &self.blocks[0];
        self.on(0, |queues, domain| {
            while let Some((index, _)) = queues.pop() {
                domain.table.unqueued(index);
            }
            domain.table.entry(pid.index).set(flag::MOVABLE);
            domain.table.entry(pid.index).status = Status::Leaving;
            assert!(domain.move_out(queues, block, pid, 1, FRAGMENT, LEAVING));
        });
        pid
    }

    fn guest(&self) -> Pid {
        let pid = self.traveller();
        self.settle();
        assert_ne!(self.place(pid).index, pid.index);
        pid
    }

    fn place(&self, pid: Pid) -> Pid {
        self.on(1, |_, domain| domain.place_of(pid))
    }

    /// Who each of the two is linked with.
    fn links(&self, one: Pid, other: Pid) -> [Vec<Pid>; 2] {
        [one, other].map(|pid| self.system.process_facts(pid).expect("it lives").links)
    }
}

#[test]
fn a_process_on_its_way_lives_and_becomes_an_owner() {
    let isolates = Isolates::two();
    let pid = isolates.traveller();
    assert!(isolates.system.is_alive(pid));
    assert!(isolates.system.process_facts(pid).is_some());
    assert!(isolates.system.mark_owner(pid));
    isolates.settle();
    assert!(isolates.system.is_alive(pid));
    let place = isolates.place(pid);
    let owns = isolates.on(1, |_, domain| {
        domain.table.peek(place.index).has(flag::OWNER)
    });
    assert!(owns);
    isolates.on(1, |queues, domain| domain.exit(queues, place, 0));
    isolates.settle();
    assert!(!isolates.system.is_alive(pid));
    assert!(!isolates.system.mark_owner(pid));
}

#[test]
fn a_guest_and_a_process_of_its_scheduler_link_once_and_unlink_from_either_side() {
    let isolates = Isolates::two();
    let guest = isolates.guest();
    let native = isolates.spawn(1);
    let place = isolates.place(guest);
    for (linker, unlinker) in [(true, true), (true, false), (false, true), (false, false)] {
        let ends = |by_guest| match by_guest {
            true => (place.index, native),
            false => (native.index, guest),
        };
        for _ in 0..2 {
            let (from, to) = ends(linker);
            isolates.on(1, |queues, domain| domain.link(queues, from, to));
            isolates.settle();
        }
        assert_eq!(isolates.links(guest, native), [vec![native], vec![guest]]);
        let (from, to) = ends(unlinker);
        isolates.on(1, |_, domain| domain.unlink(from, to));
        isolates.settle();
        assert_eq!(isolates.links(guest, native), [vec![], vec![]]);
    }
}

#[test]
fn a_link_from_before_the_move_is_ended_by_the_guest() {
    let isolates = Isolates::two();
    let pid = isolates.spawn(0);
    let native = isolates.spawn(1);
    isolates.on(0, |queues, domain| domain.link(queues, pid.index, native));
    isolates.settle();
    let block = &isolates.blocks[0];
    isolates.on(0, |queues, domain| {
        while let Some((index, _)) = queues.pop() {
            domain.table.unqueued(index);
        }
        domain.table.entry(pid.index).status = Status::Leaving;
        assert!(domain.move_out(queues, block, pid, 1, FRAGMENT, LEAVING));
    });
    isolates.settle();
    assert_eq!(isolates.links(pid, native), [vec![native], vec![pid]]);
    let place = isolates.place(pid);
    isolates.on(1, |_, domain| domain.unlink(place.index, native));
    isolates.settle();
    assert_eq!(isolates.links(pid, native), [vec![], vec![]]);
}

/// The callee's home answers for it, which is not where the call is known.
#[test]
fn a_call_of_a_guest_that_its_home_answers_leaves_nothing() {
    let isolates = Isolates::two();
    let guest = isolates.guest();
    let caller = isolates.spawn(1);
    isolates.on(1, |queues, domain| {
        domain.call(queues, caller.index, guest, REFERENCE, FRAGMENT, None);
    });
    isolates.settle();
    let place = isolates.place(guest);
    let watched = || {
        isolates.on(1, |_, domain| {
            domain.table.peek(place.index).monitors_on != NIL
        })
    };
    assert!(watched());
    let block = &isolates.blocks[0];
    isolates.on(0, |queues, domain| {
        use crate::control_block::{OUTBOX, command, header};
        let words = [command::REPLY, caller.index as i32, caller.serial as i32];
        for (at, word) in words.into_iter().enumerate() {
            block.set(OUTBOX + at, word);
        }
        block.set(OUTBOX + 3, FRAGMENT as i32);
        block.set(OUTBOX + 4, REFERENCE as i32);
        block.set(OUTBOX + 5, 0);
        block.set(header::OUTBOX_LEN, 8);
        domain.sync(queues, block);
    });
    isolates.settle();
    assert!(!watched());
}
