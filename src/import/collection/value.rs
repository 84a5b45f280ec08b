//! What an expression of a script stands for, where that is plain: a part of the response, a
//! variable, or a value that is written out.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::form::{Capture, Expected};
use super::js::{Kind, Token, bracketed, split};
use crate::import::names::is_token;

/// The deepest value that is written out.
const MAX_DEPTH: usize = 32;

/// What an expression stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// The status.
    Status,
    /// The response time in ms.
    Time,
    /// The body as text.
    Body,
    /// JSON in the body, by a JSONPath.
    Json(String),
    /// The length of what is there in JSON.
    Length(String),
    /// A header.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A variable.
    Variable(String),
    /// A value that is written out.
    Literal(Json),
}

impl Value {
    /// Returns where it is taken from, if it is a part of the response.
    pub(crate) fn capture(self) -> Option<Capture> {
        match self {
            Self::Status => Some(Capture::Status),
            Self::Body => Some(Capture::Body),
            Self::Json(path) => Some(Capture::Json(path)),
            Self::Length(path) => Some(Capture::Json(format!("{path}|length"))),
            Self::Header(name) => Some(Capture::Header(name)),
            Self::Cookie(name) => Some(Capture::Cookie(name)),
            Self::Time | Self::Variable(_) | Self::Literal(_) => None,
        }
    }

    /// Returns what a check can compare with.
    pub(super) fn expected(self) -> Option<Expected> {
        match self {
            Self::Literal(value) => Some(Expected::Literal(value)),
            Self::Variable(name) => Some(Expected::Variable(name)),
            _ => None,
        }
    }
}

/// The names that a script gives to values.
pub(super) type Names = BTreeMap<String, Value>;

/// A part of a chain such as `pm.expect(a).to.equal(1)`.
#[derive(Debug)]
pub(super) enum Link<'a> {
    /// `name` or `.name`.
    Name(&'a str),
    /// `[0]` or `['name']`.
    Index(Json),
    /// `(…)`, with its arguments.
    Call(Vec<&'a [Token]>),
}

/// Reads a chain that takes up all tokens.
pub(super) fn chain(tokens: &[Token]) -> Option<Vec<Link<'_>>> {
    let (first, mut rest) = tokens.split_first()?;
    let Kind::Word(name) = &first.kind else {
        return None;
    };
    let mut links = vec![Link::Name(name)];
    while let Some((token, after)) = rest.split_first() {
        if token.is(".") || (token.is("?.") && matches!(after.first()?.kind, Kind::Word(_))) {
            let (name, after) = after.split_first()?;
            let Kind::Word(name) = &name.kind else {
                return None;
            };
            links.push(Link::Name(name));
            rest = after;
        } else if token.is("?.") {
            rest = after;
        } else if token.is("[") {
            let (inside, after) = bracketed(rest)?;
            links.push(Link::Index(literal(inside, MAX_DEPTH)?));
            rest = after;
        } else if token.is("(") {
            let (inside, after) = bracketed(rest)?;
            links.push(Link::Call(split(inside, ",")));
            rest = after;
        } else {
            return None;
        }
    }
    Some(links)
}

/// Returns the names that a chain begins with, joined by dots, and the links behind them. `insomnia` is
/// what Insomnia calls `pm`.
pub(super) fn head<'a, 'b>(links: &'b [Link<'a>]) -> (String, &'b [Link<'a>]) {
    let names: Vec<&str> = links
        .iter()
        .map_while(|link| match link {
            Link::Name(name) => Some(*name),
            _ => None,
        })
        .collect();
    let joined = names.join(".");
    let joined = match joined.strip_prefix("insomnia.") {
        Some(rest) => format!("pm.{rest}"),
        None => joined,
    };
    (joined, &links[names.len()..])
}

/// Returns what an expression stands for.
pub(super) fn value(tokens: &[Token], names: &Names) -> Option<Value> {
    if let Some(value) = literal(tokens, MAX_DEPTH) {
        return Some(Value::Literal(value));
    }
    let links = chain(tokens)?;
    let (head, rest) = head(&links);
    if let Some(value) = called(&head, rest, names) {
        return Some(value);
    }
    // A name that stands for a value, or a part of it.
    let Some(Link::Name(first)) = links.first() else {
        return None;
    };
    if let Some(known) = names.get(*first) {
        return member(known.clone(), &links[1..]);
    }
    match (head.as_str(), rest) {
        ("pm.response.code" | "responseCode.code" | "res.status", []) => Some(Value::Status),
        ("pm.response.responseTime" | "responseTime" | "res.responseTime", []) => Some(Value::Time),
        ("responseBody", []) => Some(Value::Body),
        _ => {
            let is_header = head.starts_with("res.headers");
            let of = if is_header {
                Value::Header(String::new())
            } else {
                json("$")
            };
            let [Link::Name("res"), Link::Name("body" | "headers"), rest @ ..] = links.as_slice()
            else {
                return None;
            };
            match (of, rest) {
                (Value::Header(_), [Link::Name(name)]) if is_token(name) => {
                    Some(Value::Header((*name).to_owned()))
                }
                (Value::Header(_), [Link::Index(Json::String(name))]) if is_token(name) => {
                    Some(Value::Header(name.clone()))
                }
                (Value::Header(_), _) => None,
                (of, rest) => member(of, rest),
            }
        }
    }
}

/// Returns what a call stands for, with the members after it.
fn called(head: &str, rest: &[Link<'_>], names: &Names) -> Option<Value> {
    let (Link::Call(arguments), rest) = rest.split_first()? else {
        return None;
    };
    let text = || match arguments.as_slice() {
        [one] => match literal(one, 1)? {
            Json::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    };
    let parses_body = || match arguments.as_slice() {
        [one] => value(one, names) == Some(Value::Body),
        _ => false,
    };
    let found = match head {
        "pm.response.json" | "res.getBody" if arguments.is_empty() => json("$"),
        "JSON.parse" if parses_body() => json("$"),
        "pm.response.text" if arguments.is_empty() => Value::Body,
        "res.getStatus" if arguments.is_empty() => Value::Status,
        "res.getResponseTime" if arguments.is_empty() => Value::Time,
        "pm.response.headers.get" | "postman.getResponseHeader" | "res.getHeader" => {
            Value::Header(text().filter(|name| is_token(name))?)
        }
        "pm.cookies.get" => Value::Cookie(text().filter(|name| is_token(name))?),
        "pm.environment.get"
        | "pm.collectionVariables.get"
        | "pm.globals.get"
        | "pm.variables.get"
        | "bru.getVar"
        | "bru.getEnvVar"
        | "bru.getCollectionVar"
        | "bru.getGlobalEnvVar" => Value::Variable(text()?),
        _ => return None,
    };
    member(found, rest)
}

fn json(path: &str) -> Value {
    Value::Json(path.to_owned())
}

/// Returns a member of a value.
fn member(of: Value, links: &[Link<'_>]) -> Option<Value> {
    if links.is_empty() {
        return Some(of);
    }
    let Value::Json(mut path) = of else {
        return None;
    };
    for (at, link) in links.iter().enumerate() {
        match link {
            Link::Name("length") if at + 1 == links.len() => return Some(Value::Length(path)),
            Link::Name(name) => path = below(&path, name),
            Link::Index(Json::String(name)) => path = below(&path, name),
            Link::Index(Json::Number(index)) => {
                path = format!(
                    "{path}[{}]",
                    index.as_u64().filter(|index| *index < 1 << 53)?
                );
            }
            Link::Index(_) | Link::Call(_) => return None,
        }
    }
    Some(Value::Json(path))
}

/// Returns the JSONPath of a member.
pub(super) fn below(path: &str, name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain {
        return format!("{path}.{name}");
    }
    let mut quoted = String::new();
    for c in name.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    format!("{path}['{quoted}']")
}

/// Returns the JSONPath of a path such as `a.b[0]`.
pub(super) fn path(typed: &str) -> Option<String> {
    let mut path = "$".to_owned();
    for part in typed.split('.') {
        let (name, index) = part.split_at(part.find('[').unwrap_or(part.len()));
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ' ');
        let is_index = |c: char| c.is_ascii_digit() || matches!(c, '[' | ']');
        let is_whole = index.is_empty() || (index.starts_with('[') && index.ends_with(']'));
        if !name.chars().all(is_name) || !index.chars().all(is_index) || !is_whole {
            return None;
        }
        if !name.is_empty() {
            path = below(&path, name);
        } else if index.is_empty() {
            return None;
        }
        path.push_str(index);
    }
    Some(path)
}

/// Returns the value that tokens write out.
pub(super) fn literal(tokens: &[Token], depth: usize) -> Option<Json> {
    let (first, rest) = tokens.split_first()?;
    if depth == 0 {
        return None;
    }
    match (&first.kind, rest) {
        (Kind::Text(text), []) => Some(Json::from(text.as_str())),
        (Kind::Number(text), []) => serde_json::from_str(text).ok(),
        (Kind::Sign("-"), [number]) => match &number.kind {
            Kind::Number(text) => serde_json::from_str(&format!("-{text}")).ok(),
            _ => None,
        },
        (Kind::Word(word), []) => match word.as_str() {
            "true" => Some(Json::Bool(true)),
            "false" => Some(Json::Bool(false)),
            "null" => Some(Json::Null),
            _ => None,
        },
        (Kind::Sign("["), _) => {
            let items = split(inside(tokens)?, ",").into_iter();
            let items: Option<Vec<Json>> = items.map(|item| literal(item, depth - 1)).collect();
            Some(Json::Array(items?))
        }
        (Kind::Sign("{"), _) => {
            let members = split(inside(tokens)?, ",").into_iter().map(|member| {
                let (name, rest) = member.split_first()?;
                let (colon, value) = rest.split_first()?;
                let name = match &name.kind {
                    Kind::Word(name) | Kind::Text(name) => name.clone(),
                    _ => return None,
                };
                colon.is(":").then_some(())?;
                Some((name, literal(value, depth - 1)?))
            });
            Some(Json::Object(members.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// Returns what is inside of brackets that are all tokens.
fn inside(tokens: &[Token]) -> Option<&[Token]> {
    let (inside, rest) = bracketed(tokens)?;
    rest.is_empty().then_some(inside)
}
