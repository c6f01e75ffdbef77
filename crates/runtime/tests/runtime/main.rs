//! The runtime executed by Rust closures in place of an isolate.

mod batches;
mod calls;
mod ends;
mod isolate;
mod ledger;
mod mailboxes;
mod model;
mod random_programs;
mod threads;
mod timeouts;
mod watching;
