//! [`Block`]: the lines of one event.

use super::failure::failed;
use crate::plan::StreamFraming;
use crate::transport::TransportError;

/// The maximum length of the data of an event, in bytes.
const MAX_EVENT: usize = 1 << 20;

/// The byte order mark, which a stream may begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The event that has begun, and what came before it.
#[derive(Debug)]
pub(super) struct Block {
    /// Whether no line has ended yet.
    is_first: bool,
    /// The data so far, with a line feed after each line.
    data: Vec<u8>,
}

impl Block {
    /// Creates the block at the beginning of a stream.
    pub(super) const fn new() -> Self {
        Self {
            is_first: true,
            data: Vec::new(),
        }
    }

    /// Takes a line without its end, and passes the event that it ends to `see`, if it does; returns
    /// `false` if that does.
    ///
    /// # Errors
    /// If the event is too long.
    pub(super) fn line(
        &mut self,
        framing: StreamFraming,
        line: &[u8],
        see: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, TransportError> {
        let line = match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) if self.is_first => rest,
            _ => line,
        };
        self.is_first = false;
        if framing == StreamFraming::Lines {
            let text = line.trim_ascii();
            return Ok(text.is_empty() || see(text));
        }
        if !line.is_empty() {
            return self.field(line).map(|()| true);
        }
        let Some((_, data)) = self.data.split_last() else {
            return Ok(true);
        };
        let goes_on = see(data);
        self.data.clear();
        Ok(goes_on)
    }

    /// Takes a line of a server-sent event (HTML standard, section 9.2.6). Only its data matters to a
    /// client that never reconnects: not its type, its id, nor the time before reconnecting.
    fn field(&mut self, line: &[u8]) -> Result<(), TransportError> {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        if name != b"data" {
            return Ok(());
        }
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.data.len() + value.len() > MAX_EVENT {
            return Err(failed(format!(
                "an event of the stream is longer than {} KiB",
                MAX_EVENT >> 10
            )));
        }
        self.data.extend_from_slice(value);
        self.data.push(b'\n');
        Ok(())
    }
}
