//! [`MethodText`]: the method of a request, which may be a value of the iteration.

use http::Method;

use crate::engine::compiled::invalid::data;
use crate::engine::compiled::quoted::quoted;
use crate::plan::Template;
use crate::transport::TransportError;
use crate::value::{Names, Text, ValueError};

/// The method of a request.
pub(super) enum MethodText {
    /// Always the same one.
    Fixed(Method),
    /// The value of a template.
    Rendered(Text),
}

impl MethodText {
    /// Compiles the template of a method.
    ///
    /// # Errors
    /// If it is not a method, or uses an unknown name.
    pub(super) fn compile(template: &Template, names: &Names) -> Result<Self, String> {
        match template.as_text() {
            Some(text) => text
                .parse()
                .map(Self::Fixed)
                .map_err(|e: http::method::InvalidMethod| e.to_string()),
            None => Text::compile(template, names)
                .map(Self::Rendered)
                .map_err(|e| e.0),
        }
    }

    /// Returns the method of one try; `put` fills in values.
    ///
    /// # Errors
    /// If a value is not available, or the result is not a method that can be sent: a failure of kind
    /// `data`.
    pub(super) fn make(
        &self,
        put: impl FnOnce(&Text) -> Result<String, ValueError>,
    ) -> Result<Method, TransportError> {
        let text = match self {
            Self::Fixed(method) => return Ok(method.clone()),
            Self::Rendered(text) => put(text).map_err(|e| data(format!("method: {e}")))?,
        };
        match text.to_ascii_uppercase().parse() {
            Ok(Method::CONNECT) => Err(data(
                "`CONNECT` opens a tunnel, which loadgen does not support".into(),
            )),
            Ok(method) => Ok(method),
            Err(_) => Err(data(format!("{} is not an HTTP method", quoted(&text)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Encode;

    fn made(value: &str) -> Result<Method, String> {
        let names = Names::new(&[crate::plan::Name {
            name: "x".into(),
            value: Some(value.into()),
        }]);
        let mut template = Template::default();
        template.push_value("x", Encode::Plain);
        let method = MethodText::compile(&template, &names).expect("a known name");
        let put = |_: &Text| Ok(value.to_owned());
        method.make(put).map_err(|error| error.message)
    }

    #[test]
    fn a_value_is_a_method_or_a_failure() {
        assert_eq!(made("purge").map(|m| m.to_string()).as_deref(), Ok("PURGE"));
        for (value, part) in [
            ("CONNECT", "opens a tunnel"),
            ("", "is not an HTTP method"),
            ("GET /\r\nx: y", "is not an HTTP method"),
        ] {
            let message = made(value).expect_err(value);
            assert!(message.contains(part), "{value:?}: {message}");
        }
        let unknown = {
            let mut template = Template::default();
            template.push_value("y", Encode::Plain);
            MethodText::compile(&template, &Names::new(&[]))
        };
        assert!(unknown.is_err());
    }
}
