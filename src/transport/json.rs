//! [`Json`]: the text of a JSON value that is written piece by piece.

/// The text of a JSON value that is written piece by piece. The caller nests correctly.
#[derive(Debug, Default)]
pub(super) struct Json {
    text: Vec<u8>,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    is_map: bool,
    /// The number of values in it so far; in a map, keys count as well.
    count: u64,
}

impl Json {
    /// Opens a map or a list.
    pub(super) fn open(&mut self, is_map: bool) {
        self.separate();
        self.text.push(if is_map { b'{' } else { b'[' });
        self.levels.push(Level { is_map, count: 0 });
    }

    /// Closes the map or list that was opened last.
    pub(super) fn close(&mut self) {
        let is_map = self.levels.pop().is_some_and(|level| level.is_map);
        self.text.push(if is_map { b'}' } else { b']' });
    }

    /// Writes a number, `true`, `false` or `null`; where a key stands, as text.
    pub(super) fn plain(&mut self, text: &str) {
        if self.separate() {
            self.quoted(text);
        } else {
            self.text.extend_from_slice(text.as_bytes());
        }
    }

    /// Writes a text. What is not UTF-8 in it is replaced.
    pub(super) fn string(&mut self, text: &[u8]) {
        self.separate();
        self.quoted(&String::from_utf8_lossy(text));
    }

    /// Returns whether the next value is the key of a map.
    pub(super) fn is_at_key(&self) -> bool {
        self.levels
            .last()
            .is_some_and(|level| level.is_map && level.count.is_multiple_of(2))
    }

    /// Returns the length so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Returns the whole text.
    pub(super) fn into_text(self) -> Vec<u8> {
        self.text
    }

    /// Writes what stands between the previous value and the next; returns whether that is a key.
    fn separate(&mut self) -> bool {
        let is_key = self.is_at_key();
        let Some(level) = self.levels.last_mut() else {
            return false;
        };
        if level.count > 0 {
            let is_value = level.is_map && !is_key;
            self.text.push(if is_value { b':' } else { b',' });
        }
        level.count += 1;
        is_key
    }

    fn quoted(&mut self, text: &str) {
        // Writing a string to a vector can't fail.
        let _ = serde_json::to_writer(&mut self.text, text);
    }
}
