//! The runtime executed by Rust closures in place of an isolate.

mod actors;
mod batches;
mod calls;
mod calls_away;
mod ends;
mod exits_away;
mod isolate;
mod isolate_ends;
mod ledger;
mod link_races;
mod mailboxes;
mod model;
mod monitor_races;
mod random_programs;
mod records;
mod rest;
mod scheduler_facts;
mod threads;
mod threads_of_isolates;
mod timeouts;
mod turn;
mod watching;
