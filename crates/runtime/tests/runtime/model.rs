//! What processes may and must see, whatever order their slices have.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use viga_runtime::{Pid, System};

use crate::isolate::{Ended, Received};

/// By index and serial.
type Name = (u32, u32);

fn name(pid: Pid) -> Name {
    (pid.index, pid.serial)
}

enum Message {
    /// Arrives after what its sender sent before.
    Ordered { from: Name },
    /// The same, and a request.
    Request { from: Pid, reference: u64 },
    /// From an alias or a timer: arrives at most once.
    Loose,
}

struct Call {
    caller: Pid,
    callee: Pid,
    /// Its time is up at once.
    impatient: bool,
    replies: Vec<u64>,
    ended: bool,
    abandoned: bool,
}

struct Watch {
    owner: Pid,
    target: Pid,
    downs: u32,
    /// No DOWN may come any more.
    over: bool,
}

/// See the module.
#[derive(Default)]
pub struct Model {
    messages: BTreeMap<u64, Message>,
    mailboxes: BTreeMap<(Name, Name), VecDeque<u64>>,
    calls: BTreeMap<u64, Call>,
    watches: BTreeMap<u64, Watch>,
    links: BTreeSet<(Name, Name)>,
    exits: BTreeSet<(Name, Name)>,
    ended_normally: BTreeSet<Name>,
    aside: BTreeMap<Name, u32>,
    /// Pairs of processes of different schedulers that were unlinked: an unlink and a link at the same time may go either way.
    separated: BTreeSet<(Name, Name)>,
    /// Ended with their isolate: what they had sent last may be lost.
    lost: BTreeSet<Name>,
    values: u64,
}

impl Model {
    pub fn value(&mut self) -> u64 {
        self.values += 1;
        self.values
    }

    fn posted(&mut self, from: Pid, to: Pid, message: Message) -> u64 {
        let value = self.value();
        self.messages.insert(value, message);
        let mailbox = self.mailboxes.entry((name(from), name(to))).or_default();
        mailbox.push_back(value);
        value
    }

    pub fn sent(&mut self, from: Pid, to: Pid) -> u64 {
        let message = Message::Ordered { from: name(from) };
        self.posted(from, to, message)
    }

    pub fn loose(&mut self) -> u64 {
        let value = self.value();
        self.messages.insert(value, Message::Loose);
        value
    }

    pub fn requested(&mut self, caller: Pid, callee: Pid, reference: u64, impatient: bool) -> u64 {
        self.calls.insert(
            reference,
            Call {
                caller,
                callee,
                impatient,
                replies: Vec::new(),
                ended: false,
                abandoned: false,
            },
        );
        let message = Message::Request {
            from: caller,
            reference,
        };
        self.posted(caller, callee, message)
    }

    pub fn replied(&mut self, reference: u64) -> u64 {
        let value = self.value();
        let call = self.calls.get_mut(&reference).expect("it was requested");
        call.replies.push(value);
        value
    }

    pub fn abandoned(&mut self, reference: u64, found: bool) {
        let call = self.calls.get_mut(&reference).expect("it was requested");
        assert!(!(found && call.ended), "an ended call was pending");
        call.abandoned |= found;
    }

    pub fn ended(&mut self, caller: Pid, reference: u64, how: Ended) {
        let call = self.calls.get_mut(&reference).expect("it was requested");
        assert_eq!(call.caller, caller);
        assert!(!call.ended, "call {reference} ends a second time");
        assert!(!call.abandoned, "call {reference} was abandoned");
        call.ended = true;
        match how {
            Ended::Reply(value) => assert_eq!(call.replies.first(), Some(&value)),
            Ended::Timeout => assert!(call.impatient),
            Ended::Down(_) => {}
        }
    }

    pub fn watched(&mut self, owner: Pid, target: Pid, reference: u64) {
        self.watches.insert(
            reference,
            Watch {
                owner,
                target,
                downs: 0,
                over: owner == target,
            },
        );
    }

    pub fn unwatched(&mut self, reference: u64, found: bool, flush: bool) {
        let watch = self.watches.get_mut(&reference).expect("it was watched");
        assert!(!(found && (watch.downs > 0 || watch.over)));
        watch.over |= found || flush;
    }

    pub fn linked(&mut self, one: Pid, other: Pid) {
        self.links.insert((name(one), name(other)));
        self.links.insert((name(other), name(one)));
    }

    pub fn unlinked(&mut self, one: Pid, other: Pid, far: bool) {
        if far {
            self.separated.insert((name(one), name(other)));
            self.separated.insert((name(other), name(one)));
        }
        self.links.remove(&(name(one), name(other)));
        self.links.remove(&(name(other), name(one)));
    }

    pub fn lost(&mut self, pids: impl Iterator<Item = Pid>) {
        self.lost.extend(pids.map(name));
    }

    pub fn ends_normally(&mut self, pid: Pid) {
        self.ended_normally.insert(name(pid));
    }

    pub fn put_aside(&mut self, pid: Pid) {
        *self.aside.entry(name(pid)).or_default() += 1;
    }

    /// `pid` takes a message; a request gives the caller and the reference.
    pub fn received(&mut self, pid: Pid, message: Received) -> Option<(Pid, u64)> {
        match message {
            Received::Value(value) => {
                let message = self.messages.remove(&value).expect("it comes once");
                match message {
                    Message::Loose => None,
                    Message::Ordered { from } => {
                        self.next_of(from, pid, value);
                        None
                    }
                    Message::Request { from, reference } => {
                        self.next_of(name(from), pid, value);
                        Some((from, reference))
                    }
                }
            }
            Received::Exit { from, .. } => {
                self.exits.insert((name(from), name(pid)));
                None
            }
            Received::Down {
                reference, from, ..
            } => {
                let watch = self.watches.get_mut(&reference).expect("it was watched");
                assert_eq!((watch.owner, watch.target), (pid, from));
                assert!(!watch.over, "monitor {reference} was over");
                assert_eq!(watch.downs, 0, "a second DOWN of {reference}");
                watch.downs = 1;
                let earlier = self.mailboxes.get(&(name(from), name(pid)));
                let came_first = earlier.is_some_and(|earlier| !earlier.is_empty());
                let was_lost = self.lost.contains(&name(from));
                assert!(!came_first || was_lost, "a DOWN came first");
                None
            }
        }
    }

    fn next_of(&mut self, from: Name, to: Pid, value: u64) {
        let mailbox = self.mailboxes.get_mut(&(from, name(to)));
        let next = mailbox.and_then(VecDeque::pop_front);
        assert_eq!(next, Some(value), "from {from:?} to {to:?}");
    }

    /// Nothing is ready any more: everything that had to arrive has.
    pub fn at_rest(&self, system: &System, pids: &[Pid]) {
        let alive: BTreeSet<Name> = pids
            .iter()
            .filter(|pid| system.is_alive(**pid))
            .map(|pid| name(*pid))
            .collect();
        for ((from, to), mailbox) in &self.mailboxes {
            let missing = alive.contains(to) && !self.lost.contains(from) && !mailbox.is_empty();
            assert!(!missing, "from {from:?} to {to:?}: {mailbox:?} never came");
        }
        for pid in pids.iter().filter(|pid| alive.contains(&name(**pid))) {
            let waiting = system.process_facts(*pid).expect("it is alive");
            let aside = self.aside.get(&name(*pid)).copied().unwrap_or(0);
            assert_eq!(waiting.message_queue_length, aside, "{pid:?}");
        }
        for (reference, watch) in &self.watches {
            if alive.contains(&name(watch.owner)) && !watch.over {
                let ended = u32::from(!alive.contains(&name(watch.target)));
                assert_eq!(watch.downs, ended, "DOWNs of {reference}");
            }
        }
        for (reference, call) in &self.calls {
            if alive.contains(&name(call.caller)) && !call.abandoned {
                let callee_ended = !alive.contains(&name(call.callee));
                let over = callee_ended || call.impatient || !call.replies.is_empty();
                assert_eq!(call.ended, over, "end of call {reference}");
            }
        }
        for (one, other) in &self.links {
            let told = alive.contains(other)
                && !alive.contains(one)
                && !self.separated.contains(&(*one, *other));
            if told && !self.ended_normally.contains(one) {
                let seen = self.exits.contains(&(*one, *other));
                assert!(seen, "{other:?} outlives {one:?} without an EXIT");
            }
        }
    }
}
