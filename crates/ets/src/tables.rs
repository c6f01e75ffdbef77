//! All tables: ids, names, owners, and what becomes of a table when its owner exits.
//!
//! Locks, in the order in which they are taken: names, owners, then the parts of one table from the first on; then whatever
//! `memory` locks. No lock of a table is held while names or owners are locked, nor while another table's is, and nothing is
//! called with a lock held but `memory`: all of them are leaves for the caller, who may hold locks of its own.
//! `remains` is locked alone. Threads that read one table share nothing they write to, and writers of a large
//! table meet only in the part their keys fall into (docs/design/table-concurrency.md).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    Heir, Id, ProcessId, RowMemory, TableError, TableInfo, TableOptions,
    arena::Arena,
    biased_lock::BiasedLock,
    directory::{Directory, Locked, PartSet, lock},
    rows::{Hashing, Rows, fresh_seed},
    table::{Layout, Table, check_key},
    term::{self, Form},
    walk::Walk,
};

/// Names a table for ever.
pub type TableId = Id;

/// Rows that deleting a table frees at once; those of larger tables wait for [`Tables::reclaim`].
pub const FREED_AT_ONCE: usize = 1_000;
/// Largest key position.
pub const MOST_KEY_POSITION: usize = 65_535;

/// For what every part knows; and the first part, which knows most.
const ANY_PART: fn() -> u32 = || 0;

/// A table has a new owner, who is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The table.
    pub table: TableId,
    /// Its name, encoded.
    pub name: Option<Box<[u8]>>,
    /// Whose it was.
    pub from: ProcessId,
    /// Whose it is.
    pub to: ProcessId,
    /// The term given with the heir.
    pub data: Box<[u8]>,
}

type Names = HashMap<Box<[u8]>, TableId>;
type Owners = HashMap<ProcessId, Vec<TableId>>;

/// See the module.
///
/// ```
/// use std::sync::Arc;
/// use viga_ets::{Access, Kind, ProcessId, Reply, SystemMemory, TableOptions, Tables};
///
/// let tables = Tables::new(Arc::new(SystemMemory));
/// let me = ProcessId { index: 1, serial: 0 };
/// let options =
///     TableOptions { name: None, kind: Kind::Set, access: Access::Public, key_position: 0, owner: me, heir: None };
/// let table = tables.create(options).unwrap();
///
/// let row = [0x0d, 2, 0x04, 7, 0, 0, 0, 0x07, 2, b'h', b'i']; // [7, "hi"]
/// tables.insert(table, me, &row, 1).unwrap();
///
/// let mut buffer = [0; 64];
/// let mut reply = Reply::new(&mut buffer);
/// assert!(tables.lookup(table, me, &[0x04, 7, 0, 0, 0], &mut reply).unwrap());
/// assert_eq!(reply.bytes(), row);
/// ```
pub struct Tables {
    memory: Arc<dyn RowMemory>,
    pub(crate) hashing: Hashing,
    pub(crate) directory: Directory<Table>,
    names: BiasedLock<Names>,
    /// Held while a table changes hands, so that it says of each table the same as the table itself.
    owners: Mutex<Owners>,
    /// Tables in `owners`, counted under its lock. A hint that spares exits of processes without tables the lock: a process
    /// is reported to have exited after it was made an owner, or once more then.
    owned: AtomicUsize,
    /// Rows of deleted tables, to be freed bit by bit.
    remains: Mutex<Vec<Rows>>,
}

impl Tables {
    /// No tables; rows will lie in `memory`.
    pub fn new(memory: Arc<dyn RowMemory>) -> Tables {
        Tables {
            memory,
            hashing: Hashing::new(fresh_seed()),
            directory: Directory::new(),
            names: BiasedLock::new(Names::new()),
            owners: Mutex::default(),
            owned: AtomicUsize::new(0),
            remains: Mutex::default(),
        }
    }

    /// Runs `using` on the part for a key together with other readers, if the caller may read.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        using: impl FnOnce(&Table) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        let result = self.directory.read(
            id,
            || self.hashing.hash(key),
            |table| table.check_read(caller).and_then(|()| using(table)),
        );
        result.unwrap_or(Err(TableError::NoSuchTable))
    }

    /// Runs `using` on the part for a key alone, if the caller may write.
    #[inline]
    pub(crate) fn write<R>(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        using: impl FnOnce(&mut Table) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        let result = self.directory.write(
            id,
            || self.hashing.hash(key),
            |table| table.check_write(caller).and_then(|()| using(table)),
        );
        result.unwrap_or(Err(TableError::NoSuchTable))
    }

    /// Runs `using` on all parts alone, if the caller may write.
    pub(crate) fn write_whole<R>(
        &self,
        id: TableId,
        caller: ProcessId,
        using: impl FnOnce(&mut Locked<'_, Table>) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        self.change(id, |table| {
            table.first().check_write(caller)?;
            using(table)
        })
    }

    /// Runs `using` on all parts alone.
    fn change<R>(
        &self,
        id: TableId,
        using: impl FnOnce(&mut Locked<'_, Table>) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        self.directory
            .write_parts(id, PartSet::ALL, using)
            .unwrap_or(Err(TableError::NoSuchTable))
    }

    /// Refuses callers who may not write.
    pub(crate) fn check_write(&self, id: TableId, caller: ProcessId) -> Result<(), TableError> {
        self.directory
            .read(id, ANY_PART, |table| table.check_write(caller))
            .unwrap_or(Err(TableError::NoSuchTable))
    }

    /// What never changes about a table.
    #[inline]
    pub(crate) fn layout(&self, id: TableId) -> Result<Layout, TableError> {
        match self.directory.shape(id) {
            Some(shape) => Ok(Layout::from_label(shape.label())),
            None => Err(TableError::NoSuchTable),
        }
    }

    /// A way through the table, if the caller may read.
    pub(crate) fn walk(&self, id: TableId, caller: ProcessId) -> Result<Walk<'_>, TableError> {
        let layout = self.layout(id)?;
        self.directory
            .read(id, ANY_PART, |table| table.check_read(caller))
            .unwrap_or(Err(TableError::NoSuchTable))?;
        Ok(Walk {
            directory: &self.directory,
            hashing: self.hashing,
            id,
            caller,
            layout,
        })
    }

    /// Makes a table.
    ///
    /// # Errors
    /// `NameTaken`, `Limit`, `BadArgument` for a key position above [`MOST_KEY_POSITION`], or the fault of name or data.
    pub fn create(&self, options: TableOptions<'_>) -> Result<TableId, TableError> {
        if options.key_position > MOST_KEY_POSITION {
            return Err(TableError::BadArgument { argument: 2 });
        }
        options.name.map(check_key).transpose()?;
        check_heir(&options.heir)?;
        let mut names = self.names.write();
        if options.name.is_some_and(|name| names.contains_key(name)) {
            return Err(TableError::NameTaken);
        }
        let table = Table {
            name: options.name.map(Box::from),
            access: options.access,
            owner: options.owner,
            heir: options.heir,
            rows: Rows::new(
                options.kind,
                options.key_position,
                self.hashing,
                Arena::new(Arc::clone(&self.memory)),
            ),
        };
        let layout = Layout::new(options.kind, options.key_position);
        let id = self
            .directory
            .insert(table, layout.label())
            .ok_or(TableError::Limit)?;
        if let Some(name) = options.name {
            names.insert(name.into(), id);
        }
        self.add_owned(&mut lock(&self.owners), options.owner, id);
        Ok(id)
    }

    /// The table with the name. O(1).
    pub fn whereis(&self, name: &[u8]) -> Option<TableId> {
        self.names.read().get(name).copied()
    }

    fn add_owned(&self, owners: &mut Owners, owner: ProcessId, id: TableId) {
        owners.entry(owner).or_default().push(id);
        self.owned.fetch_add(1, Ordering::Relaxed);
    }

    fn remove_owned(&self, owners: &mut Owners, owner: ProcessId, id: TableId) {
        let Some(tables) = owners.get_mut(&owner) else {
            return;
        };
        let Some(at) = tables.iter().position(|table| *table == id) else {
            return;
        };
        tables.swap_remove(at);
        if tables.is_empty() {
            owners.remove(&owner);
        }
        self.owned.fetch_sub(1, Ordering::Relaxed);
    }

    /// Deletes a table. Returns how many rows wait for [`reclaim`](Tables::reclaim).
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`.
    pub fn drop_table(&self, id: TableId, caller: ProcessId) -> Result<usize, TableError> {
        self.drop_if(id, |table| table.check_write(caller))
    }

    fn drop_if(
        &self,
        id: TableId,
        check: impl FnOnce(&Table) -> Result<(), TableError>,
    ) -> Result<usize, TableError> {
        let mut names = self.names.write();
        let removed = self.directory.remove(id, check);
        let parts = removed.unwrap_or(Err(TableError::NoSuchTable))?;
        if let Some(first) = parts.first() {
            if let Some(name) = &first.name {
                names.remove(name);
            }
            self.remove_owned(&mut lock(&self.owners), first.owner, id);
        }
        drop(names);
        Ok(self.let_go(parts.into_iter().map(|part| part.rows).collect()))
    }

    /// Frees a few rows, or keeps many for later; returns how many were kept.
    pub(crate) fn let_go(&self, parts: Vec<Rows>) -> usize {
        let left = parts.iter().map(Rows::len).sum();
        if left <= FREED_AT_ONCE {
            return 0;
        }
        lock(&self.remains).extend(parts);
        left
    }

    /// Frees up to `limit` rows of tables deleted before; true while there are more.
    pub fn reclaim(&self, mut limit: usize) -> bool {
        loop {
            // Out of the lock while freeing, so that exits elsewhere do not wait.
            let Some(mut rows) = lock(&self.remains).pop() else {
                return false;
            };
            limit -= rows.free_some(limit);
            if rows.len() > 0 {
                lock(&self.remains).push(rows);
                return true;
            }
        }
    }

    /// Hands the tables of a process that exits to their heirs, as far as these are alive, and deletes the others.
    /// O(its tables); a table's rows are freed by [`reclaim`](Tables::reclaim) if they are many.
    pub fn process_exited(
        &self,
        pid: ProcessId,
        is_alive: impl Fn(ProcessId) -> bool,
    ) -> Vec<Transfer> {
        if self.owned.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let (mut transfers, mut orphans) = (Vec::new(), Vec::new());
        let mut owners = lock(&self.owners);
        let tables = owners.remove(&pid).unwrap_or_default();
        self.owned.fetch_sub(tables.len(), Ordering::Relaxed);
        for id in tables {
            match self.inherit(id, pid, &is_alive) {
                Some(transfer) => {
                    self.add_owned(&mut owners, transfer.to, id);
                    transfers.push(transfer);
                }
                None => orphans.push(id),
            }
        }
        drop(owners);
        for id in orphans {
            // Refused when somebody else has deleted it in between: no other can have become its owner.
            let _rows_waiting = self
                .drop_if(id, |table| table.check_owner(pid))
                .unwrap_or(0);
        }
        transfers
    }

    /// Makes the heir of a table its owner, if there is one.
    fn inherit(
        &self,
        id: TableId,
        from: ProcessId,
        is_alive: &impl Fn(ProcessId) -> bool,
    ) -> Option<Transfer> {
        let heir = self
            .directory
            .read(id, ANY_PART, |table| table.heir.clone());
        let heir = heir.flatten()?;
        if heir.pid == from || !is_alive(heir.pid) {
            return None;
        }
        let name = self.change_owner(id, from, heir.pid).ok()?;
        Some(Transfer {
            table: id,
            name,
            from,
            to: heir.pid,
            data: heir.data,
        })
    }

    /// Returns the name. The caller holds `owners`, and tells them.
    fn change_owner(
        &self,
        id: TableId,
        from: ProcessId,
        to: ProcessId,
    ) -> Result<Option<Box<[u8]>>, TableError> {
        self.change(id, |table| {
            table.first().check_owner(from)?;
            table.parts().for_each(|part| part.owner = to);
            Ok(table.first().name.clone())
        })
    }

    /// Makes a living process the owner; it is for the caller to tell it.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access` unless `caller` is the owner.
    pub fn give_away(
        &self,
        id: TableId,
        caller: ProcessId,
        to: ProcessId,
    ) -> Result<(), TableError> {
        let mut owners = lock(&self.owners);
        self.change_owner(id, caller, to)?;
        self.remove_owned(&mut owners, caller, id);
        self.add_owned(&mut owners, to, id);
        Ok(())
    }

    /// Sets or clears the heir.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access` unless `caller` is the owner, or the fault of the data.
    pub fn set_heir(
        &self,
        id: TableId,
        caller: ProcessId,
        heir: Option<Heir>,
    ) -> Result<(), TableError> {
        check_heir(&heir)?;
        self.change(id, |table| {
            table.first().check_owner(caller)?;
            table.first().heir = heir;
            Ok(())
        })
    }

    /// Changes or takes away the name.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, `NameTaken`, or the fault of the name.
    pub fn rename(
        &self,
        id: TableId,
        caller: ProcessId,
        name: Option<&[u8]>,
    ) -> Result<(), TableError> {
        name.map(check_key).transpose()?;
        let mut names = self.names.write();
        if name
            .and_then(|name| names.get(name))
            .is_some_and(|holder| *holder != id)
        {
            return Err(TableError::NameTaken);
        }
        let old = self.write_whole(id, caller, |table| {
            Ok(std::mem::replace(
                &mut table.first().name,
                name.map(Box::from),
            ))
        })?;
        if let Some(old) = old {
            names.remove(&old);
        }
        if let Some(name) = name {
            names.insert(name.into(), id);
        }
        Ok(())
    }

    /// What the table is. Everybody may ask. O(1), in an ordered_set O(its nodes) for their memory. While others write, size and
    /// memory of a large table are sums of what its parts were one after the other.
    ///
    /// # Errors
    /// `NoSuchTable`.
    pub fn info(&self, id: TableId) -> Result<TableInfo, TableError> {
        loop {
            let shape = self.directory.shape(id).ok_or(TableError::NoSuchTable)?;
            let look = |table: &Table| (table.info(), table.rows.row_bytes());
            let first = self.directory.read_part(id, shape, 0, look);
            let Some((mut info, mut row_bytes)) = first else {
                // Gone, or divided just now.
                continue;
            };
            for number in shape.other_parts() {
                let part = self.directory.read_part(id, shape, number, look);
                let (part, bytes) = part.ok_or(TableError::NoSuchTable)?;
                info.size += part.size;
                info.memory += part.memory;
                row_bytes += bytes;
            }
            // Rows that came to a later part and went from an earlier one meanwhile may be missing.
            info.memory += usize::try_from(row_bytes).unwrap_or(0);
            return Ok(info);
        }
    }

    /// Ids of all tables.
    pub fn all(&self) -> Vec<TableId> {
        self.directory.ids()
    }

    /// Number of tables.
    pub fn count(&self) -> usize {
        self.directory.len()
    }
}

fn check_heir(heir: &Option<Heir>) -> Result<(), TableError> {
    if let Some(heir) = heir {
        let end = term::validate(&heir.data, 0, Form::Any)?;
        crate::table::check_end(&heir.data, end)?;
    }
    Ok(())
}
