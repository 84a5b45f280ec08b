//! Compiles a part of XPath 1.0: `/` and `//`, names and `*`, conditions, and at the end an attribute
//! or `text()`; or `count(…)` of elements.

use super::cursor::{Cursor, Wrong, is_of_names};
use super::selection::{Axis, Condition, MakeTest, Selection, Step, Taken, Test};

/// Compiles a query.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn compile(query: &str) -> Result<Selection, Wrong> {
    let mut cursor = Cursor::new(query)?;
    cursor.space();
    let is_count = cursor.take("count(");
    cursor.space();
    if cursor.peek() != Some('/') {
        return Err(cursor.wrong("a query begins with `/` or `//`"));
    }
    let (steps, taken) = path(&mut cursor)?;
    cursor.space();
    let taken = if is_count {
        if !matches!(taken, Taken::Text) {
            return Err(cursor.wrong("only elements can be counted"));
        }
        cursor.need(")")?;
        cursor.space();
        Taken::Count
    } else {
        taken
    };
    if !cursor.is_at_end() {
        return Err(cursor.unexpected());
    }
    Ok(Selection {
        paths: vec![steps],
        taken,
    })
}

fn path(cursor: &mut Cursor<'_>) -> Result<(Vec<Step>, Taken), Wrong> {
    let mut steps = Vec::new();
    loop {
        let axis = if cursor.take("//") {
            Axis::Descendant
        } else if cursor.take("/") {
            Axis::Child
        } else {
            return Ok((steps, Taken::Text));
        };
        let place = cursor.wrong("write `//*/@id` for the attributes of all elements");
        let last = if cursor.take("@") {
            Some(Taken::Attribute(name(cursor)?))
        } else if cursor.take("text()") {
            Some(Taken::OwnText)
        } else {
            None
        };
        let Some(last) = last else {
            steps.push(step(cursor, axis)?);
            continue;
        };
        if axis == Axis::Descendant || steps.is_empty() {
            return Err(place);
        }
        return match cursor.peek() {
            Some('/' | '[') => Err(cursor.wrong("nothing may follow an attribute or `text()`")),
            _ => Ok((steps, last)),
        };
    }
}

/// Reads a name, with its prefix if it has one.
fn name(cursor: &mut Cursor<'_>) -> Result<String, Wrong> {
    let read = cursor.while_is(|c| is_of_names(c) || c == '.');
    if read.is_empty() {
        return Err(cursor.wrong("a name is missing"));
    }
    let mut name = read.to_owned();
    let place = cursor.wrong("axes such as `child::` are not supported: write `/`, `//` or `@`");
    if cursor.take(":") {
        if cursor.peek() == Some(':') {
            return Err(place);
        }
        name = format!("{name}:{}", cursor.while_is(|c| is_of_names(c) || c == '.'));
    }
    if cursor.peek() == Some('(') {
        return Err(cursor.wrong(format!("the function `{name}` is not supported here")));
    }
    Ok(name)
}

fn step(cursor: &mut Cursor<'_>, axis: Axis) -> Result<Step, Wrong> {
    let name = if cursor.take("*") {
        None
    } else {
        Some(name(cursor)?)
    };
    let mut conditions = Vec::new();
    while cursor.take("[") {
        cursor.space();
        conditions.push(condition(cursor)?);
        cursor.space();
        while cursor.take("and ") {
            cursor.space();
            conditions.push(condition(cursor)?);
            cursor.space();
        }
        cursor.need("]")?;
    }
    Ok(Step {
        axis,
        name,
        conditions,
    })
}

/// What a condition looks at.
enum Subject {
    Attribute(String),
    Text,
    OwnText,
    Child(String),
}

impl Subject {
    fn meets(self, test: Test) -> Condition {
        match self {
            Self::Attribute(name) => Condition::Attribute(name, test),
            Self::Text => Condition::Text(test),
            Self::OwnText => Condition::OwnText(test),
            Self::Child(name) => Condition::Child(name, test),
        }
    }
}

fn condition(cursor: &mut Cursor<'_>) -> Result<Condition, Wrong> {
    const FUNCTIONS: [(&str, MakeTest); 2] = [
        ("contains(", Test::Contains),
        ("starts-with(", Test::Starts),
    ];
    let place = cursor.wrong("positions count from 1");
    if cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
        let number = cursor.while_is(|c| c.is_ascii_digit()).parse();
        let number = number.ok().filter(|number| *number > 0);
        return number.map(Condition::Position).ok_or(place);
    }
    if cursor.take("last()") {
        return Ok(Condition::Last);
    }
    if let Some((_, test)) = FUNCTIONS.iter().find(|(text, _)| cursor.take(text)) {
        cursor.space();
        let subject = subject(cursor)?;
        cursor.space();
        cursor.need(",")?;
        let text = literal(cursor)?;
        cursor.space();
        cursor.need(")")?;
        // A function takes the first of several nodes, a comparison any of them.
        return Ok(match subject {
            Subject::Child(name) => Condition::FirstChild(name, test(text)),
            other => other.meets(test(text)),
        });
    }
    let subject = subject(cursor)?;
    cursor.space();
    Ok(subject.meets(if cursor.take("=") {
        Test::Equals(literal(cursor)?)
    } else {
        Test::Present
    }))
}

fn subject(cursor: &mut Cursor<'_>) -> Result<Subject, Wrong> {
    if cursor.take("@") {
        return Ok(Subject::Attribute(name(cursor)?));
    }
    if cursor.take("text()") {
        return Ok(Subject::OwnText);
    }
    if cursor.take(".") {
        return Ok(Subject::Text);
    }
    if !cursor.peek().is_some_and(is_of_names) {
        return Err(cursor.wrong(
            "a condition is missing, such as `2`, `last()`, `@id`, `@id='x'` or `contains(., 'x')`",
        ));
    }
    Ok(Subject::Child(name(cursor)?))
}

fn literal(cursor: &mut Cursor<'_>) -> Result<String, Wrong> {
    cursor.space();
    let text = cursor.quoted()?;
    let text = text.ok_or_else(|| cursor.wrong("a text in quotes is missing"))?;
    Ok(text.to_owned())
}
