//! An intrusive red-black tree: the nodes lie in the carriers and free blocks themselves, so the tree never allocates.
//!
//! Source: Cormen, Leiserson, Rivest, Stein, "Introduction to Algorithms", chapters 13 (red-black trees) and 14
//! (augmenting them), which OTP's `erl_ao_firstfit_alloc.c` builds on too.
//!
//! Invariants: a red node has black children; every path from a node down to a null child passes the same number of
//! black nodes; an augmented value depends on the node and its children only.

use std::marker::PhantomData;
use std::ptr;

/// What a tree needs in every element.
///
/// ```text
/// +-------------------------------+---+
/// | parent                        | R |   R: this node is red (nodes are 8-byte aligned)
/// +-------------------------------+---+
/// | child[LEFT]                       |
/// +-----------------------------------+
/// | child[RIGHT]                      |
/// +-----------------------------------+
/// ```
#[repr(C)]
pub(crate) struct Node {
    parent_and_colour: *mut Node,
    child: [*mut Node; 2],
}

const LEFT: usize = 0;
const RIGHT: usize = 1;
const RED: usize = 1;

/// How elements are ordered, and what is kept up to date about sub-trees.
pub(crate) trait Order {
    /// Whether `refresh` does anything.
    const AUGMENTED: bool;

    /// Whether `a` comes before `b`. A strict total order.
    ///
    /// # Safety
    /// Both are elements of the tree or about to be.
    unsafe fn before(a: *mut Node, b: *mut Node) -> bool;

    /// Computes the augmented value from the node and its children anew; whether it changed.
    ///
    /// # Safety
    /// The node is in the tree and its children's values are up to date.
    unsafe fn refresh(node: *mut Node) -> bool;
}

/// The root of a tree. Moving it is fine: no node points to it.
#[repr(transparent)]
pub(crate) struct Tree<O> {
    root: *mut Node,
    order: PhantomData<O>,
}

// Safety of everything below: the nodes of a tree live and are reached by nobody else; callers of the unsafe methods
// promise it for the node they bring.

#[inline]
unsafe fn parent(node: *mut Node) -> *mut Node {
    // SAFETY: see above.
    unsafe { (*node).parent_and_colour.map_addr(|address| address & !RED) }
}

#[inline]
unsafe fn set_parent(node: *mut Node, parent: *mut Node) {
    // SAFETY: see above.
    unsafe {
        let colour = (*node).parent_and_colour.addr() & RED;
        (*node).parent_and_colour = parent.map_addr(|address| address | colour);
    }
}

/// Null counts as black.
#[inline]
unsafe fn is_red(node: *mut Node) -> bool {
    // SAFETY: see above.
    !node.is_null() && unsafe { (*node).parent_and_colour.addr() & RED != 0 }
}

#[inline]
unsafe fn set_red(node: *mut Node, red: bool) {
    // SAFETY: see above.
    unsafe {
        (*node).parent_and_colour = (*node)
            .parent_and_colour
            .map_addr(|address| (address & !RED) | usize::from(red));
    }
}

#[inline]
unsafe fn child(node: *mut Node, side: usize) -> *mut Node {
    // SAFETY: see above.
    unsafe { (*node).child[side] }
}

/// The left child of a tree's node, null if there is none.
///
/// # Safety
/// The node is in a tree.
#[inline]
pub(crate) unsafe fn left(node: *mut Node) -> *mut Node {
    // SAFETY: see above.
    unsafe { child(node, LEFT) }
}

/// The right child of a tree's node, null if there is none.
///
/// # Safety
/// The node is in a tree.
#[inline]
pub(crate) unsafe fn right(node: *mut Node) -> *mut Node {
    // SAFETY: see above.
    unsafe { child(node, RIGHT) }
}

impl<O: Order> Tree<O> {
    pub(crate) const fn new() -> Tree<O> {
        Tree {
            root: ptr::null_mut(),
            order: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn root(&self) -> *mut Node {
        self.root
    }

    /// The element that no other comes after, null in an empty tree. O(log n).
    pub(crate) fn last(&self) -> *mut Node {
        let mut last = self.root;
        // SAFETY: walks nodes of the tree.
        while !last.is_null() && unsafe { !right(last).is_null() } {
            // SAFETY: as above.
            last = unsafe { right(last) };
        }
        last
    }

    /// Adds an element. O(log n).
    ///
    /// # Safety
    /// The node lives, is in no tree, and whatever [`Order`] reads is in place.
    pub(crate) unsafe fn insert(&mut self, node: *mut Node) {
        // SAFETY: promised by the caller.
        unsafe {
            let (mut above, mut side, mut current) = (ptr::null_mut(), LEFT, self.root);
            while !current.is_null() {
                above = current;
                side = if O::before(node, current) {
                    LEFT
                } else {
                    RIGHT
                };
                current = child(current, side);
            }
            node.write(Node {
                parent_and_colour: above.map_addr(|address| address | RED),
                child: [ptr::null_mut(); 2],
            });
            if above.is_null() {
                self.root = node;
            } else {
                (*above).child[side] = node;
            }
            if O::AUGMENTED {
                O::refresh(node);
                self.refresh_upwards(above);
            }
            self.mend_after_insert(node);
        }
    }

    /// Removes an element. O(log n).
    ///
    /// # Safety
    /// The node is in this tree.
    pub(crate) unsafe fn remove(&mut self, node: *mut Node) {
        // SAFETY: promised by the caller.
        unsafe {
            let (left, right) = (child(node, LEFT), child(node, RIGHT));
            // `hole` is what moved to where a node went missing, `above` the parent there.
            let (hole, above, lost_black);
            if left.is_null() || right.is_null() {
                hole = if left.is_null() { right } else { left };
                above = parent(node);
                lost_black = !is_red(node);
                self.replace(node, hole);
            } else {
                let mut heir = right;
                while !child(heir, LEFT).is_null() {
                    heir = child(heir, LEFT);
                }
                hole = child(heir, RIGHT);
                lost_black = !is_red(heir);
                if heir == right {
                    above = heir;
                } else {
                    above = parent(heir);
                    self.replace(heir, hole);
                    (*heir).child[RIGHT] = right;
                    set_parent(right, heir);
                }
                self.replace(node, heir);
                (*heir).child[LEFT] = left;
                set_parent(left, heir);
                set_red(heir, is_red(node));
            }
            if O::AUGMENTED {
                // To the very root: the heir's own value is stale even where nothing below it changed.
                let mut stale = above;
                while !stale.is_null() {
                    O::refresh(stale);
                    stale = parent(stale);
                }
            }
            if lost_black {
                self.mend_after_remove(hole, above);
            }
        }
    }

    /// Recomputes the augmented values from `node` towards the root, as long as they change.
    ///
    /// # Safety
    /// The node is in this tree or null.
    pub(crate) unsafe fn refresh_upwards(&mut self, mut node: *mut Node) {
        // SAFETY: promised by the caller.
        unsafe {
            while !node.is_null() && O::refresh(node) {
                node = parent(node);
            }
        }
    }

    /// Puts `new` (may be null) where `old` hangs. Children are not touched.
    unsafe fn replace(&mut self, old: *mut Node, new: *mut Node) {
        // SAFETY: see the top of the file.
        unsafe {
            let above = parent(old);
            if above.is_null() {
                self.root = new;
            } else {
                let side = usize::from(child(above, RIGHT) == old);
                (*above).child[side] = new;
            }
            if !new.is_null() {
                set_parent(new, above);
            }
        }
    }

    /// Moves `node` down to `side`; its child on the other side takes its place.
    unsafe fn rotate(&mut self, node: *mut Node, side: usize) {
        // SAFETY: see the top of the file; callers made sure of the child.
        unsafe {
            let rising = child(node, 1 - side);
            let middle = child(rising, side);
            self.replace(node, rising);
            (*node).child[1 - side] = middle;
            if !middle.is_null() {
                set_parent(middle, node);
            }
            (*rising).child[side] = node;
            set_parent(node, rising);
            if O::AUGMENTED {
                O::refresh(node);
                O::refresh(rising);
            }
        }
    }

    /// `node` is red; its parent may be too. Moves the red pair up until it can be parted.
    unsafe fn mend_after_insert(&mut self, mut node: *mut Node) {
        // SAFETY: see the top of the file. A red parent is never the root, so a grandparent exists.
        unsafe {
            while is_red(parent(node)) {
                let mut above = parent(node);
                let top = parent(above);
                let side = usize::from(child(top, RIGHT) == above);
                let uncle = child(top, 1 - side);
                if is_red(uncle) {
                    set_red(above, false);
                    set_red(uncle, false);
                    set_red(top, true);
                    node = top;
                    continue;
                }
                if child(above, side) != node {
                    self.rotate(above, side);
                    above = child(top, side);
                }
                set_red(above, false);
                set_red(top, true);
                self.rotate(top, 1 - side);
                break;
            }
            set_red(self.root, false);
        }
    }

    /// Paths through `hole` (may be null), a child of `above`, have one black node too few.
    unsafe fn mend_after_remove(&mut self, mut hole: *mut Node, mut above: *mut Node) {
        // SAFETY: see the top of the file. The sibling exists, for its side has the greater black height.
        unsafe {
            while hole != self.root && !is_red(hole) {
                let side = usize::from(child(above, RIGHT) == hole);
                let mut sibling = child(above, 1 - side);
                if is_red(sibling) {
                    set_red(sibling, false);
                    set_red(above, true);
                    self.rotate(above, side);
                    sibling = child(above, 1 - side);
                }
                let (near, far) = (child(sibling, side), child(sibling, 1 - side));
                if !is_red(near) && !is_red(far) {
                    set_red(sibling, true);
                    hole = above;
                    above = parent(above);
                    continue;
                }
                if !is_red(far) {
                    set_red(near, false);
                    set_red(sibling, true);
                    self.rotate(sibling, 1 - side);
                    sibling = near;
                }
                set_red(sibling, is_red(above));
                set_red(above, false);
                set_red(child(sibling, 1 - side), false);
                self.rotate(above, side);
                return;
            }
            if !hole.is_null() {
                set_red(hole, false);
            }
        }
    }

    /// Walks the whole tree in order, calling `visit` for each node, and panics where an invariant is broken.
    ///
    /// # Safety
    /// All nodes live.
    #[cfg(any(all(test, not(loom)), feature = "hard-checks"))]
    pub(crate) unsafe fn check(&self, visit: &mut dyn FnMut(*mut Node)) {
        // SAFETY: promised by the caller.
        unsafe {
            assert!(!is_red(self.root), "the root is black");
            let mut previous = ptr::null_mut();
            check_below::<O>(self.root, ptr::null_mut(), &mut previous, visit);
        }
    }
}

/// Returns the black height.
#[cfg(any(all(test, not(loom)), feature = "hard-checks"))]
unsafe fn check_below<O: Order>(
    node: *mut Node,
    above: *mut Node,
    previous: &mut *mut Node,
    visit: &mut dyn FnMut(*mut Node),
) -> usize {
    if node.is_null() {
        return 1;
    }
    // SAFETY: promised by the caller.
    unsafe {
        assert_eq!(parent(node), above, "a child knows its parent");
        assert!(
            !(is_red(node) && is_red(above)),
            "no red node has a red child"
        );
        let left_height = check_below::<O>(left(node), node, previous, visit);
        assert!(
            previous.is_null() || O::before(*previous, node),
            "nodes are in order"
        );
        *previous = node;
        visit(node);
        let right_height = check_below::<O>(right(node), node, previous, visit);
        assert_eq!(left_height, right_height, "black heights agree");
        assert!(
            !O::AUGMENTED || !O::refresh(node),
            "augmented values are up to date"
        );
        left_height + usize::from(!is_red(node))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[repr(C)]
    struct Item {
        node: Node,
        key: u32,
        largest: u32,
    }

    struct ByKey;

    impl Order for ByKey {
        const AUGMENTED: bool = true;

        unsafe fn before(a: *mut Node, b: *mut Node) -> bool {
            // SAFETY: every node is the start of an `Item`.
            unsafe { (*a.cast::<Item>()).key < (*b.cast::<Item>()).key }
        }

        unsafe fn refresh(node: *mut Node) -> bool {
            // SAFETY: as above.
            unsafe {
                let item = node.cast::<Item>();
                let largest = [left(node), right(node)]
                    .into_iter()
                    .filter(|child| !child.is_null())
                    .map(|child| (*child.cast::<Item>()).largest)
                    .fold((*item).key, u32::max);
                std::mem::replace(&mut (*item).largest, largest) != largest
            }
        }
    }

    fn item(key: u32) -> *mut Item {
        let node = Node {
            parent_and_colour: ptr::null_mut(),
            child: [ptr::null_mut(); 2],
        };
        Box::into_raw(Box::new(Item {
            node,
            key,
            largest: 0,
        }))
    }

    fn keys(tree: &Tree<ByKey>) -> Vec<u32> {
        let mut keys = Vec::new();
        // SAFETY: every node is the start of a living `Item`.
        unsafe { tree.check(&mut |node| keys.push((*node.cast::<Item>()).key)) };
        keys
    }

    fn run(operations: &[(bool, u32)]) {
        let mut tree = Tree::<ByKey>::new();
        let mut items = std::collections::BTreeMap::new();
        for &(add, key) in operations {
            if add && !items.contains_key(&key) {
                let new = item(key);
                // SAFETY: a fresh item.
                unsafe { tree.insert(new.cast()) };
                items.insert(key, new);
            } else if !add && let Some(old) = items.remove(&key) {
                // SAFETY: the item is in the tree, and freed once it is out.
                unsafe {
                    tree.remove(old.cast());
                    drop(Box::from_raw(old));
                }
            }
            assert_eq!(keys(&tree), items.keys().copied().collect::<Vec<_>>());
            let last = tree.last();
            // SAFETY: a node of the tree.
            let largest = (!last.is_null()).then(|| unsafe { (*last.cast::<Item>()).key });
            assert_eq!(largest, items.keys().next_back().copied());
        }
        for (_, left_over) in items {
            // SAFETY: the tree is not used any more.
            unsafe { drop(Box::from_raw(left_over)) };
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 200 }) })]
        #[test]
        fn holds_what_a_sorted_set_holds(operations in prop::collection::vec((any::<bool>(), 0u32..60), 0..250)) {
            run(&operations);
        }
    }

    #[test]
    fn stays_balanced_in_ascending_and_descending_order() {
        let count = if cfg!(miri) { 40 } else { 400 };
        let up = (0..count).map(|key| (true, key));
        let down = (0..count).rev().map(|key| (false, key));
        run(&up.chain(down).collect::<Vec<_>>());
        let keys: BTreeSet<u32> = (0..count).map(|key| key * 7919 % 1009).collect();
        run(&keys
            .iter()
            .flat_map(|&key| [(true, key), (false, key / 2)])
            .collect::<Vec<_>>());
    }
}
