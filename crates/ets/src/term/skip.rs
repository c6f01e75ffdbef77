//! Finding the end of a term, and parts of it, without decoding.

use super::{compare::equal, tags, u32_at};

/// The offset just past the term that begins at `at`. O(number of terms inside), no recursion.
///
/// ```
/// use viga_ets::term::skip;
/// // [1, "ab"] and then something else
/// let bytes = [0x0d, 2, 0x04, 1, 0, 0, 0, 0x07, 2, b'a', b'b', 0x00];
/// assert_eq!(skip(&bytes, 0), 11);
/// assert_eq!(skip(&bytes, 2), 7);
/// ```
#[inline]
pub fn skip(bytes: &[u8], mut at: usize) -> usize {
    let mut pending: u64 = 1;
    while pending > 0 {
        pending -= 1;
        let tag = bytes[at];
        at += 1;
        match tag {
            tags::UNDEFINED..=tags::TRUE => {}
            tags::INT => at += 4,
            tags::FLOAT | tags::DATE | tags::PID => at += 8,
            tags::BIGINT => at += 5 + u32_at(bytes, at + 1) as usize,
            tags::STRING8 => at += 1 + bytes[at] as usize,
            tags::STRING32 | tags::BYTES | tags::BINARY => at += 4 + u32_at(bytes, at) as usize,
            tags::STRING_UTF16 => at += 4 + 2 * u32_at(bytes, at) as usize,
            tags::ATOM => at += 2 + u16::from_le_bytes([bytes[at], bytes[at + 1]]) as usize,
            tags::ARRAY8 => {
                pending += u64::from(bytes[at]);
                at += 1;
            }
            tags::ARRAY32 | tags::SET => {
                pending += u64::from(u32_at(bytes, at));
                at += 4;
            }
            tags::OBJECT | tags::MAP => {
                pending += 2 * u64::from(u32_at(bytes, at));
                at += 4;
            }
            tags::ERROR => pending += 5,
            tags::REF => at += 16,
            tags::REMOTE => pending += 2,
            _ => panic!("tag {tag:#04x} is not of the term format"),
        }
    }
    at
}

/// How many elements the array has and where the first begins; `None` when the term is not an array. O(1).
#[inline]
pub fn element_count(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes[0] {
        tags::ARRAY8 => Some((bytes[1] as usize, 2)),
        tags::ARRAY32 => Some((u32_at(bytes, 1) as usize, 5)),
        _ => None,
    }
}

/// The range of bytes of element `index` of an array; `None` when the term is not an array or is shorter. O(index).
///
/// ```
/// use viga_ets::term::element;
/// let row = [0x0d, 2, 0x04, 1, 0, 0, 0, 0x07, 2, b'a', b'b'];
/// assert_eq!(element(&row, 1), Some(7..11));
/// assert_eq!(element(&row, 2), None);
/// ```
#[inline]
pub fn element(bytes: &[u8], index: usize) -> Option<std::ops::Range<usize>> {
    let (count, mut at) = element_count(bytes)?;
    if index >= count {
        return None;
    }
    for _ in 0..index {
        at = skip(bytes, at);
    }
    Some(at..skip(bytes, at))
}

/// The range of bytes of the value that a plain object has under `key`, an encoded string; `None` when the term is
/// not a plain object or has no such property. O(size of the object).
pub fn property(bytes: &[u8], key: &[u8]) -> Option<std::ops::Range<usize>> {
    if bytes[0] != tags::OBJECT {
        return None;
    }
    let mut at = 5;
    for _ in 0..u32_at(bytes, 1) {
        let value = skip(bytes, at);
        let end = skip(bytes, value);
        if equal(&bytes[at..value], key) {
            return Some(value..end);
        }
        at = end;
    }
    None
}
