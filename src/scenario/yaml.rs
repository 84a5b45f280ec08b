//! Parses the text of a YAML document to a [`Node`] tree, with anchors, aliases and merges
//! resolved.
//!
//! It knows YAML but nothing of scenarios. The tree is built by hand from parser events, because
//! serde stops at its first error and loses locations. All resources are bounded: a document that
//! would expand beyond the limits is rejected while it is parsed, and recursion is limited to
//! [`MAX_DEPTH`] levels.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, options};

use super::diagnostic::{Diagnostics, Span, quoted};
use super::trap;
use super::tree::{Entry, MAX_DEPTH, Node, Scalar, Value};
use super::yaml_tag;

/// Maximum number of values that a document may expand to.
const MAX_NODES: usize = 200_000;
/// Maximum number of bytes of text that a document may expand to.
const MAX_BYTES: usize = 8 << 20;

/// Parses the single document of a scenario. Problems are added to `problems`, at least one of them
/// an error if this returns `None`.
pub(super) fn parse(text: &str, problems: &mut Diagnostics) -> Option<Node> {
    let options = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        // One level more than our own limit, so that our own error is reported.
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut builder = Builder {
        text,
        problems,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        bytes: 0,
        root: None,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.event(event, place(text, &span)),
            Err(error) => {
                trap::explain(text, &error, builder.problems);
                Err(Stop)
            }
        };
        if step.is_err() {
            return None;
        }
    }
    let root = builder.root.take();
    match root {
        Some(root) if !root.is_null() => Some(root),
        _ => {
            problems
                .error(Span::default(), "the scenario is empty")
                .help("start with `name: …`; `name`, `mix` and `load` are required");
            None
        }
    }
}

fn place(text: &str, span: &granit_parser::Span) -> Span {
    let (start, end) = span
        .byte_range()
        .map_or((text.len(), text.len()), |range| (range.start, range.end));
    // A block ends where the next token starts; the blanks before that are not part of it.
    let end = end.min(text.len());
    let kept = text
        .get(start..end)
        .map_or(0, |slice| slice.trim_end().len());
    Span::new(start, start + kept)
}

/// Parsing stops; the reason was reported.
struct Stop;

enum Frame {
    List {
        span: Span,
        anchor: usize,
        items: Vec<Node>,
    },
    Map {
        span: Span,
        anchor: usize,
        entries: Vec<(Node, Node)>,
        key: Option<Node>,
    },
}

struct Builder<'a> {
    text: &'a str,
    problems: &'a mut Diagnostics,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    bytes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                self.problems
                    .error(span, "a second YAML document")
                    .help("a scenario is one document: move the rest to a file of its own");
                return Err(Stop);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(span, 1, text.len())?;
                let forced = tag
                    .as_ref()
                    .is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let value = if tag.is_some() && !forced {
                    yaml_tag::refuse(self.text, span, self.problems);
                    Value::Broken
                } else {
                    let plain = style == ScalarStyle::Plain && !forced;
                    Value::Scalar(Scalar {
                        text: text.into_owned(),
                        plain,
                        typed: None,
                        template: None,
                    })
                };
                self.finish(Node { span, value }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(span, tag.is_some())?;
                self.stack.push(Frame::List {
                    span,
                    anchor,
                    items: Vec::new(),
                });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(span, tag.is_some())?;
                self.stack.push(Frame::Map {
                    span,
                    anchor,
                    entries: Vec::new(),
                    key: None,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Alias(id) => self.alias(id, span)?,
            Event::UnresolvedAlias(name) => {
                trap::unknown_alias(self.text, &name, span, self.problems);
                self.finish(
                    Node {
                        span,
                        value: Value::Broken,
                    },
                    0,
                )?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the innermost list or map, closed at `span`.
    fn close(&mut self, span: Span) -> Result<(), Stop> {
        match self.stack.pop() {
            Some(Frame::List {
                span: start,
                anchor,
                items,
            }) => self.finish(
                Node {
                    span: Span::new(start.start, span.end),
                    value: Value::List(items),
                },
                anchor,
            ),
            Some(Frame::Map {
                span: start,
                anchor,
                entries,
                ..
            }) => {
                let span = Span::new(start.start, span.end);
                let entries = self.unsplit(span, entries);
                let value = self.map(span, entries);
                self.finish(Node { span, value }, anchor)
            }
            None => Ok(()),
        }
    }

    /// Replaces an alias by a copy of its anchor's value.
    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let node = match self.anchors.get(&id) {
            Some(node) => node.clone(),
            None => {
                self.problems
                    .error(span, "this alias is inside the node that it refers to")
                    .help("write the value out");
                Node {
                    span,
                    value: Value::Broken,
                }
            }
        };
        let size = node.measure();
        if self.stack.len() + size.depth > MAX_DEPTH {
            return self.too_deep(span);
        }
        self.charge(span, size.nodes, size.bytes)?;
        self.finish(node, 0)
    }

    fn open(&mut self, span: Span, tagged: bool) -> Result<(), Stop> {
        if tagged {
            yaml_tag::refuse(self.text, span, self.problems);
        }
        if self.stack.len() >= MAX_DEPTH {
            return self.too_deep(span);
        }
        self.charge(span, 1, 0)
    }

    fn too_deep(&mut self, span: Span) -> Result<(), Stop> {
        self.problems
            .error(
                span,
                format!("more than {MAX_DEPTH} levels of maps and lists"),
            )
            .help("no scenario needs that depth: flatten it");
        Err(Stop)
    }

    /// Counts what the document expands to, so that a few aliases of aliases can't exhaust the
    /// memory.
    fn charge(&mut self, span: Span, nodes: usize, bytes: usize) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.nodes > MAX_NODES || self.bytes > MAX_BYTES {
            let message = format!(
                "the scenario unfolds to more than {MAX_NODES} values or {} MB of text here",
                MAX_BYTES >> 20
            );
            self.problems
                .error(span, message)
                .help("use fewer aliases of aliases");
            return Err(Stop);
        }
        Ok(())
    }

    /// Adds a complete node to its parent.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor > 0 {
            let size = node.measure();
            self.charge(node.span, size.nodes, size.bytes)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, key, .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
        Ok(())
    }

    /// Reports values that were split at a comma inside `{…}`, and removes the keys that resulted.
    fn unsplit(&mut self, span: Span, pairs: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
        // Commas don't split anything in a block map, which has one pair per line.
        let is_flow = self
            .text
            .get(span.start..)
            .is_some_and(|text| text.starts_with('{'));
        if !is_flow || !pairs.iter().any(|(_, value)| value.is_null()) {
            return pairs;
        }
        let mut whole: Vec<(Node, Node)> = Vec::with_capacity(pairs.len());
        let mut pairs = pairs.as_slice();
        while let [(key, value), rest @ ..] = pairs {
            let is_null = value.is_null();
            let is_bare = |(key, value): &&(Node, Node)| !is_null && self.is_bare(key, value);
            let bare: Vec<&Node> = rest
                .iter()
                .take(trap::MAX_PARTS)
                .take_while(is_bare)
                .map(|(key, _)| key)
                .collect();
            let parts = trap::split(self.text, value, &bare);
            let value = match bare[..parts].last() {
                Some(last) => {
                    let span = Span::new(value.span.start, last.span.end);
                    trap::split_at_comma(self.text, span, self.problems);
                    Node {
                        span,
                        value: Value::Broken,
                    }
                }
                None => value.clone(),
            };
            whole.push((key.clone(), value));
            pairs = &rest[parts..];
        }
        whole
    }

    /// Returns whether a key in a flow map has no colon.
    fn is_bare(&self, key: &Node, value: &Node) -> bool {
        let behind = self
            .text
            .get(key.span.end..)
            .unwrap_or_default()
            .trim_start();
        value.is_null() && behind.starts_with([',', '}'])
    }

    /// Builds a map from pairs: keys must be unique texts, and `<<` is merged.
    fn map(&mut self, span: Span, pairs: Vec<(Node, Node)>) -> Value {
        let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
        let mut seen: HashMap<String, Span> = HashMap::with_capacity(pairs.len());
        let mut merges = Vec::new();
        for (key, value) in pairs {
            let key_span = key.span;
            let scalar = match key.value {
                Value::Scalar(scalar) => scalar,
                Value::Broken => return Value::Broken,
                Value::List(_) | Value::Map(_) if self.problems.is_full() => {
                    self.problems
                        .error(key_span, "a map or a list can't be a key");
                    return Value::Broken;
                }
                Value::List(_) | Value::Map(_) => {
                    trap::complex_key(self.text, span, key_span, self.problems);
                    return Value::Broken;
                }
            };
            let merge = scalar.plain && scalar.text == "<<";
            if let Some(first) = seen.insert(scalar.text.clone(), key_span) {
                self.problems
                    .error(
                        key_span,
                        format!("the key {} appears a second time", quoted(&scalar.text)),
                    )
                    .related(first, "first here")
                    .help("remove one of the two");
                seen.insert(scalar.text, first);
            } else if merge {
                merges.push(value);
            } else {
                entries.push(Entry {
                    key: scalar.text,
                    key_span,
                    value,
                });
            }
        }
        for merge in merges {
            self.merge(&mut entries, merge);
        }
        Value::Map(entries)
    }

    /// Merges entries into a map: its own keys take precedence over merged ones, and earlier merges
    /// over later ones.
    fn merge(&mut self, entries: &mut Vec<Entry>, from: Node) {
        let maps = match from.value {
            Value::List(items) => items,
            value => vec![Node {
                span: from.span,
                value,
            }],
        };
        let mut have: HashSet<String> = entries.iter().map(|e| e.key.clone()).collect();
        for map in maps {
            match map.value {
                Value::Map(merged) => {
                    entries.extend(merged.into_iter().filter(|e| have.insert(e.key.clone())))
                }
                Value::Broken => {}
                _ => {
                    self.problems
                        .error(map.span, "`<<` merges a map, or a list of maps")
                        .help("name one with an alias, as in `<<: *defaults`");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_yaml::Value as Theirs;

    use super::super::tree::ScalarType;
    use super::*;

    fn ours(text: &str) -> Option<Node> {
        let mut problems = Diagnostics::default();
        let node = parse(text, &mut problems);
        assert!(
            node.is_some() || !problems.is_empty(),
            "refused without a word: {text:?}"
        );
        node.filter(|_| problems.is_empty())
    }

    fn as_theirs(node: &Node) -> Theirs {
        match &node.value {
            Value::Broken => Theirs::Null,
            Value::List(items) => Theirs::Sequence(items.iter().map(as_theirs).collect()),
            // Keys are strings here, and typed values in serde_yaml.
            Value::Map(entries) => Theirs::Mapping(
                entries
                    .iter()
                    .map(|e| (e.key.clone().into(), as_theirs(&e.value)))
                    .collect(),
            ),
            Value::Scalar(scalar) => match scalar.scalar_type() {
                ScalarType::Null => Theirs::Null,
                ScalarType::Bool(b) => b.into(),
                ScalarType::Int(n) => i64::try_from(n)
                    .map(Theirs::from)
                    .or_else(|_| u64::try_from(n).map(Theirs::from))
                    .unwrap_or(Theirs::Null),
                ScalarType::Float(f) => f.into(),
                ScalarType::Text => scalar.text.clone().into(),
            },
        }
    }

    fn theirs(text: &str) -> Theirs {
        let mut value: Theirs =
            serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        value.apply_merge().expect("merges");
        value
    }

    #[test]
    fn reads_what_serde_yaml_reads() {
        for text in [
            "a: 1\nb: [x, 'y', \"z\\n\"]\nc: {d: ~, e: true, f: 1.5}\n",
            "a: &x {k: 1, l: 2}\nb: *x\nc: {<<: *x, l: 3}\nd: {<<: [*x, {m: 4}], n: 5}\n",
            "text: |\n  one\n  two\nfolded: >-\n  three\n  four\nempty:\n",
            "- - 1\n  - 2\n- k: v\n  w: x\n",
            "a: 0x1f\nb: 0o17\nc: 007\nd: -1\ne: +1\nf: 1e3\ng: .5\nh: yes\ni: 20ms\nj: 1:30\nk: \"5\"\n",
            "%YAML 1.2\n---\na: b # comment\n...\n",
            "\u{feff}a: b\n",
            "a: \"\\u00e9\\t\"\nb: 'it''s'\nc: gr\u{f6}\u{df}e\n",
            "a:\r\n  b: c\r\n",
            "? a\n: b\n",
            "plain: several words\n  on two lines\n",
        ] {
            let node = ours(text).unwrap_or_else(|| panic!("refused: {text}"));
            assert_eq!(as_theirs(&node), theirs(text), "{text}");
        }
    }

    #[test]
    fn places_are_bytes_of_the_text() {
        let text = "name: gr\u{f6}\u{df}e\nload: { vus: 10 }\n";
        let node = ours(text).expect("good");
        let at = |span: Span| &text[span.start..span.end];
        assert_eq!(at(node.get("name").expect("there").span), "gr\u{f6}\u{df}e");
        let load = node.get("load").expect("there");
        assert_eq!(at(load.span), "{ vus: 10 }");
        assert_eq!(at(load.get("vus").expect("there").span), "10");
    }

    #[test]
    fn nested_merges_reach_through() {
        let node = ours("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n").expect("good");
        let c = node.get("c").expect("there");
        assert!(["x", "y", "z"].iter().all(|key| c.get(key).is_some()));
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let refused = |text: &str| {
            let mut problems = Diagnostics::default();
            assert!(
                parse(text, &mut problems).is_none() && problems.has_errors(),
                "{}",
                &text[..text.len().min(80)]
            );
        };
        refused(&"[".repeat(100_000));
        refused(&"- ".repeat(100_000));
        refused(&"{a: ".repeat(100_000));
        refused(&"? ".repeat(100_000));
        refused(&"- a\n".repeat(MAX_NODES + 1));
        // Deeply nested through aliases: each definition by itself is shallow.
        let nest = |inner: &str| format!("{}{inner}{}", "[".repeat(40), "]".repeat(40));
        refused(&format!("a: &a {}\nb: {}\n", nest("1"), nest("*a")));
        // A long text, repeated many times.
        refused(&format!(
            "a: &a {}\nb: [{}]\n",
            "x".repeat(500_000),
            "*a,".repeat(100)
        ));
        // Anchors of anchors are copied as well.
        refused(&format!(
            "x: {}{}{}",
            "&b [".repeat(60),
            "1,".repeat(20_000),
            "]".repeat(60)
        ));
    }

    fn values() -> impl Strategy<Value = Theirs> {
        let leaf = prop_oneof![
            Just(Theirs::Null),
            any::<bool>().prop_map(Theirs::from),
            any::<i64>().prop_map(Theirs::from),
            (-1e9..1e9f64).prop_map(Theirs::from),
            // Excludes the line separators, which break lines in YAML 1.1, as serde_yaml writes it,
            // but not in YAML 1.2.
            r"[\PC&&[^\u{2028}\u{2029}]]{0,12}".prop_map(Theirs::from),
            "[a-z0-9 :#{}\\[\\],&*!|>'\"%@`~.+-]{0,12}".prop_map(Theirs::from),
            "[a-z]{1,4}\n[a-z ]{1,4}\n?".prop_map(Theirs::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Theirs::Sequence),
                prop::collection::vec(("[a-z]{1,6}", inner), 0..6).prop_map(|pairs| {
                    Theirs::Mapping(
                        pairs
                            .into_iter()
                            .map(|(k, v)| (format!("k{k}").into(), v))
                            .collect(),
                    )
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_all_that_serde_yaml_writes(value in values()) {
            let text = serde_yaml::to_string(&value).expect("written");
            let theirs = theirs(&text);
            let mut problems = Diagnostics::default();
            match parse(&text, &mut problems) {
                Some(node) => prop_assert_eq!(as_theirs(&node), theirs, "{}", text),
                None => prop_assert!(theirs.is_null(), "refused: {}", text),
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,200}|[-a-c:{}\\[\\],&*!|>'\"%@`#? \n\t]{0,200}") {
            let mut problems = Diagnostics::default();
            let node = parse(&text, &mut problems);
            prop_assert!(node.is_some() || problems.has_errors());
        }
    }
}
