//! [`Tree`]: the YAML or JSON of a script.

use serde_yaml::Value;

/// A value of a script.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Tree {
    /// Nothing.
    #[default]
    Null,
    /// A text.
    Text(String),
    /// A number or a truth value.
    Plain(String),
    /// A list.
    List(Vec<Self>),
    /// A map, in its order.
    Map(Vec<(String, Self)>),
}

impl Tree {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value)
    }

    /// Returns the keys of a map with their values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        let entries = match self {
            Self::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns the items of a list.
    pub(super) fn items(&self) -> impl Iterator<Item = &Self> {
        let items = match self {
            Self::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter()
    }

    /// Returns a single value as a text.
    pub(super) fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Plain(text) => Some(text.clone()),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Returns the single value of a key as a text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.get(key)?.scalar()
    }

    /// Returns the number that a key has.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        let number: f64 = self.text(key)?.trim().parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// Returns a time in seconds: a number, or a text such as `5m`.
    pub(super) fn seconds(&self) -> Option<f64> {
        let text = self.scalar()?;
        let text = text.trim();
        let split = text
            .find(|c: char| c.is_ascii_alphabetic() || c == ' ')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let number: f64 = number.parse().ok()?;
        let scale = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "ms" | "msec" | "msecs" | "milliseconds" => 0.001,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => return None,
        };
        Some(number * scale)
    }
}

/// Returns whether a value is a map.
pub(super) const fn is_map(tree: &Tree) -> bool {
    matches!(tree, Tree::Map(_))
}

/// Reads YAML, of which JSON is a part.
///
/// # Errors
/// If it is neither, with the reason.
pub(super) fn read(text: &str) -> Result<Tree, String> {
    let value: Value =
        serde_yaml::from_str(text).map_err(|error| format!("it is not YAML ({error})"))?;
    Ok(of(value))
}

fn of(value: Value) -> Tree {
    match value {
        Value::Null => Tree::Null,
        Value::Bool(flag) => Tree::Plain(flag.to_string()),
        Value::Number(number) => Tree::Plain(number.to_string()),
        Value::String(text) => Tree::Text(text),
        Value::Sequence(items) => Tree::List(items.into_iter().map(of).collect()),
        Value::Mapping(entries) => {
            let entry = |(key, value)| {
                let key = of(key).scalar()?;
                Some((key, of(value)))
            };
            Tree::Map(entries.into_iter().filter_map(entry).collect())
        }
        Value::Tagged(tagged) => of(tagged.value),
    }
}
