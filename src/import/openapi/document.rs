//! [`Documents`]: an OpenAPI document with the files that it refers to, and [`Node`]s of them.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::swagger;
use super::value::of_yaml;

/// Reads a file, by its path relative to the folder of the source.
pub(crate) type Files<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// What a person should know, with its place in front.
pub(super) type Remark = (String, String);

/// The most bytes of all files together.
const MAX_BYTES: usize = 64 << 20;
/// The most files.
const MAX_FILES: usize = 10_000;
/// The most references that follow each other.
const MAX_HOPS: usize = 50;

/// A document and the files that it refers to, all of them read.
pub(super) struct Documents {
    /// The document is the first.
    files: Vec<File>,
    /// The number of each file, by its path.
    numbers: BTreeMap<String, usize>,
}

struct File {
    /// The path relative to the document's folder.
    path: String,
    content: Result<Value, String>,
}

/// A value of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    /// The value.
    pub value: &'a Value,
    /// The number of its file.
    file: usize,
}

impl<'a> Node<'a> {
    /// Returns a member of a map.
    pub(super) fn get(self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.with(value))
    }

    /// Returns a member that is a text.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.value.get(key)?.as_str()
    }

    /// Returns whether a member is `true`.
    pub(super) fn is_true(self, key: &str) -> bool {
        self.value.get(key) == Some(&Value::Bool(true))
    }

    /// Returns the items of a list.
    pub(super) fn items(self) -> impl Iterator<Item = Self> + use<'a> {
        let items = self.value.as_array().into_iter().flatten();
        items.map(move |value| self.with(value))
    }

    /// Returns the items of a member that is a list.
    pub(super) fn list(self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.get(key).into_iter().flat_map(Self::items)
    }

    /// Returns the members of a member that is a map.
    pub(super) fn members(self, key: &str) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let members = self.value.get(key).and_then(Value::as_object);
        members
            .into_iter()
            .flatten()
            .map(move |(name, value)| (name.as_str(), self.with(value)))
    }

    /// Returns how many members a member that is a map has.
    pub(super) fn count(self, key: &str) -> usize {
        let members = self.value.get(key).and_then(Value::as_object);
        members.map_or(0, serde_json::Map::len)
    }

    /// Returns whether both are the same place of the same document.
    pub(super) fn is(self, other: Self) -> bool {
        std::ptr::eq(self.value, other.value)
    }

    const fn with(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }
}

impl Documents {
    /// Reads a document, and the files that it refers to.
    ///
    /// # Errors
    /// If the document is neither JSON nor YAML.
    pub(super) fn read(text: &str, files: Files<'_>) -> Result<Self, String> {
        let mut left = MAX_BYTES
            .checked_sub(text.len())
            .ok_or_else(|| format!("it is larger than {} MiB", MAX_BYTES >> 20))?;
        let first = parse(text)?;
        let is_swagger = swagger::is_swagger(&first);
        let translated = |document| {
            if is_swagger {
                swagger::translated(document)
            } else {
                document
            }
        };
        let first = File {
            path: String::new(),
            content: Ok(translated(first)),
        };
        let mut all = Self {
            files: vec![first],
            numbers: BTreeMap::new(),
        };
        let mut at = 0;
        while let Some(File { path, content }) = all.files.get(at) {
            let mut found = Vec::new();
            if let Ok(value) = content {
                references(value, &mut found);
            }
            let paths: Vec<String> = found
                .into_iter()
                .filter_map(|reference| of_file(path, reference).ok().flatten())
                .collect();
            for path in paths {
                if all.numbers.contains_key(&path) || all.files.len() > MAX_FILES {
                    continue;
                }
                let content = files(&path).and_then(|text| {
                    left = left.checked_sub(text.len()).ok_or_else(|| {
                        format!("all files together are larger than {} MiB", MAX_BYTES >> 20)
                    })?;
                    parse(&text).map(translated)
                });
                all.numbers.insert(path.clone(), all.files.len());
                all.files.push(File { path, content });
            }
            at += 1;
        }
        Ok(all)
    }

    /// Returns the document itself.
    pub(super) fn root(&self) -> Node<'_> {
        const NOTHING: &Value = &Value::Null;
        let value = self.files[0].content.as_ref().unwrap_or(NOTHING);
        Node { value, file: 0 }
    }

    /// Follows the references of a node, if it is one.
    ///
    /// # Errors
    /// If a reference leads nowhere, or in a circle.
    pub(super) fn resolve<'a>(&'a self, node: Node<'a>) -> Result<Node<'a>, String> {
        let mut node = node;
        for _ in 0..MAX_HOPS {
            match node.text("$ref") {
                Some(reference) => node = self.target(node, reference)?,
                None => return Ok(node),
            }
        }
        Err(format!(
            "the references from `{}` never end",
            node.text("$ref").unwrap_or_default()
        ))
    }

    /// Returns what a reference in a node refers to.
    ///
    /// # Errors
    /// If it leads nowhere.
    pub(super) fn target<'a>(
        &'a self,
        node: Node<'a>,
        reference: &str,
    ) -> Result<Node<'a>, String> {
        let file = &self.files[node.file];
        let number = match of_file(&file.path, reference)? {
            None => node.file,
            Some(path) => *self
                .numbers
                .get(&path)
                .ok_or_else(|| format!("`{reference}`: there are more than {MAX_FILES} files"))?,
        };
        let content = self.files[number].content.as_ref();
        let content = content.map_err(|why| format!("`{reference}`: {why}"))?;
        let pointer = reference.split_once('#').map_or("", |(_, pointer)| pointer);
        let pointer = percent_decode_str(pointer).decode_utf8_lossy();
        let value = content
            .pointer(&pointer)
            .ok_or_else(|| format!("`{reference}` does not lead to anything"))?;
        Ok(Node {
            value,
            file: number,
        })
    }
}

/// Reads a text as JSON or YAML.
fn parse(text: &str) -> Result<Value, String> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with(['{', '[']) {
        let json = serde_json::from_str(text);
        // YAML may begin with a brace, too.
        return json.or_else(|error| of_yaml(text).map_err(|_| format!("it is not JSON: {error}")));
    }
    of_yaml(text).map_err(|error| format!("it is not YAML: {error}"))
}

/// Collects all references in a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == "$ref" => found.push(text),
                    Value::String(text) if text.contains('#') || text.contains('/') => {
                        // The mapping of a discriminator names files, too.
                        if text.starts_with("./") || text.starts_with("../") {
                            found.push(text);
                        }
                    }
                    other => references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Returns the path of the file that a reference in another file names; `None` if it is the same.
fn of_file(from: &str, reference: &str) -> Result<Option<String>, String> {
    let path = reference.split('#').next().unwrap_or_default();
    if path.is_empty() {
        return Ok(None);
    }
    if path.contains("://") || path.starts_with("//") {
        return Err(format!("`{reference}` is on the network, and is not read"));
    }
    let path = percent_decode_str(path).decode_utf8_lossy();
    let leaves = || format!("`{reference}` leads out of the document's folder, and is not read");
    if path.starts_with(['/', '\\']) || path.contains(':') {
        return Err(leaves());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(leaves)?;
            }
            part => parts.push(part),
        }
    }
    Ok(Some(parts.join("/")))
}
