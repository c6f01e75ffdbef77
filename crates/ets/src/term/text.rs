//! Strings in their three encodings, and other byte sequences, seen alike.

use std::cmp::Ordering;

use super::{tags, u32_at};

/// An encoded string, borrowed.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    /// One byte a unit.
    Narrow(&'a [u8]),
    /// Two little-endian bytes a unit.
    Wide(&'a [u8]),
}

impl<'a> Text<'a> {
    /// Reads the string the bytes begin with.
    pub(super) fn read(bytes: &'a [u8]) -> Text<'a> {
        match bytes[0] {
            tags::STRING8 => Text::Narrow(&bytes[2..2 + bytes[1] as usize]),
            tags::STRING32 => Text::Narrow(&bytes[5..5 + u32_at(bytes, 1) as usize]),
            tags::STRING_UTF16 => Text::Wide(&bytes[5..5 + 2 * u32_at(bytes, 1) as usize]),
            tag => panic!("tag {tag:#04x} is not a string's"),
        }
    }

    fn length(self) -> usize {
        match self {
            Text::Narrow(units) => units.len(),
            Text::Wide(units) => units.len() / 2,
        }
    }

    fn unit(self, index: usize) -> u16 {
        match self {
            Text::Narrow(units) => u16::from(units[index]),
            Text::Wide(units) => u16::from_le_bytes([units[2 * index], units[2 * index + 1]]),
        }
    }

    /// The code point at `index`; a lone surrogate stands for itself.
    fn code_point(self, index: usize) -> u32 {
        let unit = u32::from(self.unit(index));
        if (0xd800..0xdc00).contains(&unit) && index + 1 < self.length() {
            let low = u32::from(self.unit(index + 1));
            if (0xdc00..0xe000).contains(&low) {
                return 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        unit
    }

    /// Code points in order.
    pub(super) fn code_points(self) -> impl Iterator<Item = u32> + 'a {
        let mut index = 0;
        std::iter::from_fn(move || {
            if index >= self.length() {
                return None;
            }
            let point = self.code_point(index);
            index += if point > 0xffff { 2 } else { 1 };
            Some(point)
        })
    }

    /// The order of strings: by code point.
    pub(super) fn compare(self, other: Text<'_>) -> Ordering {
        match (self, other) {
            (Text::Narrow(a), Text::Narrow(b)) => a.cmp(b),
            _ => self.code_points().cmp(other.code_points()),
        }
    }
}

/// True when `term` and `prefix` are both strings, both `Uint8Array`s or both `Binary`s, and `term` begins with `prefix`.
/// O(length of the prefix).
///
/// ```
/// use viga_ets::term::starts_with;
/// assert!(starts_with(&[0x07, 3, b'a', b'b', b'c'], &[0x07, 2, b'a', b'b']));
/// assert!(!starts_with(&[0x07, 1, b'a'], &[0x07, 2, b'a', b'b']));
/// ```
pub fn starts_with(term: &[u8], prefix: &[u8]) -> bool {
    match (term[0], prefix[0]) {
        (
            tags::STRING8 | tags::STRING32 | tags::STRING_UTF16,
            tags::STRING8 | tags::STRING32 | tags::STRING_UTF16,
        ) => {
            let (whole, start) = (Text::read(term), Text::read(prefix));
            whole.length() >= start.length()
                && match (whole, start) {
                    (Text::Narrow(a), Text::Narrow(b)) => a.starts_with(b),
                    (Text::Wide(a), Text::Wide(b)) => a.starts_with(b),
                    _ => (0..start.length()).all(|index| whole.unit(index) == start.unit(index)),
                }
        }
        (tags::BYTES, tags::BYTES) | (tags::BINARY, tags::BINARY) => {
            data(term).starts_with(data(prefix))
        }
        _ => false,
    }
}

/// The content of a `Uint8Array` or `Binary`.
pub(super) fn data(bytes: &[u8]) -> &[u8] {
    &bytes[5..5 + u32_at(bytes, 1) as usize]
}

/// The name under which an atom, or a constant that stands as one, is ordered; and whether it is a symbol.
pub(super) fn atom_name(bytes: &[u8]) -> (&[u8], bool) {
    match bytes[0] {
        tags::UNDEFINED => (b"undefined", false),
        tags::NULL => (b"null", false),
        tags::FALSE => (b"false", false),
        tags::TRUE => (b"true", false),
        _ => (
            &bytes[3..3 + u16::from_le_bytes([bytes[1], bytes[2]]) as usize],
            true,
        ),
    }
}
