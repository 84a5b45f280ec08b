//! The language of `.bru` files: blocks of pairs, of text, and of names.

use crate::import::collection::form::Pair;

/// Blocks that hold text.
const TEXTS: [&str; 12] = [
    "body",
    "body:json",
    "body:text",
    "body:xml",
    "body:sparql",
    "body:graphql",
    "body:graphql:vars",
    "script:pre-request",
    "script:post-response",
    "tests",
    "docs",
    "example",
];

/// A block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Its name, such as `params:query`.
    pub name: String,
    /// The line of its first content, from 1.
    pub line: usize,
    /// What is in it.
    pub content: Content,
}

/// What is in a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Pairs, each with its line and whether it is switched on.
    Pairs(Vec<Entry>),
    /// A text, without its indentation.
    Text(String),
    /// Names, of those that are switched on.
    Names(Vec<String>),
}

/// A pair in a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its line.
    pub line: usize,
    /// Whether it is switched on.
    pub is_on: bool,
}

impl Block {
    /// Returns its pairs that are switched on.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Entry> {
        let all = match &self.content {
            Content::Pairs(all) => all.as_slice(),
            _ => &[],
        };
        all.iter().filter(|entry| entry.is_on)
    }

    /// Returns them as names with values.
    pub(super) fn plain_pairs(&self) -> Vec<Pair> {
        self.pairs()
            .map(|entry| Pair::new(&entry.name, &entry.value))
            .collect()
    }

    /// Returns its text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Returns the block of this name.
pub(super) fn block<'a>(blocks: &'a [Block], name: &str) -> Option<&'a Block> {
    blocks.iter().find(|block| block.name == name)
}

/// Returns the value of a key in the block of this name.
pub(super) fn value<'a>(blocks: &'a [Block], name: &str, key: &str) -> Option<&'a str> {
    let pair = block(blocks, name)?.pairs().find(|pair| pair.name == key)?;
    Some(&pair.value)
}

/// Reads a file.
///
/// # Errors
/// If something is not a block, with its line.
pub(super) fn parse(text: &str) -> Result<Vec<Block>, String> {
    let lines: Vec<&str> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        // Remarks about blocks, such as `@description(…)`, say nothing about what is sent.
        if line.trim().is_empty() || line.starts_with('@') {
            continue;
        }
        let line = line.trim_end();
        let opened = [('{', "}"), ('[', "]")]
            .into_iter()
            .find_map(|(open, close)| Some((line.strip_suffix(open)?, close)));
        let Some((name, close)) = opened else {
            return Err(format!(
                "line {at} is not the beginning of a block, as in `meta {{`"
            ));
        };
        let name = name.trim();
        let length = lines[at..].iter().position(|line| line.trim_end() == close);
        let Some(length) = length else {
            return Err(format!(
                "line {at}: the block `{}` is never closed",
                name.escape_debug()
            ));
        };
        let inside = &lines[at..at + length];
        let content = if TEXTS.contains(&name) {
            Content::Text(outdented(inside, 2))
        } else if close == "]" {
            Content::Names(names(inside))
        } else {
            Content::Pairs(pairs(inside, at + 1))
        };
        blocks.push(Block {
            name: name.to_owned(),
            line: at + 1,
            content,
        });
        at += length + 1;
    }
    Ok(blocks)
}

/// Joins lines without this many spaces of indentation.
fn outdented(lines: &[&str], spaces: usize) -> String {
    let outdented = |line: &&str| {
        let indent = line
            .bytes()
            .take(spaces)
            .take_while(|byte| *byte == b' ')
            .count();
        line[indent..].to_owned()
    };
    let lines: Vec<String> = lines.iter().map(outdented).collect();
    lines.join("\n")
}

fn names(lines: &[&str]) -> Vec<String> {
    let names = lines.iter().flat_map(|line| line.split(','));
    names
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.starts_with('~'))
        .map(str::to_owned)
        .collect()
}

/// Reads pairs, of which the first is in this line.
fn pairs(lines: &[&str], first: usize) -> Vec<Entry> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let number = first + at;
        at += 1;
        let line = line.trim();
        let is_remark = line.starts_with('@') && !line.contains(':');
        if line.is_empty() || is_remark {
            continue;
        }
        let (is_on, line) = match line.strip_prefix('~') {
            Some(line) => (false, line),
            None => (true, line),
        };
        let (name, value) = key(line);
        let value = match value.strip_prefix("'''") {
            None => value.to_owned(),
            Some(rest) => match rest.split_once("'''") {
                Some((inside, _)) => inside.to_owned(),
                None => {
                    let length = lines[at..].iter().position(|line| line.contains("'''"));
                    let length = length.unwrap_or(lines.len() - at);
                    let inside = outdented(&lines[at..at + length], 4);
                    at = (at + length + 1).min(lines.len());
                    inside
                }
            },
        };
        all.push(Entry {
            name,
            value,
            line: number,
            is_on,
        });
    }
    all
}

/// Splits a line into the key, which may be in quotes, and the value.
fn key(line: &str) -> (String, &str) {
    if let Some(rest) = line.strip_prefix('"') {
        let mut name = String::new();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.extend(chars.next().map(|(_, c)| c)),
                '"' => {
                    let after = rest[at + 1..].trim_start();
                    if let Some(value) = after.strip_prefix(':') {
                        return (name, value.trim());
                    }
                    break;
                }
                c => name.push(c),
            }
        }
    }
    match line.split_once(':') {
        Some((name, value)) => (name.trim().to_owned(), value.trim()),
        None => (line.trim().to_owned(), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_pairs_texts_and_names() {
        let text = "meta {\n  name: One: two\n  ~off: 1\n  \"a:b\": c\n  empty:\n}\n\n@description('x')\nbody:json {\n  {\n    \"a\": 1\n  }\n}\r\n\
                    vars:secret [\n  a,\n  ~b,\n  c\n]\nvars:pre-request {\n  @local: 1\n  long: '''\n    a\n      b\n  '''\n  after: x\n}\n";
        let blocks = parse(text).expect("blocks");
        let names: Vec<(&str, usize)> = blocks
            .iter()
            .map(|block| (block.name.as_str(), block.line))
            .collect();
        assert_eq!(
            names,
            [
                ("meta", 2),
                ("body:json", 10),
                ("vars:secret", 15),
                ("vars:pre-request", 20)
            ]
        );
        let pairs = |block: &Block| -> Vec<(String, String)> {
            let pairs = block.pairs();
            pairs
                .map(|entry| (entry.name.clone(), entry.value.clone()))
                .collect()
        };
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        assert_eq!(
            pairs(&blocks[0]),
            owned(&[("name", "One: two"), ("a:b", "c"), ("empty", "")])
        );
        assert_eq!(blocks[1].text(), Some("{\n  \"a\": 1\n}"));
        assert_eq!(
            blocks[2].content,
            Content::Names(vec!["a".into(), "c".into()])
        );
        assert_eq!(
            pairs(&blocks[3]),
            owned(&[("@local", "1"), ("long", "a\n  b"), ("after", "x")])
        );
    }

    #[test]
    fn what_is_not_a_block_is_refused_with_its_line() {
        for (text, why) in [
            ("meta {\n}\nhello", "line 3 is not the beginning of a block"),
            (
                "\nget {\n  url: x\n",
                "line 2: the block `get` is never closed",
            ),
        ] {
            let refused = parse(text).expect_err("not Bruno");
            assert!(refused.contains(why), "{refused}");
        }
        assert_eq!(parse("").expect("nothing"), []);
    }
}
