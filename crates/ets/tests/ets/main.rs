//! What tables and registries promise, held to models and to bytes of all sorts.

mod ownership;
mod registries;
mod support;
mod tables;
mod terms;
