//! What tables and registries promise, held to models and to bytes of all sorts.
#![cfg(not(loom))]

mod histories;
mod ownership;
mod registries;
mod support;
mod tables;
mod terms;
mod threads;
