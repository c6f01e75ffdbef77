//! Native bodies: what a task of the pool executes, and what it can do while it runs.

use std::sync::Arc;

use crate::member::Member;
use crate::task::TaskKey;
use crate::{Budget, CONTEXT_REDUCTIONS, Priority, TaskRef};

/// A task written in Rust. [`run`](Body::run) is called for each slice, on any scheduler of the pool, by one thread
/// at a time. A slice that panics ends its task and nothing else.
pub trait Body: Send {
    /// Runs one slice and says how it ended. It should end when [`Context::charge`] says that the budget is used
    /// up, and must not block: other tasks of this scheduler would have to be stolen to make progress.
    fn run(&mut self, context: &mut Context<'_>) -> SliceEnd;
}

impl<F: FnMut(&mut Context<'_>) -> SliceEnd + Send> Body for F {
    fn run(&mut self, context: &mut Context<'_>) -> SliceEnd {
        self(context)
    }
}

/// How a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceEnd {
    /// Nothing to do until somebody [wakes](TaskRef::wake) the task. A wake during the slice counts.
    Wait,
    /// More to do: to the back of the queue.
    Yield,
    /// Through: the body is dropped.
    Exit,
}

/// What a body can do during its slice.
///
/// ```
/// use std::sync::mpsc;
/// use viga_scheduler::{Pool, PoolConfig, Priority, SliceEnd};
///
/// let pool = Pool::new(PoolConfig::default()).unwrap();
/// let (done, ended) = mpsc::channel();
/// let mut steps = 0;
/// pool.spawn(
///     move |context: &mut viga_scheduler::Context<'_>| {
///         while context.charge(1_000) {
///             steps += 1;
///         }
///         if steps < 9 {
///             return SliceEnd::Yield;
///         }
///         done.send(steps).unwrap();
///         SliceEnd::Exit
///     },
///     Priority::Normal,
/// );
/// assert_eq!(ended.recv(), Ok(9), "three steps in each of three slices");
/// ```
pub struct Context<'a> {
    member: &'a mut Member,
    key: TaskKey,
    budget: Budget,
}

impl<'a> Context<'a> {
    pub(crate) fn new(member: &'a mut Member, key: TaskKey) -> Self {
        Context {
            member,
            key,
            budget: Budget::new(CONTEXT_REDUCTIONS),
        }
    }

    /// Starts a task on this scheduler. Once the pool shuts down the body is dropped instead, and the reference is
    /// to a dead task.
    pub fn spawn(&mut self, body: impl Body + 'static, priority: Priority) -> TaskRef {
        self.member.spawn(Box::new(body), priority)
    }

    /// The same as [`TaskRef::wake`].
    pub fn wake(&self, task: &TaskRef) {
        task.wake();
    }

    /// A reference to the task that is running.
    #[must_use]
    pub fn self_ref(&self) -> TaskRef {
        TaskRef::new(Arc::clone(self.member.shared()), self.key)
    }

    /// Charges `reductions` and says whether any are left; if not, it is time to end the slice.
    pub fn charge(&mut self, reductions: u32) -> bool {
        self.budget.charge(reductions)
    }

    /// Reductions left in this slice.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.budget.remaining()
    }

    /// The number of the scheduler that runs the slice, counted from 0: the pool's own threads first, then the
    /// seats of adopted threads.
    #[must_use]
    pub fn scheduler_id(&self) -> u32 {
        self.member.scheduler().id()
    }

    pub(crate) fn spent(&self) -> u64 {
        self.budget.spent()
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Context")
            .field("task", &self.key)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
