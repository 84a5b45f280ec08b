//! The parts of a form with files.

use super::traffic::Field;

/// The most fields of a form.
const MAX_FIELDS: usize = 1000;

/// Takes a form with files apart (RFC 7578).
pub(super) fn parts(body: &[u8], content_type: &str) -> Option<Vec<Field>> {
    let (_, boundary) = content_type.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    if boundary.is_empty() {
        return None;
    }
    let boundary = format!("--{boundary}");
    let mut fields = Vec::new();
    let (_, mut rest) = split(body, boundary.as_bytes())?;
    while fields.len() < MAX_FIELDS && !rest.starts_with(b"--") {
        let (part, after) = split(rest, boundary.as_bytes()).unwrap_or((rest, b"--"));
        rest = after;
        let part = part.strip_prefix(b"\r\n").or(part.strip_prefix(b"\n"))?;
        let (head, value) = split(part, b"\r\n\r\n").or(split(part, b"\n\n"))?;
        let value = value
            .strip_suffix(b"\r\n")
            .or(value.strip_suffix(b"\n"))
            .unwrap_or(value);
        let mut field = Field {
            value: value.to_owned(),
            ..Field::default()
        };
        for line in String::from_utf8_lossy(head).lines() {
            let (name, said) = line.split_once(':')?;
            match name.trim().to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    field.name = parameter(said, "name").unwrap_or_default();
                    field.file = parameter(said, "filename");
                }
                "content-type" => field.content_type = Some(said.trim().to_owned()),
                _ => {}
            }
        }
        fields.push(field);
    }
    Some(fields)
}

/// Splits bytes where these are for the first time.
fn split<'b>(bytes: &'b [u8], at: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let begin = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..begin], &bytes[begin + at.len()..]))
}

/// Returns a parameter of a header: `name="value"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    let begin = format!("{name}=\"");
    let mut rest = header;
    loop {
        let at = rest.find(&begin)?;
        let is_whole = rest[..at].ends_with([' ', ';', '\t']);
        rest = &rest[at + begin.len()..];
        if is_whole {
            let value = rest.split('"').next()?;
            return Some(value.replace("%22", "\"").replace("%0D%0A", "\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_files_is_taken_apart() {
        let text = "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nhello\nworld\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--B--\r\n";
        let fields = parts(text.as_bytes(), "multipart/form-data; boundary=B").expect("a form");
        let plain: Vec<_> = fields
            .iter()
            .map(|field| {
                (
                    field.name.as_str(),
                    std::str::from_utf8(&field.value).expect("a text"),
                    field.file.as_deref(),
                    field.content_type.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            plain,
            [
                ("title", "hello\nworld", None, None),
                ("photo", "PNG", Some("a.png"), Some("image/png"))
            ]
        );
        assert!(parts(b"x", "multipart/form-data").is_none());
    }
}
