//! viga-scheduler.
