//! What a pool is built from.

use std::fmt;
use std::sync::Arc;

use crate::BusyWait;

/// The most schedulers a pool may have, threads and seats together (OTP's limit).
pub const SCHEDULERS_MAX: usize = 1_024;

/// What a body that panicked left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPanic {
    /// The number of the task, [`TaskRef::id`](crate::TaskRef::id).
    pub task: u32,
    /// The message, when the panic carried a text.
    pub message: String,
}

/// Is told of each body that panicked, by the thread that ran it, outside all locks.
pub type PanicReporter = Arc<dyn Fn(&BodyPanic) + Send + Sync>;

/// How to build a [`Pool`](crate::Pool). The default is one thread for each core, no seats, medium busy waiting.
///
/// ```
/// use viga_scheduler::{BusyWait, Pool, PoolConfig};
///
/// let config = PoolConfig {
///     threads: 2,
///     busy_wait: BusyWait::None,
///     ..PoolConfig::default()
/// };
/// assert_eq!(Pool::new(config).unwrap().scheduler_count(), 2);
///
/// let refused = Pool::new(PoolConfig { threads: 0, ..PoolConfig::default() }).unwrap_err();
/// assert_eq!(refused.code(), "bad_scheduler_count");
/// ```
#[derive(Clone)]
pub struct PoolConfig {
    /// Threads the pool starts and owns.
    pub threads: usize,
    /// How many foreign threads may take part at a time, see [`Pool::adopt`](crate::Pool::adopt).
    pub seats: usize,
    /// How long a thread of the pool looks for work before it parks.
    pub busy_wait: BusyWait,
    /// Who is told of bodies that panic.
    pub on_panic: Option<PanicReporter>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        PoolConfig {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            seats: 0,
            busy_wait: BusyWait::default(),
            on_panic: None,
        }
    }
}

impl PoolConfig {
    pub(crate) fn check(&self) -> Result<(), PoolError> {
        let schedulers = self.threads.saturating_add(self.seats);
        if (1..=SCHEDULERS_MAX).contains(&schedulers) {
            Ok(())
        } else {
            Err(PoolError::BadSchedulerCount {
                threads: self.threads,
                seats: self.seats,
            })
        }
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PoolConfig")
            .field("threads", &self.threads)
            .field("seats", &self.seats)
            .field("busy_wait", &self.busy_wait)
            .field("on_panic", &self.on_panic.is_some())
            .finish()
    }
}

/// Why a pool could not be built.
#[derive(Debug)]
pub enum PoolError {
    /// `bad_scheduler_count`: threads and seats together are none or above [`SCHEDULERS_MAX`].
    BadSchedulerCount {
        /// [`PoolConfig::threads`] as given.
        threads: usize,
        /// [`PoolConfig::seats`] as given.
        seats: usize,
    },
    /// `thread_refused`: the system would not start one of the threads; those started have ended again.
    ThreadRefused {
        /// The number of the scheduler.
        scheduler: usize,
        /// What the system said.
        cause: std::io::Error,
    },
}

impl PoolError {
    /// The name of the error, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            PoolError::BadSchedulerCount { .. } => "bad_scheduler_count",
            PoolError::ThreadRefused { .. } => "thread_refused",
        }
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolError::BadSchedulerCount { threads, seats } => write!(
                out,
                "a pool of {threads} threads and {seats} seats is not possible: 1 to {SCHEDULERS_MAX} together are allowed",
            ),
            PoolError::ThreadRefused { scheduler, cause } => {
                write!(
                    out,
                    "the thread of scheduler {scheduler} could not be started: {cause}"
                )
            }
        }
    }
}

impl std::error::Error for PoolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PoolError::ThreadRefused { cause, .. } => Some(cause),
            PoolError::BadSchedulerCount { .. } => None,
        }
    }
}
