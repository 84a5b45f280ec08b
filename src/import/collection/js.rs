//! The tokens of a script in JavaScript, and its statements. Nothing is run.

/// A token, with its line from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its line.
    pub line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word(String),
    /// A text without a value in it.
    Text(String),
    /// A number, as typed.
    Number(String),
    /// A regular expression without flags.
    Pattern(String),
    /// Operators and brackets; `=>`, `===` and `==` are one.
    Sign(&'static str),
    /// Anything else, such as a text with values in it.
    Other,
}

impl Token {
    /// Returns whether it is this operator or bracket.
    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.kind, Kind::Sign(known) if known == sign)
    }

    /// Returns whether it is this name or keyword.
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(known) if known == word)
    }
}

/// Signs, the longer ones first.
const SIGNS: [&str; 37] = [
    "===", "!==", "...", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "++", "--", "+=",
    "-=", "(", ")", "[", "]", "{", "}", ";", ",", ".", ":", "?", "=", "!", "<", ">", "+", "-", "*",
    "/", "%", "&",
];

/// Splits a script into tokens, without comments.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut all: Vec<Token> = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (kind, length) = if c.is_whitespace() || c == '\u{feff}' {
            (None, c.len_utf8())
        } else if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if let Some(comment) = rest.strip_prefix("/*") {
            let end = comment.find("*/").map_or(rest.len(), |end| end + 4);
            (None, end)
        } else if c.is_alphabetic() || matches!(c, '_' | '$') {
            let is_in = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
            let end = rest.find(|c| !is_in(c)).unwrap_or(rest.len());
            (Some(Kind::Word(rest[..end].to_owned())), end)
        } else if c.is_ascii_digit() {
            let is_in = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
            let end = rest.find(|c| !is_in(c)).unwrap_or(rest.len());
            (Some(Kind::Number(rest[..end].to_owned())), end)
        } else if matches!(c, '"' | '\'' | '`') {
            string(rest, c)
        } else if c == '/' && may_begin_pattern(all.last()) {
            pattern(rest)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            match sign {
                Some(sign) => (Some(Kind::Sign(sign)), sign.len()),
                None => (Some(Kind::Other), c.len_utf8()),
            }
        };
        all.extend(kind.map(|kind| Token { kind, line }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    all
}

/// Returns whether a slash behind this token begins a regular expression.
fn may_begin_pattern(before: Option<&Token>) -> bool {
    match before.map(|token| &token.kind) {
        None => true,
        Some(Kind::Sign(sign)) => !matches!(*sign, ")" | "]" | "}" | "++" | "--"),
        Some(Kind::Word(word)) => matches!(word.as_str(), "return" | "typeof" | "case"),
        Some(_) => false,
    }
}

/// Reads a text, and returns its length too.
fn string(text: &str, quote: char) -> (Option<Kind>, usize) {
    let mut value = String::new();
    let mut is_plain = true;
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            let kind = if is_plain {
                Kind::Text(value)
            } else {
                Kind::Other
            };
            return (Some(kind), at + 1);
        }
        match c {
            '\n' if quote != '`' => return (Some(Kind::Other), at),
            '$' if quote == '`' && text[at..].starts_with("${") => is_plain = false,
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, '\n')) => {}
                Some((_, 'u' | 'x' | 'b' | 'f' | 'v' | '0')) => is_plain = false,
                Some((_, c)) => value.push(c),
                None => break,
            },
            c => value.push(c),
        }
    }
    (Some(Kind::Other), text.len())
}

/// Reads a regular expression, and returns its length too.
fn pattern(text: &str) -> (Option<Kind>, usize) {
    let (mut is_escaped, mut is_in_class) = (false, false);
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => break,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '[' => is_in_class = true,
            ']' => is_in_class = false,
            '/' if !is_in_class => {
                let flags = text[at + 1..].find(|c: char| !c.is_ascii_alphabetic());
                let end = at + 1 + flags.unwrap_or(text.len() - at - 1);
                let has_flags = end > at + 1;
                let kind = if has_flags {
                    Kind::Other
                } else {
                    Kind::Pattern(text[1..at].replace("\\/", "/"))
                };
                return (Some(kind), end);
            }
            _ => {}
        }
    }
    (Some(Kind::Sign("/")), 1)
}

/// Returns how much deeper what follows a token is.
fn deeper(token: &Token) -> i64 {
    match token.kind {
        Kind::Sign("(" | "[" | "{") => 1,
        Kind::Sign(")" | "]" | "}") => -1,
        _ => 0,
    }
}

/// Splits tokens into statements, without the semicolons.
pub(super) fn statements(tokens: &[Token]) -> Vec<&[Token]> {
    let mut all = Vec::new();
    let (mut start, mut depth) = (0, 0);
    for (at, token) in tokens.iter().enumerate() {
        depth += deeper(token);
        let is_end = depth <= 0
            && match tokens.get(at + 1) {
                None => true,
                Some(_) if token.is(";") => true,
                Some(next) => next.line > token.line && !continues(token, next),
            };
        if is_end {
            let statement = &tokens[start..=at];
            let length = statement
                .iter()
                .rposition(|token| !token.is(";"))
                .map_or(0, |last| last + 1);
            if length > 0 {
                all.push(&statement[..length]);
            }
            start = at + 1;
            depth = 0;
        }
    }
    if start < tokens.len() {
        all.push(&tokens[start..]);
    }
    all
}

/// Returns whether a statement goes on from one line to the next.
fn continues(last: &Token, next: &Token) -> bool {
    let is_open = match &last.kind {
        Kind::Sign(sign) => !matches!(*sign, ")" | "]" | "}" | ";" | "++" | "--"),
        Kind::Word(word) => matches!(word.as_str(), "else" | "return" | "const" | "let" | "var"),
        _ => false,
    };
    let goes_on = match &next.kind {
        Kind::Sign(sign) => !matches!(*sign, "(" | "[" | "{" | "}" | "!" | "++" | "--" | ";"),
        Kind::Word(word) => matches!(word.as_str(), "else" | "catch" | "finally"),
        _ => false,
    };
    is_open || goes_on
}

/// Splits tokens at a sign that is not inside of brackets.
pub(super) fn split<'a>(tokens: &'a [Token], sign: &str) -> Vec<&'a [Token]> {
    let mut all = Vec::new();
    let (mut start, mut depth) = (0, 0);
    for (at, token) in tokens.iter().enumerate() {
        depth += deeper(token);
        if depth == 0 && token.is(sign) {
            all.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    if start < tokens.len() {
        all.push(&tokens[start..]);
    }
    all
}

/// Returns what is inside of the brackets that tokens begin with, and what follows them.
pub(super) fn bracketed(tokens: &[Token]) -> Option<(&[Token], &[Token])> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        depth += deeper(token);
        if depth == 0 {
            return (at > 0).then(|| (&tokens[1..at], &tokens[at + 1..]));
        }
    }
    None
}

/// Returns the statements of the function that tokens are.
pub(super) fn function(tokens: &[Token]) -> Option<&[Token]> {
    let tokens = match tokens.split_first() {
        Some((first, rest)) if first.is_word("async") => rest,
        _ => tokens,
    };
    let (first, rest) = tokens.split_first()?;
    let after = if first.is_word("function") {
        let named = matches!(rest.first()?.kind, Kind::Word(_));
        bracketed(&rest[usize::from(named)..])?.1
    } else {
        let after = match first.kind {
            Kind::Word(_) => rest,
            _ if first.is("(") => bracketed(tokens)?.1,
            _ => return None,
        };
        let (arrow, after) = after.split_first()?;
        if !arrow.is("=>") {
            return None;
        }
        if !after.first()?.is("{") {
            return Some(after);
        }
        after
    };
    if !after.first()?.is("{") {
        return None;
    }
    let (body, rest) = bracketed(after)?;
    rest.is_empty().then_some(body)
}
