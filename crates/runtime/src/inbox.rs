//! Where a scheduler gets its signals from.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use viga_scheduler::Lane;

use crate::between::Signal;

/// What its receiver looks at again and again while it waits, away from what senders write before they tell it.
#[repr(align(128))]
struct Apart<T>(T);

/// Where one scheduler gets its signals from.
///
/// Senders take turns at the gate, the receiver does not pass it: what it looks at while it waits is the next slot of the lane, so a
/// signal costs one cache line on its way. One lane for all senders, and not one for each, because a process that moves from one
/// scheduler to another sends from both: what it sent first has to arrive first.
#[repr(align(128))]
pub struct Inbox {
    gate: Mutex<()>,
    /// Signals that were sent; a hint, for threads that are not the receiver's.
    sent: AtomicU64,
    lane: Lane<Signal>,
    /// Signals that were received; as `sent`, the receiver's.
    received: Apart<AtomicU64>,
    /// An isolate executes the scheduler. A hint for those who might give it work.
    attached: AtomicBool,
    /// Nobody executes the scheduler's processes, and none is left: what comes must be answered by who brings it.
    vacant: AtomicBool,
}

impl Inbox {
    pub fn new() -> Self {
        Inbox {
            gate: Mutex::new(()),
            sent: AtomicU64::new(0),
            lane: Lane::new(),
            received: Apart(AtomicU64::new(0)),
            attached: AtomicBool::new(false),
            vacant: AtomicBool::new(false),
        }
    }

    fn pass_gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends all of `signals`, which is empty afterwards. One pass of the gate.
    pub fn append(&self, signals: &mut Vec<Signal>) {
        let _gate = self.pass_gate();
        // Relaxed: a hint.
        self.sent.fetch_add(signals.len() as u64, Ordering::Relaxed);
        for signal in signals.drain(..) {
            // SAFETY: who has passed the gate is the only one that sends.
            unsafe { self.lane.push(signal) };
        }
    }

    /// Sends one signal, unless somebody else stands at the gate: then it is given back.
    #[inline]
    pub fn try_push(&self, signal: Signal) -> Option<Signal> {
        let Ok(_gate) = self.gate.try_lock() else {
            return Some(signal);
        };
        // Relaxed: a hint.
        self.sent.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as in `append`.
        unsafe { self.lane.push(signal) };
        None
    }

    /// Sends one signal.
    pub fn push(&self, signal: Signal) {
        let _gate = self.pass_gate();
        // Relaxed: a hint.
        self.sent.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as in `append`.
        unsafe { self.lane.push(signal) };
    }

    /// The oldest signal.
    ///
    /// # Safety
    /// Only the receiver: who has the lock of its scheduler and is the thread of its isolate, or who has the lock while there is no
    /// isolate.
    #[inline]
    pub unsafe fn pop(&self) -> Option<Signal> {
        // SAFETY: promised by the caller.
        unsafe { self.lane.pop() }
    }

    /// So many signals were received.
    #[inline]
    pub fn note_received(&self, signals: u64) {
        // Relaxed: a hint.
        self.received.0.fetch_add(signals, Ordering::Relaxed);
    }

    /// A signal waits.
    ///
    /// # Safety
    /// As for [`Inbox::pop`], but without the lock.
    #[inline]
    pub unsafe fn has_some(&self) -> bool {
        // SAFETY: promised by the caller.
        unsafe { self.lane.has_some() }
    }

    /// Signals wait, as far as any thread can tell.
    pub fn seems_waiting(&self) -> bool {
        // Relaxed: hints.
        self.sent.load(Ordering::Relaxed) != self.received.0.load(Ordering::Relaxed)
    }

    /// Nobody executes the scheduler, see the field. Asked after something was sent and a fence.
    pub fn is_vacant(&self) -> bool {
        self.vacant.load(Ordering::Relaxed)
    }

    /// See the field.
    pub fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed)
    }

    /// See the field. What it was before.
    pub fn set_attached(&self, attached: bool) -> bool {
        self.attached.swap(attached, Ordering::Relaxed)
    }

    /// See the field. Followed by a fence and a look into the lane.
    pub fn set_vacant(&self, vacant: bool) {
        self.vacant.store(vacant, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pid;

    fn message(index: u32) -> Signal {
        Signal::LocalMessage {
            to: Pid { index, serial: 0 },
            handle: 0,
        }
    }

    #[test]
    fn an_inbox_keeps_order() {
        let inbox = &Inbox::new();
        inbox.push(message(1));
        let mut others = vec![message(2), message(3)];
        inbox.append(&mut others);
        assert!(others.is_empty() && inbox.seems_waiting());
        // SAFETY: one thread.
        let received = std::iter::from_fn(|| unsafe { inbox.pop() });
        let order: Vec<u32> = received
            .map(|signal| match signal {
                Signal::LocalMessage { to, .. } => to.index,
                _ => 0,
            })
            .collect();
        assert_eq!(order, [1, 2, 3]);
        inbox.note_received(3);
        assert!(!inbox.seems_waiting());
    }
}
