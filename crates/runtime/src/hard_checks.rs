//! The feature `hard-checks`: walks the whole domain and panics where two things that must agree do not. For tests.

use std::collections::HashSet;

use crate::away::AwayLink;
use crate::monitor::{NOBODY, Purpose};
use crate::process::{NIL, Status};
use crate::timer::Action;
use crate::{Domain, Pid, System};

/// A domain with so many processes and messages is walked after one crossing in two, one with twice as many after one in four.
const WALKED_EACH_TIME: u64 = 64;

/// What the processes of all schedulers have between them, as each side sees it.
#[derive(Default)]
struct Sides {
    links: HashSet<(Pid, Pid)>,
    /// Owner, reference and target, of monitors and calls.
    owned: HashSet<(Pid, u64, Pid)>,
    watching: HashSet<(Pid, u64, Pid)>,
    names: HashSet<(String, Pid)>,
}

impl System {
    /// Panics when two sides disagree. While nothing is on its way: all inboxes are empty and no isolate is inside a crossing.
    /// O(everything).
    pub fn check_sides(&self) {
        let mut sides = Sides::default();
        for number in 0..self.schedulers() {
            assert!(!self.has_arrivals(number), "inbox of {number}");
            let mut guard = self.scheduler(number).lock();
            guard.state().check();
            guard.state().note_sides(&mut sides);
        }
        for (one, other) in &sides.links {
            let both = sides.links.contains(&(*other, *one));
            assert!(
                both,
                "{one:?} is linked with {other:?}, which is not with it"
            );
        }
        assert_eq!(sides.owned, sides.watching, "monitors and calls");
        let named = self.registered().into_iter();
        let named = named.filter_map(|name| self.whereis(&name).map(|pid| (name, pid)));
        assert_eq!(named.collect::<HashSet<_>>(), sides.names, "names");
    }
}

impl Domain {
    fn note_sides(&self, sides: &mut Sides) {
        for place in self.table.pids() {
            let pid = self.pid_at(place.index);
            let entry = self.table.peek(place.index);
            let names = entry.names.iter().flat_map(|names| names.iter());
            sides
                .names
                .extend(names.map(|name| (name.to_string(), pid)));
            for (other, link) in entry.away.iter().flat_map(|links| links.iter()) {
                assert_eq!(*link, AwayLink::Linked, "of {pid:?} with {other:?}");
                sides.links.insert((pid, *other));
            }
        }
        for (reference, record) in &self.monitor_index {
            let monitor = &self.monitors[*record];
            if monitor.far != NOBODY {
                let owner = self.pid_at(monitor.owner);
                sides.owned.insert((owner, *reference, monitor.far));
            }
        }
        for ((owner, reference), record) in &self.watcher_index {
            let target = self.pid_at(self.monitors[*record].target);
            sides.watching.insert((*owner, *reference, target));
        }
    }

    /// Walks the domain, not after every crossing when it is large: on average a constant cost per crossing.
    pub(crate) fn check_now_and_then(&mut self) {
        self.crossings_unchecked += 1;
        let size = u64::from(self.table.alive()) + self.messages;
        if self.crossings_unchecked > size / WALKED_EACH_TIME {
            self.crossings_unchecked = 0;
            self.check();
        }
    }

    /// Walks the whole domain. O(everything).
    pub(crate) fn check(&self) {
        let pids: Vec<Pid> = self.table.pids().collect();
        assert_eq!(pids.len(), self.table.alive() as usize, "live processes");
        let mut waiting = 0;
        let mut outcomes = 0;
        let mut timers = 0;
        let mut link_ends = 0;
        let mut away_links = 0;
        let mut owned = HashSet::new();
        let mut watching = HashSet::new();
        for pid in &pids {
            let entry = self.table.peek(pid.index);
            waiting += u64::from(entry.mailbox_len);
            self.check_mailbox(pid.index);
            outcomes += self.check_outcomes(pid.index);
            timers += self.check_timers(pid.index);
            if self.between.schedulers() == 1 {
                for name in entry.names.iter().flat_map(|names| names.iter()) {
                    assert_eq!(self.between.whereis(name), Some(*pid), "name {name}");
                }
            }
            link_ends += self.check_links(pid.index);
            away_links += entry.away.as_ref().map_or(0, |links| links.len());
            self.check_owned(pid.index, &mut owned);
            self.check_watching(pid.index, &mut watching);
        }
        assert_eq!(waiting, self.messages, "messages of all mailboxes");
        assert_eq!(outcomes, self.outcomes.len(), "outcomes");
        assert_eq!(link_ends, self.links.len() * 2, "ends of links");
        assert_eq!(away_links, self.away_links as usize, "ends of far links");
        assert_eq!(self.link_index.len(), self.links.len() as usize);
        let watchers = self.watcher_index.len();
        assert_eq!(
            owned.len() + watchers,
            self.monitors.len() as usize,
            "monitors"
        );
        for ((owner, reference), record) in &self.watcher_index {
            let monitor = &self.monitors[*record];
            assert_eq!(
                (monitor.owner, monitor.far, monitor.reference),
                (NIL, *owner, *reference)
            );
            assert!(watching.remove(record), "a watcher on its target's list");
        }
        assert_eq!(self.monitor_index.len(), owned.len());
        for record in &owned {
            let monitor = &self.monitors[*record];
            assert_eq!(self.monitor_index.get(&monitor.reference), Some(record));
            assert_eq!(monitor.target != NIL, watching.contains(record));
            if let Purpose::Call { timer } = monitor.purpose
                && timer != NIL
            {
                let action = self.wheel.get(timer).map(|timer| timer.action);
                assert_eq!(action, Some(Action::Call { monitor: *record }));
                timers += 1;
            }
        }
        assert!(watching.is_subset(&owned), "a monitor without an owner");
        assert_eq!(timers + self.wheel.away(), self.wheel.len(), "timers");
    }

    fn check_mailbox(&self, index: u32) {
        let entry = self.table.peek(index);
        let (mut handle, mut last, mut len) = (entry.mailbox_head, NIL, 0);
        while handle != NIL {
            last = handle;
            handle = self.handles.next(handle);
            len += 1;
        }
        assert_eq!(last, entry.mailbox_tail, "tail of the mailbox of {index}");
        // What a selective receive has put aside counts and stands nowhere.
        let handed_out = if entry.status == Status::Picked {
            self.handed_out(entry.batch_place)
        } else {
            0
        };
        assert!(
            len + handed_out <= entry.mailbox_len,
            "{len} messages in the mailbox of {index} and {handed_out} in its window, {} counted",
            entry.mailbox_len
        );
    }

    fn check_outcomes(&self, index: u32) -> u32 {
        let entry = self.table.peek(index);
        let (mut record, mut last, mut len) = (entry.outcome_head, NIL, 0);
        while record != NIL {
            last = record;
            record = self.outcomes[record].next;
            len += 1;
        }
        assert_eq!(last, entry.outcome_tail, "last outcome of {index}");
        len
    }

    fn check_timers(&self, index: u32) -> u32 {
        let entry = self.table.peek(index);
        let mut len = 0;
        if entry.receive_timer != NIL {
            let action = self
                .wheel
                .get(entry.receive_timer)
                .map(|timer| timer.action);
            assert_eq!(action, Some(Action::Receive { target: index }));
            len += 1;
        }
        let (mut record, mut previous) = (entry.timers, NIL);
        while record != NIL {
            let timer = self.wheel.get(record).expect("a listed timer runs");
            assert!(matches!(timer.action, Action::Send { target, .. } if target == index));
            assert_eq!(timer.process_previous, previous);
            previous = record;
            record = timer.process_next;
            len += 1;
        }
        len
    }

    fn check_links(&self, index: u32) -> u32 {
        let (mut record, mut previous, mut len) = (self.table.peek(index).links, NIL, 0);
        while record != NIL {
            let link = &self.links[record];
            assert_eq!(self.link_index.get(&link.ends), Some(&record));
            assert_ne!(self.table.peek(link.other(index)).status, Status::Free);
            let side = link.side(index);
            assert_eq!(link.ends[side], index);
            assert_eq!(link.previous[side], previous);
            previous = record;
            record = link.next[side];
            len += 1;
        }
        len
    }

    fn check_owned(&self, index: u32, owned: &mut HashSet<u32>) {
        let (mut record, mut previous) = (self.table.peek(index).monitors_owned, NIL);
        while record != NIL {
            let monitor = &self.monitors[record];
            assert_eq!((monitor.owner, monitor.owner_previous), (index, previous));
            assert!(owned.insert(record));
            previous = record;
            record = monitor.owner_next;
        }
    }

    fn check_watching(&self, index: u32, watching: &mut HashSet<u32>) {
        let (mut record, mut previous) = (self.table.peek(index).monitors_on, NIL);
        while record != NIL {
            let monitor = &self.monitors[record];
            assert_eq!((monitor.target, monitor.target_previous), (index, previous));
            assert!(watching.insert(record));
            previous = record;
            record = monitor.target_next;
        }
    }
}
