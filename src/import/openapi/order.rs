//! The order of the operations of a mix entry: what is created, is read before it is deleted.

use std::collections::HashMap;

/// Where an operation comes among others: for each part of its path the part's first place, and behind
/// them that of the operation itself.
type Key = Vec<(u8, usize)>;

/// Operations at a path come before those below it.
const BEFORE: u8 = 0;
const BELOW: u8 = 1;
/// What deletes something comes after all that is below it.
const AFTER: u8 = 2;

/// Returns the indices of operations, given as method and path, in the order in which they make sense:
/// those of the source, but with the paths below each other together, a `POST` before what
/// addresses one of the things that it creates, and a `DELETE` after everything else of its path.
pub(super) fn sensible(operations: &[(&str, &str)]) -> Vec<usize> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut keys: Vec<(Key, usize)> = Vec::new();
    for (index, (method, path)) in operations.iter().enumerate() {
        let mut key = Key::new();
        let mut prefix = String::new();
        for part in path.split('?').next().unwrap_or_default().split('/') {
            prefix.push('/');
            prefix.push_str(if part.starts_with('{') { "{}" } else { part });
            key.push((BELOW, *places.entry(prefix.clone()).or_insert(index)));
        }
        key.push(match *method {
            "POST" => (BEFORE, 0),
            "DELETE" => (AFTER, index),
            _ => (BEFORE, index + 1),
        });
        keys.push((key, index));
    }
    keys.sort();
    keys.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_is_read_before_it_is_deleted() {
        let operations = [
            ("GET", "/stores"),
            ("DELETE", "/pets"),
            ("GET", "/pets/{id}"),
            ("DELETE", "/pets/{id}"),
            ("GET", "/pets"),
            ("DELETE", "/pets/{petId}/photos/{photo}"),
            ("POST", "/pets"),
            ("POST", "/pets/{id}/photos"),
            ("PUT", "/pets/{id}"),
            ("GET", "/stores/{id}"),
        ];
        let order: Vec<(&str, &str)> = sensible(&operations)
            .into_iter()
            .map(|index| operations[index])
            .collect();
        assert_eq!(
            order,
            [
                ("GET", "/stores"),
                ("GET", "/stores/{id}"),
                ("POST", "/pets"),
                ("GET", "/pets"),
                ("GET", "/pets/{id}"),
                ("PUT", "/pets/{id}"),
                ("POST", "/pets/{id}/photos"),
                ("DELETE", "/pets/{petId}/photos/{photo}"),
                ("DELETE", "/pets/{id}"),
                ("DELETE", "/pets"),
            ]
        );
    }
}
