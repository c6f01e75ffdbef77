//! All registries: ids, names, and what a process that exits has in them.
//!
//! Locks, in the order in which they are taken: names, one registry, memberships.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Mutex, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    Id, Listing, ProcessId, Reply, TableError,
    directory::{Directory, Divide, lock},
    registry::{Keys, Registration, Registry},
    table::check_key,
};

/// Names a registry for ever.
pub type RegistryId = Id;

const SHARDS: usize = 16;
/// Registries are never divided: they are read much more often than written to.
const ONLY_PART: fn() -> u32 = || 0;

impl Divide for Registry {
    fn wants_parts(&self) -> bool {
        false
    }

    fn divide(&mut self) -> Option<Vec<Registry>> {
        None
    }
}

/// Pids are spread well enough by one multiplication.
#[derive(Default)]
struct PidHasher(u64);

impl Hasher for PidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, word: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// In which registries a process has entries.
type Memberships = HashMap<ProcessId, Vec<RegistryId>, BuildHasherDefault<PidHasher>>;

/// See the module.
///
/// ```
/// use viga_ets::{Keys, ProcessId, Registration, Registries};
///
/// let registries = Registries::new();
/// let rooms = registries.create(&[0x07, 1, b'r'], Keys::Unique).unwrap();
/// let (pid, key, value) = (ProcessId { index: 1, serial: 0 }, [0x07, 1, b'k'], [0x00]);
/// assert_eq!(registries.register(rooms, &key, pid, &value), Ok(Registration::Done));
/// assert_eq!(registries.whereis(rooms, &key), Ok(Some(pid)));
/// registries.process_exited(pid);
/// assert_eq!(registries.whereis(rooms, &key), Ok(None));
/// ```
pub struct Registries {
    directory: Directory<Registry>,
    names: RwLock<HashMap<Box<[u8]>, RegistryId>>,
    memberships: [Mutex<Memberships>; SHARDS],
    /// Entries in all registries. Spares exits the memberships' locks while it is 0; a process exits after its
    /// own registrations, which is all the order needed.
    entries: AtomicUsize,
}

impl Default for Registries {
    fn default() -> Registries {
        Registries::new()
    }
}

impl Registries {
    /// No registries.
    pub fn new() -> Registries {
        Registries {
            directory: Directory::new(),
            names: RwLock::default(),
            memberships: std::array::from_fn(|_| Mutex::default()),
            entries: AtomicUsize::new(0),
        }
    }

    fn names(&self) -> RwLockWriteGuard<'_, HashMap<Box<[u8]>, RegistryId>> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn memberships(&self, pid: ProcessId) -> &Mutex<Memberships> {
        &self.memberships[pid.index as usize % SHARDS]
    }

    fn read<R>(
        &self,
        id: RegistryId,
        using: impl FnOnce(&Registry) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        self.directory
            .read(id, ONLY_PART, using)
            .unwrap_or(Err(TableError::NoSuchRegistry))
    }

    fn write<R>(
        &self,
        id: RegistryId,
        using: impl FnOnce(&mut Registry) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        self.directory
            .write(id, ONLY_PART, using)
            .unwrap_or(Err(TableError::NoSuchRegistry))
    }

    /// Makes a registry with a name, a canonical term.
    ///
    /// # Errors
    /// `NameTaken`, `Limit`, or the fault of the name.
    pub fn create(&self, name: &[u8], keys: Keys) -> Result<RegistryId, TableError> {
        check_key(name)?;
        let mut names = self.names();
        if names.contains_key(name) {
            return Err(TableError::NameTaken);
        }
        let id = self
            .directory
            .insert(Registry::new(name, keys), 0)
            .ok_or(TableError::Limit)?;
        names.insert(name.into(), id);
        Ok(id)
    }

    /// The registry with the name, and its kind of keys. O(1).
    pub fn find(&self, name: &[u8]) -> Option<(RegistryId, Keys)> {
        let id = *self
            .names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)?;
        Some((
            id,
            self.directory
                .read(id, ONLY_PART, |registry| registry.kind)?,
        ))
    }

    /// Deletes a registry with all its entries.
    ///
    /// # Errors
    /// `NoSuchRegistry`.
    pub fn drop_registry(&self, id: RegistryId) -> Result<(), TableError> {
        let mut names = self.names();
        let removed = self.directory.remove(id, |_| Ok(()));
        let registries = removed.unwrap_or(Err(TableError::NoSuchRegistry))?;
        for registry in &registries {
            names.remove(&registry.name);
        }
        drop(names);
        for registry in registries {
            self.entries.fetch_sub(registry.len(), Ordering::Relaxed);
            registry
                .pids()
                .into_iter()
                .for_each(|pid| self.forget(pid, id));
        }
        Ok(())
    }

    fn forget(&self, pid: ProcessId, id: RegistryId) {
        let mut memberships = lock(self.memberships(pid));
        if let Some(registries) = memberships.get_mut(&pid) {
            registries.retain(|registry| *registry != id);
            if registries.is_empty() {
                memberships.remove(&pid);
            }
        }
    }

    /// Registers a living process under a key, with a value.
    ///
    /// # Errors
    /// `NoSuchRegistry`, or the fault of key or value.
    pub fn register(
        &self,
        id: RegistryId,
        key: &[u8],
        pid: ProcessId,
        value: &[u8],
    ) -> Result<Registration, TableError> {
        self.write(id, |registry| {
            let (registration, first) = registry.register(key, pid, value)?;
            if first {
                lock(self.memberships(pid)).entry(pid).or_default().push(id);
            }
            if registration == Registration::Done {
                self.entries.fetch_add(1, Ordering::Relaxed);
            }
            Ok(registration)
        })
    }

    /// Removes a process's entries under a key and returns how many there were.
    ///
    /// # Errors
    /// `NoSuchRegistry`, or the fault of the key.
    pub fn unregister(
        &self,
        id: RegistryId,
        key: &[u8],
        pid: ProcessId,
    ) -> Result<usize, TableError> {
        self.write(id, |registry| {
            let removed = registry.unregister(key, pid)?;
            self.entries.fetch_sub(removed, Ordering::Relaxed);
            if removed > 0 && !registry.has_process(pid) {
                self.forget(pid, id);
            }
            Ok(removed)
        })
    }

    /// Removes a process's entries everywhere. O(its entries).
    pub fn process_exited(&self, pid: ProcessId) {
        if self.entries.load(Ordering::Relaxed) == 0 {
            return;
        }
        let registries = lock(self.memberships(pid)).remove(&pid);
        for id in registries.into_iter().flatten() {
            if let Some(removed) = self
                .directory
                .write(id, ONLY_PART, |registry| registry.remove_process(pid))
            {
                self.entries.fetch_sub(removed, Ordering::Relaxed);
            }
        }
    }

    /// The process of the oldest entry under the key. O(1).
    ///
    /// # Errors
    /// `NoSuchRegistry`, or the fault of the key.
    #[inline]
    pub fn whereis(&self, id: RegistryId, key: &[u8]) -> Result<Option<ProcessId>, TableError> {
        self.read(id, |registry| registry.whereis(key))
    }

    /// Writes up to `limit` entries under a key, oldest first: pid index, pid serial, value.
    ///
    /// # Errors
    /// `NoSuchRegistry`, or the fault of key or continuation.
    pub fn lookup(
        &self,
        id: RegistryId,
        key: &[u8],
        limit: usize,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Listing, TableError> {
        self.read(id, |registry| {
            registry.lookup(key, limit, continuation, reply)
        })
    }

    /// Writes the keys of a process in order of registration and returns how many.
    ///
    /// # Errors
    /// `NoSuchRegistry`.
    pub fn keys(
        &self,
        id: RegistryId,
        pid: ProcessId,
        reply: &mut Reply<'_>,
    ) -> Result<usize, TableError> {
        self.read(id, |registry| Ok(registry.keys_of(pid, reply)))
    }

    /// Writes the values of a process under a key in order of registration and returns how many.
    ///
    /// # Errors
    /// `NoSuchRegistry`, or the fault of the key.
    pub fn values(
        &self,
        id: RegistryId,
        key: &[u8],
        pid: ProcessId,
        reply: &mut Reply<'_>,
    ) -> Result<usize, TableError> {
        self.read(id, |registry| registry.values_of(key, pid, reply))
    }

    /// Replaces the value of a process's oldest entry under a key and writes the old one; false when there is none.
    ///
    /// # Errors
    /// `NoSuchRegistry`, or the fault of key or value.
    pub fn update_value(
        &self,
        id: RegistryId,
        key: &[u8],
        pid: ProcessId,
        value: &[u8],
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.write(id, |registry| registry.update_value(key, pid, value, reply))
    }

    /// Entries in a registry.
    ///
    /// # Errors
    /// `NoSuchRegistry`.
    pub fn count(&self, id: RegistryId) -> Result<usize, TableError> {
        self.read(id, |registry| Ok(registry.len()))
    }

    /// Entries in all registries.
    pub fn count_all(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Writes up to `limit` entries of a registry: key, pid index, pid serial, value. An entry that stays during
    /// the whole walk is seen exactly once.
    ///
    /// # Errors
    /// `NoSuchRegistry`, or the fault of the continuation.
    pub fn entries(
        &self,
        id: RegistryId,
        limit: usize,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Listing, TableError> {
        self.read(id, |registry| registry.listing(limit, continuation, reply))
    }
}
