//! Texts of a test plan: characters, variables and functions.

/// How deep functions may stand in arguments of functions.
const MAX_DEPTH: usize = 20;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Characters.
    Text(String),
    /// `${NAME}`.
    Variable(String),
    /// `${__NAME(ARGUMENT,…)}`.
    Function {
        /// Its name, with the underscores.
        name: String,
        /// Its arguments.
        arguments: Vec<Vec<Self>>,
        /// How it is written.
        source: String,
    },
}

/// Splits a text as JMeter does.
pub(super) fn parts(text: &str) -> Vec<Part> {
    // Without a variable or a function, a backslash is only a character.
    if !text.contains("${") {
        return if text.is_empty() {
            Vec::new()
        } else {
            vec![Part::Text(text.to_owned())]
        };
    }
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        is_open: false,
    };
    reader.until(&[]).0
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Whether a function is never closed, so that those after it are not either.
    is_open: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Reads up to one of these endings, or to the end of the text. Returns the ending, too.
    fn until(&mut self, endings: &[&'static str]) -> (Vec<Part>, Option<&'static str>) {
        let mut parts = Vec::new();
        let mut text = String::new();
        let ended = loop {
            if let Some(ending) = endings
                .iter()
                .find(|ending| self.rest().starts_with(**ending))
            {
                self.at += ending.len();
                break Some(*ending);
            }
            if self.rest().starts_with("${")
                && let Some(part) = self.reference()
            {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(part);
                continue;
            }
            let mut rest = self.rest().chars();
            let Some(c) = rest.next() else { break None };
            self.at += c.len_utf8();
            match rest.next() {
                Some(next) if c == '\\' && matches!(next, '$' | ',' | '\\') => {
                    self.at += next.len_utf8();
                    text.push(next);
                }
                _ => text.push(c),
            }
        };
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        (parts, ended)
    }

    /// Reads a variable or a function, whose `${` comes next; nothing if it has no end.
    fn reference(&mut self) -> Option<Part> {
        let begin = self.at;
        let inside = &self.rest()[2..];
        let length = inside
            .find(['}', '(', '$', '{'])
            .filter(|_| self.depth < MAX_DEPTH)?;
        let name = inside[..length].trim().to_owned();
        let is_function = name.starts_with("__");
        if inside[length..].starts_with('}') {
            self.at += 2 + length + 1;
            return Some(if is_function {
                let source = self.text[begin..self.at].to_owned();
                Part::Function {
                    name,
                    arguments: Vec::new(),
                    source,
                }
            } else {
                Part::Variable(name)
            });
        }
        if !is_function || self.is_open || !inside[length..].starts_with('(') {
            return None;
        }
        self.at += 2 + length + 1;
        self.depth += 1;
        let mut arguments = Vec::new();
        let ended = loop {
            let (argument, ended) = self.until(&[",", ")}"]);
            arguments.push(argument);
            if ended != Some(",") {
                break ended.is_some();
            }
        };
        self.depth -= 1;
        if !ended {
            self.is_open = true;
            self.at = begin;
            return None;
        }
        if let [only] = arguments.as_slice()
            && only.is_empty()
        {
            arguments.clear();
        }
        Some(Part::Function {
            name,
            arguments,
            source: self.text[begin..self.at].to_owned(),
        })
    }
}
