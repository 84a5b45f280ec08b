//! Results from any source: read, compared and reported, whatever their content.
//!
//! A result is large, and most mutations of its bytes are not JSON. So there is a valid one here,
//! and the bytes determine which of its values are replaced, and by what; histograms are also
//! mutated beneath their encodings.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use loadgen::gate::side::Side;
use loadgen::gate::versions;
use loadgen::gate::versions::Terms;
use loadgen::plan::Guard;
use loadgen::report::chart::FILES;
use loadgen::report::chart::trace::Cast;
use loadgen::report::terminal;
use loadgen::report::terminal::Style;
use loadgen::report::{TEXTS, annotations, html};
use loadgen::result::{RunResult, codec};
use serde_json::Value;

/// The valid result.
pub const SEED: &str = include_str!("../seed.json");
/// The length of a compressed histogram's head: a cookie, and the number of bytes that follow.
const HEAD: usize = 8;

/// A result: an invalid one is rejected with a message, and every report can be made of a valid
/// one.
pub fn result(bytes: &[u8]) {
    if bytes.first() == Some(&b'{') {
        return std::str::from_utf8(bytes).map_or((), read);
    }
    read(&edited(SEED, bytes));
}

/// Makes the changes to a JSON text that bytes determine.
pub(super) fn edited(text: &str, bytes: &[u8]) -> String {
    let mut whole: Value = serde_json::from_str(text).expect("the good one");
    let mut edits = Edits(bytes);
    while edits.next(&mut whole).is_some() {}
    whole.to_string()
}

/// The text of a histogram, or its bytes with and without compression: it is rejected, or unchanged
/// after writing and reading it again.
pub fn histogram(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        same(text);
    }
    same(&STANDARD.encode(bytes));
    same(&packed(bytes));
}

fn same(text: &str) {
    for decode in [codec::decode, codec::decode_window] {
        if let Ok(histogram) = decode(text) {
            let again = decode(&codec::encode(&histogram)).expect("we wrote it");
            assert!(again == histogram, "it was read as another one");
        }
    }
}

fn read(text: &str) {
    let Ok(result) = RunResult::from_json(text) else {
        return;
    };
    for (_, _, make) in TEXTS {
        // An error is as acceptable as a text.
        let _ = make(&result);
    }
    let _ = html::render(&result, html::Delivery::Whole(&[]));
    let cast = Cast::from_result(&result);
    FILES.iter().for_each(|(_, draw)| drop(draw(&cast)));
    terminal::render(&result, Style::default());
    annotations::render(&result, Some("test.yaml"));
    let good = RunResult::from_json(SEED).expect("the good one");
    let (base, new) = ([&good, &good], [&result, &result]);
    for (base, new) in [(base, new), (new, base), (new, new)] {
        let (base, new) = (
            Side::from_results("base", base),
            Side::from_results("new", new),
        );
        let terms = Terms {
            optional: Vec::new(),
            guards: Guard::all_usual(),
            same_machine: false,
            leave_out_invalid: true,
            order: None,
        };
        let _ = versions::compare(&base, &new, &terms);
    }
    let named = [("a".to_owned(), good), ("b".to_owned(), result)];
    let _ = html::overlaid(&named, html::Delivery::Whole(&[]));
}

/// Compresses a histogram's bytes and adds a head.
fn packed(inner: &[u8]) -> String {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    let body = packer
        .write_all(inner)
        .and_then(|()| packer.finish())
        .expect("memory");
    let mut whole = 0x1c84_9304_u32.to_be_bytes().to_vec();
    whole.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    whole.extend_from_slice(&body);
    STANDARD.encode(whole)
}

/// Decodes a histogram's bytes; returns `None` if it is not a histogram.
fn unpacked(text: &str) -> Option<Vec<u8>> {
    let whole = STANDARD.decode(text).ok()?;
    let mut inner = Vec::new();
    ZlibDecoder::new(whole.get(HEAD..)?)
        .take(1 << 20)
        .read_to_end(&mut inner)
        .ok()?;
    Some(inner)
}

/// Changes to a JSON text, as determined by bytes.
struct Edits<'b>(&'b [u8]);

/// Numbers that are easily overlooked.
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "0.5",
    "1e308",
    "-1e308",
    "1e-320",
    "18446744073709551615",
    "9223372036854775808",
    "4294967296",
    "65536",
    "600",
    "1e18",
    "-0.0",
];

impl Edits<'_> {
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken.to_vec())
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn number(&mut self) -> Option<u64> {
        self.take(2)
            .map(|taken| u64::from(taken[0]) << 8 | u64::from(taken[1]))
    }

    /// Makes one change; returns `None` if none is left.
    fn next(&mut self, whole: &mut Value) -> Option<()> {
        let mut left = self.number()?;
        let count = nodes(whole);
        left %= count;
        let node = find(whole, &mut left).expect("there are so many");
        match (self.byte()? % 8, node) {
            (0, node) => *node = Value::Null,
            (1 | 2, node) => {
                *node = serde_json::from_str(NUMBERS[usize::from(self.byte()?) % NUMBERS.len()])
                    .expect("a number")
            }
            (3, Value::Array(items)) => {
                let times = self.byte()?;
                let first = items.first().cloned();
                items.extend(first.into_iter().cycle().take(usize::from(times)));
            }
            (4, Value::Array(items)) => items.reverse(),
            (5, Value::Array(items)) => items.clear(),
            (3.., Value::Object(fields)) => {
                let at = usize::from(self.byte()?);
                if let Some(key) = fields.keys().nth(at % fields.len().max(1)).cloned() {
                    fields.remove(&key);
                }
            }
            (3.., Value::String(text)) => {
                let (at, byte) = (self.number()? as usize, self.byte()?);
                *text = match unpacked(text) {
                    Some(mut inner) if !inner.is_empty() => {
                        let at = at % inner.len();
                        inner[at] = byte;
                        packed(&inner)
                    }
                    _ => char::from(byte).to_string().repeat(at % 300),
                };
            }
            (_, node) => {
                let bits = self.take(8)?.try_into().expect("eight");
                *node = f64::from_bits(u64::from_le_bytes(bits)).into();
            }
        }
        Some(())
    }
}

/// Counts the values in a value, itself included.
fn nodes(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        _ => 0,
    }
}

/// Returns the value with this number.
fn find<'v>(value: &'v mut Value, left: &mut u64) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    let size = |inner: &Value| nodes(inner);
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    };
    for inner in inner {
        let inside = size(inner);
        if *left < inside {
            return find(inner, left);
        }
        *left -= inside;
    }
    None
}
