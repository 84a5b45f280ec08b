//! [`Kind`]: what a source is.

use serde_json::Value;

use super::files::Files;
use super::{access_log, artillery, bruno, har, insomnia, jmx, postman};

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Commands of curl.
    Curl,
    /// The access log of a server.
    AccessLog,
    /// A HAR: the network traffic that a browser has saved.
    Har,
    /// A document of OpenAPI or Swagger.
    OpenApi,
    /// A test plan of JMeter.
    Jmx,
    /// A script of Artillery.
    Artillery,
    /// A collection of Postman.
    Postman,
    /// An export of Insomnia's.
    Insomnia,
    /// A collection or a request of Bruno's.
    Bruno,
}

/// Recognizes the kind of a source by its content.
pub(crate) fn recognize(text: &str) -> Option<Kind> {
    if text.trim_start().starts_with('{')
        && let Ok(Value::Object(members)) = serde_json::from_str(text)
    {
        let kinds = [
            (insomnia::is_json(&members), Kind::Insomnia),
            (postman::is_it(&members), Kind::Postman),
            (bruno::is_export(&members), Kind::Bruno),
        ];
        if let Some((_, kind)) = kinds.into_iter().find(|(is_it, _)| *is_it) {
            return Some(kind);
        }
    }
    if har::is_har(text) {
        return Some(Kind::Har);
    }
    if jmx::is_plan(text) {
        return Some(Kind::Jmx);
    }
    if insomnia::is_yaml(text) {
        return Some(Kind::Insomnia);
    }
    if bruno::is_it(text) {
        return Some(Kind::Bruno);
    }
    // Its descriptions may show commands of curl.
    if is_openapi(text) {
        return Some(Kind::OpenApi);
    }
    if artillery::is_script(text) {
        return Some(Kind::Artillery);
    }
    if access_log::is_access_log(text) {
        return Some(Kind::AccessLog);
    }
    let is_curl = text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches(['$', '%', '>']);
        let mut words = line.split_whitespace();
        words.next() == Some("curl") || line.contains(" curl ")
    });
    is_curl.then_some(Kind::Curl)
}

/// Returns whether a text has the key that says the version of OpenAPI, or of Swagger, which it was
/// called before.
fn is_openapi(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let follows = |rest: &str| {
        let version = rest.trim_start().strip_prefix(':');
        version.is_some_and(|version| {
            version
                .trim_start()
                .trim_start_matches(['"', '\''])
                .starts_with(|c: char| c.is_ascii_digit())
        })
    };
    ["openapi", "swagger"].iter().any(|key| {
        if text.starts_with('{') {
            let quoted = format!("\"{key}\"");
            return text
                .match_indices(&quoted)
                .any(|(at, found)| follows(&text[at + found.len()..]));
        }
        // Keys of the document itself are not indented.
        text.lines().any(|line| {
            let line = line.trim_start_matches(['"', '\'']);
            let rest = line
                .strip_prefix(key)
                .map(|rest| rest.trim_start_matches(['"', '\'']));
            rest.is_some_and(follows)
        })
    })
}

/// Recognizes the kind of a source that is a folder by the files in it.
pub(crate) fn recognize_folder(files: &dyn Files) -> Option<Kind> {
    bruno::is_folder(files).then_some(Kind::Bruno)
}
