//! Tables shared by all schedulers, and registries of processes.
//!
//! Rows, keys and values are encoded terms (docs/design/term-format.md) in memory outside V8's heap. Nothing here knows
//! of Node or of JavaScript: every operation takes and gives bytes, and checks the bytes it is given.

pub mod term;

mod arena;
mod biased_lock;
mod buckets;
mod chunk;
mod directory;
mod error;
mod filter;
mod huge_pages;
mod index;
mod many_rows;
mod memory;
mod name;
mod pid;
mod quarry;
mod reader_slots;
mod registries;
mod registry;
mod reply;
mod row;
mod rows;
mod slab;
mod sync;
mod table;
mod table_rows;
mod tables;
mod tree;
mod update;
mod users;
mod walk;

pub use chunk::{Chunk, ENOUGH_BYTES, MOST_VISITS, Page};
pub use directory::Id;
pub use error::TableError;
pub use filter::{Filter, KeyRange, Path, Projection};
pub use memory::{RowMemory, SystemMemory};
pub use pid::ProcessId;
pub use registries::{Registries, RegistryId};
pub use registry::{Keys, Listing, Registration};

pub use reply::Reply;
pub use rows::Bound;
pub use table::{Access, Heir, Kind, TableInfo, TableOptions};
pub use tables::{FREED_AT_ONCE, MOST_KEY_POSITION, TableId, Tables, Transfer};
pub use update::CounterOp;
