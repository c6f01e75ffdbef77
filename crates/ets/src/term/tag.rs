//! The tags of the term format, and the classes the order is made of.

/// The byte a term begins with.
pub mod tags {
    #![allow(missing_docs)] // the names are the documentation; the table is in docs/design/term-format.md
    pub const UNDEFINED: u8 = 0x00;
    pub const NULL: u8 = 0x01;
    pub const FALSE: u8 = 0x02;
    pub const TRUE: u8 = 0x03;
    pub const INT: u8 = 0x04;
    pub const FLOAT: u8 = 0x05;
    pub const BIGINT: u8 = 0x06;
    pub const STRING8: u8 = 0x07;
    pub const STRING32: u8 = 0x08;
    pub const STRING_UTF16: u8 = 0x09;
    pub const ATOM: u8 = 0x0a;
    pub const BYTES: u8 = 0x0b;
    pub const BINARY: u8 = 0x0c;
    pub const ARRAY8: u8 = 0x0d;
    pub const ARRAY32: u8 = 0x0e;
    pub const OBJECT: u8 = 0x0f;
    pub const MAP: u8 = 0x10;
    pub const SET: u8 = 0x11;
    pub const DATE: u8 = 0x12;
    pub const ERROR: u8 = 0x13;
    pub const PID: u8 = 0x14;
    pub const REF: u8 = 0x15;
    pub const REMOTE: u8 = 0x16;
}

/// Classes of terms in the order in which they stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Numbers and bigints, by value.
    Number,
    /// Atoms, and `undefined`, `null`, `false`, `true` by these names.
    Atom,
    /// References.
    Ref,
    /// Functions named by module and export.
    Remote,
    /// Pids.
    Pid,
    /// Arrays.
    Array,
    /// Plain objects.
    Object,
    /// `Map`.
    Map,
    /// `Set`.
    Set,
    /// `Date`.
    Date,
    /// `Error`.
    Error,
    /// Strings in all three encodings.
    String,
    /// `Uint8Array`.
    Bytes,
    /// `Binary`.
    Binary,
}

impl Class {
    /// The class of terms that begin with `tag`.
    ///
    /// # Panics
    /// If there is no such tag: the term was not validated.
    #[inline]
    pub fn of(tag: u8) -> Class {
        match tag {
            tags::INT | tags::FLOAT | tags::BIGINT => Class::Number,
            tags::UNDEFINED | tags::NULL | tags::FALSE | tags::TRUE | tags::ATOM => Class::Atom,
            tags::REF => Class::Ref,
            tags::REMOTE => Class::Remote,
            tags::PID => Class::Pid,
            tags::ARRAY8 | tags::ARRAY32 => Class::Array,
            tags::OBJECT => Class::Object,
            tags::MAP => Class::Map,
            tags::SET => Class::Set,
            tags::DATE => Class::Date,
            tags::ERROR => Class::Error,
            tags::STRING8 | tags::STRING32 | tags::STRING_UTF16 => Class::String,
            tags::BYTES => Class::Bytes,
            tags::BINARY => Class::Binary,
            _ => panic!("tag {tag:#04x} is not of the term format"),
        }
    }
}
