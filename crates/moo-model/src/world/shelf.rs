//! A persistent array of shared items: what a root keeps its objects in.
//!
//! Invariant: a copy shares everything with its original, and an edit of one is not seen in the other; what an edit
//! copies is one node of [`WIDTH`] places for each level. Nodes are small because each place of a copied node is a
//! count that is raised, and lowered again when the older copy goes, by whatever core commits.

use triomphe::Arc;

const WIDTH_BITS: u32 = 4;
/// How many places a node has.
const WIDTH: usize = 1 << WIDTH_BITS;

enum Node<T> {
    Inner([Option<Arc<Node<T>>>; WIDTH]),
    Leaf([Option<Arc<T>>; WIDTH]),
}

impl<T> Node<T> {
    /// An empty node so many levels above the leaves.
    fn empty(level: u32) -> Arc<Node<T>> {
        Arc::new(if level == 0 {
            Node::Leaf(std::array::from_fn(|_| None))
        } else {
            Node::Inner(std::array::from_fn(|_| None))
        })
    }
}

impl<T> Clone for Node<T> {
    fn clone(&self) -> Node<T> {
        match self {
            Node::Inner(nodes) => Node::Inner(nodes.clone()),
            Node::Leaf(items) => Node::Leaf(items.clone()),
        }
    }
}

/// The array. Its places are empty, or hold a shared item.
pub struct Shelf<T> {
    top: Arc<Node<T>>,
    /// How many levels the top is above the leaves.
    height: u32,
    len: usize,
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Shelf<T> {
        Shelf {
            top: self.top.clone(),
            height: self.height,
            len: self.len,
        }
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf {
            top: Node::empty(0),
            height: 0,
            len: 0,
        }
    }
}

/// Which place of a node at this level leads to an index.
fn turn(index: usize, level: u32) -> usize {
    (index >> (level * WIDTH_BITS)) % WIDTH
}

impl<T> Shelf<T> {
    /// How many places there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no place at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item at a place; `None` also past the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&Arc<T>> {
        if index >= self.len {
            return None;
        }
        let (mut node, mut level) = (&self.top, self.height);
        loop {
            match &**node {
                Node::Inner(nodes) => node = nodes[turn(index, level)].as_ref()?,
                Node::Leaf(items) => return items[turn(index, 0)].as_ref(),
            }
            level -= 1;
        }
    }

    /// Puts an item at a place, or empties it.
    ///
    /// # Panics
    /// Past the end.
    pub fn set(&mut self, index: usize, item: Option<Arc<T>>) {
        assert!(index < self.len, "an item is put at a place that there is");
        let (mut node, mut level) = (&mut self.top, self.height);
        loop {
            match Arc::make_mut(node) {
                Node::Inner(nodes) => {
                    level -= 1;
                    node = nodes[turn(index, level + 1)].get_or_insert_with(|| Node::empty(level));
                }
                Node::Leaf(items) => {
                    items[turn(index, 0)] = item;
                    return;
                }
            }
        }
    }

    /// Adds empty places at the end, or takes places away there with what is in them.
    pub fn resize(&mut self, len: usize) {
        for index in len..self.len {
            if self.get(index).is_some() {
                self.set(index, None);
            }
        }
        while len > WIDTH << (self.height * WIDTH_BITS) {
            self.height += 1;
            let mut nodes = std::array::from_fn(|_| None);
            nodes[0] = Some(self.top.clone());
            self.top = Arc::new(Node::Inner(nodes));
        }
        self.len = len;
    }

    /// Every place in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&Arc<T>>> {
        (0..self.len).map(|index| self.get(index))
    }
}

impl<T> FromIterator<Option<Arc<T>>> for Shelf<T> {
    fn from_iter<I: IntoIterator<Item = Option<Arc<T>>>>(items: I) -> Shelf<T> {
        let mut shelf = Shelf::default();
        for item in items {
            shelf.resize(shelf.len + 1);
            if item.is_some() {
                shelf.set(shelf.len - 1, item);
            }
        }
        shelf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(shelf: &Shelf<usize>) -> Vec<Option<usize>> {
        shelf.iter().map(|item| item.map(|item| **item)).collect()
    }

    #[test]
    fn it_is_an_array_whose_copies_go_their_own_ways() {
        let mut random = 88_172_645_463_325_252u64;
        let mut below = |limit: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % limit as u64) as usize
        };
        let mut shelves: Vec<(Shelf<usize>, Vec<Option<usize>>)> = vec![Default::default()];
        for step in 0..4_000 {
            let at = below(shelves.len());
            let (mut shelf, mut model) = shelves[at].clone();
            match below(4) {
                0 => {
                    let len = below(20_000);
                    shelf.resize(len);
                    model.resize(len, None);
                }
                _ if !model.is_empty() => {
                    let index = below(model.len());
                    let item = (below(4) > 0).then_some(step);
                    shelf.set(index, item.map(Arc::new));
                    model[index] = item;
                }
                _ => {}
            }
            let to = if shelves.len() < 6 {
                shelves.len()
            } else {
                below(6)
            };
            shelves.insert(to, (shelf, model));
            shelves.truncate(6);
            if step % 100 == 0 {
                shelves
                    .iter()
                    .for_each(|(shelf, model)| assert_eq!(contents(shelf), *model));
            }
        }
        assert!(
            shelves
                .iter()
                .any(|(_, model)| model.len() > WIDTH * WIDTH * WIDTH)
        );
    }

    #[test]
    fn a_collected_one_holds_what_it_was_made_of() {
        let model: Vec<Option<usize>> = (0..1_000).map(|n| (n % 3 > 0).then_some(n)).collect();
        let shelf: Shelf<usize> = model.iter().map(|item| item.map(Arc::new)).collect();
        assert_eq!(contents(&shelf), model);
        assert!(shelf.get(1_000).is_none() && Shelf::<usize>::default().is_empty());
    }
}
