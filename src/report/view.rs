//! Units and rounding, shared by every report format.
//!
//! Three significant digits, a space before the unit, thousands separated by commas. An unknown
//! value is [`NA`], never zero. Knows nothing of terminals, HTML or charts, or of where a figure
//! comes from.

use crate::metrics::Summary;
use crate::result::Apdex;

/// The text for a figure that is unknown, or that the sample does not support.
pub(crate) const NA: &str = "n/a";

/// Formats a number with three significant digits and no unit; as an integer with separators from a
/// hundred on.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NA.into();
    }
    let size = value.abs();
    // The limits are where rounding would carry into the next digit: 9.996 is shown as 10.0.
    match size {
        _ if size == 0.0 => "0".into(),
        _ if size >= 99.95 => grouped(value.round()),
        _ if size >= 9.995 => format!("{value:.1}"),
        _ if size >= 0.1 => format!("{value:.2}"),
        _ if size >= 0.001 => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

/// Formats a number for programs: decimal digits, at least six of them if there are as many;
/// returns `None` if it is not a number.
pub(crate) fn digits(value: f64) -> Option<String> {
    let size = value.abs();
    match size {
        _ if !size.is_finite() => None,
        _ if size == 0.0 => Some("0".into()),
        _ if !(1e-9..1e15).contains(&size) => Some(format!("{value:.5e}")),
        _ => {
            let places = (5.0 - size.log10().floor()).max(0.0) as usize;
            let text = format!("{value:.places$}");
            Some(if places > 0 {
                text.trim_end_matches('0').trim_end_matches('.').into()
            } else {
                text
            })
        }
    }
}

/// Formats an integer with separators: `12,345`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn grouped(value: f64) -> String {
    if value.abs() >= 1e9 {
        return format!("{value:.2e}");
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", count(value.abs() as u64))
}

/// Scales a value to the first unit in which it is below the unit's limit.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let last = units.len().saturating_sub(1);
    for (i, (scale, unit)) in units.iter().enumerate() {
        // 999.6 ms is shown as 1.00 s, not as 1,000 ms.
        if i == last || (value / scale).abs() < 999.5 {
            return format!("{} {unit}", number(value / scale));
        }
    }
    NA.into()
}

/// Formats a duration in milliseconds: `850 ns`, `12.3 µs`, `1.23 ms`, `12.3 s`, `2 min 5 s`, `3 h
/// 20 min`.
pub(crate) fn duration_ms(ms: f64) -> String {
    if !ms.is_finite() {
        return NA.into();
    }
    let size = ms.abs();
    // No clock resolves a thousandth of a nanosecond: this is the rounding error of a difference.
    if size < 5e-10 {
        return "0 ms".into();
    }
    if size < 119_500.0 {
        let units: &[(f64, &str)] = &[(1e-6, "ns"), (1e-3, "µs"), (1.0, "ms"), (1e3, "s")];
        return scaled(ms, units);
    }
    let sign = if ms < 0.0 { "-" } else { "" };
    let seconds = (size / 1e3).round() as u64;
    if seconds < 7_200 {
        return format!("{sign}{} min {} s", seconds / 60, seconds % 60);
    }
    if seconds >= 36_000_000 {
        return format!("{} h", number(ms / 3.6e6));
    }
    format!(
        "{sign}{} h {} min",
        count(seconds / 3_600),
        seconds % 3_600 / 60
    )
}

/// Formats a duration in seconds.
pub(crate) fn duration_s(s: f64) -> String {
    duration_ms(s * 1e3)
}

/// Formats events per second: `1,234/s`.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second.is_finite() {
        format!("{}/s", number(per_second))
    } else {
        NA.into()
    }
}

/// Formats an amount of bytes, with decimal units: `12.3 MB`.
pub(crate) fn bytes(value: u64) -> String {
    if value < 1_000 {
        return format!("{value} B");
    }
    scaled(
        value as f64,
        &[
            (1.0, "B"),
            (1e3, "KB"),
            (1e6, "MB"),
            (1e9, "GB"),
            (1e12, "TB"),
        ],
    )
}

/// Formats a ratio: `9.8×`, with two decimals below 2, where they matter.
pub(crate) fn factor(value: f64) -> String {
    match value {
        v if !v.is_finite() => NA.into(),
        v if v >= 99.95 => format!("{}×", grouped(v.round())),
        v if v >= 1.995 => format!("{v:.1}×"),
        v => format!("{v:.2}×"),
    }
}

/// Formats a share of one: `98.5 %`.
pub(crate) fn share(value: f64) -> String {
    match value * 100.0 {
        v if !v.is_finite() => NA.into(),
        v if v == 0.0 || v.abs() >= 99.95 => format!("{v:.0} %"),
        v if v.abs() < 0.1 => "< 0.1 %".into(),
        v => format!("{v:.1} %"),
    }
}

/// Formats a round figure, such as that of a tick, without the zeros after its decimal point: `20
/// ms` for `20.0 ms`.
pub(crate) fn round(figure: &str) -> String {
    let end = figure
        .find(|c: char| !c.is_ascii_digit() && !",.-".contains(c))
        .unwrap_or(figure.len());
    let (number, unit) = figure.split_at(end);
    if number.contains('.') && !unit.starts_with('e') {
        format!(
            "{}{unit}",
            number.trim_end_matches('0').trim_end_matches('.')
        )
    } else {
        figure.into()
    }
}

/// Formats an optional figure, or returns [`NA`].
pub(crate) fn or_na<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NA.into(), show)
}

/// Formats an interval, each end with `show`, and the unit only once if it is the same:
/// `9.6–10.1×`.
pub(crate) fn interval(ends: [f64; 2], show: impl Fn(f64) -> String) -> String {
    let (low, high) = (show(ends[0]), show(ends[1]));
    let unit = |text: &str| {
        text.find(|c: char| !c.is_ascii_digit() && !",.-".contains(c))
            .unwrap_or(text.len())
    };
    if low[unit(&low)..] == high[unit(&high)..] {
        format!("{}–{high}", &low[..unit(&low)])
    } else {
        format!("{low}–{high}")
    }
}

/// Formats an optional interval; one without two ends counts as unknown.
pub(crate) fn known_interval(
    ends: Option<[f64; 2]>,
    show: impl Fn(f64) -> String,
) -> Option<String> {
    ends.filter(|ends| ends.iter().all(|end| end.is_finite()))
        .map(|ends| interval(ends, show))
}

/// The explanation of [`NA`] in place of a percentile.
pub(crate) const NA_MEANS: &str = "n/a: too few independent samples for this percentile";

/// Formats a percentile of a summary, by its name (`p99`); returns [`NA`] if there is no sample, or
/// it is too small.
pub(crate) fn percentile(summary: Option<&Summary>, name: &str) -> String {
    or_na(percentile_ms(summary, name), duration_ms)
}

/// Returns a percentile of a summary in milliseconds, by its name, or `None` if there is no sample,
/// or it is too small.
pub(crate) fn percentile_ms(summary: Option<&Summary>, name: &str) -> Option<f64> {
    let summary = summary.filter(|summary| carries(summary, name))?;
    match name {
        "p50" => Some(summary.p50),
        "p75" => Some(summary.p75),
        "p90" => Some(summary.p90),
        "p95" => Some(summary.p95),
        "p99" => Some(summary.p99),
        "p999" => Some(summary.p999),
        "p9999" => Some(summary.p9999),
        _ => None,
    }
}

/// Returns whether the sample is large enough for this percentile: it is, unless its interval says
/// otherwise. Any sample has a median, if not an interval of it.
pub(crate) fn carries(summary: &Summary, name: &str) -> bool {
    summary.count > 0 && (name == "p50" || !matches!(summary.ci95.get(name), Some(None)))
}

/// Formats an Apdex, if there is one.
pub(crate) fn apdex(apdex: Option<Apdex>) -> String {
    or_na(apdex, |apdex| format!("{:.3}", apdex.score))
}

/// Formats the 95 % interval of a percentile, if there is one.
pub(crate) fn percentile_interval(summary: Option<&Summary>, name: &str) -> Option<String> {
    known_interval(summary?.ci95.get(name).copied().flatten(), duration_ms)
}

/// Returns text of a scenario or a server on one line: control characters (terminal escapes, line
/// ends), marks that change the text direction, and invisible characters are replaced by a visible
/// sign.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if unsafe_to_show(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Does the same as [`plain`] for text of several lines: line ends and tabs remain.
pub(crate) fn plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| {
            if c != '\n' && c != '\t' && unsafe_to_show(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

fn unsafe_to_show(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Returns the first `limit` characters, with an ellipsis in place of the last if there are more.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.into();
    }
    let mut out: String = text.chars().take(limit.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// Returns the text with its first letter capitalized.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// Formats a number of things: `1 operation`, `2 operations`.
pub(crate) fn things(n: u64, what: &str) -> String {
    format!("{} {what}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Formats a list: `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// Formats an RFC 3339 time in UTC for people; returns anything else unchanged.
pub(crate) fn moment(rfc3339: &str) -> String {
    let text = plain(rfc3339);
    match text.get(..19) {
        Some(head) if text.ends_with('Z') && head.as_bytes().get(10) == Some(&b'T') => {
            format!("{} UTC", head.replace('T', " "))
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_unit_that_keeps_them_short() {
        for (ms, text) in [
            (0.0, "0 ms"),
            (1.5e-16, "0 ms"),
            (0.000_85, "850 ns"),
            (0.012_34, "12.3 µs"),
            (1.234, "1.23 ms"),
            (9.996, "10.0 ms"),
            (99.96, "100 ms"),
            (999.4, "999 ms"),
            (999.6, "1.00 s"),
            (12_345.0, "12.3 s"),
            (100_000.0, "100 s"),
            (125_000.0, "2 min 5 s"),
            (12_000_000.0, "3 h 20 min"),
            (f64::NAN, "n/a"),
            (f64::INFINITY, "n/a"),
        ] {
            assert_eq!(duration_ms(ms), text, "{ms}");
        }
    }

    #[test]
    fn rates_sizes_factors_and_shares() {
        assert_eq!(rate(1234.4), "1,234/s");
        assert_eq!(rate(12.34), "12.3/s");
        assert_eq!(rate(0.0), "0/s");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_345_678), "12.3 MB");
        assert_eq!(bytes(u64::MAX), "18,446,744 TB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(123), "123");
        assert_eq!(factor(9.83), "9.8×");
        assert_eq!(factor(1.024), "1.02×");
        assert_eq!(factor(123.4), "123×");
        assert_eq!(share(0.985), "98.5 %");
        assert_eq!(share(1.0), "100 %");
        assert_eq!(share(0.0001), "< 0.1 %");
        assert_eq!(number(1e300), "1.00e300");
        assert_eq!(duration_s(1e300), "2.78e296 h");
        assert_eq!(round(&duration_ms(20.0)), "20 ms");
        assert_eq!(round(&rate(2.5)), "2.5/s");
        assert_eq!(round("1.00e300"), "1.00e300");
    }

    #[test]
    fn programs_get_plain_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.3"),
            (1_234.567_89, "1234.57"),
            (-5.0, "-5"),
            (12_600_000.0, "12600000"),
            (0.000_012_345_678, "0.0000123457"),
            (1e300, "1.00000e300"),
            (1e-12, "1.00000e-12"),
        ] {
            assert_eq!(digits(value).as_deref(), Some(text), "{value}");
        }
        assert_eq!((digits(f64::NAN), digits(f64::NEG_INFINITY)), (None, None));
    }

    #[test]
    fn an_interval_says_its_unit_once() {
        assert_eq!(interval([9.6, 10.1], factor), "9.6–10.1×");
        assert_eq!(interval([900.0, 1_100.0], duration_ms), "900 ms–1.10 s");
        assert_eq!(interval([f64::NAN, 1.0], rate), "n/a–1.00/s");
        assert_eq!(things(1, "operation"), "1 operation");
    }

    #[test]
    fn text_from_outside_can_not_steer_a_terminal() {
        assert_eq!(
            plain("a\x1b[31mb\nc\u{202e}d"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d"
        );
        assert_eq!(plain_lines("a\r\n\tb\x07"), "a\n\tb\u{fffd}");
        assert_eq!(shortened("привет", 4), "при…");
    }

    #[test]
    fn moments_and_lists() {
        assert_eq!(
            moment("2026-11-21T08:15:00.123Z"),
            "2026-11-21 08:15:00 UTC"
        );
        assert_eq!(moment("yesterday"), "yesterday");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
