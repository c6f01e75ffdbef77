//! One registry: processes under keys.
//!
//! ```text
//!  key index  -> key record --first-> entry <-> entry <-> entry      (entries of a key, oldest first)
//!                                       |         |
//!  pid index  -> pid record --first-> entry <-> entry                (entries of a process, oldest first)
//! ```
//!
//! The record of a key has a copy of its first entry (`front`), so that a lookup reads the index and the record, no more.
//! Every entry is in two doubly linked lists, so that both unregistering one and removing all of a process's are O(1)
//! per entry. Records and entries carry sequence numbers: a walk resumes after the last it saw, whatever came and went.

mod front;
mod listing;

use crate::{
    ProcessId, Reply, TableError,
    index::Index,
    name::Name,
    rows::same_bytes,
    slab::Slab,
    table::{check_end, check_key},
    term::{self, Form},
};

use front::{Front, Key};
pub use listing::Listing;

const NONE: u32 = u32::MAX;

/// Whether keys may have several entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// One entry per key.
    Unique,
    /// Any number, even of the same process.
    Duplicate,
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// The entry is in.
    Done,
    /// The key is unique and this process has it.
    Taken(ProcessId),
}

/// For a key exactly one cache line.
#[repr(align(64))]
struct Record<N> {
    name: N,
    hash: u32,
    sequence: u64,
    first: u32,
    last: u32,
    count: u32,
}

#[derive(Clone, Copy)]
struct Links {
    previous: u32,
    next: u32,
}

struct Entry {
    pid: ProcessId,
    key: u32,
    process: u32,
    in_key: Links,
    in_process: Links,
    sequence: u64,
    value: Box<[u8]>,
}

pub(crate) struct Registry {
    pub(crate) name: Box<[u8]>,
    pub(crate) kind: Keys,
    seed: u64,
    key_index: Index,
    keys: Slab<Record<Key>>,
    process_index: Index,
    processes: Slab<Record<ProcessId>>,
    entries: Slab<Entry>,
    sequence: u64,
}

const _: () = assert!(size_of::<Option<Record<Key>>>() == 64);

/// A slab number as a payload of an index, which is never 0.
fn payload(number: u32) -> u64 {
    u64::from(number) + 1
}

fn number(payload: u64) -> u32 {
    (payload - 1) as u32
}

fn pid_bytes(pid: ProcessId) -> [u8; 8] {
    (u64::from(pid.serial) << 32 | u64::from(pid.index)).to_le_bytes()
}

fn hash_in<N>(records: &Slab<Record<N>>) -> impl Fn(u64) -> u32 + '_ {
    |payload| records.get(number(payload)).map_or(0, |record| record.hash)
}

/// Appends entry `new` to a record's list and returns the links it has there. The old last entry is linked by the caller.
fn append<N>(record: &mut Record<N>, new: u32) -> Links {
    let previous = record.last;
    record.last = new;
    if previous == NONE {
        record.first = new;
    }
    record.count += 1;
    Links {
        previous,
        next: NONE,
    }
}

impl Registry {
    pub(crate) fn new(name: &[u8], kind: Keys) -> Registry {
        Registry {
            name: name.into(),
            kind,
            seed: crate::rows::fresh_seed(),
            key_index: Index::new(),
            keys: Slab::new(),
            process_index: Index::new(),
            processes: Slab::new(),
            entries: Slab::new(),
            sequence: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Processes that have entries.
    pub(crate) fn pids(&self) -> Vec<ProcessId> {
        let mut pids = Vec::new();
        let mut position = Some(0);
        while let Some(at) = position {
            position = self.process_index.visit_bucket(at, |payload| {
                pids.extend(
                    self.processes
                        .get(number(payload))
                        .map(|record| record.name),
                );
            });
        }
        pids
    }

    #[inline]
    fn find_key(&self, key: &[u8]) -> (u64, Option<u32>) {
        let hash = term::hash(self.seed, key);
        let is = |payload| {
            self.keys
                .get(number(payload))
                .is_some_and(|record| same_bytes(record.name.name.bytes(), key))
        };
        (hash, self.key_index.find(hash as u32, is).map(number))
    }

    fn find_process(&self, pid: ProcessId) -> (u64, Option<u32>) {
        let hash = term::hash(self.seed, &pid_bytes(pid));
        let is = |payload| {
            self.processes
                .get(number(payload))
                .is_some_and(|record| record.name == pid)
        };
        (hash, self.process_index.find(hash as u32, is).map(number))
    }

    /// The process of the oldest entry under the key.
    #[inline]
    pub(crate) fn whereis(&self, key: &[u8]) -> Result<Option<ProcessId>, TableError> {
        check_key(key)?;
        let record = self
            .find_key(key)
            .1
            .and_then(|number| self.keys.get(number));
        Ok(record.map(|record| record.name.front.pid))
    }

    pub(crate) fn has_process(&self, pid: ProcessId) -> bool {
        self.find_process(pid).1.is_some()
    }

    /// Adds an entry. The second part says whether it is the first of the process.
    pub(crate) fn register(
        &mut self,
        key: &[u8],
        pid: ProcessId,
        value: &[u8],
    ) -> Result<(Registration, bool), TableError> {
        check_key(key)?;
        check_end(value, term::validate(value, 0, Form::Any)?)?;
        let (key_hash, known_key) = self.find_key(key);
        if let (Keys::Unique, Some(number)) = (self.kind, known_key)
            && let Some(record) = self.keys.get(number)
        {
            return Ok((Registration::Taken(record.name.front.pid), false));
        }
        let (process_hash, known_process) = self.find_process(pid);
        self.sequence += 1;
        let key = known_key.unwrap_or_else(|| {
            let key = Key {
                name: Name::new(key),
                front: Front::new(pid, value),
            };
            let record = fresh_record(key, key_hash, self.sequence);
            let new = self.keys.insert(record);
            self.key_index
                .insert(key_hash as u32, payload(new), hash_in(&self.keys));
            new
        });
        let process = known_process.unwrap_or_else(|| {
            let record = fresh_record(pid, process_hash, self.sequence);
            let new = self.processes.insert(record);
            self.process_index
                .insert(process_hash as u32, payload(new), hash_in(&self.processes));
            new
        });
        self.add_entry(key, process, pid, value);
        Ok((Registration::Done, known_process.is_none()))
    }

    fn add_entry(&mut self, key: u32, process: u32, pid: ProcessId, value: &[u8]) {
        let unlinked = Links {
            previous: NONE,
            next: NONE,
        };
        let new = self.entries.insert(Entry {
            pid,
            key,
            process,
            in_key: unlinked,
            in_process: unlinked,
            sequence: self.sequence,
            value: value.into(),
        });
        let in_key = self
            .keys
            .get_mut(key)
            .map_or(unlinked, |record| append(record, new));
        let in_process = self
            .processes
            .get_mut(process)
            .map_or(unlinked, |record| append(record, new));
        if let Some(entry) = self.entries.get_mut(new) {
            (entry.in_key, entry.in_process) = (in_key, in_process);
        }
        if let Some(before) = self.entries.get_mut(in_key.previous) {
            before.in_key.next = new;
        }
        if let Some(before) = self.entries.get_mut(in_process.previous) {
            before.in_process.next = new;
        }
    }

    /// Takes an entry out of both lists, and its records away with their last entry.
    fn remove_entry(&mut self, number: u32) {
        let Some(entry) = self.entries.remove(number) else {
            return;
        };
        if let Some(before) = self.entries.get_mut(entry.in_key.previous) {
            before.in_key.next = entry.in_key.next;
        }
        if let Some(after) = self.entries.get_mut(entry.in_key.next) {
            after.in_key.previous = entry.in_key.previous;
        }
        if let Some(before) = self.entries.get_mut(entry.in_process.previous) {
            before.in_process.next = entry.in_process.next;
        }
        if let Some(after) = self.entries.get_mut(entry.in_process.next) {
            after.in_process.previous = entry.in_process.previous;
        }
        if !shorten(&mut self.keys, entry.key, number, entry.in_key) {
            self.copy_front(entry.key);
        } else if let Some(record) = self.keys.remove(entry.key) {
            let hash = term::hash(self.seed, record.name.name.bytes());
            self.key_index.remove(hash as u32, payload(entry.key));
        }
        if shorten(&mut self.processes, entry.process, number, entry.in_process)
            && let Some(record) = self.processes.remove(entry.process)
        {
            let hash = term::hash(self.seed, &pid_bytes(record.name));
            self.process_index
                .remove(hash as u32, payload(entry.process));
        }
    }

    /// Renews the copy of a key's oldest entry.
    fn copy_front(&mut self, key: u32) {
        if let Some(record) = self.keys.get_mut(key)
            && let Some(first) = self.entries.get(record.first)
        {
            record.name.front = Front::new(first.pid, &first.value);
        }
    }

    /// Entries of a process under a key, oldest first. Goes through the shorter of the two lists.
    fn entries_of(&self, key: &[u8], pid: ProcessId) -> Vec<u32> {
        let (Some(key), Some(process)) = (self.find_key(key).1, self.find_process(pid).1) else {
            return Vec::new();
        };
        let (Some(by_key), Some(by_process)) = (self.keys.get(key), self.processes.get(process))
        else {
            return Vec::new();
        };
        if by_key.count <= by_process.count {
            self.list(by_key.first, |entry| entry.in_key.next)
                .filter(|(_, entry)| entry.process == process)
                .map(|(number, _)| number)
                .collect()
        } else {
            self.list(by_process.first, |entry| entry.in_process.next)
                .filter(|(_, entry)| entry.key == key)
                .map(|(number, _)| number)
                .collect()
        }
    }

    fn list(
        &self,
        first: u32,
        next: impl Fn(&Entry) -> u32,
    ) -> impl Iterator<Item = (u32, &Entry)> {
        let mut at = first;
        std::iter::from_fn(move || {
            let number = at;
            let entry = self.entries.get(number)?;
            at = next(entry);
            Some((number, entry))
        })
    }

    /// Removes a process's entries under a key and returns how many there were.
    pub(crate) fn unregister(&mut self, key: &[u8], pid: ProcessId) -> Result<usize, TableError> {
        check_key(key)?;
        let found = self.entries_of(key, pid);
        found.iter().for_each(|number| self.remove_entry(*number));
        Ok(found.len())
    }

    /// Removes all entries of a process and returns how many there were. O(these).
    pub(crate) fn remove_process(&mut self, pid: ProcessId) -> usize {
        let first = self
            .find_process(pid)
            .1
            .and_then(|number| self.processes.get(number))
            .map(|record| record.first);
        let found: Vec<u32> = self
            .list(first.unwrap_or(NONE), |entry| entry.in_process.next)
            .map(|(number, _)| number)
            .collect();
        found.iter().for_each(|number| self.remove_entry(*number));
        found.len()
    }

    /// Writes the keys of a process, in order of registration; returns how many.
    pub(crate) fn keys_of(&self, pid: ProcessId, reply: &mut Reply<'_>) -> usize {
        let first = self
            .find_process(pid)
            .1
            .and_then(|number| self.processes.get(number))
            .map(|record| record.first);
        self.list(first.unwrap_or(NONE), |entry| entry.in_process.next)
            .filter_map(|(_, entry)| self.keys.get(entry.key))
            .map(|record| reply.write(record.name.name.bytes()))
            .count()
    }

    /// Writes the values of a process under a key, in order of registration; returns how many.
    pub(crate) fn values_of(
        &self,
        key: &[u8],
        pid: ProcessId,
        reply: &mut Reply<'_>,
    ) -> Result<usize, TableError> {
        check_key(key)?;
        let found = self.entries_of(key, pid);
        found
            .iter()
            .filter_map(|number| self.entries.get(*number))
            .for_each(|entry| reply.write(&entry.value));
        Ok(found.len())
    }

    /// Replaces the value of a process's oldest entry under a key and writes the old one; false when there is none.
    pub(crate) fn update_value(
        &mut self,
        key: &[u8],
        pid: ProcessId,
        value: &[u8],
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        check_key(key)?;
        check_end(value, term::validate(value, 0, Form::Any)?)?;
        let oldest = self.entries_of(key, pid).first().copied().unwrap_or(NONE);
        let Some(entry) = self.entries.get_mut(oldest) else {
            return Ok(false);
        };
        reply.write(&std::mem::replace(&mut entry.value, value.into()));
        let key = entry.key;
        self.copy_front(key);
        Ok(true)
    }
}

fn fresh_record<N>(name: N, hash: u64, sequence: u64) -> Record<N> {
    Record {
        name,
        hash: hash as u32,
        sequence,
        first: NONE,
        last: NONE,
        count: 0,
    }
}

/// Takes a removed entry out of its record; true when the record has no entry left.
fn shorten<N>(records: &mut Slab<Record<N>>, record: u32, entry: u32, links: Links) -> bool {
    let Some(record) = records.get_mut(record) else {
        return false;
    };
    if record.first == entry {
        record.first = links.next;
    }
    if record.last == entry {
        record.last = links.previous;
    }
    record.count -= 1;
    record.count == 0
}
