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
    Bound, Chunk, CounterOp, Filter, Heir, Id, Page, ProcessId, Projection, Reply, RowMemory,
    TableError, TableInfo, TableOptions,
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

    #[inline]
    fn read<R>(
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

    #[inline]
    fn write<R>(
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
            rows: Rows::new(options.kind, options.key_position, Arc::clone(&self.memory)),
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
    fn let_go(&self, rows: Rows) -> usize {
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

    /// What the table is. Everybody may ask.
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

    /// Inserts `count` encoded rows that follow each other in `rows`, all or, on an error, none. A row takes the place of
    /// the one with its key.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, `BadTerm`, `BadRow`, `NotCanonical`, `OutOfMemory`.
    #[inline]
    pub fn insert(
        &self,
        id: TableId,
        caller: ProcessId,
        rows: &[u8],
        count: usize,
    ) -> Result<(), TableError> {
        self.write(id, caller, |table| table.insert(rows, count))
    }

    /// Like [`insert`](Tables::insert), but inserts nothing and returns false when one of the keys is there.
    ///
    /// # Errors
    /// As `insert`.
    pub fn insert_new(
        &self,
        id: TableId,
        caller: ProcessId,
        rows: &[u8],
        count: usize,
    ) -> Result<bool, TableError> {
        self.write(id, caller, |table| table.insert_new(rows, count))
    }

    /// Writes the row with the key; false when there is none.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, or the fault of the key.
    #[inline]
    pub fn lookup(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.read(id, caller, |table| table.lookup(key, reply))
    }

    /// Writes one element of the row with the key; false when there is no such row.
    ///
    /// # Errors
    /// As `lookup`, and `BadPosition`.
    pub fn lookup_element(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        position: usize,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.read(id, caller, |table| {
            table.lookup_element(key, position, reply)
        })
    }

    /// True when there is a row with the key.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn member(&self, id: TableId, caller: ProcessId, key: &[u8]) -> Result<bool, TableError> {
        self.read(id, caller, |table| table.member(key))
    }

    /// Writes the row with the key and deletes it; false when there is none.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn take(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.write(id, caller, |table| table.take(key, reply))
    }

    /// Deletes the row with the key; false when there is none.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn delete(&self, id: TableId, caller: ProcessId, key: &[u8]) -> Result<bool, TableError> {
        self.write(id, caller, |table| table.delete(key))
    }

    /// Deletes all rows. Returns how many there were, and how many of them wait for [`reclaim`](Tables::reclaim).
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`.
    pub fn delete_all(&self, id: TableId, caller: ProcessId) -> Result<(usize, usize), TableError> {
        let rows = self.write(id, caller, |table| Ok(table.rows.replace_with_empty()))?;
        Ok((rows.len(), self.let_go(rows)))
    }

    /// Adds to an integer element: `update_counter` with one step, faster. The new value is returned when it is a
    /// 32-bit integer and written otherwise.
    ///
    /// # Errors
    /// As [`update_counter`](Tables::update_counter).
    #[inline]
    pub fn counter_add(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        position: usize,
        increment: i32,
        reply: &mut Reply<'_>,
    ) -> Result<Option<i32>, TableError> {
        self.write(id, caller, |table| {
            table.counter_add(key, position, increment, reply)
        })
    }

    /// Applies steps to the row with the key, all or none, and writes each new value.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, `NoSuchKey` without row and default, `BadPosition`, `NotANumber`, `BadRow` for the default,
    /// or a fault of the terms.
    pub fn update_counter(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        ops: &[CounterOp<'_>],
        default: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<(), TableError> {
        self.write(id, caller, |table| {
            table.update_counter(key, ops, default, reply)
        })
    }

    /// Replaces elements of the row with the key, all or none; false when there is no such row.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, `BadPosition`, or a fault of the terms.
    pub fn update_element(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        changes: &[(usize, &[u8])],
    ) -> Result<bool, TableError> {
        self.write(id, caller, |table| table.update_element(key, changes))
    }

    /// Writes the first (or last) key; false when the table is empty.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`.
    pub fn end_key(
        &self,
        id: TableId,
        caller: ProcessId,
        last: bool,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.read(id, caller, |table| Ok(table.end_key(last, reply)))
    }

    /// Writes the key after (or before) `key`, which need not be there; false when there is none. O(log n) in an ordered_set,
    /// O(1) expected in a set, where "before" means the same as "after".
    ///
    /// # Errors
    /// As `lookup`.
    pub fn neighbour_key(
        &self,
        id: TableId,
        caller: ProcessId,
        key: &[u8],
        before: bool,
        reply: &mut Reply<'_>,
    ) -> Result<bool, TableError> {
        self.read(id, caller, |table| table.neighbour_key(key, before, reply))
    }

    /// Writes the next rows of the table.
    ///
    /// # Errors
    /// `NoSuchTable`, `Access`, or the fault of the continuation.
    pub fn chunk(
        &self,
        id: TableId,
        caller: ProcessId,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| table.rows_chunk(page, reply))
    }

    /// Writes the next rows between two keys of an ordered_set.
    ///
    /// # Errors
    /// As `chunk`, and `WrongKind`.
    pub fn range(
        &self,
        id: TableId,
        caller: ProcessId,
        from: Option<Bound<'_>>,
        to: Option<Bound<'_>>,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| table.range(from, to, page, reply))
    }

    /// Writes the next rows whose key begins with `prefix`.
    ///
    /// # Errors
    /// As `chunk`, and `BadTerm` for a prefix that is no string, array or bytes.
    pub fn prefix(
        &self,
        id: TableId,
        caller: ProcessId,
        prefix: &[u8],
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| table.prefix(prefix, page, reply))
    }

    /// Writes the next results of a selection.
    ///
    /// # Errors
    /// As `chunk`.
    pub fn select(
        &self,
        id: TableId,
        caller: ProcessId,
        filter: &Filter<'_>,
        projection: &Projection<'_>,
        page: Page<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| {
            table.select(filter, projection, page, reply)
        })
    }

    /// Counts the next rows that satisfy a filter; writes only the continuation.
    ///
    /// # Errors
    /// As `chunk`.
    pub fn select_count(
        &self,
        id: TableId,
        caller: ProcessId,
        filter: &Filter<'_>,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.read(id, caller, |table| {
            table.select_count(filter, continuation, reply)
        })
    }

    /// Deletes the next rows that satisfy a filter; writes only the continuation.
    ///
    /// # Errors
    /// As `chunk`.
    pub fn select_delete(
        &self,
        id: TableId,
        caller: ProcessId,
        filter: &Filter<'_>,
        continuation: Option<&[u8]>,
        reply: &mut Reply<'_>,
    ) -> Result<Chunk, TableError> {
        self.write(id, caller, |table| {
            table.select_delete(filter, continuation, reply)
        })
    }
}

fn check_heir(heir: &Option<Heir>) -> Result<(), TableError> {
    if let Some(heir) = heir {
        let end = term::validate(&heir.data, 0, Form::Any)?;
        crate::table::check_end(&heir.data, end)?;
    }
    Ok(())
}
