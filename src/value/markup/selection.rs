//! [`Selection`]: what a selector asks for, and how it is found.
//!
//! Each step is one pass over the elements, so the time is that of the document times the steps.

use minijinja::Value;

use super::document::Document;

/// Where the elements of a step are, seen from those of the step before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// In it, at any depth.
    Descendant,
    /// Directly in it.
    Child,
    /// Directly after it.
    Next,
    /// After it, in the same element.
    Following,
}

/// What a text has to be.
#[derive(Debug)]
pub(super) enum Test {
    /// Anything.
    Present,
    /// This.
    Equals(String),
    /// It begins with this.
    Starts(String),
    /// It ends with this.
    Ends(String),
    /// It contains this.
    Contains(String),
    /// One of its words is this.
    Word(String),
    /// It is this, or begins with this and a `-`.
    Language(String),
}

/// Makes a test of the text that it compares with.
pub(super) type MakeTest = fn(String) -> Test;

impl Test {
    fn holds(&self, text: &str) -> bool {
        // As in CSS, nothing begins with, ends with or contains an empty text.
        match self {
            Self::Present => true,
            Self::Equals(wanted) => text == wanted,
            Self::Starts(wanted) => !wanted.is_empty() && text.starts_with(wanted),
            Self::Ends(wanted) => !wanted.is_empty() && text.ends_with(wanted),
            Self::Contains(wanted) => !wanted.is_empty() && text.contains(wanted),
            Self::Word(wanted) => text.split_whitespace().any(|word| word == wanted),
            Self::Language(wanted) => {
                let rest = text.strip_prefix(wanted.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }
        }
    }
}

/// What an element has to meet.
#[derive(Debug)]
pub(super) enum Condition {
    /// Its attribute.
    Attribute(String, Test),
    /// The text in it.
    Text(Test),
    /// The text directly in it.
    OwnText(Test),
    /// The text of any child with this name.
    Child(String, Test),
    /// The text of the first child with this name.
    FirstChild(String, Test),
    /// Its place among all elements of its parent.
    Place(usize),
    /// It is the last element of its parent.
    IsLast,
    /// Its place among the elements of its parent that have met all so far.
    Position(usize),
    /// It is the last of these.
    Last,
}

/// A step from elements to others.
#[derive(Debug)]
pub(super) struct Step {
    pub axis: Axis,
    /// The name; missing if any will do.
    pub name: Option<String>,
    pub conditions: Vec<Condition>,
}

/// What is taken of the elements found.
#[derive(Debug)]
pub(super) enum Taken {
    /// The text in the first one.
    Text,
    /// The first text that is directly in one.
    OwnText,
    /// The first attribute with this name.
    Attribute(String),
    /// Their number.
    Count,
}

/// A compiled selector.
#[derive(Debug)]
pub struct Selection {
    /// Ways to elements; those found by any of them are selected.
    pub(super) paths: Vec<Vec<Step>>,
    pub(super) taken: Taken,
}

impl Selection {
    /// Returns the first value in a document, without white space around it if it is a text.
    pub(crate) fn find(&self, document: &Document) -> Option<Value> {
        let mut found = vec![false; document.elements.len()];
        for path in &self.paths {
            let mut set = vec![false; document.elements.len()];
            set[0] = true;
            for step in path {
                set = step.reach(document, &set);
            }
            for (all, one) in found.iter_mut().zip(set) {
                *all |= one;
            }
        }
        let mut selected = (0..found.len()).filter(|index| found[*index]);
        match &self.taken {
            Taken::Text => Some(Value::from(document.text(selected.next()?).trim())),
            Taken::OwnText => selected.find_map(|index| {
                let text = document.own_text(index);
                let text = text.trim();
                (!text.is_empty()).then(|| Value::from(text))
            }),
            Taken::Attribute(name) => {
                selected.find_map(|index| document.attribute(index, name).map(Value::from))
            }
            Taken::Count => Some(Value::from(selected.count())),
        }
    }
}

impl Step {
    /// Returns the elements that this step reaches from a set of them.
    fn reach(&self, document: &Document, set: &[bool]) -> Vec<bool> {
        let elements = &document.elements;
        let mut reached = vec![false; elements.len()];
        for index in 1..elements.len() {
            let (parent, previous) = (elements[index].parent, elements[index].previous);
            reached[index] = match self.axis {
                Axis::Child => set[parent],
                Axis::Descendant => set[parent] || reached[parent],
                Axis::Next => previous.is_some_and(|previous| set[previous]),
                Axis::Following => {
                    previous.is_some_and(|previous| set[previous] || reached[previous])
                }
            };
        }
        if let Some(name) = &self.name {
            keep(&mut reached, |index| document.is_named(index, name));
        }
        for condition in &self.conditions {
            condition.filter(document, &mut reached);
        }
        reached
    }
}

/// Keeps the elements of a set for which something holds.
fn keep(set: &mut [bool], mut holds: impl FnMut(usize) -> bool) {
    for (index, is_in) in set.iter_mut().enumerate() {
        *is_in = *is_in && holds(index);
    }
}

impl Condition {
    fn filter(&self, document: &Document, set: &mut [bool]) {
        let elements = &document.elements;
        match self {
            Self::Attribute(name, test) => keep(set, |index| {
                let value = document.attribute(index, name);
                value.is_some_and(|value| test.holds(value))
            }),
            Self::Text(test) => keep(set, |index| test.holds(document.text(index).trim())),
            Self::OwnText(test) => keep(set, |index| {
                let text = document.own_text(index);
                let text = text.trim();
                !text.is_empty() && test.holds(text)
            }),
            Self::Child(name, test) => keep(set, |index| {
                let mut children = document.children(index);
                children.any(|child| {
                    document.is_named(child, name) && test.holds(document.text(child).trim())
                })
            }),
            Self::FirstChild(name, test) => keep(set, |index| {
                let mut children = document.children(index);
                let first = children.find(|child| document.is_named(*child, name));
                first.is_some_and(|child| test.holds(document.text(child).trim()))
            }),
            Self::Place(place) => keep(set, |index| elements[index].place == *place),
            Self::IsLast => keep(set, |index| {
                elements[elements[index].parent].last_child == Some(index)
            }),
            Self::Position(wanted) => {
                let mut counts = vec![0; elements.len()];
                keep(set, |index| {
                    let count = &mut counts[elements[index].parent];
                    *count += 1;
                    count == wanted
                });
            }
            Self::Last => {
                let mut last = vec![0; elements.len()];
                let members = (0..elements.len()).filter(|index| set[*index]);
                members.for_each(|index| last[elements[index].parent] = index);
                keep(set, |index| last[elements[index].parent] == index);
            }
        }
    }
}
