//! [`EventParser`]: splits an answer that comes in pieces into its events. It knows neither where
//! the pieces come from nor when.

mod failure;
mod sse;

use http::HeaderMap;

pub(crate) use self::failure::failed;
use self::sse::Block;
use super::TransportError;
use super::grpc::Messages;
use crate::plan::StreamFraming;

/// The maximum length of a line, in bytes.
const MAX_LINE: usize = 512 << 10;
/// Splits an answer into events, however it is cut into pieces.
#[derive(Debug)]
pub(crate) struct EventParser {
    framing: StreamFraming,
    /// The line that has begun.
    line: Vec<u8>,
    /// Whether the last line ended with a carriage return, whose line feed may still come.
    after_cr: bool,
    /// The event that has begun.
    block: Block,
    /// The message of gRPC that has begun.
    messages: Messages,
}

impl EventParser {
    /// Creates a parser at the beginning of an answer.
    pub(crate) const fn new(framing: StreamFraming) -> Self {
        Self {
            framing,
            line: Vec::new(),
            after_cr: false,
            block: Block::new(),
            messages: Messages::new(),
        }
    }

    /// Notes what the head of the answer says of what comes.
    pub(crate) fn begin(&mut self, head: &HeaderMap) {
        self.messages.begin(head);
    }

    /// Takes the next piece, and passes the data of every event that ends in it to `see`, until
    /// that returns `false`: then the rest of the piece is not looked at, and nothing else may be
    /// taken.
    ///
    /// # Errors
    /// If a line or an event is too long.
    pub(crate) fn take(
        &mut self,
        piece: &[u8],
        mut see: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), TransportError> {
        match self.framing {
            StreamFraming::Chunks => {
                if !piece.is_empty() {
                    see(piece);
                }
                return Ok(());
            }
            StreamFraming::Messages => return self.messages.take(piece, see),
            StreamFraming::Sse | StreamFraming::Lines => {}
        }
        let mut rest = piece;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| self.ends_line(*byte)) else {
                return self.keep(rest);
            };
            self.after_cr = rest[end] == b'\r';
            let goes_on = if self.line.is_empty() {
                check_line(end)?;
                self.block.line(self.framing, &rest[..end], &mut see)?
            } else {
                self.keep(&rest[..end])?;
                let line = std::mem::take(&mut self.line);
                let goes_on = self.block.line(self.framing, &line, &mut see)?;
                self.line = line;
                self.line.clear();
                goes_on
            };
            if !goes_on {
                return Ok(());
            }
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    /// Ends the answer. The last line of NDJSON need not have a line feed; a server-sent event that
    /// no blank line ended is dropped.
    ///
    /// # Errors
    /// If the last event is too long, or the answer ends in the middle of a message of gRPC.
    pub(crate) fn end(&mut self, mut see: impl FnMut(&[u8]) -> bool) -> Result<(), TransportError> {
        let line = std::mem::take(&mut self.line);
        if self.framing == StreamFraming::Lines {
            self.block.line(self.framing, &line, &mut see)?;
        }
        self.messages.end()
    }

    const fn ends_line(&self, byte: u8) -> bool {
        byte == b'\n' || (byte == b'\r' && matches!(self.framing, StreamFraming::Sse))
    }

    /// Keeps a part of a line.
    fn keep(&mut self, part: &[u8]) -> Result<(), TransportError> {
        check_line(self.line.len() + part.len())?;
        self.line.extend_from_slice(part);
        Ok(())
    }
}

fn check_line(length: usize) -> Result<(), TransportError> {
    if length > MAX_LINE {
        return Err(failed(format!(
            "a line of the stream is longer than {} KiB",
            MAX_LINE >> 10
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::FailureKind;
    use proptest::prelude::*;

    /// Returns the events of an answer that comes in these pieces.
    fn events<'a>(
        framing: StreamFraming,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<String>, TransportError> {
        let mut parser = EventParser::new(framing);
        let mut seen = Vec::new();
        let mut see = |data: &[u8]| {
            seen.push(String::from_utf8_lossy(data).into_owned());
            true
        };
        for piece in pieces {
            parser.take(piece, &mut see)?;
        }
        parser.end(&mut see)?;
        Ok(seen)
    }

    fn sse(text: &str) -> Vec<String> {
        events(StreamFraming::Sse, [text.as_bytes()]).expect("a stream")
    }

    #[test]
    fn server_sent_events_are_those_of_the_standard() {
        // The examples of the HTML standard, section 9.2.6.
        assert_eq!(sse("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
        assert_eq!(
            sse(
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
            ),
            ["first event", "second event", " third event"]
        );
        assert_eq!(
            sse("data\n\ndata\ndata\n\ndata:"),
            ["", "\n"],
            "the last one is not ended by a blank line"
        );
        assert_eq!(sse("data:test\n\ndata: test\n\n"), ["test", "test"]);
        // Fields that only matter for reconnecting, and unknown ones.
        assert_eq!(
            sse("retry: 10\n\nevent: add\n\nevent: add\ndata: 7\nretry: x\nfoo: bar\nDATA: no\n\n"),
            ["7"]
        );
        assert_eq!(sse("data : no\n\n data: no\n\ndata:: a\n\n"), [": a"]);
    }

    #[test]
    fn lines_end_with_a_line_feed_a_carriage_return_or_both() {
        assert_eq!(
            sse("data: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\n\r\n\r\r"),
            ["a", "b", "c", "d"]
        );
        let cut: [&[u8]; 6] = [b"data: a\r", b"\n", b"\r", b"\ndata: b\r", b"\r", b""];
        assert_eq!(
            events(StreamFraming::Sse, cut).expect("a stream"),
            ["a", "b"],
            "an event does not wait for the line feed after its carriage return"
        );
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_beginning_only() {
        assert_eq!(sse("\u{feff}data: a\n\n\u{feff}data: b\n\n"), ["a"]);
        let cut: [&[u8]; 3] = [b"\xef", b"\xbb\xbfda", b"ta: a\n\n"];
        assert_eq!(events(StreamFraming::Sse, cut).expect("a stream"), ["a"]);
        let lines = "\u{feff}{}\n".as_bytes();
        assert_eq!(
            events(StreamFraming::Lines, [lines]).expect("lines"),
            ["{}"]
        );
    }

    #[test]
    fn blank_lines_are_no_events_and_the_last_one_needs_no_end() {
        let text = b"{\"a\": 1}\n\n  \r\n{\"a\": 2}\r\n{\"a\": 3}";
        assert_eq!(
            events(StreamFraming::Lines, [&text[..]]).expect("lines"),
            ["{\"a\": 1}", "{\"a\": 2}", "{\"a\": 3}"]
        );
    }

    #[test]
    fn chunks_are_events_as_they_come() {
        let pieces: [&[u8]; 4] = [b"a\n\n", b"", b"b", b"c\n"];
        assert_eq!(
            events(StreamFraming::Chunks, pieces).expect("chunks"),
            ["a\n\n", "b", "c\n"]
        );
    }

    #[test]
    fn nothing_is_seen_after_the_event_that_ends_it() {
        for (framing, text) in [
            (StreamFraming::Sse, "data: a\n\ndata: b\n\ndata: c\n\n"),
            (StreamFraming::Lines, "a\nb\nc\n"),
        ] {
            let mut parser = EventParser::new(framing);
            let mut seen = Vec::new();
            let see = |data: &[u8]| {
                seen.push(data.to_vec());
                data != b"b"
            };
            parser.take(text.as_bytes(), see).expect("a stream");
            assert_eq!(seen, [b"a", b"b"]);
        }
    }

    #[test]
    fn lines_and_events_have_a_longest_length() {
        let endless = vec![b'x'; 1_000_000];
        let long = |framing, text: &[u8]| {
            events(framing, text.chunks(1000)).map_err(|e| (e.kind, e.message))
        };
        for framing in [StreamFraming::Sse, StreamFraming::Lines] {
            assert_eq!(
                long(framing, &endless),
                Err((
                    FailureKind::Stream,
                    "a line of the stream is longer than 512 KiB".into()
                ))
            );
            let mut whole = endless.clone();
            whole.push(b'\n');
            assert!(events(framing, [&whole[..]]).is_err(), "in one piece, too");
        }
        let line = format!("data: {}\n", "x".repeat(999));
        let many = line.repeat(1049);
        assert_eq!(
            long(StreamFraming::Sse, many.as_bytes()),
            Err((
                FailureKind::Stream,
                "an event of the stream is longer than 1024 KiB".into()
            ))
        );
        assert_eq!(
            long(StreamFraming::Sse, line.repeat(1048).as_bytes()).expect("not too long"),
            Vec::<String>::new()
        );
        let comments = ":\n".repeat(1_000_000);
        assert!(sse(&comments).is_empty(), "comments add up to nothing");
    }

    /// A text of what matters to the parser.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let parts: [&[u8]; 13] = [
            b"data: ",
            b"data",
            b":",
            b"\n",
            b"\n\n",
            b"\r",
            b"\r\n",
            b" ",
            b"\xef\xbb\xbf",
            b"id: 1",
            b"retry: 5",
            b"{\"a\": 1}",
            b"\xff",
        ];
        let part = prop::sample::select(parts.to_vec());
        prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_events(text in texts(), cuts in prop::collection::vec(0usize..200, 0..8)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            for framing in [StreamFraming::Sse, StreamFraming::Lines] {
                let whole = events(framing, [&text[..]]).expect("short");
                let (mut pieces, mut from) = (Vec::new(), 0);
                for cut in cuts.iter().copied().chain([text.len()]) {
                    pieces.push(&text[from..cut]);
                    from = cut;
                }
                prop_assert_eq!(&events(framing, pieces).expect("short"), &whole);
                prop_assert_eq!(&events(framing, text.chunks(1)).expect("short"), &whole);
            }
        }

        #[test]
        fn what_was_written_is_what_is_read(data in prop::collection::vec("[^\r\n]{0,9}(\n[^\r\n]{0,9}){0,2}", 0..9), end in prop_oneof![Just("\n"), Just("\r"), Just("\r\n")]) {
            let text: String = data.iter().map(|data| {
                let lines = data.split('\n').map(|line| format!("data: {line}{end}"));
                lines.collect::<String>() + end
            }).collect();
            prop_assert_eq!(sse(&text), data);
        }
    }
}
