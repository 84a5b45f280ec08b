//! [`Stamps`]: the times of the lines of a log.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// The time of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Nanoseconds since 1970.
    pub ns: i64,
    /// Whether parts of a second are unknown.
    pub is_whole_second: bool,
}

/// Reads times. Most lines of a busy log have the time of the line before.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    last: String,
    known: Option<Stamp>,
}

impl Stamps {
    /// Reads a time: `10/Oct/2000:13:55:36 -0700`, one in ISO 8601 (in UTC, unless it says otherwise),
    /// or a number of seconds, milliseconds, microseconds or nanoseconds since 1970.
    pub(super) fn read(&mut self, text: &str) -> Option<Stamp> {
        if text != self.last {
            self.known = stamp(text.trim());
            self.last.clear();
            self.last.push_str(text);
        }
        self.known
    }
}

fn stamp(text: &str) -> Option<Stamp> {
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return epoch(text);
    }
    if text.contains('/') {
        let parsed = strtime::parse("%d/%b/%Y:%H:%M:%S %z", text).ok()?;
        return from_jiff(parsed.to_timestamp().ok()?, true);
    }
    let is_whole = !text.contains(['.', ',']);
    if let Ok(time) = text.parse::<Timestamp>() {
        return from_jiff(time, is_whole);
    }
    let local: DateTime = text.parse().ok()?;
    from_jiff(local.to_zoned(TimeZone::UTC).ok()?.timestamp(), is_whole)
}

fn from_jiff(time: Timestamp, is_whole_second: bool) -> Option<Stamp> {
    Some(Stamp {
        ns: i64::try_from(time.as_nanosecond()).ok()?,
        is_whole_second,
    })
}

/// Reads a number since 1970, whose size tells its unit: those of this century in two units are
/// never mistaken.
fn epoch(text: &str) -> Option<Stamp> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let number: u64 = whole.parse().ok()?;
    let unit_ns: u64 = match number {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let part_ns = if part.is_empty() {
        0
    } else {
        let share: f64 = format!("0.{part}").parse().ok()?;
        (share * unit_ns as f64).round() as u64
    };
    let ns = number.checked_mul(unit_ns)?.checked_add(part_ns)?;
    Some(Stamp {
        ns: i64::try_from(ns).ok()?,
        is_whole_second: unit_ns == 1_000_000_000 && !text.contains('.'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(text: &str) -> Option<(i64, bool)> {
        let stamp = Stamps::default().read(text)?;
        Some((stamp.ns, stamp.is_whole_second))
    }

    #[test]
    fn times_are_read_in_every_form_and_zone() {
        // 2000-10-10T20:55:36Z, the example of Apache's documentation.
        const S: i64 = 971_211_336_000_000_000;
        for (text, wanted) in [
            ("10/Oct/2000:13:55:36 -0700", (S, true)),
            ("10/Oct/2000:20:55:36 +0000", (S, true)),
            ("11/Oct/2000:02:25:36 +0530", (S, true)),
            ("2000-10-10T13:55:36-07:00", (S, true)),
            ("2000-10-10T20:55:36Z", (S, true)),
            ("2000-10-10 20:55:36", (S, true)),
            ("2000-10-10T20:55:36.25Z", (S + 250_000_000, false)),
            ("2000-10-10T22:55:36.000001+0200", (S + 1_000, false)),
            ("971211336", (S, true)),
            ("971211336.000", (S, false)),
            ("971211336.123", (S + 123_000_000, false)),
            ("971211336123", (S + 123_000_000, false)),
            ("971211336123.5", (S + 123_500_000, false)),
            ("971211336123456", (S + 123_456_000, false)),
            ("971211336123456789", (S + 123_456_789, false)),
        ] {
            assert_eq!(ns(text), Some(wanted), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.2.3",
            "10/Oct/2000:25:55:36 -0700",
            "10/Okt/2000:13:55:36 -0700",
            "2000-13-01T00:00:00Z",
            "yesterday",
            "99999999999999999999999",
        ] {
            assert_eq!(ns(text), None, "{text:?}");
        }
    }
}
