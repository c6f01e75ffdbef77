//! Tables shared by all schedulers, and registries of processes.
//!
//! Rows, keys and values are encoded terms (docs/design/term-format.md) in memory outside V8's heap. Nothing here knows
//! of Node or of JavaScript: every operation takes and gives bytes, and checks the bytes it is given.

pub mod term;

mod error;
mod index;
mod memory;
mod pid;
mod reply;
mod row;
mod rows;
mod table;
mod tree;

pub use error::TableError;
pub use memory::{RowMemory, SystemMemory};
pub use pid::ProcessId;
pub use reply::Reply;
pub use rows::Bound;
pub use table::{Access, Heir, Kind, TableInfo, TableOptions};
