//! Run queues, priorities, reductions, work stealing, balance, park and wake: the scheduling half of viga. It knows
//! nothing about Node, about messages or about what a task is: a task is a `u32` here.
//!
//! The crate has two storeys.
//!
//! * The lower one is for a layer that keeps its own tasks, such as viga's runtime: a [`Scheduler`] is one lock
//!   over the [`RunQueues`] and over whatever that layer keeps per scheduler, a [`Parker`] that its owner sleeps
//!   in, and [`Statistics`] that any thread may read. A [`Balancer`] says who should give tasks to whom, and with
//!   [`WorkRequests`] an idle scheduler asks a loaded one, where only the owner of a task can give it away.
//! * The upper one stands on it and runs Rust values: a [`Pool`] of threads (its own, and [`Adopted`] ones) that run
//!   [`Body`] values as tasks, steal from each other, park and shut down.
//!
//! # One lock per scheduler
//!
//! As in BEAM, one lock guards a scheduler's run queues. It also guards the layer's own per-scheduler state, so
//! that one uncontended lock pays for a whole crossing, and any thread may act on a process whose scheduler is
//! busy or stuck: the owner never holds the lock while it runs a slice. No code of this crate ever holds two of
//! these locks, so they need no order among themselves.
//!
//! The lock also decides every race that matters: whatever a sleeping scheduler must not miss is published in a
//! critical section of its lock, and the sleeper announces itself in one (see [`park`](Parker)).

mod adopt;
mod balance;
mod balancer;
mod body;
mod config;
mod damping;
mod idle;
mod lane;
mod load;
mod member;
mod migration;
mod park;
mod pool;
mod priority;
mod reductions;
mod run_queue;
mod scheduler;
mod shared;
mod spin;
mod stats;
mod steal;
mod sync;
mod table;
mod task;
mod task_ref;
mod threshold;
mod wall_time;
mod work_request;
mod worker;

pub use adopt::{AdoptError, Adopted, Picked, Slice};
pub use balance::{
    BALANCE_REDUCTIONS, BalancePlan, MIGRATION_LIMIT, MigrationClass, MigrationPath, SchedulerLoad,
    balance,
};
pub use balancer::{BALANCE_PERIOD, Balancer};
pub use body::{Body, Context, SliceEnd};
pub use config::{BodyPanic, PanicReporter, PoolConfig, PoolError, SCHEDULERS_MAX};
pub use damping::{Damping, TURN_WAIT_MAX};
pub use lane::Lane;
pub use load::LoadCell;
pub use migration::{Emigration, MigrationPaths};
pub use park::{Parker, Unpark};
pub use pool::Pool;
pub use priority::Priority;
pub use reductions::{Budget, CONTEXT_REDUCTIONS, INPUT_REDUCTIONS};
pub use run_queue::{LOW_PICK_INTERVAL, RunQueues, STEAL_EXAMINE_MAX, STEAL_TAKE_MAX};
pub use scheduler::{Guard, Scheduler};
pub use spin::Spinner;
pub use stats::{Snapshot, Statistics};
pub use task_ref::TaskRef;
pub use threshold::{BusyWait, UnknownThreshold, WakeThreshold};
pub use wall_time::{WHOLE, WallSample, WallState, WallTime};
pub use work_request::{WorkRequests, choose_victim};
