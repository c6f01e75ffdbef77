//! What lookups are mostly about: the oldest entry of a key, copied to the key's record.

use crate::{ProcessId, name::Name};

/// Longest value that is copied: any number that is a small integer, `null`, booleans, short strings.
const LONGEST: usize = 7;
const NOT_HERE: u8 = u8::MAX;

/// The oldest entry of a key: its process, and its value unless it is long.
#[derive(Clone, Copy)]
pub(super) struct Front {
    pub(super) pid: ProcessId,
    length: u8,
    value: [u8; LONGEST],
}

impl Front {
    pub(super) fn new(pid: ProcessId, value: &[u8]) -> Front {
        let mut front = Front {
            pid,
            length: NOT_HERE,
            value: [0; LONGEST],
        };
        if let Some(room) = front.value.get_mut(..value.len()) {
            room.copy_from_slice(value);
            front.length = value.len() as u8;
        }
        front
    }

    /// The value, if it is short.
    #[inline]
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.value.get(..self.length as usize)
    }
}

/// A key in its record.
pub(super) struct Key {
    pub(super) name: Name,
    pub(super) front: Front,
}
