//! Puts variables in the place of `{{name}}`, all over the tree, before anything in it is read.
//!
//! Knows nothing of what the values are for. Values that were put in are not looked at again.

use super::diagnostic::{Diagnostics, Span, quoted};
use super::tree::{Node, Scalar, Value};
use super::vars::{Vars, is_name};
use super::words::{self, Part};

/// How much text all variables together may be put in, in bytes.
const BUDGET: usize = 8 << 20;

/// Expands every value of a scenario but those of `vars`, of ignored keys and of parts that are refused.
pub fn expand(root: &mut Node, vars: &Vars, source: &str, problems: &mut Diagnostics) {
    let secrets: Vec<String> = match root.get("secrets").map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().map(|e| e.key.clone()).collect(),
        _ => Vec::new(),
    };
    let Value::Map(entries) = &mut root.value else { return };
    let mut expander = Expander { vars, source, secrets, problems, left: BUDGET };
    for entry in entries {
        let key = entry.key.as_str();
        if key != "vars" && !key.starts_with("x-") && !words::is_later(Part::Top, key) {
            expander.node(&mut entry.value);
        }
    }
}

struct Expander<'a> {
    vars: &'a Vars,
    source: &'a str,
    secrets: Vec<String>,
    problems: &'a mut Diagnostics,
    left: usize,
}

impl Expander<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Broken => {}
            Value::List(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| self.node(&mut entry.value)),
            Value::Scalar(scalar) if scalar.text.contains("{{") => {
                node.value = self.scalar(node.span, scalar).map_or(Value::Broken, Value::Scalar);
            }
            Value::Scalar(_) => {}
        }
    }

    fn scalar(&mut self, span: Span, scalar: &Scalar) -> Option<Scalar> {
        let mut out = String::new();
        let mut rest = scalar.text.as_str();
        let mut plain = false;
        let mut good = true;
        // Where the source is searched for the next template, so that the right one is underlined.
        let mut from = span.start;
        while let Some(start) = rest.find("{{") {
            out.push_str(&rest[..start]);
            let Some(length) = rest[start..].find("}}") else {
                self.problems.error(span, "`{{` without `}}` behind it").help("write `{{name}}` with the name of a variable");
                return None;
            };
            let whole = &rest[start..start + length + 2];
            let place = self.locate(whole, span, &mut from);
            match self.variable(rest[start + 2..start + length].trim(), place) {
                None => good = false,
                Some(value) => {
                    // A value that is exactly one variable takes it with its type.
                    plain = value.plain && whole.len() == scalar.text.len();
                    self.charge(value.text.len(), span)?;
                    out.push_str(&value.text);
                }
            }
            rest = &rest[start + length + 2..];
        }
        out.push_str(rest);
        good.then(|| Scalar { text: out, plain, typed: Some(scalar.text.clone()) })
    }

    fn charge(&mut self, bytes: usize, span: Span) -> Option<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Some(())
            }
            None => {
                if self.left > 0 {
                    let message = format!("variables put in add up to more than {} MB of text", BUDGET >> 20);
                    self.problems.error(span, message).help("use shorter values, or fewer of them");
                }
                self.left = 0;
                None
            }
        }
    }

    fn locate(&self, whole: &str, span: Span, from: &mut usize) -> Span {
        let found = self.source.get(*from..span.end).and_then(|typed| typed.find(whole));
        match found {
            Some(at) => {
                let start = *from + at;
                *from = start + whole.len();
                Span::new(start, start + whole.len())
            }
            None => {
                // It is typed in another way, with escapes; so are the others, and nothing more is searched.
                *from = span.end;
                span
            }
        }
    }

    fn variable(&mut self, name: &str, place: Span) -> Option<Scalar> {
        if !is_name(name) {
            let error = self.problems.error(place, format!("{} is no variable", quoted(name)));
            if name.contains(['(', '.', '[', '|']) {
                error.help(
                    "expressions and functions are part of the scenario language, but this version of loadgen runs plain `{{name}}` only",
                );
            } else {
                error.help("write `{{name}}` with the name of a variable");
            }
            return None;
        }
        match self.vars.get(name) {
            Some(value) => value.cloned(),
            // Secrets are refused as a whole, and that is said once.
            None if self.secrets.iter().any(|s| s == name) => None,
            None => {
                let near = if self.problems.is_full() { None } else { words::nearest(name, self.vars.names()) };
                let error = self.problems.error(place, format!("unknown variable `{name}`"));
                match near {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!("declare it: `vars: {{ {name}: … }}`, or give it with `--var {name}=…`")),
                };
                None
            }
        }
    }
}
