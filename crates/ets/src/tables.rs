//! All tables: ids, names, owners, and what becomes of a table when its owner exits.
//!
//! Locks, in the order in which they are taken: names, owners, then one table. A table's lock is never held while another is
//! taken. Readers of one table share its lock; readers of different tables share nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    Heir, Id, ProcessId, RowMemory, TableError, TableInfo, TableOptions,
    arena::Arena,
    directory::{Directory, lock},
    rows::Rows,
    table::{Table, check_key},
    term::{self, Form},
};

/// Names a table for ever.
pub type TableId = Id;

/// Rows that deleting a table frees at once; those of larger tables wait for [`Tables::reclaim`].
pub const FREED_AT_ONCE: usize = 1_000;
/// Largest key position.
pub const MOST_KEY_POSITION: usize = 65_535;

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
    directory: Directory<Table>,
    names: RwLock<Names>,
    owners: Mutex<HashMap<ProcessId, Vec<TableId>>>,
    /// Tables with an owner in `owners`. Only a hint that spares exits of processes without tables the lock; a process
    /// exits after its own creations, which is all the order needed.
    owned: AtomicUsize,
    /// Rows of deleted tables, to be freed bit by bit.
    remains: Mutex<Vec<Rows>>,
}

impl Tables {
    /// No tables; rows will lie in `memory`.
    pub fn new(memory: Arc<dyn RowMemory>) -> Tables {
        Tables {
            memory,
            directory: Directory::new(),
            names: RwLock::default(),
            owners: Mutex::default(),
            owned: AtomicUsize::new(0),
            remains: Mutex::default(),
        }
    }

    fn names(&self) -> RwLockWriteGuard<'_, Names> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `using` together with other readers, if the caller may read.
    #[inline]
    pub(crate) fn read<R>(
        &self,
        id: TableId,
        caller: ProcessId,
        using: impl FnOnce(&Table) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        let result = self.directory.read(id, |table| {
            table.check_read(caller).and_then(|()| using(table))
        });
        result.unwrap_or(Err(TableError::NoSuchTable))
    }

    /// Runs `using` alone, if the caller may write.
    #[inline]
    pub(crate) fn write<R>(
        &self,
        id: TableId,
        caller: ProcessId,
        using: impl FnOnce(&mut Table) -> Result<R, TableError>,
    ) -> Result<R, TableError> {
        let result = self.directory.write(id, |table| {
            table.check_write(caller).and_then(|()| using(table))
        });
        result.unwrap_or(Err(TableError::NoSuchTable))
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
        let mut names = self.names();
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
                Arena::new(Arc::clone(&self.memory)),
            ),
        };
        let id = self.directory.insert(table).ok_or(TableError::Limit)?;
        if let Some(name) = options.name {
            names.insert(name.into(), id);
        }
        self.add_to_owner(options.owner, id);
        Ok(id)
    }

    /// The table with the name. O(1).
    pub fn whereis(&self, name: &[u8]) -> Option<TableId> {
        self.names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied()
    }

    fn add_to_owner(&self, owner: ProcessId, id: TableId) {
        lock(&self.owners).entry(owner).or_default().push(id);
        self.owned.fetch_add(1, Ordering::Relaxed);
    }

    fn remove_from_owner(&self, owner: ProcessId, id: TableId) {
        let mut owners = lock(&self.owners);
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
        let mut names = self.names();
        let allowed = self.directory.read(id, |table| table.check_write(caller));
        allowed.unwrap_or(Err(TableError::NoSuchTable))?;
        let table = self.directory.remove(id).ok_or(TableError::NoSuchTable)?;
        if let Some(name) = &table.name {
            names.remove(name);
        }
        drop(names);
        self.remove_from_owner(table.owner, id);
        Ok(self.let_go(table.rows))
    }

    /// Frees a few rows, or keeps many for later; returns how many were kept.
    pub(crate) fn let_go(&self, rows: Rows) -> usize {
        let left = rows.len();
        if left <= FREED_AT_ONCE {
            return 0;
        }
        lock(&self.remains).push(rows);
        left
    }

    /// Frees up to `limit` rows of tables deleted before; true while there are more.
    pub fn reclaim(&self, limit: usize) -> bool {
        // Out of the lock while freeing, so that exits elsewhere do not wait.
        let Some(mut rows) = lock(&self.remains).pop() else {
            return false;
        };
        if rows.free_some(limit) {
            lock(&self.remains).push(rows);
            return true;
        }
        !lock(&self.remains).is_empty()
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
        let tables = lock(&self.owners).get(&pid).cloned().unwrap_or_default();
        tables
            .into_iter()
            .filter_map(|id| self.inherit_or_drop(id, pid, &is_alive))
            .collect()
    }

    fn inherit_or_drop(
        &self,
        id: TableId,
        from: ProcessId,
        is_alive: &impl Fn(ProcessId) -> bool,
    ) -> Option<Transfer> {
        let heir = self
            .directory
            .read(id, |table| table.heir.clone())
            .flatten();
        match heir.filter(|heir| heir.pid != from && is_alive(heir.pid)) {
            Some(Heir { pid: to, data }) => {
                let name = self.change_owner(id, from, to).ok()?;
                Some(Transfer {
                    table: id,
                    name,
                    from,
                    to,
                    data,
                })
            }
            None => {
                // The owner may always delete; that the table is gone already is all that could go wrong.
                let _rows_waiting = self.drop_table(id, from).ok()?;
                None
            }
        }
    }

    fn change_owner(
        &self,
        id: TableId,
        from: ProcessId,
        to: ProcessId,
    ) -> Result<Option<Box<[u8]>>, TableError> {
        let changed = self.directory.write(id, |table| {
            table.check_owner(from)?;
            table.owner = to;
            Ok(table.name.clone())
        });
        let name = changed.unwrap_or(Err(TableError::NoSuchTable))?;
        self.remove_from_owner(from, id);
        self.add_to_owner(to, id);
        Ok(name)
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
        self.change_owner(id, caller, to).map(|_name| ())
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
        let set = self.directory.write(id, |table| {
            table.check_owner(caller)?;
            table.heir = heir;
            Ok(())
        });
        set.unwrap_or(Err(TableError::NoSuchTable))
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
        let mut names = self.names();
        if name
            .and_then(|name| names.get(name))
            .is_some_and(|holder| *holder != id)
        {
            return Err(TableError::NameTaken);
        }
        let old = self.write(id, caller, |table| {
            Ok(std::mem::replace(&mut table.name, name.map(Box::from)))
        })?;
        if let Some(old) = old {
            names.remove(&old);
        }
        if let Some(name) = name {
            names.insert(name.into(), id);
        }
        Ok(())
    }

    /// What the table is. Everybody may ask. O(1), in an ordered_set O(its nodes) for their memory.
    ///
    /// # Errors
    /// `NoSuchTable`.
    pub fn info(&self, id: TableId) -> Result<TableInfo, TableError> {
        self.directory
            .read(id, Table::info)
            .ok_or(TableError::NoSuchTable)
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
