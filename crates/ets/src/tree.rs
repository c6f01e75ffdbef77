//! The ordered index under ordered_set tables.
//!
//! A B-tree (Bayer and McCreight, "Organization and maintenance of large ordered indexes", Acta Informatica 1972) of
//! wide nodes. Beside each row's address a node keeps eight order-preserving bytes of its key (`term::order_prefix`;
//! Graefe and Larson, "B-tree indexes and CPU caches", ICDE 2001), so that a search reads nodes, and rows only where
//! prefixes are equal. Rows stand in inner nodes too: there are no separators to keep alive after their row is gone.
//!
//! Invariants: within a node entries ascend; an inner node has one child more than entries; all leaves are at the same
//! depth. A node splits when full: in the middle, or next to the end when the new entry comes first or
//! last, so that ascending keys fill nodes to the brim. A node that a removal leaves with fewer than `FEW` entries borrows from a
//! neighbour or joins it; nodes made small by splitting at the end are left alone.

use std::{cmp::Ordering, ops::ControlFlow};

use crate::{
    row::{Row, key_of},
    term,
};

const CAPACITY: usize = 32;
/// Prefixes in a cache line.
const LINE: usize = 8;
const FEW: usize = 8;
const JOINED: usize = 24;

struct Node {
    length: usize,
    prefixes: [u64; CAPACITY],
    rows: [Row; CAPACITY],
    /// Empty in leaves.
    #[expect(
        clippy::vec_box,
        reason = "a node is half a kilobyte: children move as pointers"
    )]
    children: Vec<Box<Node>>,
}

/// What a search looks for: a key with its prefix.
#[derive(Clone, Copy)]
pub(crate) struct Probe<'a> {
    prefix: u64,
    key: &'a [u8],
    key_position: usize,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(prefix: u64, key: &'a [u8], key_position: usize) -> Probe<'a> {
        Probe {
            prefix,
            key,
            key_position,
        }
    }

    /// How the row's key stands to the one looked for.
    fn order_of(&self, row: Row) -> Ordering {
        // SAFETY: rows in a tree are alive, and only written to through a mutable borrow of their store.
        let bytes = unsafe { row.bytes() };
        term::compare(key_of(bytes, self.key_position), self.key)
    }
}

/// See the module.
pub(crate) struct Tree {
    root: Box<Node>,
    entries: usize,
}

/// An entry and the node right of it, on their way up after a split.
type Split = Option<(u64, Row, Box<Node>)>;

impl Node {
    fn new() -> Box<Node> {
        Box::new(Node {
            length: 0,
            prefixes: [0; CAPACITY],
            rows: [Row::from_payload(0); CAPACITY],
            children: Vec::new(),
        })
    }

    /// The place of the key: of the entry that has it, or where it belongs.
    #[inline]
    fn search(&self, probe: &Probe<'_>) -> Result<usize, usize> {
        let prefixes = &self.prefixes[..self.length];
        let less = |at: usize| {
            usize::from(
                prefixes
                    .get(at)
                    .is_some_and(|prefix| *prefix < probe.prefix),
            )
        };
        // Counting, first whole lines and then within one, reads all lines of the node at once; a binary search would
        // wait for one after the other.
        let line = LINE
            * (LINE - 1..CAPACITY - 1)
                .step_by(LINE)
                .map(less)
                .sum::<usize>();
        let mut low = line + (line..line + LINE).map(less).sum::<usize>();
        let mut high = low;
        while high < self.length && prefixes[high] == probe.prefix {
            high += 1;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match probe.order_of(self.rows[middle]) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    fn put(&mut self, at: usize, prefix: u64, row: Row) {
        self.prefixes.copy_within(at..self.length, at + 1);
        self.rows.copy_within(at..self.length, at + 1);
        self.prefixes[at] = prefix;
        self.rows[at] = row;
        self.length += 1;
    }

    fn take(&mut self, at: usize) -> (u64, Row) {
        let taken = (self.prefixes[at], self.rows[at]);
        self.prefixes.copy_within(at + 1..self.length, at);
        self.rows.copy_within(at + 1..self.length, at);
        self.length -= 1;
        taken
    }

    fn append_from(&mut self, other: &Node, from: usize) {
        let count = other.length - from;
        self.prefixes[self.length..self.length + count]
            .copy_from_slice(&other.prefixes[from..other.length]);
        self.rows[self.length..self.length + count]
            .copy_from_slice(&other.rows[from..other.length]);
        self.length += count;
    }

    /// Puts an entry, and the node right of it unless this is a leaf, at a place; splits if there is no room.
    fn put_or_split(
        &mut self,
        at: usize,
        prefix: u64,
        row: Row,
        right: Option<Box<Node>>,
    ) -> Split {
        if self.length < CAPACITY {
            self.put(at, prefix, row);
            if let Some(child) = right {
                self.children.insert(at + 1, child);
            }
            return None;
        }
        let middle = match at {
            CAPACITY => CAPACITY - 1,
            0 => 1,
            _ => CAPACITY / 2,
        };
        let mut sibling = Node::new();
        sibling.append_from(self, middle + 1);
        if !self.children.is_empty() {
            sibling.children = self.children.split_off(middle + 1);
        }
        let up = (self.prefixes[middle], self.rows[middle]);
        self.length = middle;
        let (node, at) = if at <= middle {
            (self, at)
        } else {
            (&mut *sibling, at - middle - 1)
        };
        node.put(at, prefix, row);
        if let Some(child) = right {
            node.children.insert(at + 1, child);
        }
        Some((up.0, up.1, sibling))
    }

    fn insert(&mut self, probe: &Probe<'_>, row: Row) -> Result<Split, Row> {
        match self.search(probe) {
            Ok(at) => Err(std::mem::replace(&mut self.rows[at], row)),
            Err(at) if self.children.is_empty() => {
                Ok(self.put_or_split(at, probe.prefix, row, None))
            }
            Err(at) => match self.children[at].insert(probe, row)? {
                Some((prefix, row, right)) => Ok(self.put_or_split(at, prefix, row, Some(right))),
                None => Ok(None),
            },
        }
    }

    fn remove(&mut self, probe: &Probe<'_>) -> Option<Row> {
        match self.search(probe) {
            Ok(at) if self.children.is_empty() => Some(self.take(at).1),
            Ok(at) => {
                let removed = self.rows[at];
                // The greatest entry of the left subtree takes its place; an empty subtree cannot be: all leaves have
                // entries except the one of an empty tree.
                let (prefix, row) = self.children[at].remove_last()?;
                self.prefixes[at] = prefix;
                self.rows[at] = row;
                self.mend(at);
                Some(removed)
            }
            Err(_) if self.children.is_empty() => None,
            Err(at) => {
                let removed = self.children[at].remove(probe);
                if removed.is_some() {
                    self.mend(at);
                }
                removed
            }
        }
    }

    fn remove_last(&mut self) -> Option<(u64, Row)> {
        if self.children.is_empty() {
            return self.length.checked_sub(1).map(|last| self.take(last));
        }
        let last = self.length;
        let taken = self.children[last].remove_last();
        self.mend(last);
        taken
    }

    /// Fills up child `at`, if a removal left it with few entries, from a neighbour or by joining the two.
    fn mend(&mut self, at: usize) {
        if self.children[at].length >= FEW {
            return;
        }
        let left = at.saturating_sub(1);
        if self.children[left].length + self.children[left + 1].length < JOINED {
            self.join(left);
        } else if left < at {
            self.borrow_from_left(at);
        } else {
            self.borrow_from_right(at);
        }
    }

    fn join(&mut self, left: usize) {
        let mut right = self.children.remove(left + 1);
        let (prefix, row) = self.take(left);
        let node = &mut self.children[left];
        node.put(node.length, prefix, row);
        node.append_from(&right, 0);
        node.children.append(&mut right.children);
    }

    fn borrow_from_left(&mut self, at: usize) {
        let neighbour = &mut self.children[at - 1];
        let (prefix, row) = neighbour.take(neighbour.length - 1);
        let child = neighbour.children.pop();
        let (prefix, row) = (
            std::mem::replace(&mut self.prefixes[at - 1], prefix),
            std::mem::replace(&mut self.rows[at - 1], row),
        );
        let node = &mut self.children[at];
        node.put(0, prefix, row);
        node.children.splice(0..0, child);
    }

    fn borrow_from_right(&mut self, at: usize) {
        let neighbour = &mut self.children[at + 1];
        let (prefix, row) = neighbour.take(0);
        let child = if neighbour.children.is_empty() {
            None
        } else {
            Some(neighbour.children.remove(0))
        };
        let (prefix, row) = (
            std::mem::replace(&mut self.prefixes[at], prefix),
            std::mem::replace(&mut self.rows[at], row),
        );
        let node = &mut self.children[at];
        node.put(node.length, prefix, row);
        node.children.extend(child);
    }

    fn ascend(
        &self,
        from: Option<&Probe<'_>>,
        visit: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (start, below) = match from.map(|probe| self.search(probe)) {
            None => (0, None),
            Some(Ok(at)) => (at, None),
            Some(Err(at)) => (at, from),
        };
        // With the key itself at `start`, everything under the child before it is smaller.
        let exact = from.is_some() && below.is_none();
        if !self.children.is_empty() && !exact {
            self.children[start].ascend(below, visit)?;
        }
        for at in start..self.length {
            visit(self.rows[at])?;
            if let Some(child) = self.children.get(at + 1) {
                child.ascend(None, visit)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn descend(
        &self,
        from: Option<&Probe<'_>>,
        visit: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (end, below, exact) = match from.map(|probe| self.search(probe)) {
            None => (self.length, None, false),
            Some(Ok(at)) => (at + 1, None, true),
            Some(Err(at)) => (at, from, false),
        };
        if !self.children.is_empty() && !exact {
            self.children[end].descend(below, visit)?;
        }
        for at in (0..end).rev() {
            visit(self.rows[at])?;
            if let Some(child) = self.children.get(at) {
                child.descend(None, visit)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn count_nodes(&self) -> (usize, usize) {
        let mut counts = (1, usize::from(!self.children.is_empty()));
        for child in &self.children {
            let (nodes, inner) = child.count_nodes();
            counts = (counts.0 + nodes, counts.1 + inner);
        }
        counts
    }
}

impl Tree {
    pub(crate) fn new() -> Tree {
        Tree {
            root: Node::new(),
            entries: 0,
        }
    }

    /// Rows in the tree.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// The row with the key. O(log n), reading about one row.
    #[inline]
    pub(crate) fn find(&self, probe: &Probe<'_>) -> Option<Row> {
        let mut node = &self.root;
        loop {
            match node.search(probe) {
                Ok(at) => return Some(node.rows[at]),
                Err(at) => node = node.children.get(at)?,
            }
        }
    }

    /// Puts a row under the key and returns the one it replaces. O(log n).
    pub(crate) fn insert(&mut self, probe: &Probe<'_>, row: Row) -> Option<Row> {
        match self.root.insert(probe, row) {
            Err(replaced) => return Some(replaced),
            Ok(None) => {}
            Ok(Some((prefix, row, right))) => {
                let left = std::mem::replace(&mut self.root, Node::new());
                self.root.put(0, prefix, row);
                self.root.children.extend([left, right]);
            }
        }
        self.entries += 1;
        None
    }

    /// Takes the row with the key out. O(log n).
    pub(crate) fn remove(&mut self, probe: &Probe<'_>) -> Option<Row> {
        let removed = self.root.remove(probe)?;
        self.removed_one();
        Some(removed)
    }

    /// Takes the last row out. O(log n).
    pub(crate) fn pop(&mut self) -> Option<Row> {
        let (_, row) = self.root.remove_last()?;
        self.removed_one();
        Some(row)
    }

    fn removed_one(&mut self) {
        self.entries -= 1;
        if self.root.length == 0
            && let Some(child) = self.root.children.pop()
        {
            self.root = child;
        }
    }

    /// Visits rows in ascending order, from the first that is not before `from`. O(log n) to the first row.
    pub(crate) fn ascend(
        &self,
        from: Option<&Probe<'_>>,
        visit: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) {
        let _stopped_or_done = self.root.ascend(from, visit);
    }

    /// Visits rows in descending order, from the last that is not after `from`. O(log n) to the first row.
    pub(crate) fn descend(
        &self,
        from: Option<&Probe<'_>>,
        visit: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) {
        let _stopped_or_done = self.root.descend(from, visit);
    }

    /// Bytes the nodes take. O(nodes).
    pub(crate) fn memory(&self) -> usize {
        let (nodes, inner) = self.root.count_nodes();
        nodes * size_of::<Node>() + inner * CAPACITY * size_of::<Box<Node>>()
    }
}
