//! Processes as the native core knows them: the process table, signals in order, mailboxes, links, monitors, aliases,
//! calls, names and timers, and the slice protocol through which a V8 isolate executes them.
//!
//! Nothing here knows what a message is: messages and exit reasons are *handles*, numbers that the executing side chose
//! and that are given back to it when the runtime has no more use for them ([`control_block`]).
//!
//! Where to start: [`System`] is what the outside sees; [`domain`] is the state one scheduler's lock guards;
//! [`executor`] is one crossing of the slice protocol.

pub mod allocators;
mod arriving;
mod away;
mod batch;
mod between;
pub mod binaries;
mod buffer;
mod call;
mod clock;
pub mod control_block;
pub mod domain;
pub mod executor;
mod exit;
mod fragment;
#[cfg(test)]
mod guest_tests;
pub mod handles;
#[cfg(feature = "hard-checks")]
mod hard_checks;
mod inbox;
mod isolate_end;
mod link;
mod mailbox;
mod migration;
pub mod monitor;
mod outbox;
mod outcome;
mod process;
mod scheduler_facts;
mod settle;
mod signal;
mod slab;
mod system;
pub mod thread_memory;
mod timer;

pub use batch::Lent;
pub use buffer::Buffer;
pub use control_block::ControlBlock;
pub use domain::Domain;
pub use fragment::{Fragment, RecordError};
pub use process::{NIL, Pid, Spawn, Status, TableFull};
pub use scheduler_facts::SchedulerFacts;
pub use system::{ProcessFacts, System, SystemFacts};
