//! The run queues of one scheduler: a queue of task ids for each priority, and the policy that picks among them.
//!
//! Source of the policy: OTP's `erl_process.c`. `max` and `high` are strict. `low` shares with `normal`: OTP gives
//! a low task a `schedule_count` of `RESCHEDULE_LOW` (8) and passes it over until that has been counted down.
//! Counting per queue instead of per task gives the same ratio without moving the passed-over tasks about.
//!
//! Invariant: bit `p` of `occupied` is set exactly when `queues[p]` holds a task.

use std::collections::VecDeque;

use crate::Priority;

/// How many normal tasks are picked for each low one while both wait (OTP's `RESCHEDULE_LOW`).
pub const LOW_PICK_INTERVAL: u32 = 8;

/// How many tasks of one priority a thief looks at before it gives up on tasks that must stay: it holds the
/// victim's lock meanwhile.
pub const STEAL_EXAMINE_MAX: usize = 256;

/// How many tasks one theft takes at most, for the same reason.
pub const STEAL_TAKE_MAX: usize = 1_024;

/// The ready tasks of one scheduler. A plain structure for one thread: [`Scheduler`](crate::Scheduler) puts a
/// lock around it. It never looks for duplicates; that a task is queued at most once is the caller's to keep.
///
/// ```
/// use viga_scheduler::{Priority, RunQueues};
///
/// let mut queues = RunQueues::new();
/// queues.push_back(7, Priority::Normal);
/// queues.push_back(8, Priority::High);
/// assert_eq!(queues.peek_priority(), Some(Priority::High));
/// assert_eq!(queues.pop(), Some((8, Priority::High)));
/// assert_eq!(queues.pop(), Some((7, Priority::Normal)));
/// assert_eq!(queues.pop(), None);
/// ```
#[derive(Debug, Default)]
pub struct RunQueues {
    queues: [VecDeque<u32>; Priority::ALL.len()],
    occupied: u8,
    /// Normal tasks picked since the last low one, counted only while a low one waits.
    passed_over_low: u32,
}

impl RunQueues {
    /// Empty queues. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        RunQueues::default()
    }

    /// Puts `task` last among its equals. O(1) amortized.
    pub fn push_back(&mut self, task: u32, priority: Priority) {
        self.queues[priority as usize].push_back(task);
        self.occupied |= bit(priority);
    }

    /// Puts `task` first among its equals. O(1) amortized.
    pub fn push_front(&mut self, task: u32, priority: Priority) {
        self.queues[priority as usize].push_front(task);
        self.occupied |= bit(priority);
    }

    /// Takes the task that the policy puts next. O(1).
    pub fn pop(&mut self) -> Option<(u32, Priority)> {
        let priority = self.peek_priority()?;
        Some((self.take_front(priority)?, priority))
    }

    /// Takes the next task if it is of `class`, and nothing otherwise: the way to take a batch that ends where
    /// the policy would turn to another class. O(1).
    ///
    /// ```
    /// use viga_scheduler::{Priority, RunQueues};
    ///
    /// let mut queues = RunQueues::new();
    /// queues.push_back(1, Priority::High);
    /// queues.push_back(2, Priority::Normal);
    /// queues.push_back(3, Priority::High);
    /// let class = queues.peek_priority().unwrap();
    /// let batch: Vec<u32> = std::iter::from_fn(|| queues.pop_of_class(class)).collect();
    /// assert_eq!(batch, [1, 3]);
    /// ```
    pub fn pop_of_class(&mut self, class: Priority) -> Option<u32> {
        if self.peek_priority() == Some(class) {
            self.take_front(class)
        } else {
            None
        }
    }

    /// The priority of the task that [`pop`](Self::pop) would take. O(1).
    #[must_use]
    pub fn peek_priority(&self) -> Option<Priority> {
        const SHARED: u8 = bit(Priority::Normal) | bit(Priority::Low);
        if self.occupied & SHARED == SHARED && self.occupied & !SHARED == 0 {
            let low_is_due = self.passed_over_low >= LOW_PICK_INTERVAL;
            return Some(if low_is_due {
                Priority::Low
            } else {
                Priority::Normal
            });
        }
        Priority::ALL
            .get(self.occupied.trailing_zeros() as usize)
            .copied()
    }

    /// Ready tasks of all priorities.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// Ready tasks of one priority.
    #[must_use]
    pub fn len_of(&self, priority: Priority) -> usize {
        self.queues[priority as usize].len()
    }

    /// Whether no task is ready.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Takes half of the tasks (rounded up, so that a single one goes too) for a thief and appends them to
    /// `loot`, most urgent class first, longest waiting first within a class; returns how many. At most half
    /// (rounded up) of a class goes, and at most [`STEAL_TAKE_MAX`] in all. Tasks that `may_move` refuses stay, in their order.
    ///
    /// O(tasks taken + tasks refused), the latter at most [`STEAL_EXAMINE_MAX`] for each class.
    ///
    /// ```
    /// use viga_scheduler::{Priority, RunQueues};
    ///
    /// let mut victim = RunQueues::new();
    /// (0..6).for_each(|task| victim.push_back(task, Priority::Normal));
    /// let mut loot = Vec::new();
    /// assert_eq!(victim.steal_half(&mut loot, |task| task != 1), 3);
    /// assert_eq!(loot, [(0, Priority::Normal), (2, Priority::Normal), (3, Priority::Normal)]);
    /// assert_eq!(victim.pop(), Some((1, Priority::Normal)));
    /// ```
    pub fn steal_half(
        &mut self,
        loot: &mut Vec<(u32, Priority)>,
        mut may_move: impl FnMut(u32) -> bool,
    ) -> usize {
        let wanted = self.len().div_ceil(2).min(STEAL_TAKE_MAX);
        let mut taken = 0;
        for priority in Priority::ALL {
            let quota = self.len_of(priority).div_ceil(2).min(wanted - taken);
            taken += self.steal_from_class(priority, quota, loot, &mut may_move);
        }
        taken
    }

    fn steal_from_class(
        &mut self,
        priority: Priority,
        quota: usize,
        loot: &mut Vec<(u32, Priority)>,
        may_move: &mut impl FnMut(u32) -> bool,
    ) -> usize {
        let mut taken = 0;
        let mut refused = Vec::new();
        while taken < quota && refused.len() < STEAL_EXAMINE_MAX {
            let Some(task) = self.queues[priority as usize].pop_front() else {
                break;
            };
            if may_move(task) {
                loot.push((task, priority));
                taken += 1;
            } else {
                refused.push(task);
            }
        }
        for task in refused.into_iter().rev() {
            self.queues[priority as usize].push_front(task);
        }
        self.note_removal(priority);
        taken
    }

    fn take_front(&mut self, priority: Priority) -> Option<u32> {
        match priority {
            Priority::Normal if self.occupied & bit(Priority::Low) != 0 => {
                self.passed_over_low += 1;
            }
            Priority::Low => self.passed_over_low = 0,
            _ => {}
        }
        let task = self.queues[priority as usize].pop_front();
        self.note_removal(priority);
        task
    }

    fn note_removal(&mut self, priority: Priority) {
        if self.queues[priority as usize].is_empty() {
            self.occupied &= !bit(priority);
        }
    }
}

const fn bit(priority: Priority) -> u8 {
    1 << priority as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queues: &mut RunQueues) -> Vec<u32> {
        std::iter::from_fn(|| queues.pop())
            .map(|(task, _)| task)
            .collect()
    }

    #[test]
    fn urgent_classes_are_strict() {
        let mut queues = RunQueues::new();
        for (task, priority) in Priority::ALL.into_iter().rev().enumerate() {
            queues.push_back(task as u32, priority);
        }
        assert_eq!(drain(&mut queues), [3, 2, 1, 0]);
        assert!(queues.is_empty());
    }

    #[test]
    fn low_is_picked_once_for_every_eight_normal() {
        let mut queues = RunQueues::new();
        for task in 0..100 {
            queues.push_back(task, Priority::Normal);
            queues.push_back(1_000 + task, Priority::Low);
        }
        let picks = drain(&mut queues);
        for lap in picks[..99].chunks(9) {
            assert_eq!(lap.iter().filter(|task| **task >= 1_000).count(), 1);
        }
    }

    #[test]
    fn low_runs_alone_when_nothing_else_is_ready() {
        let mut queues = RunQueues::new();
        queues.push_back(1, Priority::Low);
        queues.push_back(2, Priority::Low);
        assert_eq!(drain(&mut queues), [1, 2]);
    }

    #[test]
    fn a_class_batch_ends_where_a_low_task_is_due() {
        let mut queues = RunQueues::new();
        queues.push_back(99, Priority::Low);
        (0..20).for_each(|task| queues.push_back(task, Priority::Normal));
        let batch = std::iter::from_fn(|| queues.pop_of_class(Priority::Normal)).count();
        assert_eq!(batch, LOW_PICK_INTERVAL as usize);
        assert_eq!(queues.pop(), Some((99, Priority::Low)));
    }

    #[test]
    fn a_thief_takes_the_only_task() {
        let mut queues = RunQueues::new();
        queues.push_back(5, Priority::Low);
        let mut loot = Vec::new();
        assert_eq!(queues.steal_half(&mut loot, |_| true), 1);
        assert_eq!(loot, [(5, Priority::Low)]);
        assert!(queues.is_empty() && queues.pop().is_none());
    }

    #[test]
    fn tasks_that_must_stay_keep_their_order() {
        let mut queues = RunQueues::new();
        (0..10).for_each(|task| queues.push_back(task, Priority::Normal));
        let mut loot = Vec::new();
        assert_eq!(queues.steal_half(&mut loot, |_| false), 0);
        assert_eq!(drain(&mut queues), (0..10).collect::<Vec<_>>());
    }
}
