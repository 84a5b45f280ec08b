//! Functions of JMeter as expressions.

use crate::import::pieces::{Piece, expression, operand, plain};

/// What a function becomes.
pub(super) struct Called {
    /// The expression.
    pub expression: String,
    /// What it does otherwise than the function.
    pub note: Option<&'static str>,
}

/// Returns what a function becomes; nothing if it has no counterpart.
pub(super) fn call(name: &str, arguments: &[Vec<Piece>]) -> Option<Called> {
    let argument = |at: usize| arguments.get(at).filter(|pieces| !pieces.is_empty());
    let text = |at: usize| argument(at).map(|pieces| expression(pieces));
    let mut note = None;
    let expression = match name {
        "__UUID" => "uuid()".to_owned(),
        "__time" => match argument(0) {
            None => "now()".into(),
            Some(format) => time(&plain(format)?)?,
        },
        "__Random" => format!(
            "random_int({}, {})",
            number(argument(0)?)?,
            number(argument(1)?)?
        ),
        "__RandomString" => {
            let is_usual = argument(1).is_none_or(|characters| {
                plain(characters).is_some_and(|text| is_letters_and_digits(&text))
            });
            if !is_usual {
                note = Some("the characters of a random text are letters and digits here");
            }
            format!("random_string({})", number(argument(0)?)?)
        }
        "__threadNum" => {
            note = Some("users have no numbers here: `seq()` is the number of the iteration");
            "seq()".into()
        }
        "__counter" | "__iterationNum" => {
            note = Some("`seq()` counts the iterations of all users from 1");
            "seq()".into()
        }
        "__urlencode" => format!("urlencode({})", text(0)?),
        "__base64Encode" => format!("base64({})", text(0)?),
        "__lowercase" | "__toLowerCase" => format!("{}|lower", operand(&text(0)?)),
        "__uppercase" | "__toUpperCase" => format!("{}|upper", operand(&text(0)?)),
        "__strLen" => format!("{}|length", operand(&text(0)?)),
        "__changeCase" => {
            let how = argument(1).and_then(|pieces| plain(pieces));
            let filter = match how.as_deref().map(str::trim) {
                None | Some("UPPER") => "upper",
                Some("LOWER") => "lower",
                Some(_) => return None,
            };
            format!("{}|{filter}", operand(&text(0)?))
        }
        "__chooseRandom" if arguments.len() > 2 => {
            // The last one is the name of a variable.
            let items = arguments.split_last()?.1.iter();
            let items: Vec<String> = items.map(|item| expression(item)).collect();
            format!("pick([{}])", items.join(", "))
        }
        "__intSum" | "__longSum" if arguments.len() > 1 => {
            // The last one may be the name of a variable.
            let numbers: Vec<String> = arguments
                .iter()
                .map_while(|argument| number(argument))
                .collect();
            if numbers.len() + 1 < arguments.len() {
                return None;
            }
            numbers.join(" + ")
        }
        _ => return None,
    };
    Some(Called { expression, note })
}

/// Returns the expression of a time in this format.
fn time(format: &str) -> Option<String> {
    if format.trim().is_empty() {
        return Some("now()".into());
    }
    let divisor: u32 = format.trim().strip_prefix('/')?.parse().ok()?;
    (divisor > 0).then(|| format!("now() // {divisor}"))
}

fn is_letters_and_digits(text: &str) -> bool {
    text.is_empty() || (text.len() > 9 && text.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Returns a number as an expression.
fn number(pieces: &[Piece]) -> Option<String> {
    match plain(pieces) {
        Some(text) => text
            .trim()
            .parse::<i64>()
            .ok()
            .map(|number| number.to_string()),
        None => match pieces {
            [Piece::Value(value)] => Some(format!("int({value})")),
            _ => None,
        },
    }
}
