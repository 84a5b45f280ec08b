//! Decodes nodes to values. These helpers report every problem and never stop at the first.
//!
//! They know the form of single values; other modules check what the values mean together.

use std::ops::RangeInclusive;

use super::diagnostic::{Diagnostics, Place, Span, quoted};
use super::tree::{Node, Scalar, Value};
use crate::base::parse::{self, ParseError};
use crate::base::{Nanos, Rate, Share, Size};
use crate::plan::Template;

/// Decodes a text; numbers and booleans are taken as written.
pub(super) fn text<'n>(node: &'n Node, key: &str, problems: &mut Diagnostics) -> Option<&'n str> {
    match &node.value {
        Value::Scalar(_) if node.is_null() => {
            problems
                .error(node.span, format!("{} has no value", quoted(key)))
                .help("write one after the colon; `\"\"` is an empty string");
            None
        }
        Value::Scalar(Scalar {
            template: Some(_), ..
        }) => {
            problems
                .error(node.span, format!("{} is needed before the run, but this value is known only during the run", quoted(key)))
                .help("use a variable from `vars`; captures, data columns and functions go into paths, queries, headers, bodies, and conditions such as `when`");
            None
        }
        Value::Scalar(scalar) => Some(&scalar.text),
        Value::Broken => None,
        _ => {
            problems
                .error(
                    node.span,
                    format!(
                        "{} must be a string, but this is {}",
                        quoted(key),
                        node.describe()
                    ),
                )
                .help("write one value; quote it if it contains brackets or braces");
            None
        }
    }
}

/// Decodes a text that may contain values known only at run time.
pub(super) fn template(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Template> {
    if let Value::Scalar(Scalar {
        template: Some(template),
        ..
    }) = &node.value
    {
        return Some(template.clone());
    }
    text(node, key, problems).map(|text| Template::from(text.to_owned()))
}

/// Decodes a single line of text for display, such as a name.
pub(super) fn line(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<String> {
    let text = text(node, key, problems)?;
    if text.trim().is_empty() {
        problems
            .error(node.span, format!("`{key}` is empty"))
            .help("write a few words, or remove the key");
    } else if text.chars().any(char::is_control) {
        problems
            .error(
                node.span,
                format!("`{key}` contains a line break or another control character"),
            )
            .help("keep it on one line");
    } else if text.chars().count() > 200 {
        problems
            .error(node.span, format!("`{key}` is longer than 200 characters"))
            .help("shorten it");
    } else {
        return Some(text.to_owned());
    }
    None
}

/// Decodes an integer.
pub(super) fn count(
    node: &Node,
    key: &str,
    range: RangeInclusive<u64>,
    problems: &mut Diagnostics,
) -> Option<u64> {
    let text = text(node, key, problems)?;
    let Ok(number) = text.trim().parse::<i128>() else {
        let error = problems.error(node.span, format!("{} is not an integer", quoted(text)));
        error.help(format!(
            "`{key}` is a number from {} to {}",
            range.start(),
            range.end()
        ));
        return None;
    };
    in_range(number, key, range, node.span, problems)
}

/// Decodes an integer of at most 32 bits.
pub(super) fn small(
    node: &Node,
    key: &str,
    range: RangeInclusive<u32>,
    problems: &mut Diagnostics,
) -> Option<u32> {
    let wide = u64::from(*range.start())..=u64::from(*range.end());
    count(node, key, wide, problems).and_then(|n| u32::try_from(n).ok())
}

/// Reports a number outside its range.
pub(super) fn in_range(
    number: i128,
    key: &str,
    range: RangeInclusive<u64>,
    place: impl Into<Place>,
    problems: &mut Diagnostics,
) -> Option<u64> {
    if let Ok(n) = u64::try_from(number)
        && range.contains(&n)
    {
        return Some(n);
    }
    let (least, most) = (range.start(), range.end());
    let what = if number < i128::from(*least) {
        format!("at least {least}")
    } else {
        format!("at most {most}")
    };
    problems
        .error(
            place,
            format!("`{key}` must be {what}, but this is {number}"),
        )
        .help(format!("write a number from {least} to {most}"));
    None
}

/// Decodes a positive real number.
pub(super) fn weight(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<f64> {
    let text = text(node, key, problems)?;
    match text.trim().parse::<f64>() {
        Ok(n) if (1e-6..=1e9).contains(&n) => Some(n),
        Ok(0.0) => {
            problems
                .error(node.span, format!("a `{key}` of 0 is never drawn"))
                .help("write a number above 0, or remove the entry");
            None
        }
        Ok(n) if n < 0.0 => {
            problems
                .error(
                    node.span,
                    format!("`{key}` must be above 0, but this is {text}"),
                )
                .help("write a number such as `1` or `2.5`");
            None
        }
        Ok(n) if n.is_finite() => {
            problems
                .error(node.span, format!("`{key}` is out of range"))
                .help("write a number from 0.000001 to 1000000000");
            None
        }
        _ => {
            let error = problems.error(node.span, format!("{} is not a number", quoted(text)));
            match text
                .trim()
                .strip_suffix('%')
                .filter(|number| number.trim().parse::<f64>().is_ok())
            {
                Some(number) => error.help(format!(
                    "write `{key}: {}`: weights are relative to each other",
                    number.trim()
                )),
                None => error.help(format!("`{key}` is a number such as `1` or `2.5`")),
            };
            None
        }
    }
}

/// Decodes a boolean.
pub(super) fn flag(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<bool> {
    match text(node, key, problems)?.trim() {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        other => {
            problems
                .error(
                    node.span,
                    format!("{} is neither true nor false", quoted(other)),
                )
                .help(format!("write `{key}: true` or `{key}: false`"));
            None
        }
    }
}

/// Returns the items of a list.
pub(super) fn list<'n>(
    node: &'n Node,
    key: &str,
    example: &str,
    problems: &mut Diagnostics,
) -> Option<&'n [Node]> {
    match &node.value {
        Value::List(items) => Some(items),
        Value::Broken => None,
        _ => {
            problems
                .error(
                    node.span,
                    format!("`{key}` must be a list, but this is {}", node.describe()),
                )
                .help(format!("write `{example}`"));
            None
        }
    }
}

/// Decodes a duration.
pub(super) fn duration(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Nanos> {
    quantity(node, key, parse::duration, problems)
}

/// Decodes a positive duration.
pub(super) fn some_time(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Nanos> {
    let time = duration(node, key, problems)?;
    if time == Nanos::ZERO {
        problems
            .error(node.span, format!("a `{key}` of 0 leaves no time at all"))
            .help(format!("write a longer one, such as `{key}: 5s`"));
        return None;
    }
    Some(time)
}

/// Decodes a rate, which may be zero.
pub(super) fn any_rate(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Rate> {
    quantity(node, key, parse::rate, problems)
}

/// Decodes a positive rate.
pub(super) fn rate(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Rate> {
    let rate = any_rate(node, key, problems)?;
    some_rate(rate, key, node.span, problems)
}

/// Reports a rate of zero.
pub(super) fn some_rate(
    rate: Rate,
    key: &str,
    place: impl Into<Place>,
    problems: &mut Diagnostics,
) -> Option<Rate> {
    if rate.events == 0 {
        problems
            .error(place, format!("a `{key}` of 0 starts nothing"))
            .help("write a rate above 0, such as `50/s` or `1/5s`");
        return None;
    }
    Some(rate)
}

/// Decodes a share.
pub(super) fn share(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Share> {
    quantity(node, key, parse::share, problems)
}

/// Decodes a size in bytes.
pub(super) fn size(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Size> {
    quantity(node, key, parse::size, problems)
}

fn quantity<T>(
    node: &Node,
    key: &str,
    read: fn(&str) -> Result<T, ParseError>,
    problems: &mut Diagnostics,
) -> Option<T> {
    let text = text(node, key, problems)?;
    if text.len() > 100 {
        problems
            .error(
                node.span,
                format!("{} is too long for a `{key}`", quoted(text)),
            )
            .help("write a number and a unit");
        return None;
    }
    read(text)
        .inspect_err(|error| {
            with_remedy(&error.to_string(), node.span, problems);
        })
        .ok()
}

/// Reports a message that ends with its remedy after a semicolon.
pub(super) fn with_remedy(message: &str, place: Span, problems: &mut Diagnostics) {
    match message.rsplit_once("; ") {
        Some((message, remedy)) => problems.error(place, message).help(remedy),
        None => problems
            .error(place, message)
            .help("correct it in the file"),
    };
}
