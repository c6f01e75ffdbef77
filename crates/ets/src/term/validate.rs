//! Checking bytes of unknown origin. Everything else in this crate relies on what is checked here.

use std::cmp::Ordering;

use super::{compare::compare, tags, u32_at, u64_at};

/// How deep terms may be nested. Comparing recurses, so this bounds the stack.
pub const MAX_DEPTH: usize = 1000;

/// What a term must satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Well formed.
    Any,
    /// Well formed and canonical: usable as a key, so that equal terms are equal bytes.
    Key,
}

/// Where and why bytes are no term of the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermFault {
    /// Not well formed at this offset.
    Malformed(usize),
    /// Well formed, but not canonical at this offset.
    NotCanonical(usize),
}

const NAN: u64 = 0x7ff8_0000_0000_0000;

/// Checks the term that begins at `at` and returns the offset just past it. O(size of the term), for keys with sets,
/// maps and objects the comparisons of their neighbours on top. Accepts any bytes and never panics.
///
/// # Errors
/// [`TermFault`] with the offset of the offending tag.
///
/// ```
/// use viga_ets::term::{validate, Form, TermFault};
/// assert_eq!(validate(&[0x04, 1, 0, 0, 0], 0, Form::Key), Ok(5));
/// assert_eq!(validate(&[0x0d, 1, 0x07, 9], 0, Form::Any), Err(TermFault::Malformed(2)));
/// ```
#[inline]
pub fn validate(bytes: &[u8], at: usize, form: Form) -> Result<usize, TermFault> {
    Checker { bytes, form }.term(at, 0)
}

struct Checker<'a> {
    bytes: &'a [u8],
    form: Form,
}

type End = Result<usize, TermFault>;

impl Checker<'_> {
    #[inline]
    fn term(&self, at: usize, depth: usize) -> End {
        match self.bytes.get(at) {
            Some(&tags::INT) => self.room(at, at + 1, 4),
            Some(&tags::STRING8) => {
                let length = *self.bytes.get(at + 1).ok_or(TermFault::Malformed(at))?;
                self.room(at, at + 2, length as usize)
            }
            Some(&tag) => self.other(tag, at, depth),
            None => Err(TermFault::Malformed(at)),
        }
    }

    fn other(&self, tag: u8, at: usize, depth: usize) -> End {
        let body = at + 1;
        if depth > MAX_DEPTH {
            return Err(TermFault::Malformed(at));
        }
        match tag {
            tags::UNDEFINED..=tags::TRUE => Ok(body),
            tags::FLOAT => self.float(at),
            tags::BIGINT => self.bigint(at),
            tags::STRING32 => {
                let length = self.word(at, body)?;
                require(length > 255, at)?;
                self.room(at, body + 4, length)
            }
            tags::STRING_UTF16 => self.utf16(at),
            tags::ATOM => self.atom(at),
            tags::BYTES | tags::BINARY => {
                let length = self.word(at, body)?;
                self.room(at, body + 4, length)
            }
            tags::ARRAY8 => {
                let count = *self.bytes.get(body).ok_or(TermFault::Malformed(at))?;
                self.terms(at, body + 1, count as usize, depth)
            }
            tags::ARRAY32 => {
                let count = self.word(at, body)?;
                require(count > 255, at)?;
                self.terms(at, body + 4, count, depth)
            }
            tags::OBJECT => self.entries(at, depth, Entry::Property),
            tags::MAP => self.entries(at, depth, Entry::Pair),
            tags::SET => self.entries(at, depth, Entry::Element),
            tags::DATE => {
                let end = self.room(at, body, 8)?;
                self.one_nan(at)?;
                Ok(end)
            }
            tags::ERROR => self.error(at, depth),
            tags::PID => self.room(at, body, 8),
            tags::REF => self.room(at, body, 16),
            tags::REMOTE => {
                let name = self.string(body)?;
                self.string(name)
            }
            _ => Err(TermFault::Malformed(at)),
        }
    }

    /// The end of `length` bytes from `from`, if they are there.
    #[inline]
    fn room(&self, term: usize, from: usize, length: usize) -> End {
        match from.checked_add(length) {
            Some(end) if end <= self.bytes.len() => Ok(end),
            _ => Err(TermFault::Malformed(term)),
        }
    }

    fn word(&self, term: usize, from: usize) -> End {
        self.room(term, from, 4)?;
        Ok(u32_at(self.bytes, from) as usize)
    }

    fn canonical(&self, holds: bool, term: usize) -> Result<(), TermFault> {
        match self.form {
            Form::Key if !holds => Err(TermFault::NotCanonical(term)),
            _ => Ok(()),
        }
    }

    fn one_nan(&self, term: usize) -> Result<(), TermFault> {
        let bits = u64_at(self.bytes, term + 1);
        require(!f64::from_bits(bits).is_nan() || bits == NAN, term)
    }

    fn float(&self, at: usize) -> End {
        let end = self.room(at, at + 1, 8)?;
        self.one_nan(at)?;
        let value = f64::from_bits(u64_at(self.bytes, at + 1));
        let negative_zero = value == 0.0 && value.is_sign_negative();
        require(negative_zero || f64::from(value as i32) != value, at)?;
        self.canonical(!negative_zero, at)?;
        Ok(end)
    }

    fn bigint(&self, at: usize) -> End {
        let length = self.word(at, at + 2)?;
        let end = self.room(at, at + 6, length)?;
        let sign = self.bytes[at + 1];
        require(
            if length == 0 {
                sign == 0
            } else {
                sign <= 1 && self.bytes[end - 1] != 0
            },
            at,
        )?;
        Ok(end)
    }

    fn utf16(&self, at: usize) -> End {
        let length = self
            .word(at, at + 1)?
            .checked_mul(2)
            .ok_or(TermFault::Malformed(at))?;
        let end = self.room(at, at + 5, length)?;
        require(
            self.bytes[at + 5..end]
                .chunks_exact(2)
                .any(|unit| unit[1] != 0),
            at,
        )?;
        Ok(end)
    }

    fn atom(&self, at: usize) -> End {
        let name = self.room(at, at + 1, 2)?;
        let length = u16::from_le_bytes([self.bytes[at + 1], self.bytes[at + 2]]);
        let end = self.room(at, name, length as usize)?;
        require(std::str::from_utf8(&self.bytes[name..end]).is_ok(), at)?;
        Ok(end)
    }

    fn string(&self, at: usize) -> End {
        match self.bytes.get(at) {
            Some(&(tags::STRING8 | tags::STRING32 | tags::STRING_UTF16)) => self.term(at, 0),
            _ => Err(TermFault::Malformed(at)),
        }
    }

    fn terms(&self, at: usize, mut from: usize, count: usize, depth: usize) -> End {
        if depth >= MAX_DEPTH {
            return Err(TermFault::Malformed(at));
        }
        for _ in 0..count {
            from = self.term(from, depth + 1)?;
        }
        Ok(from)
    }

    /// Objects, maps and sets: a count, then entries, in a key strictly ascending.
    fn entries(&self, at: usize, depth: usize, kind: Entry) -> End {
        let count = self.word(at, at + 1)?;
        if depth >= MAX_DEPTH {
            return Err(TermFault::Malformed(at));
        }
        let mut from = at + 5;
        let mut previous = None;
        for _ in 0..count {
            let key_end = match kind {
                Entry::Property => self.string(from)?,
                _ => self.term(from, depth + 1)?,
            };
            if self.form == Form::Key
                && let Some(before) = previous
            {
                let ascending =
                    compare(&self.bytes[before..], &self.bytes[from..key_end]) == Ordering::Less;
                self.canonical(ascending, at)?;
            }
            previous = Some(from);
            from = match kind {
                Entry::Element => key_end,
                _ => self.term(key_end, depth + 1)?,
            };
        }
        Ok(from)
    }

    fn error(&self, at: usize, depth: usize) -> End {
        if depth >= MAX_DEPTH {
            return Err(TermFault::Malformed(at));
        }
        let message = self.string(at + 1)?;
        let stack = self.string(message)?;
        let cause = match self.bytes.get(stack) {
            Some(&tags::UNDEFINED) => stack + 1,
            _ => self.string(stack)?,
        };
        let properties = self.term(cause, depth + 1)?;
        match self.bytes.get(properties) {
            Some(&tags::OBJECT) => self.term(properties, depth + 1),
            _ => Err(TermFault::Malformed(properties)),
        }
    }
}

#[derive(Clone, Copy)]
enum Entry {
    Property,
    Pair,
    Element,
}

fn require(holds: bool, term: usize) -> Result<(), TermFault> {
    if holds {
        Ok(())
    } else {
        Err(TermFault::Malformed(term))
    }
}
