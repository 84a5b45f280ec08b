//! [`Properties`] of an object.

use std::collections::HashMap;

use super::document::Node;

/// Properties in their order, found by their names.
#[derive(Debug, Default)]
pub(super) struct Properties<'a> {
    order: Vec<(&'a str, Vec<Node<'a>>)>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Properties<'a> {
    /// Adds a schema of a property.
    pub(super) fn add(&mut self, name: &'a str, node: Node<'a>) {
        let next = self.order.len();
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.order.push((name, Vec::new()));
        }
        self.order[number].1.push(node);
    }

    /// Returns them in their order, each with all schemas of its value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &[Node<'a>])> {
        self.order
            .iter()
            .map(|(name, nodes)| (*name, nodes.as_slice()))
    }

    /// Returns the schemas of a property.
    pub(super) fn get(&self, name: &str) -> Option<&[Node<'a>]> {
        let number = *self.numbers.get(name)?;
        Some(&self.order[number].1)
    }
}
