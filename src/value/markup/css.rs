//! Compiles CSS selectors: names, `#id`, `.class`, attributes, `:first-child`, `:last-child` and
//! `:nth-child(N)`, the four combinators, and lists.

use super::cursor::{Cursor, Wrong, is_of_names};
use super::selection::{Axis, Condition, MakeTest, Selection, Step, Taken, Test};

/// Compiles a selector, of which `attribute` is taken, or else the text.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn compile(selector: &str, attribute: Option<&str>) -> Result<Selection, Wrong> {
    let mut cursor = Cursor::new(selector)?;
    cursor.space();
    if cursor.is_at_end() {
        return Err(cursor.wrong("it is empty"));
    }
    let mut paths = vec![path(&mut cursor)?];
    while cursor.take(",") {
        cursor.space();
        paths.push(path(&mut cursor)?);
    }
    if !cursor.is_at_end() {
        return Err(cursor.unexpected());
    }
    let taken = attribute.map_or(Taken::Text, |name| Taken::Attribute(name.to_owned()));
    Ok(Selection { paths, taken })
}

/// Reads one selector of a list, and the white space after it.
fn path(cursor: &mut Cursor<'_>) -> Result<Vec<Step>, Wrong> {
    let mut steps = vec![step(cursor, Axis::Descendant)?];
    loop {
        let is_apart = cursor.space();
        let axis = match cursor.peek() {
            Some('>') => Axis::Child,
            Some('+') => Axis::Next,
            Some('~') => Axis::Following,
            Some(next) if is_apart && begins(next) => Axis::Descendant,
            _ => return Ok(steps),
        };
        if axis != Axis::Descendant {
            cursor.while_is(|c| matches!(c, '>' | '+' | '~'));
            cursor.space();
        }
        steps.push(step(cursor, axis)?);
    }
}

/// Returns whether a simple selector begins so.
fn begins(c: char) -> bool {
    is_of_names(c) || matches!(c, '*' | '#' | '.' | '[' | ':' | '\\')
}

/// Reads what an element has to be.
fn step(cursor: &mut Cursor<'_>, axis: Axis) -> Result<Step, Wrong> {
    if !cursor.peek().is_some_and(begins) {
        return Err(cursor.wrong("an element is missing, such as `div`, `.class` or `[name]`"));
    }
    let mut step = Step {
        axis,
        name: None,
        conditions: Vec::new(),
    };
    if !cursor.take("*") && cursor.peek().is_some_and(|c| is_of_names(c) || c == '\\') {
        step.name = Some(identifier(cursor)?);
    }
    loop {
        let condition = if cursor.take("#") {
            Condition::Attribute("id".into(), Test::Equals(identifier(cursor)?))
        } else if cursor.take(".") {
            Condition::Attribute("class".into(), Test::Word(identifier(cursor)?))
        } else if cursor.take("[") {
            attribute(cursor)?
        } else if cursor.take(":") {
            pseudo(cursor)?
        } else {
            return Ok(step);
        };
        step.conditions.push(condition);
    }
}

/// Reads a name; a character behind a `\` stands for itself.
fn identifier(cursor: &mut Cursor<'_>) -> Result<String, Wrong> {
    let mut name = cursor.while_is(is_of_names).to_owned();
    while cursor.take("\\") {
        let Some(escaped) = cursor.peek() else { break };
        name.push(escaped);
        cursor.take(escaped.encode_utf8(&mut [0; 4]));
        name.push_str(cursor.while_is(is_of_names));
    }
    if name.is_empty() {
        return Err(cursor.wrong("a name is missing"));
    }
    Ok(name)
}

/// Reads a condition on an attribute, after its `[`.
fn attribute(cursor: &mut Cursor<'_>) -> Result<Condition, Wrong> {
    const OPERATORS: [(&str, MakeTest); 6] = [
        ("=", Test::Equals),
        ("^=", Test::Starts),
        ("$=", Test::Ends),
        ("*=", Test::Contains),
        ("~=", Test::Word),
        ("|=", Test::Language),
    ];
    cursor.space();
    let name = identifier(cursor)?;
    cursor.space();
    let operator = OPERATORS.iter().find(|(text, _)| cursor.take(text));
    let Some((_, test)) = operator else {
        cursor.need("]")?;
        return Ok(Condition::Attribute(name, Test::Present));
    };
    cursor.space();
    let value = match cursor.quoted()? {
        Some(value) => value,
        None => cursor.while_is(|c| !c.is_whitespace() && !matches!(c, ']' | '[' | '"' | '\'')),
    };
    if value.is_empty() && cursor.is_at_end() {
        return Err(cursor.wrong("a value is missing"));
    }
    cursor.space();
    cursor.need("]")?;
    Ok(Condition::Attribute(name, test(value.to_owned())))
}

/// Reads a pseudo-class, after its `:`.
fn pseudo(cursor: &mut Cursor<'_>) -> Result<Condition, Wrong> {
    let place = cursor.wrong("");
    let name = cursor.while_is(|c| is_of_names(c) || c == ':');
    match name {
        "first-child" => Ok(Condition::Place(1)),
        "last-child" => Ok(Condition::IsLast),
        "nth-child" => {
            cursor.need("(")?;
            cursor.space();
            let place = cursor.wrong("this is not a number: only `:nth-child(N)` is supported");
            let number = cursor.while_is(|c| c != ')' && !c.is_whitespace());
            let number = number.parse().map_err(|_| place)?;
            cursor.space();
            cursor.need(")")?;
            Ok(Condition::Place(number))
        }
        other => Err(Wrong {
            what: format!(
                "`:{other}` is not supported: take `:first-child`, `:last-child` or `:nth-child(N)`"
            ),
            ..place
        }),
    }
}
