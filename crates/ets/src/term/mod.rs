//! Encoded terms: comparing, hashing, skipping and checking them without decoding (docs/design/term-format.md).
//!
//! Functions that take bytes read one term from their beginning and ignore what follows. Only [`validate`] accepts
//! arbitrary bytes; the others expect bytes it has accepted, and panic (never worse) on others.

mod compare;
mod hash;
mod number;
mod prefix;
mod skip;
mod tag;
mod text;
mod validate;

pub use compare::{compare, equal};
pub use hash::hash;
pub use number::{Number, add_numbers};
pub use prefix::order_prefix;
pub use skip::{element, element_count, property, skip};
pub use tag::{Class, tags};
pub use text::starts_with;
pub use validate::{Form, MAX_DEPTH, TermFault, validate};

/// Reads four little-endian bytes at `at`.
#[inline]
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

/// Reads eight little-endian bytes at `at`.
#[inline]
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
