//! [`Replies`]: the replies to commands (RESP2 and RESP3), decoded as they arrive.
//!
//! The decoder takes each byte once, however a reply is cut, allocates nothing on the word of the
//! peer, and keeps a stack of its own, whose depth is bounded. It writes JSON at once, so that
//! nothing is kept of replies that nobody needs.

use crate::metrics::FailureKind;
use crate::transport::TransportError;
use crate::transport::json::Json;
use crate::transport::stream::Incoming;

/// The most levels of lists and maps in a reply: what a JSON parser accepts, with room.
const MAX_DEPTH: usize = 100;
/// The longest line: a number, a short text or an error.
const MAX_LINE: usize = 64 << 10;
/// The longest text (`proto-max-bulk-len` of the server).
const MAX_TEXT: u64 = 512 << 20;
/// The most that is kept of replies, in bytes of JSON.
const MAX_KEPT: usize = 16 << 20;

/// What replies contain.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The replies as JSON: a list of them for a pipeline. Empty if they are not needed.
    pub json: Vec<u8>,
    /// Their length in bytes, as received.
    pub size: u64,
    /// The first error in them, with the index of its command.
    pub error: Option<(usize, String)>,
}

/// The replies to wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// Their number.
    pub count: usize,
    /// Whether they are shown as a list.
    pub is_list: bool,
    /// Whether their content is needed.
    pub is_kept: bool,
}

/// The replies that have been received so far.
pub(super) struct Replies {
    expected: Expected,
    seen: usize,
    state: State,
    /// The incomplete line.
    line: Vec<u8>,
    /// The incomplete text.
    text: Vec<u8>,
    levels: Vec<Level>,
    json: Json,
    size: u64,
    error: Option<(usize, String)>,
    strangers: bool,
}

/// The next bytes.
enum State {
    /// A line.
    Line,
    /// A text of which so many bytes are missing, and the line break after it.
    Text { missing: u64, kind: TextKind },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TextKind {
    Plain,
    /// With its format, such as `txt:`, before it.
    Verbatim,
    Error,
}

/// A list or map that is not complete.
struct Level {
    missing: u64,
    /// Whether it is not part of the reply: attributes, and messages that the server pushes.
    is_aside: bool,
}

fn wrong(message: impl Into<String>) -> TransportError {
    TransportError {
        kind: FailureKind::Protocol,
        message: message.into(),
    }
}

impl Incoming for Replies {
    fn is_done(&self) -> bool {
        self.seen == self.expected.count
    }

    fn has_strangers(&self) -> bool {
        self.strangers
    }

    fn take(&mut self, mut new: &[u8]) -> Result<(), TransportError> {
        while !new.is_empty() {
            if self.is_done() {
                self.strangers = true;
                return Ok(());
            }
            let taken = match self.state {
                State::Line => self.take_line(new)?,
                State::Text { missing, kind } => self.take_text(new, missing, kind)?,
            };
            self.size += taken as u64;
            new = &new[taken..];
        }
        Ok(())
    }
}

impl Replies {
    pub(super) fn new(expected: Expected) -> Self {
        let mut json = Json::default();
        if expected.is_kept && expected.is_list {
            json.open(false);
        }
        Self {
            expected,
            seen: 0,
            state: State::Line,
            line: Vec::new(),
            text: Vec::new(),
            levels: Vec::new(),
            json,
            size: 0,
            error: None,
            strangers: false,
        }
    }

    pub(super) fn into_answer(mut self) -> Answer {
        if self.expected.is_kept && self.expected.is_list {
            self.json.close();
        }
        Answer {
            json: self.json.into_text(),
            size: self.size,
            error: self.error,
        }
    }

    /// Takes bytes up to the end of the line; returns how many.
    fn take_line(&mut self, new: &[u8]) -> Result<usize, TransportError> {
        let end = new.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(new.len(), |at| at + 1);
        if self.line.len() + taken > MAX_LINE {
            return Err(wrong(format!(
                "a line of the reply is longer than {} KiB, the maximum",
                MAX_LINE >> 10
            )));
        }
        self.line.extend_from_slice(&new[..taken]);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            self.whole_line(&line)?;
            // Its memory is used again.
            self.line = line;
            self.line.clear();
        }
        Ok(taken)
    }

    fn whole_line(&mut self, line: &[u8]) -> Result<(), TransportError> {
        let Some((kind, rest)) = line.strip_suffix(b"\r\n").and_then(<[u8]>::split_first) else {
            return Err(not_redis(line));
        };
        let text = str::from_utf8(rest).unwrap_or_default();
        match kind {
            b'+' => self.value(|json| json.string(rest)),
            b'-' => self.failure(rest),
            b':' => match text.parse::<i64>() {
                Ok(number) => self.value(|json| json.plain(&number.to_string())),
                Err(_) => Err(not_redis(line)),
            },
            b',' => self.value(|json| match number(text) {
                Some(number) => json.plain(number),
                // JSON can't represent infinities.
                None => json.string(rest),
            }),
            b'(' if text.strip_prefix('-').unwrap_or(text).bytes().all(is_digit) => {
                self.value(|json| match number(text) {
                    Some(number) => json.plain(number),
                    None => json.string(rest),
                })
            }
            b'_' if rest.is_empty() => self.value(|json| json.plain("null")),
            b'#' if rest == b"t" => self.value(|json| json.plain("true")),
            b'#' if rest == b"f" => self.value(|json| json.plain("false")),
            b'$' | b'*' if text == "-1" => self.value(|json| json.plain("null")),
            b'$' => self.begin_text(text, TextKind::Plain, line),
            b'=' => self.begin_text(text, TextKind::Verbatim, line),
            b'!' => self.begin_text(text, TextKind::Error, line),
            b'*' | b'~' | b'>' | b'%' | b'|' => self.open(*kind, text, line),
            _ => Err(not_redis(line)),
        }
    }

    fn begin_text(
        &mut self,
        length: &str,
        kind: TextKind,
        line: &[u8],
    ) -> Result<(), TransportError> {
        let length = length.parse::<u64>().map_err(|_| not_redis(line))?;
        if length > MAX_TEXT {
            return Err(wrong(format!(
                "a text of the reply has {length} bytes; the maximum is {} MiB",
                MAX_TEXT >> 20
            )));
        }
        self.text.clear();
        let missing = length + 2;
        self.state = State::Text { missing, kind };
        Ok(())
    }

    /// Takes bytes up to the end of the text and its line break; returns how many.
    fn take_text(
        &mut self,
        new: &[u8],
        missing: u64,
        kind: TextKind,
    ) -> Result<usize, TransportError> {
        let taken = usize::try_from(missing).map_or(new.len(), |most| new.len().min(most));
        let left = missing - taken as u64;
        if self.is_kept() || kind == TextKind::Error {
            self.room_for(self.text.len() + taken)?;
            self.text.extend_from_slice(&new[..taken]);
        } else {
            // Of a text that nobody needs, only the line break is looked at.
            let of_end = usize::try_from(2u64.saturating_sub(left))
                .unwrap_or(0)
                .min(taken);
            self.text.extend_from_slice(&new[taken - of_end..taken]);
        }
        if left > 0 {
            self.state = State::Text {
                missing: left,
                kind,
            };
            return Ok(taken);
        }
        self.state = State::Line;
        let text = std::mem::take(&mut self.text);
        let Some(whole) = text.strip_suffix(b"\r\n") else {
            return Err(wrong(
                "a text of the reply does not end where its length says",
            ));
        };
        match kind {
            TextKind::Error => self.failure(whole)?,
            TextKind::Plain => self.value(|json| json.string(whole))?,
            TextKind::Verbatim => {
                self.value(|json| json.string(whole.get(4..).unwrap_or_default()))?;
            }
        }
        self.text = text;
        self.text.clear();
        Ok(taken)
    }

    /// Opens a list, a map or something that is not part of the reply.
    fn open(&mut self, kind: u8, length: &str, line: &[u8]) -> Result<(), TransportError> {
        let length = length.parse::<u64>().map_err(|_| not_redis(line))?;
        let is_map = matches!(kind, b'%' | b'|');
        let missing = if is_map {
            length.checked_mul(2)
        } else {
            Some(length)
        };
        let missing = missing.ok_or_else(|| not_redis(line))?;
        if self.levels.len() == MAX_DEPTH {
            return Err(wrong(format!(
                "the reply is nested deeper than {MAX_DEPTH} levels, the maximum"
            )));
        }
        let is_aside = kind == b'|' || (kind == b'>' && self.levels.is_empty());
        if self.is_kept() && !is_aside {
            if self.json.is_at_key() {
                return Err(wrong("a map of the reply has a key that is not a text"));
            }
            self.room_for(0)?;
            self.json.open(is_map);
        }
        self.levels.push(Level { missing, is_aside });
        self.close();
        Ok(())
    }

    /// Takes a whole value that is not a list or a map.
    fn value(&mut self, write: impl FnOnce(&mut Json)) -> Result<(), TransportError> {
        if self.is_kept() {
            self.room_for(0)?;
            write(&mut self.json);
        }
        self.complete();
        self.close();
        Ok(())
    }

    /// Takes an error.
    fn failure(&mut self, said: &[u8]) -> Result<(), TransportError> {
        if !self.levels.iter().any(|level| level.is_aside) {
            let said: String = String::from_utf8_lossy(said).chars().take(300).collect();
            self.error.get_or_insert((self.seen, said));
        }
        self.value(|json| {
            if json.is_at_key() {
                json.string(said);
                return;
            }
            json.open(true);
            json.string(b"error");
            json.string(said);
            json.close();
        })
    }

    /// Counts a complete value where it belongs.
    fn complete(&mut self) {
        match self.levels.last_mut() {
            Some(level) => level.missing -= 1,
            None => self.seen += 1,
        }
    }

    /// Closes everything that is complete.
    fn close(&mut self) {
        while self.levels.last().is_some_and(|level| level.missing == 0) {
            let is_kept = self.is_kept();
            let is_aside = self.levels.pop().is_some_and(|level| level.is_aside);
            if is_kept {
                self.json.close();
            }
            // What is not part of the reply is not counted.
            if !is_aside {
                self.complete();
            }
        }
    }

    /// Returns whether what is being received is needed.
    fn is_kept(&self) -> bool {
        self.expected.is_kept && !self.levels.iter().any(|level| level.is_aside)
    }

    /// Checks that this much more can be kept.
    fn room_for(&self, more: usize) -> Result<(), TransportError> {
        if self.json.len() + more <= MAX_KEPT {
            return Ok(());
        }
        Err(TransportError {
            kind: FailureKind::Check,
            message: format!(
                "the reply is larger than {} MiB, too large to keep for checks, captures and tags",
                MAX_KEPT >> 20
            ),
        })
    }
}

/// Returns a number in the form that JSON has for it, with its digits; `None` if it has none.
fn number(text: &str) -> Option<&str> {
    let number = text.strip_prefix('+').unwrap_or(text);
    serde_json::from_str::<&serde_json::value::RawValue>(number)
        .ok()
        .filter(|_| number.starts_with(|c: char| c == '-' || c.is_ascii_digit()))
        .map(|_| number)
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn not_redis(line: &[u8]) -> TransportError {
    let line = &line[..line.len().min(60)];
    wrong(format!(
        "the response is not Redis's: {:?}",
        String::from_utf8_lossy(line)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::stream::cut;
    use proptest::prelude::*;

    fn read(
        count: usize,
        pieces: &[&[u8]],
        is_kept: bool,
    ) -> Result<(Answer, bool), TransportError> {
        let mut replies = Replies::new(Expected {
            count,
            is_list: count > 1,
            is_kept,
        });
        for piece in pieces {
            replies.take(piece)?;
        }
        let done = replies.is_done() && !replies.strangers;
        Ok((replies.into_answer(), done))
    }

    #[track_caller]
    fn json(reply: &str) -> String {
        let (answer, done) = read(1, &[reply.as_bytes()], true).expect("a reply");
        assert!(done, "{reply:?}");
        assert_eq!(answer.size, reply.len() as u64);
        String::from_utf8(answer.json).expect("UTF-8")
    }

    #[test]
    fn replies_are_json_with_their_digits() {
        for (reply, wanted) in [
            ("+PONG\r\n", "\"PONG\""),
            (":-7\r\n", "-7"),
            ("$5\r\na\r\nb\"\r\n", "\"a\\r\\nb\\\"\""),
            ("$0\r\n\r\n", "\"\""),
            ("$-1\r\n", "null"),
            ("*-1\r\n", "null"),
            ("_\r\n", "null"),
            ("*0\r\n", "[]"),
            ("*3\r\n:1\r\n*1\r\n$-1\r\n+x\r\n", "[1,[null],\"x\"]"),
            (
                "%2\r\n+a\r\n:1\r\n:2\r\n~1\r\n#t\r\n",
                "{\"a\":1,\"2\":[true]}",
            ),
            (",1.10\r\n", "1.10"),
            (",inf\r\n", "\"inf\""),
            ("(12345678901234567890123\r\n", "12345678901234567890123"),
            ("=7\r\ntxt:abc\r\n", "\"abc\""),
            // Attributes and pushed messages are not part of it.
            ("|1\r\n+k\r\n*1\r\n:1\r\n:5\r\n", "5"),
            ("*2\r\n|1\r\n+k\r\n:9\r\n:1\r\n:2\r\n", "[1,2]"),
            (">2\r\n+invalidate\r\n*1\r\n+k\r\n+OK\r\n", "\"OK\""),
        ] {
            assert_eq!(json(reply), wanted, "{reply:?}");
        }
    }

    #[test]
    fn the_first_error_is_told_with_its_command() {
        let pipeline = b"+OK\r\n-ERR no\r\n!4\r\nlate\r\n";
        let (answer, done) = read(3, &[pipeline], true).expect("replies");
        assert!(done);
        assert_eq!(answer.error, Some((1, "ERR no".into())));
        assert_eq!(
            str::from_utf8(&answer.json).expect("UTF-8"),
            "[\"OK\",{\"error\":\"ERR no\"},{\"error\":\"late\"}]"
        );
        // A command of a transaction has failed.
        let (answer, _) = read(1, &[b"*2\r\n+OK\r\n-WRONGTYPE x\r\n"], false).expect("a reply");
        assert_eq!(answer.error, Some((0, "WRONGTYPE x".into())));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bad in [
            "HTTP/1.1 400 Bad Request\r\n",
            "+no carriage return\n",
            ":12x\r\n",
            "$-2\r\n",
            "$99999999999\r\n",
            "$1\r\nabc\r\n",
            "*-2\r\n",
            "%9223372036854775808\r\n",
            "#x\r\n",
            "$?\r\n",
            "(1x\r\n",
            "\r\n",
            "%1\r\n*0\r\n",
        ] {
            let error = read(1, &[bad.as_bytes()], true).expect_err(bad);
            assert_eq!(error.kind, FailureKind::Protocol, "{bad:?}");
        }
        let endless = vec![b'+'; MAX_LINE + 1];
        assert!(read(1, &[&endless], false).is_err());
    }

    #[test]
    fn a_deep_reply_is_refused_and_a_large_one_is_not_kept() {
        for opens in ["*1\r\n", "%1\r\n+k\r\n", "|1\r\n+k\r\n", "~1\r\n"] {
            let deep = opens.repeat(10_000);
            let error = read(1, &[deep.as_bytes()], true).expect_err("too deep");
            assert!(error.message.contains("deeper than 100"), "{error}");
        }
        // Without a value, nothing is allocated for the most items that can be announced.
        assert!(read(1, &[b"*18446744073709551615\r\n"], true).is_ok());
        let large = format!("${}\r\n{}\r\n", 17 << 20, "x".repeat(17 << 20));
        let error = read(1, &[large.as_bytes()], true).expect_err("too large");
        assert_eq!(error.kind, FailureKind::Check);
        let (answer, done) = read(1, &[large.as_bytes()], false).expect("it is not kept");
        assert!(done && answer.json.is_empty());
        assert_eq!(answer.size, large.len() as u64);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_replies_are_cut(cuts in prop::collection::vec(1..5usize, 0..40), is_kept: bool) {
            let whole = "*2\r\n$4\r\na\r\nb\r\n%1\r\n+k\r\n,1.5\r\n=5\r\ntxt:y\r\n|1\r\n$1\r\nq\r\n:1\r\n:2\r\n-ERR z\r\n";
            let pieces = cut(whole.as_bytes(), cuts);
            let (answer, done) = read(4, &pieces, is_kept).expect("replies");
            prop_assert!(done);
            prop_assert_eq!(answer.error, Some((3, "ERR z".to_owned())));
            let wanted: &[u8] = if is_kept { br#"[["a\r\nb",{"k":1.5}],"y",2,{"error":"ERR z"}]"# } else { b"" };
            prop_assert_eq!(answer.json, wanted);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(prop::sample::select(b"+-:$*~%|>_#,(=!0123456789tf\r\nab".to_vec()), 0..200)) {
            let _ = read(3, &[&bytes], true);
        }
    }
}
