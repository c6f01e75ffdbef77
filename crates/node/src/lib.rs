//! viga-node.
