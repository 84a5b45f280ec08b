//! Reads XML.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, Event};

use super::document::{Builder, Document};

/// Reads a document. Entities other than the five of XML stay as they are written: nothing outside
/// the document is read.
///
/// # Errors
/// If it is not well-formed, or exceeds the bounds of a document.
pub(super) fn read(text: &str) -> Result<Document, String> {
    let mut builder = Builder::new(false);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    loop {
        let event = reader.read_event().map_err(|error| {
            ill_formed(&format!("{error}, at byte {}", reader.error_position()))
        })?;
        match event {
            Event::Start(tag) => {
                let name = tag.name().into_inner().to_owned();
                let mut attributes = Vec::new();
                for attribute in tag.attributes() {
                    let attribute = attribute.map_err(|error| ill_formed(&error.to_string()))?;
                    let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                    // As it is written, if it has an unknown entity.
                    let value = value.unwrap_or_else(|_| attribute.value.clone());
                    let key = attribute.key.into_inner().to_owned();
                    attributes.push((key, value.into_owned()));
                }
                builder.open(name, attributes)?;
            }
            Event::End(_) => builder.close(),
            Event::Text(text) => builder.text(&text.xml10_content()),
            Event::CData(text) => builder.text(&text.xml10_content()),
            Event::GeneralRef(reference) => builder.text(&entity(&reference)),
            Event::Eof => break,
            Event::Empty(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
    if let Some(name) = builder.innermost() {
        return Err(ill_formed(&format!("`{name}` is not closed")));
    }
    builder
        .finish()
        .ok_or_else(|| ill_formed("it has no element"))
}

fn ill_formed(why: &str) -> String {
    format!("the body is not well-formed XML ({why})")
}

/// Returns what a reference to an entity or a character stands for.
pub(crate) fn entity(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.into();
    }
    let name: &str = reference.as_ref();
    match name {
        "lt" => "<".into(),
        "gt" => ">".into(),
        "amp" => "&".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        other => format!("&{other};"),
    }
}
