//! Errors, each with a code that stays the same from version to version.

use std::fmt;

use crate::AllocKind;

/// Why memory could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocError {
    /// The request is larger than any block can be.
    TooLarge {
        /// Bytes asked for.
        size: usize,
        /// The most that may be asked for.
        limit: usize,
    },
    /// The operating system gave no memory.
    OutOfMemory {
        /// Bytes asked for.
        size: usize,
    },
}

impl AllocError {
    /// The error's code.
    ///
    /// ```
    /// use viga_allocator::AllocError;
    /// assert_eq!(AllocError::OutOfMemory { size: 1 }.code(), "VIGA_ALLOC_OUT_OF_MEMORY");
    /// ```
    pub const fn code(&self) -> &'static str {
        match self {
            AllocError::TooLarge { .. } => "VIGA_ALLOC_TOO_LARGE",
            AllocError::OutOfMemory { .. } => "VIGA_ALLOC_OUT_OF_MEMORY",
        }
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AllocError::TooLarge { size, limit } => {
                write!(
                    f,
                    "{}: {size} bytes asked for, at most {limit} are possible",
                    self.code()
                )
            }
            AllocError::OutOfMemory { size } => {
                write!(
                    f,
                    "{}: the system has no memory for {size} bytes",
                    self.code()
                )
            }
        }
    }
}

impl std::error::Error for AllocError {}

/// A tunable outside its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The kind it was given for; none for a tunable of the whole allocator.
    pub kind: Option<AllocKind>,
    /// The tunable's name.
    pub tunable: &'static str,
    /// What was given.
    pub given: String,
    /// What is allowed, in words.
    pub allowed: String,
}

impl ConfigError {
    /// The error's code.
    pub const fn code(&self) -> &'static str {
        "VIGA_ALLOC_BAD_CONFIG"
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.kind.map_or("all kinds", AllocKind::name);
        write!(
            f,
            "{}: {} of {place} is {}, allowed is {}",
            self.code(),
            self.tunable,
            self.given,
            self.allowed
        )
    }
}

impl std::error::Error for ConfigError {}
