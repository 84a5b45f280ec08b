//! Texts over a byte stream: one is sent, and the answer is read up to the end that the caller
//! specifies.

use hyper::rt::{Read, Write};

use super::TransportError;
use super::counted::Metered;
use super::stream::{Connection, Incoming};
use crate::metrics::FailureKind;
use crate::plan::kinds::tcp::Framing;

/// The maximum size of an answer that is kept, in bytes.
pub(crate) const MAX_ANSWER: usize = 16 << 20;

/// An answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its content without the terminator; empty if it is not needed and its length is counted.
    pub bytes: Vec<u8>,
    /// Its length in bytes.
    pub size: u64,
}

impl<Io: Read + Write + Metered + Unpin> Connection<Io> {
    /// Sends a text, and reads the answer. `keep` says whether an answer whose length is counted is
    /// needed; `begun` is called when its first byte has arrived.
    ///
    /// # Errors
    /// If the connection fails, or the answer exceeds the maximum size. The connection must not be
    /// used again in that case.
    pub async fn exchange_text(
        &mut self,
        text: &[u8],
        framing: Option<&Framing>,
        keep: bool,
        begun: impl Fn(),
    ) -> Result<Answer, TransportError> {
        let mut reading = framing.map(|framing| Reading::new(framing, keep));
        self.exchange(text, reading.as_mut(), begun).await?;
        Ok(reading.unwrap_or_default().into_answer())
    }
}

fn too_large(kind: FailureKind) -> TransportError {
    let message = format!(
        "the response does not end within {} MiB, the maximum",
        MAX_ANSWER >> 20
    );
    TransportError { kind, message }
}

/// The received part of an answer.
#[derive(Default)]
struct Reading {
    end: End,
    keep: bool,
    bytes: Vec<u8>,
    size: u64,
    done: bool,
    /// Whether data followed it.
    strangers: bool,
}

/// Where an answer ends.
#[derive(Default)]
enum End {
    /// Before this text.
    Text(Vec<u8>),
    /// Before a line break.
    Line,
    /// After this many bytes.
    Bytes(u64),
    /// At once: no answer is expected.
    #[default]
    Nothing,
}

impl Reading {
    fn new(framing: &Framing, keep: bool) -> Self {
        let end = match framing {
            Framing::Line => End::Line,
            Framing::Bytes(bytes) => End::Bytes(*bytes),
            Framing::Until(text) => End::Text(text.clone().into_bytes()),
        };
        Self {
            end,
            keep,
            ..Self::default()
        }
    }

    fn into_answer(self) -> Answer {
        Answer {
            bytes: self.bytes,
            size: self.size,
        }
    }
}

impl Incoming for Reading {
    fn is_done(&self) -> bool {
        self.done
    }

    fn has_strangers(&self) -> bool {
        self.strangers
    }

    fn take(&mut self, new: &[u8]) -> Result<(), TransportError> {
        if let End::Bytes(wanted) = self.end {
            let missing = usize::try_from(wanted - self.size).unwrap_or(usize::MAX);
            let (own, behind) = new.split_at(new.len().min(missing));
            self.size += own.len() as u64;
            if self.keep {
                if self.size > MAX_ANSWER as u64 {
                    return Err(too_large(FailureKind::Check));
                }
                self.bytes.extend_from_slice(own);
            }
            self.done = self.size == wanted;
            self.strangers = !behind.is_empty();
            return Ok(());
        }
        let text: &[u8] = if let End::Text(text) = &self.end {
            text
        } else {
            b"\n"
        };
        // It may have begun in earlier data.
        let from = self.bytes.len().saturating_sub(text.len() - 1);
        self.bytes.extend_from_slice(new);
        let found = self.bytes[from..]
            .windows(text.len())
            .position(|window| window == text);
        let Some(at) = found.map(|at| from + at) else {
            return if self.bytes.len() > MAX_ANSWER {
                Err(too_large(FailureKind::Protocol))
            } else {
                Ok(())
            };
        };
        self.strangers = self.bytes.len() > at + text.len();
        self.bytes.truncate(at);
        if matches!(self.end, End::Line) && self.bytes.last() == Some(&b'\r') {
            self.bytes.pop();
        }
        self.size = self.bytes.len() as u64;
        self.done = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::stream::cut;
    use proptest::prelude::*;

    /// Reads an answer from successive pieces; returns it, whether it is complete, and whether more
    /// data came.
    fn read(framing: &Framing, keep: bool, pieces: &[&[u8]]) -> (Answer, bool, bool) {
        let mut reading = Reading::new(framing, keep);
        for piece in pieces {
            if !reading.done {
                assert!(reading.take(piece).is_ok());
            }
        }
        let (done, strangers) = (reading.done, reading.strangers);
        (reading.into_answer(), done, strangers)
    }

    fn answer(text: &str) -> Answer {
        Answer {
            bytes: text.into(),
            size: text.len() as u64,
        }
    }

    #[test]
    fn an_answer_ends_where_it_is_told_to() {
        let until = |text: &str| Framing::Until(text.into());
        assert_eq!(
            read(&Framing::Line, false, &[b"ab", b"c\n"]),
            (answer("abc"), true, false)
        );
        assert_eq!(
            read(&Framing::Line, false, &[b"abc\r", b"\nd"]),
            (answer("abc"), true, true)
        );
        assert_eq!(
            read(&Framing::Line, false, &[b"\n"]),
            (answer(""), true, false)
        );
        assert!(!read(&Framing::Line, false, &[b"abc"]).1);
        assert_eq!(
            read(&until("END"), false, &[b"aEN", b"", b"D"]),
            (answer("a"), true, false)
        );
        assert_eq!(
            read(&until("EEN"), false, &[b"EE", b"EN", b"x"]),
            (answer("E"), true, false)
        );
        assert_eq!(
            read(&Framing::Bytes(3), true, &[b"ab", b"cd"]),
            (answer("abc"), true, true)
        );
        assert_eq!(
            read(&Framing::Bytes(3), false, &[b"abc"]),
            (
                Answer {
                    bytes: Vec::new(),
                    size: 3
                },
                true,
                false
            )
        );
    }

    #[test]
    fn what_never_ends_is_not_kept() {
        for (framing, kind) in [
            (Framing::Line, FailureKind::Protocol),
            (Framing::Bytes(1 << 30), FailureKind::Check),
        ] {
            let mut reading = Reading::new(&framing, true);
            let chunk = vec![b'x'; 1 << 20];
            let end = (0..20).find_map(|_| reading.take(&chunk).err());
            assert!(end.is_some_and(|error| error.kind == kind), "{framing:?}");
            assert!(reading.bytes.len() <= MAX_ANSWER + chunk.len());
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_an_answer_is_cut(text in "[ab]{0,12}", end in "[ab]{1,4}", cuts in prop::collection::vec(1..4usize, 0..12)) {
            let whole = format!("{text}{end}");
            let pieces = cut(whole.as_bytes(), cuts);
            let at = whole.find(&end).expect("it is in it");
            let (seen, done, _) = read(&Framing::Until(end), false, &pieces);
            prop_assert!(done);
            prop_assert_eq!(seen, answer(&whole[..at]));
        }
    }
}
