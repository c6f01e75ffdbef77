//! viga-allocator.
