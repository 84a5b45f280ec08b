//! [`Document`]: the elements of a document, in document order, and what builds it.

use std::ops::Range;

/// The most elements of a document.
const MAX_ELEMENTS: usize = 100_000;
/// The deepest nesting, as in browsers.
const MAX_DEPTH: usize = 512;

/// An element. The first one stands for the document itself.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    /// The index of its parent; of the document, its own.
    pub parent: usize,
    /// The index of the element before it that has the same parent.
    pub previous: Option<usize>,
    /// Its place among the elements of its parent, counted from 1.
    pub place: usize,
    /// The index of the last element in it that is its child.
    pub last_child: Option<usize>,
    /// The index after the last element in it.
    pub end: usize,
    /// The text in it, within the text of the document.
    text: Range<usize>,
}

/// A document.
#[derive(Debug)]
pub(crate) struct Document {
    pub(super) elements: Vec<Element>,
    text: String,
    is_html: bool,
}

impl Document {
    /// Returns all text in an element.
    pub(super) fn text(&self, element: usize) -> &str {
        &self.text[self.elements[element].text.clone()]
    }

    /// Returns the text in an element that is in no other one.
    pub(super) fn own_text(&self, element: usize) -> String {
        let own = &self.elements[element];
        let mut from = own.text.start;
        let mut text = String::new();
        for child in self.children(element) {
            let inner = &self.elements[child].text;
            text.push_str(&self.text[from..inner.start]);
            from = inner.end;
        }
        text.push_str(&self.text[from..own.text.end]);
        text
    }

    /// Iterates over the children of an element.
    pub(super) fn children(&self, element: usize) -> impl Iterator<Item = usize> {
        let mut next = element + 1;
        let end = self.elements[element].end;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.elements[child].end;
            Some(child)
        })
    }

    /// Returns whether an element has this name. Names of HTML have no case; in XML, a name without a
    /// prefix is also that of elements with one.
    pub(super) fn is_named(&self, element: usize, wanted: &str) -> bool {
        let name = &self.elements[element].name;
        if self.is_html {
            return name.eq_ignore_ascii_case(wanted);
        }
        let local = || name.rsplit_once(':').map(|(_, local)| local);
        name == wanted || local() == Some(wanted)
    }

    /// Returns an attribute of an element.
    pub(super) fn attribute(&self, element: usize, wanted: &str) -> Option<&str> {
        let is = |name: &str| name == wanted || (self.is_html && name.eq_ignore_ascii_case(wanted));
        let mut all = self.elements[element].attributes.iter();
        let found = all.find(|(name, _)| is(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Builds a document from its tags and texts, in their order.
pub(super) struct Builder {
    document: Document,
    /// The elements that are open, from the document itself.
    open: Vec<usize>,
}

impl Builder {
    /// Begins a document.
    pub(super) fn new(is_html: bool) -> Self {
        Self {
            document: Document {
                elements: vec![Element::default()],
                text: String::new(),
                is_html,
            },
            open: vec![0],
        }
    }

    /// Opens an element in the innermost one that is open.
    ///
    /// # Errors
    /// If there are too many elements, or they are nested too deeply.
    pub(super) fn open(
        &mut self,
        name: String,
        attributes: Vec<(String, String)>,
    ) -> Result<(), String> {
        let elements = &mut self.document.elements;
        if elements.len() > MAX_ELEMENTS {
            return Err(format!("the body has more than {MAX_ELEMENTS} elements"));
        }
        if self.open.len() > MAX_DEPTH {
            return Err(format!(
                "the elements of the body are nested deeper than {MAX_DEPTH}"
            ));
        }
        let index = elements.len();
        let parent = self.open.last().copied().unwrap_or_default();
        let previous = elements[parent].last_child.replace(index);
        let place = previous.map_or(1, |previous| elements[previous].place + 1);
        let at = self.document.text.len();
        elements.push(Element {
            name,
            attributes,
            parent,
            previous,
            place,
            last_child: None,
            end: index + 1,
            text: at..at,
        });
        self.open.push(index);
        Ok(())
    }

    /// Adds text to the innermost open element.
    pub(super) fn text(&mut self, text: &str) {
        self.document.text.push_str(text);
    }

    /// Closes the innermost open element.
    pub(super) fn close(&mut self) {
        if self.open.len() > 1
            && let Some(index) = self.open.pop()
        {
            self.end(index);
        }
    }

    fn end(&mut self, index: usize) {
        let end = self.document.elements.len();
        let element = &mut self.document.elements[index];
        element.end = end;
        element.text.end = self.document.text.len();
    }

    /// Closes the innermost open element for which `is` holds, and all in it, unless `stops` holds for
    /// one within.
    pub(super) fn close_where(&mut self, is: impl Fn(&str) -> bool, stops: impl Fn(&str) -> bool) {
        let names = self.open.iter().enumerate().skip(1).rev();
        for (depth, index) in names {
            let name = &self.document.elements[*index].name;
            if is(name) {
                while self.open.len() > depth {
                    self.close();
                }
                return;
            }
            if stops(name) {
                return;
            }
        }
    }

    /// Returns the name of the innermost open element.
    pub(super) fn innermost(&self) -> Option<&str> {
        let index = self.open.last().filter(|index| **index > 0)?;
        Some(&self.document.elements[*index].name)
    }

    /// Ends the document, and every element that is open. Returns `None` if it has no elements.
    pub(super) fn finish(mut self) -> Option<Document> {
        while self.open.len() > 1 {
            self.close();
        }
        self.end(0);
        (self.document.elements.len() > 1).then_some(self.document)
    }
}
