//! Walking a table piece by piece: ranges, prefixes, selections.
//!
//! A walk holds the locks of the table's parts one after the other (see `walk`), for one chunk at a time, and resumes after the
//! last key it visited. Rows that stay in the table are seen exactly once (see `index` for why this holds in sets).

use std::{cmp::Ordering, ops::ControlFlow};

use crate::{
    Filter, Projection, Reply, TableError,
    rows::Bound,
    table::{Kind, check_key},
    term::{self, Class, tags},
    walk::Walk,
};

/// Most rows one chunk visits.
pub const MOST_VISITS: usize = 10_000;
/// Bytes of results after which a chunk ends.
pub const ENOUGH_BYTES: usize = 1 << 20;

/// How much of a walk is wanted, and how far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Most results; at least 1.
    pub limit: usize,
    /// From the last key to the first. In sets this means nothing.
    pub reverse: bool,
    /// The key at the end of the chunk before.
    pub continuation: Option<&'a [u8]>,
}

/// What a chunk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Results in it.
    pub results: usize,
    /// There may be more: the continuation follows the results.
    pub more: bool,
    /// Where in the reply the continuation begins.
    pub continuation_at: usize,
    /// Rows looked at.
    pub visited: usize,
}

/// An encoded key of a row.
type Key = Box<[u8]>;

/// The rows a walk is confined to.
#[derive(Clone, Copy, Debug, Default)]
struct Span<'a> {
    from: Option<Bound<'a>>,
    to: Option<Bound<'a>>,
}

enum Seen {
    /// A result has been written.
    Result,
    /// Nothing for this row.
    Nothing,
    /// Neither this row nor any after it.
    End,
}

/// Progress of a chunk.
struct Progress {
    limit: usize,
    results: usize,
    visited: usize,
    last_key: Option<Vec<u8>>,
}

impl Progress {
    fn new(limit: usize) -> Progress {
        Progress {
            limit,
            results: 0,
            visited: 0,
            last_key: None,
        }
    }

    fn record(&mut self, seen: Seen, bytes: usize, key: &[u8]) -> ControlFlow<()> {
        match seen {
            Seen::Result => self.results += 1,
            Seen::Nothing => {}
            Seen::End => return ControlFlow::Break(()),
        }
        self.visited += 1;
        if self.results >= self.limit || self.visited >= MOST_VISITS || bytes >= ENOUGH_BYTES {
            self.last_key = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn finish(self, reply: &mut Reply<'_>) -> Chunk {
        let continuation_at = reply.len();
        let more = self.last_key.is_some();
        if let Some(key) = self.last_key {
            reply.write(&key);
        }
        Chunk {
            results: self.results,
            more,
            continuation_at,
            visited: self.visited,
        }
    }
}

fn beyond(key: &[u8], bound: Bound<'_>, reverse: bool) -> bool {
    let order = term::compare(key, bound.key);
    let order = if reverse { order.reverse() } else { order };
    order == Ordering::Greater || (order == Ordering::Equal && bound.exclusive)
}

impl Walk<'_> {
    fn collect(
        &self,
        span: Span<'_>,
        page: Page<'_>,
        reply: &mut Reply<'_>,
        mut each: impl FnMut(&[u8], &mut Reply<'_>) -> Seen,
    ) -> Result<Chunk, TableError> {
        let (start, end) = if page.reverse {
            (span.to, span.from)
        } else {
            (span.from, span.to)
        };
        let start = match page.continuation {
            Some(key) => {
                check_key(key)?;
                Some(Bound {
                    key,
                    exclusive: true,
                })
            }
            None => start,
        };
        let mut progress = Progress::new(page.limit);
        self.rows(start, page.reverse, &mut |row| {
            let key = self.key_of(row);
            if end.is_some_and(|bound| beyond(key, bound, page.reverse)) {
                return ControlFlow::Break(());
            }
            let seen = each(row, reply);
            progress.record(seen, reply.len(), key)
        })?;
        Ok(progress.finish(reply))
    }

    /// The next rows of the whole table.
    pub(crate) fn rows_chunk(
        &self,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.collect(Span::default(), page, reply, write_row)
    }

    /// The next rows between two keys.
    pub(crate) fn range(
        &self,
        from: Option<Bound<'_>>,
        to: Option<Bound<'_>>,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        if self.kind() != Kind::OrderedSet {
            return Err(TableError::WrongKind);
        }
        for bound in [from, to].into_iter().flatten() {
            check_key(bound.key)?;
        }
        self.collect(Span { from, to }, page, reply, write_row)
    }

    /// Visits rows that satisfy a filter, going only where its conditions on the key allow.
    fn collect_matching(
        &self,
        filter: &Filter<'_>,
        page: Page<'_>,
        reply: &mut Reply<'_>,
        mut each: impl FnMut(&[u8], &mut Reply<'_>),
    ) -> Result<Chunk, TableError> {
        let range = filter.key_range(self.key_position());
        let mut test = |row: &[u8], reply: &mut Reply<'_>| {
            if !filter.holds(row) {
                return Seen::Nothing;
            }
            each(row, reply);
            Seen::Result
        };
        if let Some(key) = range.only {
            let mut holds = false;
            if page.continuation.is_none() {
                let found = self.find(key, |row| matches!(test(row, reply), Seen::Result))?;
                holds = found.unwrap_or(false);
            }
            return Ok(Chunk {
                results: usize::from(holds),
                more: false,
                continuation_at: reply.len(),
                visited: 1,
            });
        }
        let span = match self.kind() {
            Kind::OrderedSet => Span {
                from: range.from,
                to: range.to,
            },
            Kind::Set => Span::default(),
        };
        self.collect(span, page, reply, test)
    }

    /// The next results of a selection.
    pub(crate) fn select(
        &self,
        filter: &Filter<'_>,
        projection: &Projection<'_>,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.collect_matching(filter, page, reply, |row, reply| {
            projection.write(row, reply)
        })
    }

    /// Counts rows that satisfy a filter.
    pub(crate) fn select_count(
        &self,
        filter: &Filter<'_>,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        let page = Page {
            limit: usize::MAX,
            reverse: false,
            continuation,
        };
        self.collect_matching(filter, page, reply, |_, _| {})
    }

    /// Keys of rows that satisfy a filter.
    pub(crate) fn select_keys(
        &self,
        filter: &Filter<'_>,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<(Vec<Key>, Chunk), TableError> {
        let page = Page {
            limit: usize::MAX,
            reverse: false,
            continuation,
        };
        let mut keys: Vec<Key> = Vec::new();
        let chunk = self.collect_matching(filter, page, reply, |row, _| {
            keys.push(self.key_of(row).into());
        })?;
        Ok((keys, chunk))
    }

    /// The next rows whose key begins with `prefix`: a string, `Uint8Array` or `Binary`, or the first elements of an array.
    pub(crate) fn prefix(
        &self,
        prefix: &[u8],
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        check_key(prefix)?;
        let page = Page {
            reverse: false,
            ..page
        };
        match Class::of(prefix[0]) {
            Class::Array if self.kind() == Kind::OrderedSet => {
                self.array_prefix(prefix, page, reply)
            }
            Class::Array => self.collect(Span::default(), page, reply, |row, reply| {
                keep(array_starts_with(self.key_of(row), prefix), row, reply)
            }),
            Class::String | Class::Bytes | Class::Binary => {
                let contiguous = self.kind() == Kind::OrderedSet && !ends_within_a_pair(prefix);
                let from = contiguous.then_some(Bound {
                    key: prefix,
                    exclusive: false,
                });
                self.collect(Span { from, to: None }, page, reply, |row, reply| {
                    match term::starts_with(self.key_of(row), prefix) {
                        false if contiguous => Seen::End,
                        starts => keep(starts, row, reply),
                    }
                })
            }
            _ => Err(TableError::BadTerm { offset: 0 }),
        }
    }

    /// Arrays are ordered by length first, so matching keys lie together only within one length: the walk seeks its way
    /// from length to length.
    fn array_prefix(
        &self,
        prefix: &[u8],
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        let shortest = term::element_count(prefix).map_or(0, |(count, _)| count);
        let mut progress = Progress::new(page.limit);
        let (mut start, mut exclusive) = match page.continuation {
            Some(key) => {
                check_key(key)?;
                (key.to_vec(), true)
            }
            None => (least_array(prefix, shortest), false),
        };
        loop {
            let mut seek = None;
            let bound = Bound {
                key: &start,
                exclusive,
            };
            self.rows(Some(bound), false, &mut |row| {
                let key = self.key_of(row);
                let Some((length, _)) = term::element_count(key) else {
                    return ControlFlow::Break(());
                };
                if !array_starts_with(key, prefix) {
                    let here = least_array(prefix, length.max(shortest));
                    let passed = term::compare(key, &here) == Ordering::Greater;
                    seek = Some(if passed {
                        least_array(prefix, length + 1)
                    } else {
                        here
                    });
                    return ControlFlow::Break(());
                }
                reply.write(row);
                progress.record(Seen::Result, reply.len(), key)
            })?;
            match seek {
                Some(key) => (start, exclusive) = (key, false),
                None => return Ok(progress.finish(reply)),
            }
        }
    }

    /// Writes the key at one end of the table.
    pub(crate) fn end_key(&self, last: bool, reply: &mut Reply<'_>) -> Result<bool, TableError> {
        self.key_from(None, last, reply)
    }

    /// Writes the key that follows `key`, or comes before it. In a set both are the next in the set's own order.
    pub(crate) fn neighbour_key(
        &self,
        key: &[u8],
        before: bool,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        check_key(key)?;
        let from = Bound {
            key,
            exclusive: true,
        };
        self.key_from(Some(from), before, reply)
    }

    fn key_from(
        &self,
        from: Option<Bound<'_>>,
        reverse: bool,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        let mut found = false;
        self.rows(from, reverse, &mut |row| {
            reply.write(self.key_of(row));
            found = true;
            ControlFlow::Break(())
        })?;
        Ok(found)
    }
}

fn write_row(row: &[u8], reply: &mut Reply<'_>) -> Seen {
    keep(true, row, reply)
}

fn keep(wanted: bool, row: &[u8], reply: &mut Reply<'_>) -> Seen {
    if !wanted {
        return Seen::Nothing;
    }
    reply.write(row);
    Seen::Result
}

/// A string that ends with the first half of a surrogate pair: strings that begin with it do not lie together.
fn ends_within_a_pair(prefix: &[u8]) -> bool {
    prefix[0] == tags::STRING_UTF16
        && prefix
            .last()
            .is_some_and(|high| (0xd8..0xdc).contains(high))
}

fn array_starts_with(key: &[u8], prefix: &[u8]) -> bool {
    let (Some((length, first)), Some((shortest, prefix_first))) =
        (term::element_count(key), term::element_count(prefix))
    else {
        return false;
    };
    length >= shortest && key[first..].starts_with(&prefix[prefix_first..])
}

/// The least array of `length` elements that begins with those of `prefix`: filled up with -Infinity, the least term.
fn least_array(prefix: &[u8], length: usize) -> Vec<u8> {
    let Some((count, first)) = term::element_count(prefix) else {
        return prefix.to_vec();
    };
    let mut array = match u8::try_from(length) {
        Ok(length) => vec![tags::ARRAY8, length],
        Err(_) => [&[tags::ARRAY32][..], &(length as u32).to_le_bytes()].concat(),
    };
    array.extend_from_slice(&prefix[first..]);
    for _ in count..length {
        array.push(tags::FLOAT);
        array.extend_from_slice(&f64::NEG_INFINITY.to_bits().to_le_bytes());
    }
    array
}
