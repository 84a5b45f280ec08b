//! The functions of expressions, and the facts that they depend on.
//!
//! Random values are a function of only the position of the call in the plan, so that every mode,
//! round and number of workers gets the same values.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Object, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rand::{Rng as _, RngExt as _};
use rand_pcg::Pcg64Mcg;

use super::exact::print;

/// Characters to encode in a name or a value of a query: all but RFC 3986's unreserved ones.
pub const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The maximum length of `random_string`.
const LONGEST: usize = 1 << 20;
/// The name under which functions find their facts; scenarios cannot use it.
pub(super) const FACTS: &str = "\0facts";

/// The functions that expressions have in addition to minijinja's filters and tests.
pub const FUNCTIONS: [&str; 10] = [
    "uuid",
    "now",
    "seq",
    "random_int",
    "random_string",
    "urlencode",
    "base64",
    "pick",
    "int",
    "float",
];

/// Reserved words of the expression language; a value with such a name can't be referenced.
pub const RESERVED: [&str; 14] = [
    "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None",
    "loop",
];

/// Encodes the text of a value.
pub(super) type Encoder = fn(&Value) -> String;

/// The functions that depend only on the text of a value.
const ENCODERS: [(&str, Encoder); 2] = [
    ("urlencode", |value| {
        utf8_percent_encode(&text(value), QUERY).to_string()
    }),
    ("base64", |value| STANDARD.encode(text(value))),
];

/// Returns the encoder that an expression calls and its argument, if the expression is nothing but
/// that call.
pub(super) fn encoder(source: &str) -> Option<(Encoder, &str)> {
    let argument = |name| {
        source
            .strip_prefix(name)?
            .trim_start()
            .strip_prefix('(')?
            .strip_suffix(')')
            .map(str::trim)
    };
    ENCODERS
        .iter()
        .find_map(|(name, encode)| argument(name).map(|argument| (*encode, argument)))
}

/// What functions depend on.
#[derive(Debug)]
pub struct Facts {
    /// The random numbers for this position in the plan.
    draws: Mutex<Pcg64Mcg>,
    /// The number of the iteration, from 1.
    seq: u64,
    /// The time of day, in milliseconds since 1970.
    unix_ms: u64,
}

impl Facts {
    /// Creates the facts for one use of a template or an expression.
    pub const fn new(draws: Pcg64Mcg, seq: u64, unix_ms: u64) -> Self {
        Self {
            draws: Mutex::new(draws),
            seq,
            unix_ms,
        }
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Pcg64Mcg) -> T) -> T {
        draw(&mut self.draws.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The facts in the form that minijinja can carry.
#[derive(Debug)]
pub(super) struct Carried(pub Arc<Facts>);

impl Object for Carried {}

/// The environment in which all expressions are compiled.
pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // Using a name without a value is an error, not an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for name in ["range", "dict", "debug", "namespace"] {
        environment.remove_global(name);
    }
    environment.add_function("uuid", uuid);
    environment.add_function("now", |state: &State| {
        facts(state).map(|facts| facts.unix_ms)
    });
    environment.add_function("seq", |state: &State| facts(state).map(|facts| facts.seq));
    environment.add_function("random_int", random_int);
    environment.add_function("random_string", random_string);
    for (name, encode) in ENCODERS {
        environment.add_function(name, move |value: Value| encode(&value));
    }
    environment.add_function("pick", pick);
    environment.add_function("int", int);
    environment.add_function("float", float);
    environment
});

fn facts(state: &State) -> Result<Arc<Facts>, Error> {
    let carried = state
        .lookup(FACTS)
        .and_then(|value| value.downcast_object::<Carried>());
    carried
        .map(|carried| carried.0.clone())
        .ok_or_else(|| invalid("this function works only while a scenario runs"))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// Converts a value to text; values other than strings become JSON.
pub(super) fn text(value: &Value) -> String {
    let json = || print(value).unwrap_or_else(|_| value.to_string());
    value.as_str().map_or_else(json, str::to_owned)
}

/// Returns a random UUID (version 4, RFC 9562).
fn uuid(state: &State) -> Result<String, Error> {
    let mut bytes = [0u8; 16];
    facts(state)?.draw(|draws| draws.fill_bytes(&mut bytes));
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut out = String::with_capacity(36);
    for (n, byte) in bytes.into_iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
    Ok(out)
}

/// Returns an integer from `least` to `most`, inclusive.
fn random_int(state: &State, least: i64, most: i64) -> Result<i64, Error> {
    if least > most {
        return Err(invalid(format!(
            "random_int({least}, {most}): the first number is above the second"
        )));
    }
    Ok(facts(state)?.draw(|draws| draws.random_range(least..=most)))
}

/// Returns `length` random letters and digits.
fn random_string(state: &State, length: usize) -> Result<String, Error> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if length > LONGEST {
        return Err(invalid(format!(
            "random_string({length}): at most {LONGEST} characters"
        )));
    }
    Ok(facts(state)?.draw(|draws| {
        (0..length)
            .map(|_| char::from(LETTERS[draws.random_range(0..LETTERS.len())]))
            .collect()
    }))
}

/// Returns an item of a list, chosen uniformly.
fn pick(state: &State, list: &Value) -> Result<Value, Error> {
    let items = list
        .len()
        .filter(|items| *items > 0 && list.kind() != ValueKind::String);
    let items = items.ok_or_else(|| invalid("pick(…) needs a list that is not empty"))?;
    let index = facts(state)?.draw(|draws| draws.random_range(0..items));
    list.get_item_by_index(index)
}

/// Converts a value to an integer, truncating the fraction.
fn int(value: &Value) -> Result<Value, Error> {
    if value.is_integer() {
        return Ok(value.clone());
    }
    let typed = text(value);
    let number = typed.trim();
    if let Ok(n) = number.parse::<i128>() {
        return Ok(n.into());
    }
    match number.parse::<f64>() {
        Ok(n) if n.abs() < 9e18 => Ok(Value::from(n.trunc() as i64)),
        _ => Err(invalid(format!(
            "int(…): {:?} is not a number",
            shown(number)
        ))),
    }
}

/// Converts a value to a float.
fn float(value: &Value) -> Result<f64, Error> {
    let typed = text(value);
    typed
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite())
        .ok_or_else(|| invalid(format!("float(…): {:?} is not a number", shown(&typed))))
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}
