//! viga-runtime.
