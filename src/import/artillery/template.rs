//! Templates of Artillery: `{{ name }}` and `{{ $function(1, 2) }}`.

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Characters.
    Text(String),
    /// What stands between braces, without spaces around it.
    Inserted(String),
}

/// Splits a text.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, inside, behind)) = rest.split_once("{{").and_then(|(before, behind)| {
        let (inside, behind) = behind.split_once("}}")?;
        Some((before, inside, behind))
    }) {
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        parts.push(Part::Inserted(inside.trim().to_owned()));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    parts
}

/// What a function becomes.
pub(super) struct Called {
    /// The expression.
    pub expression: String,
    /// What it does otherwise than the function.
    pub note: Option<&'static str>,
}

/// Returns what a function becomes; nothing if it has no counterpart.
pub(super) fn call(text: &str) -> Option<Called> {
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.trim().strip_suffix(')')?),
        None => (text, ""),
    };
    let number = |at: usize| {
        let argument = arguments.split(',').nth(at)?;
        argument.trim().parse::<i64>().ok()
    };
    let mut note = None;
    let expression = match name {
        "$randomNumber" => format!("random_int({}, {})", number(0)?, number(1)?),
        "$randomString" => {
            let length = if arguments.trim().is_empty() {
                10
            } else {
                number(0)?
            };
            format!("random_string({})", length.clamp(0, 1 << 20))
        }
        "$uuid" => "uuid()".into(),
        "$timestamp" => "now()".into(),
        "$testId" => {
            note = Some("`$testId` is a random text at each use here");
            "uuid()".into()
        }
        _ => return None,
    };
    Some(Called { expression, note })
}

/// Splits a reference into its first name and what follows it.
pub(super) fn path(text: &str) -> (&str, &str) {
    text.split_at(text.find(['.', '[']).unwrap_or(text.len()))
}

/// Returns whether a text is made of members and numbers of items: `.a[0].b`.
pub(super) fn is_path(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let behind = if let Some(named) = rest.strip_prefix('.') {
            let end = named.find(['.', '[']).unwrap_or(named.len());
            is_word(&named[..end]).then(|| &named[end..])
        } else {
            rest.strip_prefix('[').and_then(|rest| {
                let (number, behind) = rest.split_once(']')?;
                number.parse::<u32>().ok().map(|_| behind)
            })
        };
        match behind {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}

/// Returns whether a text is a name.
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
