//! A pool of schedulers that run native bodies.
//!
//! # Shutdown
//!
//! 1. Under each scheduler's lock, in turn, the wish to shut down is written, and the scheduler is woken. A scheduler
//!    that is about to park took that lock either after, and sees the wish, or before, and has announced itself: then
//!    the wake finds it. So none sleeps through (the argument is that of `park.rs`).
//! 2. From then on nothing gets into that scheduler's queue. A spawner that is refused ends its task itself.
//! 3. Each thread sees the wish when it next looks for work, after the slice it is in, and ends.
//! 4. The caller waits for the threads, one after the other, holding the list of them: a second caller waits for the
//!    first and finds nothing left to do.
//! 5. Every task still alive is ended and its body dropped. A task that got into a queue before step 1 was made
//!    before, so this walk sees it; one that did not was ended in step 2. A task that an adopted thread runs at the
//!    moment is only marked: that thread drops the body when it settles.
//!
//! A thread of the pool that asks for shutdown (from a body, or because a body held the last reference to the pool)
//! cannot wait for itself: it does steps 1 and 5 and goes on to end like the others.

use std::fmt;
use std::sync::Arc;

use crate::adopt::{AdoptError, Adopted};
use crate::config::{PoolConfig, PoolError};
use crate::member::Member;
use crate::shared::Shared;
use crate::sync::{Mutex, ignoring_poison, thread};
use crate::worker::Worker;
use crate::{Body, Priority, Snapshot, TaskRef, Unpark};

/// Threads that run [bodies](Body). Dropping the pool shuts it down.
///
/// ```
/// use std::sync::mpsc;
/// use viga_scheduler::{Context, Pool, PoolConfig, Priority, SliceEnd};
///
/// let pool = Pool::new(PoolConfig { threads: 2, ..PoolConfig::default() }).unwrap();
/// let (sender, receiver) = mpsc::channel();
/// for number in 0..10 {
///     let sender = sender.clone();
///     pool.spawn(
///         move |_: &mut Context<'_>| {
///             sender.send(number * number).unwrap();
///             SliceEnd::Exit
///         },
///         Priority::Normal,
///     );
/// }
/// drop(sender);
/// assert_eq!(receiver.iter().sum::<u32>(), 285);
/// pool.shutdown();
/// ```
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    thread_ids: Vec<thread::ThreadId>,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// `bad_scheduler_count`, `thread_refused`: see [`PoolError`].
    pub fn new(config: PoolConfig) -> Result<Pool, PoolError> {
        config.check()?;
        let mut pool = Pool {
            shared: Arc::new(Shared::new(config)),
            threads: Mutex::new(Vec::new()),
            thread_ids: Vec::new(),
        };
        for scheduler in 0..pool.shared.config.threads {
            pool.start_thread(scheduler)
                .map_err(|cause| PoolError::ThreadRefused { scheduler, cause })?;
        }
        Ok(pool)
    }

    fn start_thread(&mut self, scheduler: usize) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let handle = thread::Builder::new()
            .name(format!("viga-{scheduler}"))
            .spawn(move || Worker::new(Member::new(shared, scheduler)).run())?;
        self.thread_ids.push(handle.thread().id());
        ignoring_poison(self.threads.lock()).push(handle);
        Ok(())
    }

    /// Starts a task; the schedulers take turns. Once the pool shuts down the body is dropped instead, and the
    /// reference is to a dead task. Any thread.
    pub fn spawn(&self, body: impl Body + 'static, priority: Priority) -> TaskRef {
        let table = &self.shared.table;
        let id = table.take_number();
        let preferred = self.shared.next_scheduler();
        let (key, queued) = self
            .shared
            .start_task(id, Box::new(body), priority, preferred);
        if queued.is_err() {
            table.return_number(id);
        }
        TaskRef::new(Arc::clone(&self.shared), key)
    }

    /// Lets the calling thread take part. `unpark` must make that thread call [`Adopted::pick`] soon; it is called
    /// by other threads, at most once for each time `pick` has said that the thread is parked.
    ///
    /// # Errors
    /// `no_seat` when all of [`PoolConfig::seats`] are taken, `pool_closing` after a shutdown.
    pub fn adopt(&self, unpark: impl Unpark + 'static) -> Result<Adopted, AdoptError> {
        Adopted::take_seat(&self.shared, Arc::new(unpark))
    }

    /// Threads and seats.
    #[must_use]
    pub fn scheduler_count(&self) -> usize {
        self.shared.schedulers.len()
    }

    /// What each scheduler has done: the pool's threads first, then the seats. Takes no lock.
    #[must_use]
    pub fn statistics(&self) -> Vec<Snapshot> {
        let schedulers = self.shared.schedulers.iter();
        schedulers
            .map(|scheduler| scheduler.statistics().snapshot())
            .collect()
    }

    /// Ends the pool: returns when all of its threads have ended and every body has been dropped, but for those that
    /// adopted threads are running. May be called more than once, from any thread. A thread of the pool itself only
    /// begins the shutdown, because it cannot wait for its own end. The steps are at the head of this file.
    pub fn shutdown(&self) {
        self.announce_shutdown();
        if !self.thread_ids.contains(&thread::current().id()) {
            self.wait_for_threads();
        }
        self.shared.end_all_tasks();
    }

    fn announce_shutdown(&self) {
        for scheduler in &self.shared.schedulers {
            scheduler.lock().state().closing = true;
            scheduler.wake();
        }
    }

    fn wait_for_threads(&self) {
        let mut threads = ignoring_poison(self.threads.lock());
        for handle in threads.drain(..) {
            if let Err(payload) = handle.join() {
                // Bodies, their drops and the reporter are caught: this is a defect of the pool itself.
                std::panic::resume_unwind(payload);
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pool")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
