//! The operations of a document, in its order.

use super::document::{Documents, Node, Remark};

/// The most operations of a scenario, which may have so many steps.
const MAX_OPERATIONS: usize = 10_000;
/// The longest path.
const MAX_PATH: usize = 2000;
/// The members of a path that are operations.
const METHODS: [&str; 9] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace", "query",
];

/// An operation.
pub(super) struct Operation<'a> {
    /// Its method, in upper case.
    pub method: String,
    /// Its path, with its parameters in braces.
    pub path: &'a str,
    /// What all operations of the path have.
    pub item: Node<'a>,
    /// The operation itself.
    pub node: Node<'a>,
    /// Where it is: `paths./pets.get`.
    pub place: String,
}

impl<'a> Operation<'a> {
    /// Returns its name: its identifier, or its method and path.
    pub(super) fn name(&self) -> String {
        let id = self.node.text("operationId").map(str::trim);
        let id = id.filter(|id| !id.is_empty() && !id.contains(char::is_control));
        id.map_or_else(
            || format!("{} {}", self.method, self.path),
            ToOwned::to_owned,
        )
    }

    /// Returns the mix entry that it belongs to: its first tag, or the first part of its path.
    pub(super) fn group(&self) -> &'a str {
        let mut tags = self.node.list("tags").filter_map(|tag| tag.value.as_str());
        let is_part = |part: &&str| {
            let digits = part.strip_prefix(['v', 'V']).unwrap_or(part);
            !part.is_empty()
                && !part.contains(['{', '?'])
                && *part != "api"
                && !digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        };
        let of_path = || self.path.split('/').find(is_part);
        tags.next().or_else(of_path).unwrap_or("default")
    }
}

/// Returns the operations, and adds what is left out to `notes`, each with its place.
pub(super) fn all<'a>(documents: &'a Documents, notes: &mut Vec<Remark>) -> Vec<Operation<'a>> {
    let root = documents.root();
    let mut all = Vec::new();
    for (path, item) in root.members("paths") {
        if !path.starts_with('/') {
            if !path.starts_with("x-") {
                notes.push((
                    place_of(path),
                    "is left out, because a path begins with `/`".into(),
                ));
            }
            continue;
        }
        if path.len() > MAX_PATH {
            notes.push((place_of(path), "is left out, because it is too long".into()));
            continue;
        }
        let resolved = match documents.resolve(item) {
            Ok(resolved) => resolved,
            Err(why) => {
                notes.push((place_of(path), why));
                continue;
            }
        };
        let members = resolved.value.as_object().into_iter().flatten();
        for (method, _) in members.filter(|(key, _)| METHODS.contains(&key.as_str())) {
            if all.len() == MAX_OPERATIONS {
                let note = format!(
                    "there are more than {MAX_OPERATIONS} operations: the rest is left out"
                );
                notes.push(("paths".into(), note));
                return all;
            }
            let place = format!("{}.{method}", place_of(path));
            let node = resolved.get(method).map(|node| documents.resolve(node));
            let node = match node.transpose() {
                Ok(node) => node.filter(|node| node.value.is_object()),
                Err(why) => {
                    notes.push((place, why));
                    continue;
                }
            };
            let Some(node) = node else {
                notes.push((place, "is not an operation".into()));
                continue;
            };
            if node.is_true("deprecated") {
                notes.push((place, "is left out, because it is deprecated".into()));
                continue;
            }
            all.push(Operation {
                method: method.to_ascii_uppercase(),
                path,
                item: resolved,
                node,
                place,
            });
        }
    }
    all
}

/// Returns the place of a path, which is shortened if it is long.
fn place_of(path: &str) -> String {
    let shown: String = path.chars().take(200).collect();
    format!("paths.{shown}")
}
