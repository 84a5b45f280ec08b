//! The gates that were not met as workflow commands of GitHub Actions, which shows them at their
//! lines of the scenario.
//!
//! Every command is one line and what comes from a scenario is escaped in it: a name can't become a
//! command. Nor can it in the other texts of a log, once they are [`disarmed`].

use std::borrow::Cow;

use crate::result::{RunResult, Verdict};

use super::cases::{self, Case, Outcome};
use super::view;

/// GitHub shows no more errors of one step.
const MAX_ANNOTATIONS: usize = 10;

/// The commands, each on a line; empty where there is nothing to point at. `file` is the scenario's
/// path from the top of the repository.
pub fn render(result: &RunResult, file: Option<&str>) -> String {
    let cases = cases::all(result);
    let of = |outcomes: &[Outcome]| {
        cases
            .iter()
            .filter(|case| outcomes.contains(&case.outcome))
            .collect::<Vec<_>>()
    };
    let bad = of(&[Outcome::Failed, Outcome::Broken]);
    let shown = if bad.len() > MAX_ANNOTATIONS {
        MAX_ANNOTATIONS - 1
    } else {
        bad.len()
    };
    let mut lines: Vec<String> = bad
        .iter()
        .take(shown)
        .map(|case| shown_as("error", case, file))
        .collect();
    if bad.len() > shown {
        let more = view::things((bad.len() - shown) as u64, "gate");
        lines.push(command(
            "error",
            file,
            None,
            "loadgen",
            &format!("and {more} more; the job's summary has all of them"),
        ));
    }
    // What failed is told already, with all that is to be known of it.
    let doubtful = |case: &&Case| {
        case.outcome == Outcome::Undecided || (case.warned && case.outcome == Outcome::Passed)
    };
    lines.extend(
        cases
            .iter()
            .filter(doubtful)
            .take(MAX_ANNOTATIONS)
            .map(|case| shown_as("warning", case, file)),
    );
    if result.validity.verdict == Verdict::Degraded {
        let doubts = result
            .validity
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Degraded);
        lines.extend(doubts.take(MAX_ANNOTATIONS).map(|check| {
            let text = format!(
                "{}: {}, limit {}: {}",
                check.name, check.observed, check.limit, check.explanation
            );
            command(
                "warning",
                file,
                None,
                "loadgen: read the figures with care",
                &text,
            )
        }));
    }
    lines.concat()
}

fn shown_as(kind: &str, case: &Case, file: Option<&str>) -> String {
    let of = case
        .mode
        .map_or_else(String::new, |mode| format!(" ({mode})"));
    let text = std::iter::once(&case.message)
        .chain(&case.details)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    command(
        kind,
        file,
        case.line,
        &format!("loadgen: {}{of}", case.name),
        &text,
    )
}

/// A command that shows a text at a line of a file, with the end of its line. `kind` is `error`,
/// `warning` or `notice`.
pub fn command(
    kind: &str,
    file: Option<&str>,
    line: Option<u32>,
    title: &str,
    text: &str,
) -> String {
    let mut properties = Vec::new();
    if let Some(file) = file {
        properties.push(format!("file={}", property(file)));
        properties.extend(line.map(|line| format!("line={line}")));
    }
    properties.push(format!("title={}", property(title)));
    let text = text.lines().map(view::plain).collect::<Vec<_>>().join("\n");
    format!("::{kind} {}::{}\n", properties.join(","), data(&text))
}

/// Nothing is seen of it, and it is no white space, which the runner would look past.
const BREAK: char = '\u{200b}';
/// Begins a line that is a command …
const COMMAND: &str = "::";
/// … and this one of the older kind, anywhere in it.
const OLD_COMMAND: &str = "##[";

/// A text for the log in which the runner finds no command, whoever wrote it: a server's message
/// may begin a line, or come to stand there when a table is fitted into the width.
pub fn disarmed(text: &str) -> Cow<'_, str> {
    if !text.contains(COMMAND) && !text.contains(OLD_COMMAND) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    // The runner's lines end at a carriage return too.
    for line in text.split_inclusive(['\n', '\r']) {
        let begin = line.len() - seen(line).len();
        let (before, rest) = line.split_at(begin);
        out.push_str(before);
        if rest.starts_with(COMMAND) {
            out.push(BREAK);
        }
        out.push_str(&rest.replace(OLD_COMMAND, &format!("##{BREAK}[")));
    }
    Cow::Owned(out)
}

/// A line without the white space and the colour that it begins with.
fn seen(line: &str) -> &str {
    let line = line.trim_start();
    let code = line
        .strip_prefix("\u{1b}[")
        .and_then(|rest| rest.split_once('m'));
    match code {
        Some((code, rest))
            if code
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b';') =>
        {
            seen(rest)
        }
        _ => line,
    }
}

/// The same for JSON, whose lines begin with no colon: the older commands, as another spelling of
/// the same text.
pub fn disarmed_json(text: &str) -> Cow<'_, str> {
    if text.contains(OLD_COMMAND) {
        Cow::Owned(text.replace(OLD_COMMAND, "##\\u005b"))
    } else {
        Cow::Borrowed(text)
    }
}

/// As the runner reads it back.
fn data(text: &str) -> String {
    text.replace(OLD_COMMAND, &format!("##{BREAK}["))
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property ends at more signs than the text does.
fn property(text: &str) -> String {
    data(&view::plain(text))
        .replace(':', "%3A")
        .replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, golden};
    use super::*;

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(
                &format!("forms/{name}/annotations.txt"),
                &render(&result, result.scenario.file.as_deref()),
            );
        }
    }

    #[test]
    fn points_at_the_line() {
        let mut result = fixture::three_modes();
        result.thresholds[2].line = Some(21);
        let text = render(&result, Some("load/a,b.yaml"));
        let expected = "::error file=load/a%2Cb.yaml,line=21,title=loadgen%3A first_byte.p50 < 5ms (sequential)::no data, limit 5.00 ms\n";
        assert!(text.contains(expected), "{text}");
        // Without a file there is nothing to point at.
        assert!(!render(&result, None).contains("line="));
    }

    #[test]
    fn no_text_of_others_is_a_command() {
        for (text, harmless) in [
            ("a::b\nc ::d", "a::b\nc ::d"),
            ("::error::x\n", "\u{200b}::error::x\n"),
            (
                "a\n \t\u{a0}::add-mask::x\r::y",
                "a\n \t\u{a0}\u{200b}::add-mask::x\r\u{200b}::y",
            ),
            (
                "\u{1b}[1;31m ::x\u{1b}[0m",
                "\u{1b}[1;31m \u{200b}::x\u{1b}[0m",
            ),
            ("\u{1b}[xm::x", "\u{1b}[xm::x"),
            (
                "in ##[add-mask]a and ##[b]",
                "in ##\u{200b}[add-mask]a and ##\u{200b}[b]",
            ),
        ] {
            assert_eq!(disarmed(text), harmless);
            assert_eq!(disarmed(&disarmed(text)), harmless, "and it stays so");
        }
        let json = "{\"a\": \"##[error]b\"}";
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert!(!disarmed_json(json).contains("##["));
        assert_eq!(parsed(&disarmed_json(json)), parsed(json));
    }

    #[test]
    fn every_line_is_one_command_and_there_are_few() {
        let mut result = fixture::three_modes();
        for threshold in &mut result.thresholds {
            threshold.check = "a\n::add-mask::b\r\n::error::c".into();
        }
        result.thresholds = vec![result.thresholds[1].clone(); 40];
        result.validity.checks[1].explanation = "x\n::set-env name=PATH::y".into();
        let text = render(&result, Some("x\n::y"));
        assert_eq!(text.matches("::error ").count(), MAX_ANNOTATIONS, "{text}");
        assert!(text.contains("and 31 gates more"), "{text}");
        assert!(
            text.lines()
                .all(|line| line.starts_with("::error ") || line.starts_with("::warning ")),
            "{text}"
        );
    }
}
