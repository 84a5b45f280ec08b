//! Writes the figures of each mode as OpenMetrics text, for GitLab's metrics report, a push gateway
//! or a textfile collector; and those of a run in progress for scrapers.
//!
//! Units are seconds, bytes and ratios, as the format requires. Unknown values have no line. There
//! are no timestamps: collectors add their own.

mod exemplars;
mod exposition;
mod families;
mod groups;
mod live;
mod measures;
mod streams;
mod text;
mod values;
mod watched;

use crate::plan::Mode;
use crate::result::{Comparison, RunResult};

pub(crate) use self::exposition::Exposition;
use self::families::{Counted, RESPONSE};
pub(crate) use self::live::{Scrape, render as render_live};
use self::text::Text;
use super::tally::{self, Tally};

/// Returns the metrics as text.
pub(crate) fn render(result: &RunResult) -> String {
    let mut text = Text::new(&result.scenario.name, Exposition::OpenMetrics);
    families::run(&mut text, result);
    if !result.runs.is_empty() {
        families::validity(&mut text, result);
    }
    if let Some(comparison) = &result.comparison {
        families::gauges(&mut text, comparison);
        responses(&mut text, comparison);
        families::longest(&mut text, comparison);
    }
    families::counters(&mut text, &by_mode(result));
    streams::metrics(&mut text, result);
    measures::metrics(&mut text, result);
    watched::metrics(&mut text, result, false);
    groups::metrics(&mut text, result);
    let help = "Whether a threshold was met: 1, or 0.";
    families::thresholds_met(&mut text, result, "threshold_met", help);
    families::baseline(&mut text, result);
    text.end()
}

fn responses(text: &mut Text, comparison: &Comparison) {
    let modes = families::timed(comparison);
    if modes.is_empty() {
        return;
    }
    let (name, help) = RESPONSE;
    text.family(name, "summary", "seconds", help);
    for (mode, summary) in modes {
        text.summary(name, &[("mode", mode)], summary, 1e3);
    }
}

/// Returns the counters of each mode over all of its rounds.
fn by_mode(result: &RunResult) -> Vec<Counted> {
    let of_mode = |mode: Mode| {
        let tally = Tally::from_result(result, mode);
        Counted {
            labels: vec![("mode", mode.name().to_owned())],
            counts: tally.counts,
            failures: tally.failures,
        }
    };
    tally::modes(result).into_iter().map(of_mode).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::super::{fixture, golden};
    use super::*;
    use crate::base::Nanos;
    use crate::metrics::{Cumulative, Track};
    use crate::result::{End, Group, ModeRun};

    #[test]
    fn golden() {
        for (name, result) in fixture::forms() {
            golden::check(&format!("forms/{name}/metrics.txt"), &render(&result));
        }
    }

    /// Parses the subset of the format's grammar that is used here, line by line.
    fn parse(text: &str) -> Result<usize, String> {
        let escaped = r#"(?:[^"\\\n]|\\["\\n])*"#;
        let sample = Regex::new(&format!(
            r#"^([a-z_]+)\{{((?:[a-z_]+="{escaped}",?)+)\}} (-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)$"#
        ))
        .unwrap();
        let pair = Regex::new(&format!(r#"([a-z_]+)="({escaped})""#)).unwrap();
        let about = Regex::new(r"^# (TYPE|UNIT|HELP) (loadgen_[a-z_]+) (.+)$").unwrap();
        let (mut families, mut samples, mut order) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let (mut family, mut kind) = (String::new(), String::new());
        let body = text.strip_suffix("# EOF\n").ok_or("no end")?;
        for line in body.lines() {
            if let Some(found) = about.captures(line) {
                let (what, name, rest) = (&found[1], &found[2], &found[3]);
                if what == "TYPE" {
                    (family, kind, order) = (name.into(), rest.into(), vec!["TYPE".to_owned()]);
                    if !families.insert(family.clone()) {
                        return Err(format!("a family comes twice: {line}"));
                    }
                } else if name != family
                    || order.contains(&what.to_owned())
                    || order.contains(&"sample".to_owned())
                {
                    return Err(format!("out of place: {line}"));
                }
                if what == "UNIT" && !name.ends_with(&format!("_{rest}")) {
                    return Err(format!("a name without its unit: {line}"));
                }
                order.push(what.to_owned());
                continue;
            }
            let found = sample
                .captures(line)
                .ok_or_else(|| format!("no sample: {line}"))?;
            let suffix = found[1]
                .strip_prefix(&family)
                .ok_or_else(|| format!("of another family: {line}"))?;
            let labels: Vec<&str> = pair
                .captures_iter(&found[2])
                .filter_map(|pair| pair.get(1))
                .map(|key| key.as_str())
                .collect();
            let value: f64 = found[3].parse().map_err(|e| format!("{e}: {line}"))?;
            let good = match (&*kind, suffix) {
                ("info", "_info") => value == 1.0,
                ("stateset", "") => labels.contains(&&*family) && (value == 0.0 || value == 1.0),
                ("gauge", "") => true,
                ("counter", "_total") => value >= 0.0,
                ("histogram", "_bucket") => labels.last() == Some(&"le"),
                ("histogram", "_sum" | "_count") => value >= 0.0 && !labels.contains(&"le"),
                ("summary", "") => labels.contains(&"quantile"),
                ("summary", "_sum" | "_count") => value >= 0.0 && !labels.contains(&"quantile"),
                _ => false,
            };
            let distinct = labels.iter().collect::<BTreeSet<_>>().len() == labels.len();
            if !good || !distinct || !samples.insert((found[1].to_owned(), found[2].to_owned())) {
                return Err(format!("not as its family: {line}"));
            }
            order.push("sample".into());
        }
        Ok(samples.len())
    }

    #[test]
    fn keeps_to_the_grammar() {
        for (name, mut result) in fixture::all().into_iter().chain(fixture::forms()) {
            result.scenario.name = format!("a\\\"\n{}", fixture::HOSTILE);
            result.thresholds.extend(result.thresholds.clone());
            let text = render(&result);
            let samples = parse(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
            assert!(samples > 0 && !text.contains("NaN"), "{name}");
        }
        for wrong in [
            "loadgen_x{a=\"b\"} 1\n# EOF\n",
            "# TYPE loadgen_x gauge\nloadgen_x{a=\"b\"c\"} 1\n# EOF\n",
            "# TYPE loadgen_x counter\nloadgen_x{a=\"b\"} 1\n# EOF\n",
            "# TYPE loadgen_x gauge\nloadgen_x{a=\"b\"} 1\nloadgen_x{a=\"b\"} 2\n# EOF\n",
            "# TYPE loadgen_x gauge\n# UNIT loadgen_x seconds\n# EOF\n",
            "# TYPE loadgen_x gauge\n",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    /// Returns what a scraper is shown of a result, whose last run is in progress or not.
    fn scrape(result: RunResult, is_under_way: bool) -> Scrape {
        let mut times = Track::default();
        for ms in [1, 20, 20, 300] {
            times.record(Nanos::from_millis(ms));
        }
        let own = Cumulative::from_track(&times);
        let of_run = |run: &ModeRun| vec![own.clone(); run.steps.len()];
        Scrape {
            step_responses: result.runs.iter().map(of_run).collect(),
            is_under_way,
            result,
        }
    }

    #[test]
    fn what_scrapers_read_keeps_to_the_grammar() {
        for (name, mut result) in fixture::all().into_iter().chain(fixture::forms()) {
            result.scenario.name = fixture::HOSTILE.into();
            result.end = End::Running;
            let own = scrape(result, true);
            let text = render_live(&own, Exposition::OpenMetrics);
            parse(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
            let older = render_live(&own, Exposition::Prometheus);
            assert!(
                !older.contains("# EOF") && !older.contains("# UNIT"),
                "{name}"
            );
            for line in older.lines().filter(|line| line.starts_with("# TYPE")) {
                let (family, kind) = line.rsplit_once(' ').expect("a kind");
                let known = ["counter", "gauge", "histogram", "summary"];
                assert!(known.contains(&kind), "{name}: {line}");
                assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
            }
            let samples = |text: &str| -> Vec<String> {
                let lines = text.lines().filter(|line| !line.starts_with('#'));
                lines.map(str::to_owned).collect()
            };
            assert_eq!(samples(&text), samples(&older), "{name}");
        }
    }

    #[test]
    fn steps_have_histograms_and_counters_of_their_own() {
        let result = fixture::one_mode();
        let (scenario, run) = (result.scenario.name.clone(), &result.runs[0]);
        let step = &run.steps[0];
        let labels = format!(
            "scenario=\"{scenario}\",mode=\"{}\",round=\"1\",mix=\"{}\",step=\"{}\"",
            run.mode,
            step.mix.as_deref().expect("a mix entry"),
            step.name
        );
        let expected = [
            format!("loadgen_response_seconds_bucket{{{labels},le=\"0.00063\"}} 0"),
            format!("loadgen_response_seconds_bucket{{{labels},le=\"0.001\"}} 1"),
            format!("loadgen_response_seconds_bucket{{{labels},le=\"0.025\"}} 3"),
            format!("loadgen_response_seconds_bucket{{{labels},le=\"1.0\"}} 4"),
            format!("loadgen_response_seconds_bucket{{{labels},le=\"+Inf\"}} 4"),
            format!("loadgen_response_seconds_sum{{{labels}}} 0.341000000"),
            format!("loadgen_response_seconds_count{{{labels}}} 4"),
            format!(
                "loadgen_operations_total{{{labels},outcome=\"ok\"}} {}",
                step.counts.ok
            ),
        ];
        let text = render_live(&scrape(result, false), Exposition::OpenMetrics);
        for line in expected {
            assert!(text.lines().any(|own| own == line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn nothing_is_final_before_the_end() {
        let mut so_far = fixture::three_modes();
        so_far.end = End::Running;
        let during = render_live(&scrape(so_far.clone(), true), Exposition::OpenMetrics);
        for (text, is_there) in [
            ("loadgen_threshold_holds{", true),
            ("loadgen_threshold_met", false),
            ("loadgen_operations_in_flight{", true),
        ] {
            assert_eq!(during.contains(text), is_there, "{text}\n{during}");
        }
        let running = |text: &str, value: &str| {
            let lines = text
                .lines()
                .filter(|own| own.starts_with("loadgen_running{"));
            lines.filter(|own| own.ends_with(value)).count()
        };
        assert_eq!(running(&during, "} 1"), 1, "{during}");
        assert!(during.contains(&format!(
            "loadgen_up{{scenario=\"{}\"}} 1\n",
            so_far.scenario.name
        )));
        let ended = render_live(
            &scrape(fixture::three_modes(), false),
            Exposition::OpenMetrics,
        );
        for (text, is_there) in [
            ("loadgen_threshold_holds", false),
            ("loadgen_threshold_met{", true),
            ("loadgen_operations_in_flight", false),
        ] {
            assert_eq!(ended.contains(text), is_there, "{text}\n{ended}");
        }
        assert_eq!(running(&ended, "} 1"), 0, "{ended}");
        so_far.runs.truncate(1);
        let first = render_live(&scrape(so_far, true), Exposition::OpenMetrics);
        assert!(!first.contains("loadgen_validity"), "nothing is judged yet");
    }

    #[test]
    fn more_steps_than_a_scraper_wants_are_one_series() {
        let mut result = fixture::one_mode();
        let run = &mut result.runs[0];
        let step = run.steps[0].clone();
        run.steps = (0..140)
            .map(|number| Group {
                name: format!("step {number}"),
                ..step.clone()
            })
            .collect();
        let text = render_live(&scrape(result, false), Exposition::OpenMetrics);
        let counts: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("loadgen_response_seconds_count"))
            .collect();
        assert_eq!(counts.len(), 101);
        let last = counts.last().expect("a line");
        assert!(last.ends_with("mix=\"\",step=\"other\"} 160"), "{last}");
        let sum: u64 = text
            .lines()
            .filter(|line| line.contains("outcome=\"ok\""))
            .map(|line| line.rsplit(' ').next().expect("a value"))
            .map(|value| value.parse::<u64>().expect("a count"))
            .sum();
        assert_eq!(sum, 140 * step.counts.ok);
    }

    #[test]
    fn what_a_sample_does_not_carry_has_no_quantile() {
        let text = render(&fixture::one_sample());
        assert!(
            text.contains("quantile=\"0.5\"") && !text.contains("quantile=\"0.9"),
            "a median is there always: {text}"
        );
        assert!(text.contains("response_seconds_count"), "{text}");
        assert!(!render(&fixture::no_samples()).contains("response_seconds"));
    }
}
