//! The messages of gRPC's reflection, which both of its versions have in common.

use bytes::Buf as _;
use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
pub use prost_reflect::prost_types::FileDescriptorProto as File;
use prost_reflect::prost_types::FileDescriptorSet;

use super::scalar;

/// What a server answers.
#[derive(Debug)]
pub enum Answer {
    /// Files, which may need others.
    Files(Vec<File>),
    /// It has nothing of that name, and says so.
    Error(String),
}

/// Returns the question for the file that describes a symbol, such as a service.
pub fn of_symbol(name: &str) -> Vec<u8> {
    question(4, name)
}

/// Returns the question for a file.
pub fn of_file(name: &str) -> Vec<u8> {
    question(3, name)
}

fn question(number: u32, name: &str) -> Vec<u8> {
    let mut question = Vec::new();
    scalar::bytes(number, name.as_bytes(), &mut question);
    question
}

/// Decodes an answer.
///
/// # Errors
/// If it is not one, with the reason.
pub fn answer(bytes: &[u8]) -> Result<Answer, String> {
    let mut found = None;
    for (number, content) in fields(bytes)? {
        match number {
            4 => {
                let files = fields(content)?
                    .into_iter()
                    .filter(|(number, _)| *number == 1);
                let files = files.map(|(_, file)| File::decode(file).map_err(|e| e.to_string()));
                found = Some(Answer::Files(files.collect::<Result<_, _>>()?));
            }
            7 => {
                let mut texts = fields(content)?.into_iter();
                let text = texts.rfind(|(number, _)| *number == 2);
                let text = text.map_or(&[][..], |(_, text)| text);
                found = Some(Answer::Error(String::from_utf8_lossy(text).into_owned()));
            }
            _ => {}
        }
    }
    found.ok_or_else(|| "its answer has neither files nor an error".into())
}

/// Returns the set of some files.
pub fn set(files: impl Iterator<Item = File>) -> Vec<u8> {
    let file = files.collect();
    FileDescriptorSet { file }.encode_to_vec()
}

/// Returns the fields of a message that have a length, with their numbers.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u32, &[u8])>, String> {
    let mut found = Vec::new();
    while bytes.has_remaining() {
        let (number, kind) = decode_key(&mut bytes).map_err(|e| e.to_string())?;
        if kind == WireType::LengthDelimited {
            let length = decode_varint(&mut bytes).map_err(|e| e.to_string())?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let (content, rest) = bytes
                .split_at_checked(length)
                .ok_or("its answer is cut off")?;
            found.push((number, content));
            bytes = rest;
        } else {
            skip_field(kind, number, &mut bytes, DecodeContext::default())
                .map_err(|e| e.to_string())?;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_nothing_else_is() {
        let file = File {
            name: Some("a.proto".into()),
            ..File::default()
        };
        let mut files = Vec::new();
        scalar::bytes(1, &file.encode_to_vec(), &mut files);
        let mut whole = Vec::new();
        scalar::bytes(1, b"host", &mut whole);
        scalar::bytes(4, &files, &mut whole);
        assert!(matches!(answer(&whole), Ok(Answer::Files(found)) if found == [file]));
        let mut error = vec![8, 5];
        scalar::bytes(2, b"no such symbol", &mut error);
        let mut whole = Vec::new();
        scalar::bytes(7, &error, &mut whole);
        assert!(matches!(answer(&whole), Ok(Answer::Error(text)) if text == "no such symbol"));
        for end in 1..whole.len() {
            assert!(answer(&whole[..end]).is_err(), "{end}");
        }
        assert!(answer(b"").is_err() && answer(b"\xff\xff").is_err());
    }
}
