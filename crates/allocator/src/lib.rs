//! Memory for viga's schedulers, after Erlang's `alloc_util` allocators.
//!
//! Each scheduler owns an [`Allocator`] with one instance per [`AllocKind`]. An instance gets memory from the system
//! in *carriers* and cuts *blocks* from them; large blocks have a carrier to themselves. Blocks may be freed by any
//! thread and always go back to the scheduler that allocated them.
//!
//! Where to read on: `block` and `carrier` draw the memory layout, `instance` is the mechanism, `policy` the seam to
//! the strategies (`aoffcbf`), `delayed_free` and `owner` are what happens between threads.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("block headers are made for 64-bit machines");

mod allocator;
mod aoffcbf;
mod block;
mod carrier;
mod config;
mod delayed_free;
mod error;
mod front_cache;
#[cfg(feature = "hard-checks")]
mod hard_checks;
mod instance;
mod kind;
mod owner;
mod policy;
mod segment;
mod statistics;
mod sync;
mod tree;

pub use allocator::{Allocator, free_foreign};
pub use config::{Config, Tunables};
pub use error::{AllocError, ConfigError};
pub use kind::AllocKind;
pub use policy::Strategy;
pub use statistics::{KindStatistics, Statistics, StatisticsHandle};
