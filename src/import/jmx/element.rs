//! [`Element`]: the XML of a test plan.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use crate::value::markup::entity;

/// How deep elements may be nested: that many controllers in each other are a mistake or an attack.
const MAX_DEPTH: usize = 200;

/// An element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Its name in XML, which is the kind of a part of a plan.
    pub tag: String,
    attributes: Vec<(String, String)>,
    /// The text in it.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Self>,
    /// The line where it begins, from 1.
    pub line: usize,
}

impl Element {
    /// Returns an attribute, which is empty if it is missing.
    pub(super) fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Returns what a person called it.
    pub(super) fn title(&self) -> &str {
        self.attribute("testname").trim()
    }

    /// Returns whether JMeter uses it.
    pub(super) fn is_enabled(&self) -> bool {
        self.attribute("enabled") != "false"
    }

    /// Returns a property, which is empty if it is missing.
    pub(super) fn property(&self, name: &str) -> &str {
        self.inner(name).map_or("", |found| &found.text)
    }

    /// Returns a property without spaces around it, if it is not empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.property(name).trim()).filter(|text| !text.is_empty())
    }

    /// Returns whether a property is true.
    pub(super) fn is(&self, name: &str) -> bool {
        self.property(name).trim() == "true"
    }

    /// Returns the element in it that is the property of this name.
    pub(super) fn inner(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| {
            if child.attribute("name") == name || (child.tag == name && !name.contains('.')) {
                return Some(child);
            }
            // Numbers with a point have their name and their value in elements.
            let is_it = |part: &&Self| part.tag == "name" && part.text == name;
            child.children.iter().take(2).find(is_it)?;
            child.children.iter().find(|part| part.tag == "value")
        })
    }

    /// Returns the items of a property that is a list.
    pub(super) fn items(&self, name: &str) -> &[Self] {
        self.inner(name).map_or(&[], |list| &list.children)
    }

    /// Returns the parts of a plan in a `hashTree`, each with the tree of what belongs to it.
    pub(super) fn parts(&self) -> Vec<(&Self, Option<&Self>)> {
        let mut parts: Vec<(&Self, Option<&Self>)> = Vec::new();
        for child in &self.children {
            if child.tag != "hashTree" {
                parts.push((child, None));
            } else if let Some(last) = parts.last_mut() {
                last.1 = Some(child);
            }
        }
        parts
    }
}

/// Reads XML. Entities other than the five of XML stay as they are written: nothing outside the text
/// is read.
///
/// # Errors
/// If it is not well-formed or nested too deep, with the reason.
pub(super) fn read(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    loop {
        let line = lines.at(reader.buffer_position());
        let event = reader
            .read_event()
            .map_err(|error| format!("line {line}: it is not well-formed XML ({error})"))?;
        match event {
            Event::Start(tag) if open.len() == MAX_DEPTH => {
                let name = tag.name().into_inner();
                return Err(format!(
                    "line {line}: `{name}` is nested more than {MAX_DEPTH} deep"
                ));
            }
            Event::Start(tag) => open.push(
                element(&tag, line)
                    .map_err(|why| format!("line {line}: it is not well-formed XML ({why})"))?,
            ),
            Event::End(_) => {
                if let Some(done) = open.pop() {
                    match open.last_mut() {
                        Some(outer) => outer.children.push(done),
                        None => return Ok(done),
                    }
                }
            }
            Event::Text(text) => add(&mut open, &text.xml10_content()),
            Event::CData(text) => add(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => add(&mut open, &entity(&reference)),
            Event::Eof => {
                return Err(match open.last() {
                    Some(last) => format!("line {}: `{}` is not closed", last.line, last.tag),
                    None => "it has no element".into(),
                });
            }
            Event::Empty(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

/// Finds the lines of positions that only increase.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, position: u64) -> usize {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let position = position.min(self.text.len());
        let between = self.text.as_bytes().get(self.at..position);
        self.line += between
            .unwrap_or_default()
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        self.at = position;
        self.line
    }
}

fn element(tag: &BytesStart<'_>, line: usize) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        // As it is written, if it has an unknown entity.
        let value = value.unwrap_or_else(|_| attribute.value.clone());
        attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
    }
    Ok(Element {
        tag: tag.name().into_inner().to_owned(),
        attributes,
        line,
        ..Element::default()
    })
}

fn add(open: &mut [Element], text: &str) {
    if let Some(last) = open.last_mut() {
        // Spaces between elements are not text.
        if last.children.is_empty() || !text.trim().is_empty() {
            last.text.push_str(text);
        }
    }
}
