//! Substitutes variables for `{{…}}` in the whole tree, before anything in it is decoded. Values
//! that are only known at run time become templates.
//!
//! It does not know what the values are for. Substituted values are not expanded again.

use super::diagnostic::{Diagnostics, Span};
use super::names::{Checked, Names};
use super::tree::{Node, Scalar, Value};
use super::vars::is_name;
use crate::plan::{Encode, Template};

/// Maximum number of bytes that all substitutions together may insert.
const BUDGET: usize = 8 << 20;

/// Expands every value of a scenario, except those of `vars` and `secrets`, of ignored keys and of
/// unsupported parts.
pub(super) fn expand(root: &mut Node, names: &Names<'_>, source: &str, problems: &mut Diagnostics) {
    let Value::Map(entries) = &mut root.value else {
        return;
    };
    let mut expander = Expander {
        names,
        source,
        problems,
        left: BUDGET,
    };
    for entry in entries {
        let key = entry.key.as_str();
        if !matches!(key, "vars" | "secrets") && !key.starts_with("x-") {
            expander.node(&mut entry.value);
        }
    }
}

struct Expander<'a> {
    names: &'a Names<'a>,
    source: &'a str,
    problems: &'a mut Diagnostics,
    left: usize,
}

/// What replaces a pair of braces.
enum Substitution {
    Known(Scalar),
    Running,
}

impl Expander<'_> {
    fn node(&mut self, node: &mut Node) {
        if let Value::Scalar(scalar) = &node.value {
            self.dollars(scalar, node.span);
        }
        match &mut node.value {
            Value::Broken => {}
            Value::List(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Map(entries) => entries
                .iter_mut()
                .for_each(|entry| self.node(&mut entry.value)),
            Value::Scalar(scalar) if scalar.text.contains("{{") => {
                node.value = self
                    .scalar(node.span, scalar)
                    .map_or(Value::Broken, Value::Scalar);
            }
            Value::Scalar(_) => {}
        }
    }

    /// Warns of `${name}` if the scenario has such a value: other tools substitute it.
    fn dollars(&mut self, scalar: &Scalar, span: Span) {
        for (at, _) in scalar.text.match_indices("${").take(10) {
            let inner = scalar.text[at + 2..]
                .split_once('}')
                .map_or("", |(inner, _)| inner);
            let name = inner.split('.').next().unwrap_or_default();
            if is_name(name) && (self.names.is_given(name) || self.names.vars().has(name)) {
                self.problems
                    .warning(
                        span,
                        format!(
                            "`${{{inner}}}` is sent unchanged: only `vars` and `secrets` read it"
                        ),
                    )
                    .help(format!("write `{{{{{inner}}}}}`"));
            }
        }
    }

    fn scalar(&mut self, span: Span, scalar: &Scalar) -> Option<Scalar> {
        let mut out = Template::default();
        let mut rest = scalar.text.as_str();
        let mut plain = false;
        let mut good = true;
        // Where the search for the next template in the source starts, so that the right one is
        // underlined.
        let mut from = span.start;
        while let Some(start) = rest.find("{{") {
            out.push_text(&rest[..start]);
            let Some(length) = rest[start..].find("}}") else {
                self.problems
                    .error(span, "`{{` without `}}` after it")
                    .help("write `{{name}}` with the name of a variable");
                return None;
            };
            let whole = &rest[start..start + length + 2];
            let inner = rest[start + 2..start + length].trim();
            let place = self.locate(whole, span, &mut from);
            match self.substitution(inner, place) {
                None => good = false,
                Some(Substitution::Known(value)) => {
                    // A text that is exactly one variable keeps the variable's type.
                    plain = value.plain && whole.len() == scalar.text.len();
                    self.charge(value.text.len(), span)?;
                    out.push_text(&value.text);
                }
                Some(Substitution::Running) => out.push_value(inner, Encode::Plain),
            }
            rest = &rest[start + length + 2..];
        }
        out.push_text(rest);
        let typed = Some(scalar.text.clone());
        good.then(|| match out.as_text() {
            Some(text) => Scalar {
                text: text.to_owned(),
                plain,
                typed,
                template: None,
            },
            None => Scalar {
                text: scalar.text.clone(),
                plain: scalar.plain,
                typed,
                template: Some(out),
            },
        })
    }

    fn charge(&mut self, bytes: usize, span: Span) -> Option<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Some(())
            }
            None => {
                if self.left > 0 {
                    let message = format!(
                        "substituted variables add up to more than {} MB of text",
                        BUDGET >> 20
                    );
                    self.problems
                        .error(span, message)
                        .help("use shorter values, or fewer of them");
                }
                self.left = 0;
                None
            }
        }
    }

    fn locate(&self, whole: &str, span: Span, from: &mut usize) -> Span {
        let found = self
            .source
            .get(*from..span.end)
            .and_then(|typed| typed.find(whole));
        match found {
            Some(at) => {
                let start = *from + at;
                *from = start + whole.len();
                Span::new(start, start + whole.len())
            }
            None => {
                // The source spells it differently, with escapes, and so the other templates: stop
                // searching.
                *from = span.end;
                span
            }
        }
    }

    fn substitution(&mut self, inner: &str, place: Span) -> Option<Substitution> {
        if is_name(inner)
            && !self.names.is_given(inner)
            && let Some(value) = self.names.vars().get(inner)
        {
            return value.cloned().map(Substitution::Known);
        }
        self.names
            .check(inner, place, self.problems)
            .map(|checked| match checked {
                Checked::Known(value) => Substitution::Known(value),
                Checked::Running => Substitution::Running,
            })
    }
}
