//! Conditions of controllers as expressions: comparisons, joined by `&&`, `||` and `!`, as JavaScript,
//! JEXL and Groovy write them.

use super::variables::Variables;
use crate::import::pieces::{operand, quoted};
use crate::value::expression::LONGEST;

/// How deep parentheses may be nested.
const MAX_DEPTH: u32 = 20;
/// Functions whose argument is a condition.
const SCRIPTS: [&str; 5] = [
    "${__jexl3(",
    "${__jexl2(",
    "${__jexl(",
    "${__groovy(",
    "${__javaScript(",
];

/// Returns a condition as an expression; nothing if it is not that plain.
pub(super) fn expression(text: &str, variables: &mut Variables) -> Option<String> {
    let text = text.trim();
    let script = SCRIPTS.iter().find_map(|begin| text.strip_prefix(begin));
    let text = match script {
        Some(inside) => inside.strip_suffix(")}")?,
        None => text,
    };
    let tokens = tokens(text)?;
    // What is not carried over is said once, by whoever asks.
    let notes = std::mem::take(&mut variables.notes);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        depth: 0,
        variables,
    };
    let found = reader.any().filter(|_| reader.at == tokens.len());
    let is_whole = variables.notes.is_empty();
    variables.notes = notes;
    found.filter(|found| is_whole && found.len() <= LONGEST - 10)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A text in quotes, or a reference without them.
    Text { text: String, is_bare: bool },
    /// A number.
    Number(String),
    /// A word: `true`, `and`, `eq`.
    Word(String),
    /// An operator or a parenthesis.
    Sign(&'static str),
}

const SIGNS: [&str; 13] = [
    "===", "!==", "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")",
];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length;
        if matches!(first, '"' | '\'') {
            let end = rest[1..].find(first)?;
            let inside = &rest[1..=end];
            if inside.contains('\\') {
                return None;
            }
            tokens.push(Token::Text {
                text: inside.to_owned(),
                is_bare: false,
            });
            length = end + 2;
        } else if rest.starts_with("${") {
            length = rest.find('}')? + 1;
            tokens.push(Token::Text {
                text: rest[..length].to_owned(),
                is_bare: true,
            });
        } else if let Some(inside) = rest.strip_prefix("vars.get(") {
            let end = inside.find(')')?;
            let name = inside[..end].trim().trim_matches(['"', '\'']);
            tokens.push(Token::Text {
                text: format!("${{{name}}}"),
                is_bare: true,
            });
            length = "vars.get(".len() + end + 1;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            length = sign.len();
        } else if first.is_ascii_digit() || first == '-' {
            let is_of_number = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
            length = rest.find(|c| !is_of_number(c)).unwrap_or(rest.len());
            tokens.push(Token::Number(number(&rest[..length])?));
        } else if first.is_ascii_alphabetic() {
            length = rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..length].to_ascii_lowercase()));
        } else {
            return None;
        }
        rest = rest[length..].trim_start();
    }
    Some(tokens)
}

/// Returns a number as expressions write it.
fn number(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok()?;
    (number.abs() < 1e15).then(|| number.to_string())
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: u32,
    variables: &'a mut Variables,
}

impl Reader<'_> {
    /// Takes the next token if it is one of these, and returns which.
    fn take(&mut self, wanted: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let found = match self.tokens.get(self.at)? {
            Token::Sign(sign) => wanted.iter().find(|(known, _)| known == sign),
            Token::Word(word) => wanted.iter().find(|(known, _)| known == word),
            Token::Text { .. } | Token::Number(_) => None,
        };
        let (_, ours) = found?;
        self.at += 1;
        Some(ours)
    }

    fn any(&mut self) -> Option<String> {
        let mut parts = vec![self.all()?];
        while self.take(&[("||", "or"), ("or", "or")]).is_some() {
            parts.push(self.all()?);
        }
        Some(parts.join(" or "))
    }

    fn all(&mut self) -> Option<String> {
        let mut parts = vec![self.one()?];
        while self.take(&[("&&", "and"), ("and", "and")]).is_some() {
            parts.push(self.one()?);
        }
        Some(parts.join(" and "))
    }

    fn one(&mut self) -> Option<String> {
        let mut is_not = false;
        while self.take(&[("!", "not"), ("not", "not")]).is_some() {
            is_not = !is_not;
        }
        let found = if self.take(&[("(", "(")]).is_some() {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return None;
            }
            let inside = self.any()?;
            self.depth -= 1;
            self.take(&[(")", ")")])?;
            if is_not {
                return Some(format!("not ({inside})"));
            }
            format!("({inside})")
        } else {
            self.comparison()?
        };
        Some(if is_not {
            format!("not ({found})")
        } else {
            found
        })
    }

    fn comparison(&mut self) -> Option<String> {
        if let Some(constant) = self.take(&[("true", "true"), ("false", "false")]) {
            return Some(constant.into());
        }
        let left = self.tokens.get(self.at)?.clone();
        self.at += 1;
        let operators = [
            ("==", "=="),
            ("===", "=="),
            ("eq", "=="),
            ("!=", "!="),
            ("!==", "!="),
            ("ne", "!="),
            ("<=", "<="),
            ("le", "<="),
            (">=", ">="),
            ("ge", ">="),
            ("<", "<"),
            ("lt", "<"),
            (">", ">"),
            ("gt", ">"),
        ];
        let Some(operator) = self.take(&operators) else {
            // JMeter asks whether the text is `true`.
            let text = self.text(&left)?;
            return Some(format!("{}|string|lower == 'true'", operand(&text)));
        };
        let right = self.tokens.get(self.at)?.clone();
        self.at += 1;
        let is_number = [&left, &right]
            .iter()
            .any(|token| matches!(token, Token::Number(_)));
        let is_ordered = operator.starts_with(['<', '>']);
        let side = |reader: &mut Self, token: &Token, other: &Token| {
            if is_number || is_ordered {
                reader.number(token, other)
            } else {
                reader.text(token)
            }
        };
        let (first, second) = (side(self, &left, &right)?, side(self, &right, &left)?);
        Some(format!("{first} {operator} {second}"))
    }

    /// Returns an operand of a comparison of texts.
    fn text(&mut self, token: &Token) -> Option<String> {
        match token {
            Token::Text { text, .. } => match self.variables.plain_or_expression(text) {
                Ok(plain) => Some(quoted(&plain)),
                Err(expression) if self.variables.values.is_text(&expression) => Some(expression),
                // A captured number is not a text.
                Err(expression) => Some(format!("{}|string", operand(&expression))),
            },
            Token::Number(_) | Token::Sign(_) | Token::Word(_) => None,
        }
    }

    /// Returns an operand of a comparison of numbers.
    fn number(&mut self, token: &Token, other: &Token) -> Option<String> {
        match token {
            Token::Number(number) => Some(number.clone()),
            Token::Text { text, .. } => match self.variables.plain_or_expression(text) {
                Ok(plain) => number(plain.trim()),
                Err(expression) if !self.variables.values.may_be_number(&expression) => None,
                Err(expression) => {
                    let is_whole = matches!(other, Token::Number(number) if !number.contains('.'));
                    let filter = if is_whole { "int" } else { "float" };
                    Some(format!("{}|{filter}", operand(&expression)))
                }
            },
            Token::Sign(_) | Token::Word(_) => None,
        }
    }
}
