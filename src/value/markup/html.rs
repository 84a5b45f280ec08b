//! Reads HTML.

use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::document::{Builder, Document};

/// Elements without an end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements before which a paragraph ends.
const BLOCKS: [&str; 29] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "details",
    "div",
    "dl",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
    "menu",
    "center",
];

/// For an element that begins: what ends before it, and what that must be in.
type Ends = (&'static [&'static str], &'static [&'static str]);

fn ends_before(name: &str) -> Option<Ends> {
    Some(match name {
        "li" => (&["li"], &["ul", "ol", "menu"]),
        "dt" | "dd" => (&["dt", "dd"], &["dl"]),
        "tr" => (&["tr"], &["table"]),
        "td" | "th" => (&["td", "th"], &["tr", "table"]),
        "thead" | "tbody" | "tfoot" => (&["thead", "tbody", "tfoot"], &["table"]),
        "option" | "optgroup" => (&["option"], &["select", "datalist"]),
        name if BLOCKS.contains(&name) => (&["p"], &["button", "td", "th", "caption", "object"]),
        _ => return None,
    })
}

/// Reads a page as it is written: of what browsers add and move, only the ends of elements that need
/// no end tag are known.
///
/// # Errors
/// If it has no element, or exceeds the bounds of a document.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let mut builder = Builder::new(true);
    let mut emitter = DefaultEmitter::<()>::default();
    // Scripts and the like are text.
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(text, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                if let Some((ended, within)) = ends_before(&name) {
                    builder.close_where(|own| ended.contains(&own), |own| within.contains(&own));
                }
                let is_void = VOID.contains(&name.as_str());
                let attributes = tag.attributes.iter().map(|(name, value)| {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    (text(name), text(&value.value))
                });
                builder.open(name, attributes.collect())?;
                if is_void {
                    builder.close();
                }
            }
            Token::EndTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name);
                builder.close_where(|own| own == name, |_| false);
            }
            Token::String(text) => builder.text(&String::from_utf8_lossy(&text.value)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    let document = builder.finish();
    document.ok_or_else(|| "the body is neither HTML nor XML".into())
}
