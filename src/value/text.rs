//! [`Text`]: a compiled template.

use std::sync::Arc;

use minijinja::Value;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::exact::print;
use super::function::{QUERY, text};
use super::{Expression, Facts, Names, Scope, ValueError};
use crate::plan::{Encode, Piece, Template};

/// Characters to encode in a path or a query; `%` is not one of them, because it starts an existing
/// encoding.
pub(crate) const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'\\')
    .add(b'^');

/// A compiled template.
pub struct Text {
    pieces: Vec<Compiled>,
}

enum Compiled {
    Plain(String),
    Value(Expression, Encode),
}

impl Text {
    /// Compiles a template over these names.
    ///
    /// # Errors
    /// If an expression is invalid, or uses an undefined name.
    pub fn compile(template: &Template, names: &Names) -> Result<Self, ValueError> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Ok(Compiled::Plain(text.clone())),
            Piece::Value(insert) => {
                Expression::compile(&insert.value, names).map(|e| Compiled::Value(e, insert.encode))
            }
        };
        Ok(Self {
            pieces: template
                .pieces()
                .iter()
                .map(piece)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Returns the value of a template that is nothing but an inserted value; `None` for any other.
    ///
    /// # Errors
    /// If the value is not available.
    pub fn alone(&self, scope: &Scope, facts: &Arc<Facts>) -> Option<Result<Value, ValueError>> {
        match self.pieces.as_slice() {
            [Compiled::Value(expression, _)] => Some(expression.eval(scope, facts)),
            _ => None,
        }
    }

    /// Appends the text to `out`, inserting each value once in its form.
    ///
    /// # Errors
    /// If a value is not available, or would insert a line break into a path.
    pub fn render(
        &self,
        scope: &Scope,
        facts: &Arc<Facts>,
        out: &mut String,
    ) -> Result<(), ValueError> {
        for piece in &self.pieces {
            match piece {
                Compiled::Plain(text) => out.push_str(text),
                Compiled::Value(expression, encode) => {
                    put(&expression.eval(scope, facts)?, *encode, out)?
                }
            }
        }
        Ok(())
    }
}

fn put(value: &Value, encode: Encode, out: &mut String) -> Result<(), ValueError> {
    match encode {
        Encode::Plain => out.push_str(&text(value)),
        Encode::Path => {
            let text = text(value);
            if text.contains(['\r', '\n']) {
                return Err(ValueError(
                    "a line break in a value that is put into a URL".into(),
                ));
            }
            out.extend(utf8_percent_encode(&text, PATH));
        }
        Encode::Query => out.extend(utf8_percent_encode(&text(value), QUERY)),
        Encode::Json => out.push_str(&json(value)?),
        Encode::JsonText => {
            let quoted = serde_json::Value::from(text(value)).to_string();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    Ok(())
}

fn json(value: &Value) -> Result<String, ValueError> {
    print(value).map_err(|e| ValueError(format!("a value has no JSON form: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Name;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;
    use serde_json::json;

    fn render(encode: Encode, value: serde_json::Value) -> Result<String, String> {
        let names = Names::new(&[Name {
            name: "x".into(),
            value: Some(value),
        }]);
        let mut template = Template::from("<".to_owned());
        template.push_value("x", encode);
        template.push_text(">");
        let text = Text::compile(&template, &names).map_err(|e| e.0)?;
        let mut out = String::new();
        text.render(
            names.start(),
            &Arc::new(Facts::new(Pcg64Mcg::seed_from_u64(1), 1, 0)),
            &mut out,
        )
        .map_err(|e| e.0)?;
        Ok(out)
    }

    #[test]
    fn a_value_is_put_in_in_the_form_of_its_place() {
        let text = || json!("a b/\"é\"&{{y}}");
        assert_eq!(
            render(Encode::Plain, text()).as_deref(),
            Ok("<a b/\"é\"&{{y}}>"),
            "and never expanded again"
        );
        assert_eq!(
            render(Encode::Path, text()).as_deref(),
            Ok("<a%20b/%22%C3%A9%22&%7B%7By%7D%7D>")
        );
        assert_eq!(
            render(Encode::Query, text()).as_deref(),
            Ok("<a%20b%2F%22%C3%A9%22%26%7B%7By%7D%7D>")
        );
        assert_eq!(
            render(Encode::Json, text()).as_deref(),
            Ok("<\"a b/\\\"é\\\"&{{y}}\">")
        );
        assert_eq!(
            render(Encode::JsonText, text()).as_deref(),
            Ok("<a b/\\\"é\\\"&{{y}}>")
        );
        assert_eq!(
            render(Encode::Json, json!({"a": [1, 2.5, null, true]})).as_deref(),
            Ok("<{\"a\":[1,2.5,null,true]}>")
        );
        assert_eq!(
            render(Encode::Plain, json!({"a": [1]})).as_deref(),
            Ok("<{\"a\":[1]}>")
        );
        assert!(render(Encode::Path, json!("a\r\nb")).is_err());
        assert_eq!(
            render(Encode::Query, json!("a\r\nb")).as_deref(),
            Ok("<a%0D%0Ab>")
        );
    }
}
