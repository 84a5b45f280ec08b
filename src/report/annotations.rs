//! Reports the gates that were not met as workflow commands of GitHub Actions, which shows them at
//! their lines of the scenario.
//!
//! Every command is one line in which text from a scenario is escaped: a name cannot become a
//! command. Nor can it in the other texts of a log, once they are [`disarmed`].

use std::borrow::Cow;

use crate::result::{RunResult, Verdict};

use super::cases::{self, Case, Outcome};
use super::view;

/// The maximum number of errors that GitHub shows per step.
const MAX_ANNOTATIONS: usize = 10;

/// Returns the commands, each on its own line; empty if there is nothing to annotate. `file` is the
/// scenario's path relative to the root of the repository.
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
            &format!("and {more} more; the job's summary lists all of them"),
        ));
    }
    // Failures have been reported already, with all their details.
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

/// Returns a command that shows a text at a line of a file, with a line end. `kind` is `error`,
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

/// An invisible character that is not white space, which the runner would skip.
const BREAK: char = '\u{200b}';
/// The start of a line that is a command …
const COMMAND: &str = "::";
/// … and the older kind of command, anywhere in a line.
const OLD_COMMAND: &str = "##[";

/// Returns a text for the log in which the runner finds no command, whatever its origin: a server's
/// message may begin a line, or end up there when a table is fitted to the width.
pub fn disarmed(text: &str) -> Cow<'_, str> {
    if !text.contains(COMMAND) && !text.contains(OLD_COMMAND) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    // The runner also ends lines at a carriage return.
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

/// Returns a line without its leading white space and colour codes.
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

/// Does the same for JSON, whose lines never begin with a colon: older commands are written in
/// another spelling of the same string.
pub fn disarmed_json(text: &str) -> Cow<'_, str> {
    if text.contains(OLD_COMMAND) {
        Cow::Owned(text.replace(OLD_COMMAND, "##\\u005b"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Escapes a text so that the runner reads it back.
fn data(text: &str) -> String {
    text.replace(OLD_COMMAND, &format!("##{BREAK}["))
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property, which more characters would end than a text.
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
        // Without a file, no line can be annotated.
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
