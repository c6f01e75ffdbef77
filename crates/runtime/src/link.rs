//! Links: one record per linked pair, on the list of both processes and in an index by pair.

use crate::Domain;
use crate::slab::NIL;

/// A link between the processes at two indexes, `ends[0] < ends[1]`. `previous[i]` and `next[i]` link the list of
/// `ends[i]`.
pub struct Link {
    pub(crate) ends: [u32; 2],
    pub(crate) previous: [u32; 2],
    pub(crate) next: [u32; 2],
}

fn pair(one: u32, other: u32) -> [u32; 2] {
    if one < other {
        [one, other]
    } else {
        [other, one]
    }
}

impl Link {
    pub(crate) fn side(&self, index: u32) -> usize {
        usize::from(self.ends[1] == index)
    }

    /// The process at the other end.
    pub fn other(&self, index: u32) -> u32 {
        self.ends[1 - self.side(index)]
    }
}

impl Domain {
    /// Links two live processes; nothing happens if they are linked. O(1).
    pub(crate) fn add_link(&mut self, one: u32, other: u32) {
        let ends = pair(one, other);
        if one == other || self.link_index.contains_key(&ends) {
            return;
        }
        let next = ends.map(|end| self.table.entry(end).links);
        let record = self.links.insert(Link {
            ends,
            previous: [NIL; 2],
            next,
        });
        for (end, next) in ends.into_iter().zip(next) {
            if next != NIL {
                let link = &mut self.links[next];
                let side = link.side(end);
                link.previous[side] = record;
            }
            self.table.entry(end).links = record;
        }
        self.link_index.insert(ends, record);
    }

    /// Removes the link between two processes, if there is one. O(1).
    pub(crate) fn remove_link(&mut self, one: u32, other: u32) -> bool {
        let Some(record) = self.link_index.remove(&pair(one, other)) else {
            return false;
        };
        let Link {
            ends,
            previous,
            next,
        } = self.links.remove(record);
        for side in 0..2 {
            let end = ends[side];
            if previous[side] == NIL {
                self.table.entry(end).links = next[side];
            } else {
                let link = &mut self.links[previous[side]];
                let of_end = link.side(end);
                link.next[of_end] = next[side];
            }
            if next[side] != NIL {
                let link = &mut self.links[next[side]];
                let of_end = link.side(end);
                link.previous[of_end] = previous[side];
            }
        }
        true
    }

    /// Indexes of the processes linked with the one at `index`, newest link first.
    pub(crate) fn linked_with(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let mut record = self.table.peek(index).links;
        std::iter::from_fn(move || {
            if record == NIL {
                return None;
            }
            let link = &self.links[record];
            record = link.next[link.side(index)];
            Some(link.other(index))
        })
    }
}
