//! Bytes that are compared at every lookup, where the lookup finds them: beside what they name.

/// Longest name that needs no memory of its own.
const INLINE: usize = 22;

/// An encoded term. 24 bytes.
pub(crate) enum Name {
    Inline(u8, [u8; INLINE]),
    Heap(Box<[u8]>),
}

impl Name {
    pub(crate) fn new(bytes: &[u8]) -> Name {
        if bytes.len() > INLINE {
            return Name::Heap(bytes.into());
        }
        let mut inline = [0; INLINE];
        inline[..bytes.len()].copy_from_slice(bytes);
        Name::Inline(bytes.len() as u8, inline)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Name::Inline(length, bytes) => &bytes[..*length as usize],
            Name::Heap(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_are_what_was_given() {
        for length in 0..100 {
            let bytes: Vec<u8> = (0..length).collect();
            assert_eq!(Name::new(&bytes).bytes(), bytes);
        }
        assert_eq!(size_of::<Option<Name>>(), 24);
    }
}
