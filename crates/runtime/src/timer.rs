//! Timers on a hierarchical wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987): four levels of 256
//! slots, 1 ms, 256 ms, 65 s and 4.6 h a slot. Start and cancel are O(1); a timer moves down a level at most three times.
//!
//! Invariants: a timer whose tick is `due` stands on level 0 if `due` lies in the same window of 256 ticks as the wheel's present
//! `tick`, else on level 1 if it lies in the same window of 65,536, and so on; timers due at once stand in a list of
//! their own; a slot's bit is set exactly when its list is not empty.

use crate::Pid;
use crate::slab::{NIL, Slab};

const LEVELS: usize = 4;
const SLOT_BITS: u32 = 8;
const SLOTS: usize = 1 << SLOT_BITS;
/// The list of timers that are due, in the order in which they fire; numbered after the last slot of the last level.
const DUE_NOW: usize = LEVELS * SLOTS;
/// Longest time a timer takes, in milliseconds.
pub const LONGEST: u64 = u32::MAX as u64;

/// What a timer does when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Delivers the message to the process at the index.
    Send { target: u32, message: u32 },
    /// Sends the fragment to a process of another scheduler.
    SendAway { to: Pid, message: u32 },
    /// Wakes the process at the index from its receive.
    Receive { target: u32 },
    /// Ends the call that the monitor record stands for.
    Call { monitor: u32 },
}

/// One timer. `previous` and `next` link the slot's list; `process_*` the list of timers that send to one process.
pub struct Timer {
    pub action: Action,
    due: u64,
    /// Tells this timer from others that have had the record.
    pub stamp: u32,
    slot: u16,
    previous: u32,
    next: u32,
    pub process_previous: u32,
    pub process_next: u32,
}

/// See the module.
pub struct Wheel {
    timers: Slab<Timer>,
    heads: Box<[u32]>,
    occupied: [[u64; SLOTS / 64]; LEVELS],
    due_tail: u32,
    /// Timers of all ticks up to this one are due.
    tick: u64,
    stamp: u32,
}

impl Wheel {
    pub fn new() -> Self {
        Wheel {
            timers: Slab::new(),
            heads: vec![NIL; DUE_NOW + 1].into_boxed_slice(),
            occupied: [[0; SLOTS / 64]; LEVELS],
            due_tail: NIL,
            tick: 0,
            stamp: 0,
        }
    }

    /// Timers running.
    pub fn len(&self) -> u32 {
        self.timers.len()
    }

    pub fn bytes(&self) -> usize {
        self.timers.bytes() + self.heads.len() * size_of::<u32>()
    }

    pub fn get(&self, index: u32) -> Option<&Timer> {
        self.timers.get(index)
    }

    pub fn get_mut(&mut self, index: u32) -> &mut Timer {
        &mut self.timers[index]
    }

    /// Starts a timer of `milliseconds` (at most [`LONGEST`]) from `now_us`. It never fires early. O(1).
    pub fn start(&mut self, now_us: u64, milliseconds: u64, action: Action) -> u32 {
        self.stamp = self.stamp.wrapping_add(1);
        let due = (now_us.div_ceil(1000) + milliseconds.min(LONGEST)).max(self.tick + 1);
        let index = self.timers.insert(Timer {
            action,
            due,
            stamp: self.stamp,
            slot: 0,
            previous: NIL,
            next: NIL,
            process_previous: NIL,
            process_next: NIL,
        });
        if milliseconds == 0 {
            self.timers[index].due = 0;
            self.append_due(index);
        } else {
            self.place(index);
        }
        index
    }

    /// Ends a timer without firing it; returns it. O(1).
    pub fn cancel(&mut self, index: u32) -> Timer {
        self.unplace(index);
        self.timers.remove(index)
    }

    /// Timers that send to processes of other schedulers.
    #[cfg(feature = "hard-checks")]
    pub fn away(&self) -> u32 {
        let sends_away =
            |index: &u32| matches!(self.timers[*index].action, Action::SendAway { .. });
        self.timers.indexes().filter(sends_away).count() as u32
    }

    /// Ends all timers without firing them. O(timers).
    pub fn cancel_all(&mut self) {
        let running: Vec<u32> = self.timers.indexes().collect();
        for index in running {
            self.cancel(index);
        }
    }

    /// Whole milliseconds left.
    pub fn left(&self, now_us: u64, index: u32) -> u64 {
        let due = self.timers[index].due;
        (due * 1000).saturating_sub(now_us) / 1000
    }

    /// Milliseconds from `now_us` until the wheel must be advanced again; `None` without timers. May be early (a timer
    /// has to move down a level), never late. O(levels).
    pub fn next_deadline(&self, now_us: u64) -> Option<u64> {
        if self.timers.len() == 0 {
            return None;
        }
        if self.heads[DUE_NOW] != NIL {
            return Some(0);
        }
        let mut soonest = u64::MAX;
        for level in 0..LEVELS {
            let shift = SLOT_BITS * level as u32;
            let present = (self.tick >> shift) as usize & (SLOTS - 1);
            if let Some(slot) = self.first_occupied(level, present + 1) {
                let window = self.tick >> (shift + SLOT_BITS) << (shift + SLOT_BITS);
                soonest = soonest.min(window + ((slot as u64) << shift));
            } else if self.occupied[level].iter().any(|word| *word != 0) {
                // Only the top level wraps round: its timers lie in the next turn.
                soonest =
                    soonest.min(((self.tick >> (shift + SLOT_BITS)) + 1) << (shift + SLOT_BITS));
            }
        }
        Some(
            (soonest.saturating_mul(1000))
                .saturating_sub(now_us)
                .div_ceil(1000),
        )
    }

    /// Makes every timer due whose tick has come at `now_us`, in the order of the ticks; see [`Wheel::pop_due`].
    pub fn advance(&mut self, now_us: u64) {
        let target = now_us / 1000;
        if self.timers.len() == 0 {
            self.tick = self.tick.max(target);
            return;
        }
        while self.tick < target {
            let present = self.tick as usize & (SLOTS - 1);
            let window_end = self.tick | (SLOTS as u64 - 1);
            match self.first_occupied(0, present + 1) {
                Some(slot) => {
                    let next = self.tick - present as u64 + slot as u64;
                    if next > target {
                        self.tick = target;
                        return;
                    }
                    self.tick = next;
                    self.make_due(slot);
                }
                None if window_end >= target => {
                    self.tick = target;
                    return;
                }
                None => {
                    self.tick = window_end + 1;
                    self.cascade();
                    self.make_due(self.tick as usize & (SLOTS - 1));
                }
            }
        }
    }

    /// Takes the next due timer out, to be fired. Timers of one tick come in the order of their start.
    pub fn pop_due(&mut self) -> Option<Timer> {
        let index = self.heads[DUE_NOW];
        (index != NIL).then(|| self.cancel(index))
    }

    /// True when `advance` and `pop_due` would have something to do.
    #[inline]
    pub fn is_due(&self, now_us: u64) -> bool {
        self.timers.len() != 0 && (self.heads[DUE_NOW] != NIL || now_us / 1000 > self.tick)
    }

    /// The tick has entered a new window: timers of the slots that it has reached on the higher levels move down.
    fn cascade(&mut self) {
        for level in (1..LEVELS).rev() {
            let shift = SLOT_BITS * level as u32;
            if self.tick & ((1 << shift) - 1) != 0 {
                continue;
            }
            let slot = level * SLOTS + ((self.tick >> shift) as usize & (SLOTS - 1));
            let mut index = self.take_list(slot);
            while index != NIL {
                let next = self.timers[index].next;
                self.place(index);
                index = next;
            }
        }
    }

    fn make_due(&mut self, slot: usize) {
        let mut index = self.take_list(slot);
        // Slots are pushed at the head: turn the list round, so that timers of one tick fire in the order of their start.
        let mut turned = NIL;
        while index != NIL {
            let next = std::mem::replace(&mut self.timers[index].next, turned);
            turned = index;
            index = next;
        }
        while turned != NIL {
            let next = self.timers[turned].next;
            self.append_due(turned);
            turned = next;
        }
    }

    fn append_due(&mut self, index: u32) {
        let tail = std::mem::replace(&mut self.due_tail, index);
        if tail == NIL {
            self.heads[DUE_NOW] = index;
        } else {
            self.timers[tail].next = index;
        }
        let timer = &mut self.timers[index];
        timer.slot = DUE_NOW as u16;
        timer.previous = tail;
        timer.next = NIL;
    }

    fn take_list(&mut self, slot: usize) -> u32 {
        self.occupied[slot / SLOTS][slot % SLOTS / 64] &= !(1 << (slot % 64));
        std::mem::replace(&mut self.heads[slot], NIL)
    }

    fn place(&mut self, index: u32) {
        let due = self.timers[index].due;
        let slot = self.slot_for(due);
        let head = self.heads[slot];
        if head != NIL {
            self.timers[head].previous = index;
        }
        let timer = &mut self.timers[index];
        timer.slot = slot as u16;
        timer.previous = NIL;
        timer.next = head;
        self.heads[slot] = index;
        self.occupied[slot / SLOTS][slot % SLOTS / 64] |= 1 << (slot % 64);
    }

    fn slot_for(&self, due: u64) -> usize {
        for level in 0..LEVELS - 1 {
            let window = SLOT_BITS * (level as u32 + 1);
            if due >> window == self.tick >> window {
                return level * SLOTS
                    + ((due >> (SLOT_BITS * level as u32)) as usize & (SLOTS - 1));
            }
        }
        let top = LEVELS - 1;
        top * SLOTS + ((due >> (SLOT_BITS * top as u32)) as usize & (SLOTS - 1))
    }

    fn unplace(&mut self, index: u32) {
        let Timer {
            slot,
            previous,
            next,
            ..
        } = self.timers[index];
        let slot = slot as usize;
        if next != NIL {
            self.timers[next].previous = previous;
        } else if slot == DUE_NOW {
            self.due_tail = previous;
        }
        if previous != NIL {
            self.timers[previous].next = next;
        } else {
            self.heads[slot] = next;
            if next == NIL && slot < DUE_NOW {
                self.occupied[slot / SLOTS][slot % SLOTS / 64] &= !(1 << (slot % 64));
            }
        }
    }

    fn first_occupied(&self, level: usize, from: usize) -> Option<usize> {
        let words = &self.occupied[level];
        let mut at = from;
        while at < SLOTS {
            let word = words[at / 64] >> (at % 64);
            if word != 0 {
                return Some(at + word.trailing_zeros() as usize);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fired(wheel: &mut Wheel, now_us: u64) -> Vec<u32> {
        let mut out = Vec::new();
        wheel.advance(now_us);
        while let Some(timer) = wheel.pop_due() {
            if let Action::Send { message, .. } = timer.action {
                out.push(message);
            }
        }
        out
    }

    fn send(message: u32) -> Action {
        Action::Send { target: 0, message }
    }

    #[test]
    fn zero_fires_at_once_and_order_within_a_tick_is_that_of_the_start() {
        let mut wheel = Wheel::new();
        wheel.start(500, 0, send(1));
        wheel.start(500, 0, send(2));
        wheel.start(500, 1, send(3));
        wheel.start(500, 1, send(4));
        assert_eq!(wheel.next_deadline(500), Some(0));
        assert_eq!(fired(&mut wheel, 500), [1, 2]);
        assert_eq!(fired(&mut wheel, 1999), [] as [u32; 0]);
        assert_eq!(fired(&mut wheel, 2000), [3, 4]);
        assert_eq!(wheel.next_deadline(2000), None);
    }

    #[test]
    fn a_timer_started_at_a_window_boundary_is_not_lost() {
        let mut wheel = Wheel::new();
        wheel.start(0, 300, send(9));
        assert_eq!(fired(&mut wheel, 256_000), [] as [u32; 0]);
        wheel.start(256_000, 1, send(1));
        assert_eq!(fired(&mut wheel, 257_000), [1]);
        assert_eq!(fired(&mut wheel, 300_000), [9]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        /// Against a sorted list: nothing early, nothing late when advanced at each deadline, cancelled ones never.
        #[test]
        fn fires_when_due(
            timers in proptest::collection::vec((0u64..5_000_000, 0u64..4_000_000, any::<bool>()), 1..60),
        ) {
            let mut timers = timers;
            timers.sort();
            let mut wheel = Wheel::new();
            let mut expected: Vec<(u64, u32)> = Vec::new();
            let mut seen: Vec<(u64, u32)> = Vec::new();
            let mut now = 0;
            for (number, (start_ms, length, cancel)) in timers.iter().enumerate() {
                let start = start_ms * 1000;
                while let Some(wait) = wheel.next_deadline(now) {
                    if now + wait * 1000 > start { break; }
                    now += wait * 1000;
                    for message in fired(&mut wheel, now) { seen.push((now / 1000, message)); }
                }
                now = start;
                for message in fired(&mut wheel, now) { seen.push((now / 1000, message)); }
                let index = wheel.start(now, *length, send(number as u32));
                prop_assert_eq!(wheel.left(now, index), if *length == 0 { 0 } else { *length });
                if *cancel { wheel.cancel(index); } else { expected.push((start_ms + length, number as u32)); }
            }
            let mut turns = 0;
            while let Some(wait) = wheel.next_deadline(now) {
                now += wait * 1000;
                for message in fired(&mut wheel, now) { seen.push((now / 1000, message)); }
                turns += 1;
                prop_assert!(turns < 10_000);
            }
            expected.sort();
            seen.sort();
            prop_assert_eq!(seen, expected);
            prop_assert_eq!(wheel.len(), 0);
        }
    }
}
