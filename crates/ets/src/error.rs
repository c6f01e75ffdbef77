//! Errors, each with a code and a number that stay the same from version to version.

use std::fmt;

use crate::{ProcessId, term::TermFault};

/// Why an operation on a table or registry was refused. Nothing has been changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError {
    /// The id names no living table.
    NoSuchTable,
    /// The table's access does not allow the caller to do this.
    Access {
        /// Who may.
        owner: ProcessId,
    },
    /// Malformed term.
    BadTerm {
        /// Where, in the bytes given.
        offset: usize,
    },
    /// A row that is no array or too short to have the key element.
    BadRow {
        /// Elements given; none when it is no array.
        length: Option<usize>,
        /// Where the table's key is.
        key_position: usize,
    },
    /// A key that is not in canonical form.
    NotCanonical {
        /// Where, in the bytes given.
        offset: usize,
    },
    /// A table or registry of this name exists.
    NameTaken,
    /// No such element, or the key element where it may not be changed.
    BadPosition {
        /// The position given.
        position: usize,
        /// Elements the row has.
        length: usize,
    },
    /// A sum with something that is no number, or of number and bigint.
    NotANumber {
        /// The element's position.
        position: usize,
    },
    /// There is no row under the key, and no default.
    NoSuchKey,
    /// Malformed filter or projection.
    BadFilter {
        /// Where, in the bytes given.
        offset: usize,
    },
    /// A value outside its range.
    BadArgument {
        /// Which argument, from 0.
        argument: usize,
    },
    /// No memory.
    OutOfMemory,
    /// Too many tables or registries.
    Limit,
    /// The id names no living registry.
    NoSuchRegistry,
    /// The operation needs an ordered_set.
    WrongKind,
}

impl TableError {
    /// The number by which JavaScript knows the error (docs/design/native-tables.md).
    pub const fn status(&self) -> i32 {
        match self {
            TableError::NoSuchTable => 16,
            TableError::Access { .. } => 17,
            TableError::BadTerm { .. } => 18,
            TableError::BadRow { .. } => 19,
            TableError::NotCanonical { .. } => 20,
            TableError::NameTaken => 21,
            TableError::BadPosition { .. } => 22,
            TableError::NotANumber { .. } => 23,
            TableError::NoSuchKey => 24,
            TableError::BadFilter { .. } => 25,
            TableError::BadArgument { .. } => 26,
            TableError::OutOfMemory => 27,
            TableError::Limit => 28,
            TableError::NoSuchRegistry => 29,
            TableError::WrongKind => 31,
        }
    }

    /// The error's code.
    ///
    /// ```
    /// assert_eq!(viga_ets::TableError::NoSuchTable.code(), "VIGA_ETS_NO_SUCH_TABLE");
    /// ```
    pub const fn code(&self) -> &'static str {
        match self {
            TableError::NoSuchTable => "VIGA_ETS_NO_SUCH_TABLE",
            TableError::Access { .. } => "VIGA_ETS_ACCESS",
            TableError::BadTerm { .. } => "VIGA_ETS_BAD_TERM",
            TableError::BadRow { .. } => "VIGA_ETS_BAD_ROW",
            TableError::NotCanonical { .. } => "VIGA_ETS_NOT_CANONICAL",
            TableError::NameTaken => "VIGA_ETS_NAME_TAKEN",
            TableError::BadPosition { .. } => "VIGA_ETS_BAD_POSITION",
            TableError::NotANumber { .. } => "VIGA_ETS_NOT_A_NUMBER",
            TableError::NoSuchKey => "VIGA_ETS_NO_SUCH_KEY",
            TableError::BadFilter { .. } => "VIGA_ETS_BAD_FILTER",
            TableError::BadArgument { .. } => "VIGA_ETS_BAD_ARGUMENT",
            TableError::OutOfMemory => "VIGA_ETS_OUT_OF_MEMORY",
            TableError::Limit => "VIGA_ETS_LIMIT",
            TableError::NoSuchRegistry => "VIGA_ETS_NO_SUCH_REGISTRY",
            TableError::WrongKind => "VIGA_ETS_WRONG_KIND",
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            TableError::NoSuchTable => write!(f, "the table has been deleted or never was"),
            TableError::Access { owner } => write!(
                f,
                "the table's access allows this to its owner {owner} only"
            ),
            TableError::BadTerm { offset } => {
                write!(f, "no term of the term format at byte {offset}")
            }
            TableError::BadRow {
                length: Some(length),
                key_position,
            } => {
                write!(
                    f,
                    "the row has {length} elements, the key is element {key_position}"
                )
            }
            TableError::BadRow { length: None, .. } => write!(f, "a row is an array"),
            TableError::NotCanonical { offset } => {
                write!(f, "the key is not in canonical form at byte {offset}")
            }
            TableError::NameTaken => write!(f, "the name is taken"),
            TableError::BadPosition { position, length } => {
                write!(
                    f,
                    "element {position} of a row of {length} elements does not exist or is its key"
                )
            }
            TableError::NotANumber { position } => {
                write!(
                    f,
                    "element {position} or its increment is no number, or only one of them is a bigint"
                )
            }
            TableError::NoSuchKey => write!(f, "no row has the key and no default was given"),
            TableError::BadFilter { offset } => {
                write!(f, "no filter or projection at byte {offset}")
            }
            TableError::BadArgument { argument } => {
                write!(f, "argument {argument} is outside its range")
            }
            TableError::OutOfMemory => write!(f, "no memory for the row"),
            TableError::Limit => write!(
                f,
                "as many tables or registries as there can be exist already"
            ),
            TableError::NoSuchRegistry => write!(f, "the registry has been deleted or never was"),
            TableError::WrongKind => write!(f, "only an ordered_set can do this"),
        }
    }
}

impl std::error::Error for TableError {}

impl From<TermFault> for TableError {
    fn from(fault: TermFault) -> TableError {
        match fault {
            TermFault::Malformed(offset) => TableError::BadTerm { offset },
            TermFault::NotCanonical(offset) => TableError::NotCanonical { offset },
        }
    }
}
