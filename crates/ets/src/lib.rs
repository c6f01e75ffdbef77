//! viga-ets.
