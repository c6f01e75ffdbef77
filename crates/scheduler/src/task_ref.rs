//! A reference to a task of a pool.

use std::fmt;
use std::sync::Arc;

use crate::shared::Shared;
use crate::task::TaskKey;

/// Names one task. May outlive it: the number of a task that has ended is used again, but a reference remembers
/// which one it meant.
///
/// A body that keeps references keeps what belongs to the pool alive; [`Pool::shutdown`](crate::Pool::shutdown) drops
/// the bodies.
#[derive(Clone)]
pub struct TaskRef {
    shared: Arc<Shared>,
    key: TaskKey,
}

impl TaskRef {
    pub(crate) fn new(shared: Arc<Shared>, key: TaskKey) -> Self {
        TaskRef { shared, key }
    }

    /// Makes the task run a slice, or another one if it is running. What this thread wrote before is visible to that
    /// slice. Several wakes may be answered by one slice; none is lost. Does nothing to a task that has ended. Any
    /// thread.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use viga_scheduler::{Context, Pool, PoolConfig, Priority, SliceEnd};
    ///
    /// let pool = Pool::new(PoolConfig::default()).unwrap();
    /// let (slices, seen) = mpsc::channel();
    /// let mut count = 0;
    /// let task = pool.spawn(
    ///     move |_: &mut Context<'_>| {
    ///         count += 1;
    ///         slices.send(count).unwrap();
    ///         if count == 2 { SliceEnd::Exit } else { SliceEnd::Wait }
    ///     },
    ///     Priority::Normal,
    /// );
    /// assert_eq!(seen.recv(), Ok(1));
    /// task.wake();
    /// assert_eq!(seen.recv(), Ok(2));
    /// assert!(seen.recv().is_err(), "the body is dropped when the task ends");
    /// assert!(!task.is_alive());
    /// ```
    pub fn wake(&self) {
        self.shared.wake_task(self.key);
    }

    /// Whether the task has not ended. Any thread; may be old news when it is read.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let cell = self.shared.table.cell(self.key.id);
        cell.is_alive(self.key.generation)
    }

    /// The task's number. Other tasks get it after this one has ended.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.key.id
    }
}

impl PartialEq for TaskRef {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for TaskRef {}

impl fmt::Debug for TaskRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TaskRef({}.{})", self.key.id, self.key.generation)
    }
}
