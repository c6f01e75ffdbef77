//! A foreign thread that takes part in a pool: it has an event loop of its own, and runs slices in between.

use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use crate::member::{Found, Member, Parking};
use crate::shared::Shared;
use crate::task::TaskKey;
use crate::{Body, SliceEnd, Unpark};

/// A seat in a pool, held by the thread that took it with [`Pool::adopt`](crate::Pool::adopt). It cannot be sent to
/// another thread, and gives the seat up when dropped: tasks queued there go to other schedulers, or wait for the next
/// holder when there are none.
///
/// The thread calls [`pick`](Self::pick), runs what it gets, and returns to its own event loop when told that it is
/// parked; the closure it gave is called once when there is something to do again. It may also come back on its own.
///
/// ```
/// use std::sync::mpsc;
/// use viga_scheduler::{Context, Picked, Pool, PoolConfig, Priority, SliceEnd};
///
/// let pool = Pool::new(PoolConfig { threads: 0, seats: 1, ..PoolConfig::default() }).unwrap();
/// let (bell, event_loop) = mpsc::channel();
/// let mut adopted = pool.adopt(move || bell.send(()).unwrap()).unwrap();
/// assert!(matches!(adopted.pick(), Picked::Parked));
///
/// pool.spawn(|_: &mut Context<'_>| SliceEnd::Exit, Priority::Normal);
/// event_loop.recv().unwrap();
/// let Picked::Task(mut slice) = adopted.pick() else { panic!("a task is ready") };
/// assert_eq!(slice.run(), SliceEnd::Exit);
/// slice.settle();
/// ```
///
/// ```compile_fail
/// fn needs_send<T: Send>() {}
/// needs_send::<viga_scheduler::Adopted>();
/// ```
pub struct Adopted {
    member: Member,
    index: usize,
    /// `Rc` is not `Send`: the seat belongs to the thread that took it.
    _this_thread: PhantomData<Rc<()>>,
}

/// What [`Adopted::pick`] found.
#[derive(Debug)]
pub enum Picked<'a> {
    /// A task to run.
    Task(Slice<'a>),
    /// Nothing: the thread is registered as parked and should return to its event loop.
    Parked,
    /// The pool has shut down: the seat is of no more use.
    Closed,
}

/// A task in the hands of an adopted thread. [`run`](Self::run) it, then [`settle`](Self::settle) it; dropping it
/// settles it too, and a task that was not run goes back to the queue.
pub struct Slice<'a> {
    member: &'a mut Member,
    key: TaskKey,
    /// Absent only while it is being settled.
    body: Option<Box<dyn Body>>,
    end: SliceEnd,
}

impl Adopted {
    pub(crate) fn take_seat(
        shared: &Arc<Shared>,
        unpark: Arc<dyn Unpark>,
    ) -> Result<Adopted, AdoptError> {
        let threads = shared.config.threads;
        for (seat_number, scheduler) in shared.schedulers[threads..].iter().enumerate() {
            let mut guard = scheduler.lock();
            let seat = guard.state();
            if seat.closing {
                return Err(AdoptError::PoolClosing);
            }
            if seat.open {
                continue;
            }
            seat.open = true;
            drop(guard);
            shared.bells[seat_number].set(Some(unpark));
            let index = threads + seat_number;
            return Ok(Adopted {
                member: Member::new(Arc::clone(shared), index),
                index,
                _this_thread: PhantomData,
            });
        }
        Err(AdoptError::NoSeat {
            seats: shared.config.seats,
        })
    }

    /// Picks the next task: from the own queue, or stolen from another scheduler. With nothing to do it registers the
    /// thread as parked. Never blocks for longer than a lock is held.
    pub fn pick(&mut self) -> Picked<'_> {
        self.member.end_park();
        loop {
            let id = match self.member.look_for_work() {
                Found::Task(id) => id,
                Found::Closing => return Picked::Closed,
                Found::Nothing => match self.member.announce_park() {
                    Parking::Found(id) => id,
                    Parking::NotNow => continue,
                    Parking::Announced => return Picked::Parked,
                },
            };
            if let Some((key, body)) = self.member.start(id) {
                return Picked::Task(Slice {
                    member: &mut self.member,
                    key,
                    body: Some(body),
                    end: SliceEnd::Yield,
                });
            }
        }
    }

    /// The number of this scheduler, what [`Context::scheduler_id`](crate::Context::scheduler_id) reports.
    #[must_use]
    pub fn scheduler_id(&self) -> u32 {
        self.member.scheduler().id()
    }

    fn close_seat(&self) -> Vec<(u32, crate::Priority)> {
        let mut guard = self.member.scheduler().lock();
        let (queues, seat) = guard.split();
        seat.open = false;
        std::iter::from_fn(|| queues.pop()).collect()
    }
}

impl Drop for Adopted {
    /// Closed first, so that no more tasks come; then the ones that are there go elsewhere. The bell goes before the
    /// seat is free for the next holder to hang up its own.
    fn drop(&mut self) {
        let shared = Arc::clone(self.member.shared());
        shared.bells[self.index - shared.config.threads].set(None);
        self.member.resign();
        let left = self.close_seat();
        for (id, priority) in left {
            // A closing pool ends the task wherever it is: nothing is owed to it.
            let _closing = shared.enqueue(id, priority, self.member.scheduler().id());
        }
    }
}

impl Slice<'_> {
    /// Runs the body for one slice and says how it ended. A body that panics has ended with
    /// [`SliceEnd::Exit`]. A second call after `Exit` does nothing.
    pub fn run(&mut self) -> SliceEnd {
        if let Some(body) = self.body.as_mut()
            && self.end != SliceEnd::Exit
        {
            self.end = self.member.execute(self.key, body.as_mut());
        }
        self.end
    }

    /// Gives the task back as its slice ended: to its rest, to the queue, or to its end.
    pub fn settle(self) {
        drop(self);
    }
}

impl Drop for Slice<'_> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            self.member.settle(self.key, body, self.end);
        }
    }
}

impl fmt::Debug for Adopted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Adopted")
            .field("scheduler", &self.index)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Slice<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Slice")
            .field("task", &self.key)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Why a thread could not be adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptError {
    /// `no_seat`: as many threads take part as the pool has seats.
    NoSeat {
        /// [`PoolConfig::seats`](crate::PoolConfig::seats).
        seats: usize,
    },
    /// `pool_closing`: the pool shuts down.
    PoolClosing,
}

impl AdoptError {
    /// The name of the error, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            AdoptError::NoSeat { .. } => "no_seat",
            AdoptError::PoolClosing => "pool_closing",
        }
    }
}

impl fmt::Display for AdoptError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdoptError::NoSeat { seats } => {
                write!(out, "no seat is free: the pool was built with {seats}")
            }
            AdoptError::PoolClosing => write!(out, "the pool shuts down and adopts no thread"),
        }
    }
}

impl std::error::Error for AdoptError {}
