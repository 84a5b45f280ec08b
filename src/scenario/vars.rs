//! The variables of a scenario: from `vars` and `secrets`, the environment and the command line.
//!
//! Only these sections can read the environment. Substituted values are not expanded again, so that
//! neither an environment variable nor a flag can inject another variable.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::credentials;
use super::diagnostic::{Diagnostics, Place, Span, quoted};
use super::tree::{Node, Scalar, Value};
use super::words;
use crate::plan::secrets::SHORTEST;

/// Maximum number of variables.
const MAX_VARS: usize = 1000;

/// All variables, by name.
pub(super) struct Vars {
    all: BTreeMap<String, Var>,
}

struct Var {
    /// The value; `None` if its definition is invalid, which was reported.
    value: Option<Scalar>,
    /// Whether it is only given on the command line; the file must use it somewhere.
    foreign: bool,
    /// Whether it comes from `secrets`.
    secret: bool,
    used: Cell<bool>,
}

impl Vars {
    /// Decodes `vars` and `secrets` of a scenario, reads the environment variables that they name,
    /// and applies the overrides of the command line.
    pub(super) fn collect(
        root: &Node,
        flags: &[(String, String)],
        env: &dyn Fn(&str) -> Option<String>,
        problems: &mut Diagnostics,
    ) -> Self {
        let mut all = BTreeMap::new();
        for section in ["vars", "secrets"] {
            read(section, root.get(section), &mut all, flags, env, problems);
        }
        for (name, text) in flags {
            if !is_name(name) {
                problems
                    .error(
                        Place::Flag("--var"),
                        format!("{} is not a valid variable name", quoted(name)),
                    )
                    .help("write `--var name=value`, with letters, digits and `_` in the name");
                continue;
            }
            // Quotes in the file determine whether it is a text; a bare flag may be a number.
            let declared = all.get(name);
            let plain = declared
                .and_then(|var| var.value.as_ref())
                .is_none_or(|scalar| scalar.plain);
            let foreign = declared.is_none_or(|var| var.foreign);
            let secret = declared.is_some_and(|var| var.secret);
            let value = Some(Scalar {
                text: text.clone(),
                plain,
                typed: None,
                template: None,
            });
            all.insert(
                name.clone(),
                Var {
                    value,
                    foreign,
                    secret,
                    used: Cell::new(false),
                },
            );
        }
        for (name, var) in &all {
            if var.secret {
                hide(name, var, root, problems);
            } else if let Some(value) = &var.value {
                credentials::of_urls(&value.text, problems);
            }
        }
        Self { all }
    }

    /// Returns the value of a variable: `None` if it does not exist, `Some(None)` if it is invalid.
    pub(super) fn get(&self, name: &str) -> Option<Option<&Scalar>> {
        let var = self.all.get(name)?;
        var.used.set(true);
        Some(var.value.as_ref())
    }

    /// Returns the value of a valid variable without marking it as used.
    pub(super) fn peek(&self, name: &str) -> Option<&Scalar> {
        self.all.get(name)?.value.as_ref()
    }

    /// Returns whether there is a variable with this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all.contains_key(name)
    }

    /// Returns all names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(String::as_str)
    }

    /// Reports variables of the command line that the scenario neither declares nor uses, which are
    /// likely typos.
    pub(super) fn report_unused(&self, problems: &mut Diagnostics) {
        for (name, _) in self
            .all
            .iter()
            .filter(|(_, var)| var.foreign && !var.used.get())
        {
            let declared: Vec<&str> = self
                .all
                .iter()
                .filter(|(_, var)| !var.foreign)
                .map(|(name, _)| name.as_str())
                .collect();
            let error = problems.error(
                Place::Flag("--var"),
                format!("the scenario has no variable {}", quoted(name)),
            );
            match words::nearest(name, declared.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None if declared.is_empty() => error.help(format!(
                    "declare it in the scenario: `vars: {{ {name}: … }}`"
                )),
                None => error.help(format!("it has {}", words::listed(declared))),
            };
        }
    }
}

/// Decodes a section.
fn read(
    section: &str,
    node: Option<&Node>,
    all: &mut BTreeMap<String, Var>,
    flags: &[(String, String)],
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Diagnostics,
) {
    let entries = match node.map(|node| (node, &node.value)) {
        Some((_, Value::Map(entries))) => entries.as_slice(),
        None | Some((_, Value::Broken)) => &[],
        Some((node, _)) if node.is_null() => &[],
        Some((node, _)) => {
            problems
                .error(
                    node.span,
                    format!("`{section}` must be a map, but this is {}", node.describe()),
                )
                .help(format!("write `{section}: {{ name: value }}`"));
            &[]
        }
    };
    if let Some(entry) = entries.get(MAX_VARS) {
        problems
            .error(entry.key_span, format!("more than {MAX_VARS} variables"))
            .help("remove some");
    }
    let secret = section == "secrets";
    for entry in entries.iter().take(MAX_VARS) {
        if !is_name(&entry.key) {
            problems
                .error(
                    entry.key_span,
                    format!("{} is not a valid variable name", quoted(&entry.key)),
                )
                .help("use letters, digits and `_`, and begin with a letter");
            continue;
        }
        // A variable set on the command line is not also looked up in the environment.
        let given = flags.iter().any(|(name, _)| *name == entry.key);
        let value = value(&entry.key, &entry.value, given, env, problems);
        if let Some(other) = all.get(&entry.key)
            && other.secret != secret
        {
            problems
                .error(entry.key_span, format!("`{}` is in `vars` too", entry.key))
                .help("keep it in `secrets` if it must stay hidden, otherwise in `vars`");
        }
        all.insert(
            entry.key.clone(),
            Var {
                value,
                foreign: false,
                secret,
                used: Cell::new(false),
            },
        );
    }
}

/// Hides the value of a secret, and the value in the file that it overrides.
fn hide(name: &str, var: &Var, root: &Node, problems: &mut Diagnostics) {
    let node = root.get("secrets").and_then(|secrets| secrets.get(name));
    if let Some(Node {
        value: Value::Scalar(typed),
        ..
    }) = node
        && !typed.text.contains("${")
    {
        problems.hide(&typed.text);
    }
    let Some(value) = &var.value else { return };
    problems.hide(&value.text);
    if !value.text.is_empty() && value.text.len() < SHORTEST {
        let place = node.map_or(Place::Flag("--var"), |node| node.span.into());
        problems
            .warning(
                place,
                format!(
                    "the secret `{name}` has fewer than {SHORTEST} characters, and is not redacted: it is too short to be told from other text"
                ),
            )
            .help("give it a longer value; move it to `vars` if it is not a secret");
    }
}

/// Returns whether a text is a valid name of a variable or a target.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn value(
    name: &str,
    node: &Node,
    given: bool,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Diagnostics,
) -> Option<Scalar> {
    let scalar = match &node.value {
        Value::Scalar(_) if node.is_null() => {
            problems
                .error(node.span, format!("the variable `{name}` has no value"))
                .help(format!("write `{name}: \"\"` for an empty string"));
            return None;
        }
        Value::Scalar(scalar) => scalar,
        Value::Broken => return None,
        _ => {
            problems
                .error(
                    node.span,
                    format!(
                        "a variable must be a single value, but `{name}` is {}",
                        node.describe()
                    ),
                )
                .help("write a string, a number or a boolean");
            return None;
        }
    };
    if scalar.text.contains("{{") {
        problems
            .warning(
                node.span,
                format!("`{{{{…}}}}` in the value of `{name}` is not expanded: values are substituted once"),
            )
            .help("write the value out where it is used");
    }
    if given {
        return Some(scalar.clone());
    }
    let text = from_environment(&scalar.text, node.span, env, problems)?;
    Some(Scalar {
        text,
        plain: scalar.plain,
        typed: None,
        template: None,
    })
}

/// Substitutes environment variables for every `${NAME}` and `${NAME:-default}`.
fn from_environment(
    text: &str,
    span: Span,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Diagnostics,
) -> Option<String> {
    const MAX_BYTES: usize = super::source::MAX_BYTES;
    let mut out = String::new();
    let mut rest = text;
    let mut good = true;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('}') else {
            problems
                .error(span, "`${` without a `}` after it")
                .help("write `${NAME}` or `${NAME:-default}`");
            return None;
        };
        let inner = &rest[start + 2..start + length];
        rest = &rest[start + length + 1..];
        let (name, default) = inner
            .split_once(":-")
            .map_or((inner, None), |(name, default)| (name, Some(default)));
        if !is_name(name) {
            problems
                .error(
                    span,
                    format!(
                        "{} is not the name of an environment variable",
                        quoted(&format!("${{{inner}}}"))
                    ),
                )
                .help("write `${NAME}` or `${NAME:-default}`");
            good = false;
            continue;
        }
        // As in a shell, `:-` treats an empty variable as unset.
        match (
            env(name).filter(|value| default.is_none() || !value.is_empty()),
            default,
        ) {
            (Some(value), _) => out.push_str(&value),
            (None, Some(default)) => out.push_str(default),
            (None, None) => {
                problems
                    .error(
                        span,
                        format!("the environment variable `{name}` is not set"),
                    )
                    .help(format!("set it, or give a default: `${{{name}:-…}}`"));
                good = false;
            }
        }
        if out.len() > MAX_BYTES {
            problems
                .error(span, "this value is larger than 1 MB")
                .help("shorten it");
            return None;
        }
    }
    out.push_str(rest);
    good.then_some(out)
}
