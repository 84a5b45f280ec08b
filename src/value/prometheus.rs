//! The text form of metrics: Prometheus' own (version 0.0.4), and OpenMetrics 1.0. Only what is asked
//! for is kept.

use crate::plan::Taken;

/// Returns the sum of the series of each metric, in their order; `None` if the text has none of them.
pub(crate) fn sums(text: &str, take: &[Taken]) -> Vec<Option<f64>> {
    let mut sums = vec![None; take.len()];
    for line in text.lines() {
        let Some((name, labels, value)) = sample(line) else {
            continue;
        };
        for (taken, sum) in take.iter().zip(&mut sums) {
            let has = |(key, value): &(String, String)| {
                labels.iter().any(|(own, is)| own == key && is == value)
            };
            if taken.metric == name && taken.labels.iter().all(has) {
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
    }
    sums
}

/// Parses the name of a metric with its labels, as it is written to select series.
pub(crate) fn selector(text: &str) -> Option<(&str, Labels)> {
    let (name, labels, rest) = head(text.trim())?;
    rest.trim().is_empty().then_some((name, labels))
}

/// Parses a line that is a sample; what follows its value, a time or an exemplar, is not kept.
fn sample(line: &str) -> Option<(&str, Labels, f64)> {
    let line = line.trim_start();
    if line.starts_with('#') {
        return None;
    }
    let (name, labels, rest) = head(line)?;
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name, labels, value))
}

/// Labels with their values.
type Labels = Vec<(String, String)>;
/// A name, its labels, and the rest of the line.
type Head<'a> = (&'a str, Labels, &'a str);

fn head(text: &str) -> Option<Head<'_>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_start();
    let Some(mut rest) = rest.strip_prefix('{') else {
        return Some((name, Vec::new(), rest));
    };
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((name, labels, rest));
        }
        let (key, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start())?;
        labels.push((key.trim().to_owned(), value));
        rest = after;
    }
}

/// Parses a text in double quotes; returns it and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &inner[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(text: &str) -> Taken {
        let (metric, labels) = selector(text).unwrap_or_else(|| panic!("{text}"));
        Taken {
            name: text.into(),
            metric: metric.into(),
            labels,
            is_rate: false,
        }
    }

    const TEXT: &str = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
http_request_duration_seconds_bucket{le="0.05"} 24054 # {trace_id="KOO5S4vxi0o"} 0.67
nothing_known NaN
# EOF
"#;

    #[test]
    fn the_example_of_the_format_s_description_is_read() {
        let asked = [
            ("http_requests_total", Some(1030.0)),
            (r#"http_requests_total{code="400"}"#, Some(3.0)),
            (
                r#"http_requests_total{ code = "400" , method="post", }"#,
                Some(3.0),
            ),
            (r#"http_requests_total{code="500"}"#, None),
            (
                r#"msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT"}"#,
                Some(1_458_255_915.0),
            ),
            ("metric_without_timestamp_and_labels", Some(12.47)),
            ("something_weird", Some(f64::INFINITY)),
            (
                r#"http_request_duration_seconds_bucket{le="0.05"}"#,
                Some(24054.0),
            ),
            ("metric_without", None),
        ];
        let take: Vec<Taken> = asked.iter().map(|(text, _)| taken(text)).collect();
        let expected: Vec<Option<f64>> = asked.iter().map(|(_, value)| *value).collect();
        assert_eq!(sums(TEXT, &take), expected);
        assert!(sums(TEXT, &[taken("nothing_known")])[0].is_some_and(f64::is_nan));
    }

    #[test]
    fn what_selects_nothing_is_not_a_selector() {
        for text in [
            "",
            "1a",
            "a{",
            "a{b}",
            "a{b=c}",
            "a{b=\"c\"",
            "a b",
            "rate(a)",
            "a{b=\"c\"}d",
        ] {
            assert_eq!(selector(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,80}", broken in "[a-c]{1,2}[{][a-c=\",\\\\ }]{0,20}[0-9 ]{0,4}") {
            let take = [taken("a")];
            sums(&text, &take);
            sums(&broken, &take);
            let _ = selector(&broken);
        }
    }
}
