//! Hashing of canonical keys.
//!
//! Folded multiplication as in wyhash (Wang Yi, "wyhash", public domain; the same step is in Rust's `foldhash`): 64x64
//! bits multiplied to 128, the halves xored. The seed is drawn per table, so keys from outside cannot be
//! chosen to collide.

use super::{u32_at, u64_at};

const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xe703_7ed1_a0b4_28db;

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Hashes all of `bytes`. One multiplication up to 16 bytes and one for each 16 more, plus one.
///
/// ```
/// use viga_ets::term::hash;
/// assert_eq!(hash(1, b"key"), hash(1, b"key"));
/// assert_ne!(hash(1, b"key"), hash(2, b"key"));
/// ```
#[inline]
pub fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let (low, high) = match length {
        0 => (0, 0),
        1..=3 => (
            u64::from(bytes[0]) | u64::from(bytes[length / 2]) << 8,
            u64::from(bytes[length - 1]),
        ),
        4..=7 => (
            u64::from(u32_at(bytes, 0)),
            u64::from(u32_at(bytes, length - 4)),
        ),
        8..=16 => (u64_at(bytes, 0), u64_at(bytes, length - 8)),
        _ => return long(seed, bytes),
    };
    finish(seed, low, high, length)
}

#[inline]
fn finish(seed: u64, low: u64, high: u64, length: usize) -> u64 {
    fold(
        fold(low ^ seed ^ FIRST, high ^ seed.rotate_left(32) ^ SECOND) ^ length as u64,
        FIRST,
    )
}

fn long(mut seed: u64, bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let mut at = 0;
    while at + 16 < length {
        seed = fold(u64_at(bytes, at) ^ seed, u64_at(bytes, at + 8) ^ SECOND);
        at += 16;
    }
    finish(
        seed,
        u64_at(bytes, length - 16),
        u64_at(bytes, length - 8),
        length,
    )
}
