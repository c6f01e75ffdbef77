//! Listing entries of a registry page by page.
//!
//! As in tables, a walk goes through the keys in the order of their reversed hashes and resumes after what it saw last, so that
//! an entry that stays is seen exactly once (see `index`).

use super::{Key, Record, Registry, number, pid_bytes};
use crate::{Reply, TableError, table::check_key, term};

/// Part of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Entries written.
    pub entries: usize,
    /// There is more: a continuation follows the entries.
    pub more: bool,
    /// Where in the reply the continuation begins.
    pub continuation_at: usize,
}

impl Registry {
    /// Writes the next entries under a key, oldest first.
    pub(crate) fn lookup(
        &self,
        key: &[u8],
        limit: usize,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Listing, TableError> {
        check_key(key)?;
        let seen = continuation.map(Seen::read).transpose()?;
        let mut listing = Listing {
            entries: 0,
            more: false,
            continuation_at: 0,
        };
        let mut last = None;
        if let Some(record) = self
            .find_key(key)
            .1
            .and_then(|number| self.keys.get(number))
        {
            match record.name.front.value() {
                Some(value) if record.count == 1 && seen.is_none() && limit > 1 => {
                    reply.write(&pid_bytes(record.name.front.pid));
                    reply.write(value);
                    listing.entries = 1;
                }
                _ => last = self.write_entries(record, seen, false, limit, &mut listing, reply),
            }
        }
        Ok(finish(listing, last, reply))
    }

    /// Writes entries of a key after `seen`; what was seen last when the limit is reached.
    fn write_entries(
        &self,
        record: &Record<Key>,
        seen: Option<Seen>,
        with_key: bool,
        limit: usize,
        listing: &mut Listing,
        reply: &mut Reply<'_>,
    ) -> Option<Seen> {
        // The entry seen last is still there as a rule, and the walk goes on from it; if not, from the beginning of the key.
        let resume = seen.and_then(|seen| {
            self.entries
                .get(seen.entry)
                .filter(|entry| entry.sequence == seen.sequence)
                .map(|entry| entry.in_key.next)
        });
        let after = seen.map_or(0, |seen| seen.sequence);
        for (number, entry) in self.list(resume.unwrap_or(record.first), |entry| entry.in_key.next)
        {
            if entry.sequence <= after {
                continue;
            }
            if with_key {
                reply.write(record.name.name.bytes());
            }
            reply.write(&pid_bytes(entry.pid));
            reply.write(&entry.value);
            listing.entries += 1;
            if listing.entries >= limit || reply.len() >= crate::ENOUGH_BYTES {
                return Some(Seen {
                    position: record.hash.reverse_bits(),
                    key: record.sequence,
                    entry: number,
                    sequence: entry.sequence,
                });
            }
        }
        None
    }

    /// Writes the next entries of the registry with their keys.
    pub(crate) fn listing(
        &self,
        limit: usize,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Listing, TableError> {
        let seen = continuation.map(Seen::read).transpose()?;
        let mut listing = Listing {
            entries: 0,
            more: false,
            continuation_at: 0,
        };
        let start = seen.map_or((0, 0), |seen| (seen.position, seen.key));
        let mut next = Some(start.0);
        while let Some(at) = next {
            let mut batch = Vec::new();
            next = self
                .key_index
                .visit_bucket(at, |payload| batch.extend(self.keys.get(number(payload))));
            batch.retain(|record| (record.hash.reverse_bits(), record.sequence) >= start);
            batch.sort_unstable_by_key(|record| (record.hash.reverse_bits(), record.sequence));
            for record in batch {
                let within = seen.filter(|seen| seen.key == record.sequence);
                let last = self.write_entries(record, within, true, limit, &mut listing, reply);
                if last.is_some() {
                    return Ok(finish(listing, last, reply));
                }
            }
        }
        Ok(finish(listing, None, reply))
    }
}

fn finish(listing: Listing, last: Option<Seen>, reply: &mut Reply<'_>) -> Listing {
    let continuation_at = reply.len();
    if let Some(seen) = last {
        seen.write(reply);
    }
    Listing {
        more: last.is_some(),
        continuation_at,
        ..listing
    }
}

/// How far a listing has come: a key by hash and sequence, an entry by number and sequence.
#[derive(Clone, Copy)]
struct Seen {
    position: u32,
    key: u64,
    entry: u32,
    sequence: u64,
}

impl Seen {
    fn write(self, reply: &mut Reply<'_>) {
        reply.write(&self.position.to_le_bytes());
        reply.write(&self.key.to_le_bytes());
        reply.write(&self.entry.to_le_bytes());
        reply.write(&self.sequence.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Result<Seen, TableError> {
        if bytes.len() != 24 {
            return Err(TableError::BadTerm { offset: 0 });
        }
        Ok(Seen {
            position: term::u32_at(bytes, 0),
            key: term::u64_at(bytes, 4),
            entry: term::u32_at(bytes, 12),
            sequence: term::u64_at(bytes, 16),
        })
    }
}
