//! The gates that were not met as workflow commands of GitHub Actions, which shows them at their lines of the scenario.
//!
//! Every command is one line and what comes from a scenario is escaped in it: a name can't become a command.

use crate::result::{RunResult, Verdict};

use super::cases::{self, Case, Outcome};
use super::view;

/// GitHub shows no more errors of one step.
const MOST: usize = 10;

/// The commands, each on a line; empty where there is nothing to point at. `file` is the scenario's path from the top of
/// the repository.
pub fn render(result: &RunResult, file: Option<&str>) -> String {
    let bad: Vec<Case> = cases::all(result).into_iter().filter(|case| matches!(case.outcome, Outcome::Failed | Outcome::Broken)).collect();
    let shown = if bad.len() > MOST { MOST - 1 } else { bad.len() };
    let mut lines: Vec<String> = bad.iter().take(shown).map(|case| error(case, file)).collect();
    if bad.len() > shown {
        let more = view::things((bad.len() - shown) as u64, "gate");
        lines.push(command("error", file, None, "loadgen", &format!("and {more} more; the job's summary has all of them")));
    }
    if result.validity.verdict == Verdict::Degraded {
        let doubts = result.validity.checks.iter().filter(|check| check.verdict == Verdict::Degraded);
        lines.extend(doubts.take(MOST).map(|check| {
            let text = format!("{}: {}, limit {}: {}", check.name, check.observed, check.limit, check.explanation);
            command("warning", file, None, "loadgen: read the figures with care", &text)
        }));
    }
    lines.concat()
}

fn error(case: &Case, file: Option<&str>) -> String {
    let of = case.mode.map_or_else(String::new, |mode| format!(" ({mode})"));
    let text = std::iter::once(&case.message).chain(&case.details).cloned().collect::<Vec<_>>().join("\n");
    command("error", file, case.line, &format!("loadgen: {}{of}", case.name), &text)
}

/// A command that shows a text at a line of a file, with the end of its line. `kind` is `error`, `warning` or `notice`.
pub fn command(kind: &str, file: Option<&str>, line: Option<u32>, title: &str, text: &str) -> String {
    let mut properties = Vec::new();
    if let Some(file) = file {
        properties.push(format!("file={}", property(file)));
        properties.extend(line.map(|line| format!("line={line}")));
    }
    properties.push(format!("title={}", property(title)));
    let text = text.lines().map(view::plain).collect::<Vec<_>>().join("\n");
    format!("::{kind} {}::{}\n", properties.join(","), data(&text))
}

/// As the runner reads it back.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property ends at more signs than the text does.
fn property(text: &str) -> String {
    data(&view::plain(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::{fixture, golden};
    use super::*;

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(&format!("forms/{name}/annotations.txt"), &render(&result, result.scenario.file.as_deref()));
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
    fn every_line_is_one_command_and_there_are_few() {
        let mut result = fixture::three_modes();
        for threshold in &mut result.thresholds {
            threshold.check = "a\n::add-mask::b\r\n::error::c".into();
        }
        result.thresholds = vec![result.thresholds[1].clone(); 40];
        result.validity.checks[1].explanation = "x\n::set-env name=PATH::y".into();
        let text = render(&result, Some("x\n::y"));
        assert_eq!(text.matches("::error ").count(), MOST, "{text}");
        assert!(text.contains("and 31 gates more"), "{text}");
        assert!(text.lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")), "{text}");
    }
}
