//! Values of expressions whose numbers keep their original text.
//!
//! Most numbers are printed as they were read, and are plain values. The others are a `Number`; the
//! lists and maps that contain them are `Exact`. Expressions compute with `computable` values, in
//! which they are floats.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};

/// Converts a JSON value to a value of expressions.
pub fn from_json(value: &serde_json::Value) -> Value {
    Value::from(minijinja::value::Serde(value))
}

/// Converts a number: to a plain value if that prints like the original text.
pub(super) fn number(text: &str) -> Value {
    // Expressions treat integers beyond these bounds as floats.
    let integer = text.parse::<i128>().ok().map(Value::from);
    let value = integer.or_else(|| {
        text.parse::<f64>()
            .ok()
            .filter(|float| float.is_finite())
            .map(Value::from)
    });
    let is_plain =
        |value: &Value| serde_json::to_string(value).is_ok_and(|printed| printed == text);
    value.filter(is_plain).unwrap_or_else(|| {
        let float = text.parse().unwrap_or(f64::NAN);
        Value::from_object(Number {
            text: text.into(),
            float,
        })
    })
}

/// Wraps a list or a map that contains such a number, if `is_exact`.
pub(super) fn keeping(value: Value, is_exact: bool) -> Value {
    if is_exact {
        Value::from_object(Exact(value))
    } else {
        value
    }
}

/// Returns whether a value is or contains such a number.
pub(super) fn is_special(value: &Value) -> bool {
    value.downcast_object_ref::<Number>().is_some()
        || value.downcast_object_ref::<Exact>().is_some()
}

/// A number that would not be printed as it was read.
#[derive(Debug)]
struct Number {
    text: Box<str>,
    float: f64,
}

impl Object for Number {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A list or a map that contains such a number.
#[derive(Debug)]
struct Exact(Value);

/// The same value for expressions, with floats in place of these numbers.
#[derive(Debug)]
struct Computable(Value);

fn item(container: &Value, key: &Value) -> Option<Value> {
    container
        .get_item(key)
        .ok()
        .filter(|item| !item.is_undefined())
}

fn repr(container: &Value) -> ObjectRepr {
    if container.kind() == ValueKind::Seq {
        ObjectRepr::Seq
    } else {
        ObjectRepr::Map
    }
}

fn enumerate(container: &Value) -> Enumerator {
    match (container.kind(), container.len(), container.try_iter()) {
        (ValueKind::Seq, Some(length), _) => Enumerator::Seq(length),
        (_, _, Ok(keys)) => Enumerator::Values(keys.collect()),
        (_, _, Err(_)) => Enumerator::Empty,
    }
}

impl Object for Exact {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        repr(&self.0)
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        item(&self.0, key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        enumerate(&self.0)
    }
}

impl Object for Computable {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        repr(&self.0)
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        item(&self.0, key).map(computable)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        enumerate(&self.0)
    }
}

/// Converts a value so that expressions can compute with it: numbers that keep their text become
/// floats.
pub(super) fn computable(value: Value) -> Value {
    if let Some(number) = value.downcast_object_ref::<Number>() {
        return Value::from(number.float);
    }
    if value.downcast_object_ref::<Exact>().is_some() {
        Value::from_object(Computable(value))
    } else {
        value
    }
}

/// Reverts [`computable`] for a value that was not computed with.
pub(super) fn original(value: Value) -> Value {
    value
        .downcast_object_ref::<Computable>()
        .map(|computable| computable.0.clone())
        .unwrap_or(value)
}

/// Formats a value as JSON, each number as it was read.
///
/// # Errors
/// If it has no JSON form.
pub fn print(value: &Value) -> serde_json::Result<String> {
    if let Some(number) = value.downcast_object_ref::<Number>() {
        return Ok(number.text.to_string());
    }
    let Some(Exact(container)) = value.downcast_object_ref() else {
        return serde_json::to_string(value);
    };
    let items = container.try_iter().into_iter().flatten();
    if container.kind() == ValueKind::Seq {
        let items = items
            .map(|item| print(&item))
            .collect::<Result<Vec<_>, _>>()?;
        return Ok(format!("[{}]", items.join(",")));
    }
    let member = |key: Value| {
        let value = item(container, &key).unwrap_or_default();
        Ok(format!(
            "{}:{}",
            serde_json::to_string(&key)?,
            print(&value)?
        ))
    };
    let members = items.map(member).collect::<serde_json::Result<Vec<_>>>()?;
    Ok(format!("{{{}}}", members.join(",")))
}
