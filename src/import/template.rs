//! Texts of a source as templates of the scenario language.

/// The variable that holds a brace, for texts in which two in a row would begin a template.
pub(super) const BRACE_NAME: &str = "brace";
/// Its template.
pub(super) const BRACE: &str = "{{brace}}";

/// Returns the template of a text that is sent as it is.
pub(super) fn literal(text: &str) -> String {
    if text.contains("{{") {
        without_braces(text)
    } else {
        text.to_owned()
    }
}

/// Returns the template of a text that is sent as it is, and that another template follows.
pub(super) fn literal_before_template(text: &str) -> String {
    if text.contains("{{") || text.ends_with('{') {
        without_braces(text)
    } else {
        text.to_owned()
    }
}

fn without_braces(text: &str) -> String {
    text.replace('{', BRACE)
}
