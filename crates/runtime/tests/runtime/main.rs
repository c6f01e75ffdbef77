//! The runtime executed by Rust closures in place of an isolate.

mod batches;
mod calls;
mod ends;
mod isolate;
mod ledger;
mod link_races;
mod mailboxes;
mod model;
mod monitor_races;
mod random_programs;
mod records;
mod threads;
mod timeouts;
mod turn;
mod watching;
