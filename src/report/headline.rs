//! [`Headline`]: the conclusion of the comparison, in one or two sentences that anyone understands.
//!
//! It compares what the load asks for: how fast the work was done or, for planned arrivals, which
//! are independent of the target's responses, how long responses took and how late the generator
//! was. It reads the comparison's figures and calls modes equal if their intervals overlap or,
//! without intervals, if they are within 5 %; it computes nothing else. Knows nothing of how it is
//! shown.

use crate::plan::Mode;
use crate::result::{Comparison, ModeComparison, RunResult};

use super::asked::{self, Percentile};
use super::{causes, comparison, view};

/// Modes whose figures differ by less than this share are called about equal.
const SAME: f64 = 0.05;
/// The share of failures from which a headline must mention them.
const FAILED: f64 = 0.01;

/// The explanation if figures differ but possibly only by chance.
const OVERLAP: &str = "95 % intervals that overlap";

/// The conclusion of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Headline {
    /// The modes that won, best first; empty if there is nothing to compare.
    pub winners: Vec<Mode>,
    /// The finding.
    pub text: String,
    /// The reason, if the result shows it.
    pub cause: Option<String>,
    /// A necessary caveat, if any.
    pub caution: Option<String>,
}

impl Headline {
    /// Creates the headline of a result.
    pub(crate) fn from_result(result: &RunResult) -> Self {
        let Some(comparison) = result.comparison.as_ref().filter(|c| !c.modes.is_empty()) else {
            return Self::plain("No measurement was completed.");
        };
        let modes: Vec<&ModeComparison> = comparison
            .modes
            .iter()
            .filter(|m| m.mode != Mode::Simulated)
            .collect();
        let is_open = asked::is_open(result);
        let alone = match modes.as_slice() {
            [] => comparison.modes.first(),
            [one] => Some(*one),
            _ => None,
        };
        let (text, winners) = match alone {
            Some(one) => (
                if is_open {
                    answered_alone(one)
                } else {
                    done_alone(one)
                },
                vec![one.mode],
            ),
            None if is_open => soonest(&modes),
            None => fastest(comparison, &modes),
        };
        // If all are equal, or only one ran, none wins.
        let behind: Vec<Mode> = modes
            .iter()
            .map(|m| m.mode)
            .filter(|mode| !winners.contains(mode))
            .collect();
        let won = !behind.is_empty();
        Self {
            text,
            cause: causes::describe(result, &behind),
            caution: caution(&comparison.modes),
            winners: if won { winners } else { Vec::new() },
        }
    }

    /// Creates a headline of a single sentence.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self {
            winners: Vec::new(),
            text: text.into(),
            cause: None,
            caution: None,
        }
    }

    /// Returns whether this mode is among the winners.
    pub(crate) fn won(&self, mode: &Mode) -> bool {
        self.winners.contains(mode)
    }
}

/// Orders the modes by how fast they did the work; also returns the best of them.
fn fastest(comparison: &Comparison, modes: &[&ModeComparison]) -> (String, Vec<Mode>) {
    let mut ranked: Vec<(&ModeComparison, f64)> = modes
        .iter()
        .filter_map(|m| m.speedup.filter(|s| s.is_finite()).map(|s| (*m, s)))
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let Some(&(best, _)) = ranked.first() else {
        return (
            "The modes can't be compared: no speedup is known.".into(),
            Vec::new(),
        );
    };
    let winners: Vec<&(&ModeComparison, f64)> = ranked
        .iter()
        .filter(|(m, _)| about_equal(best, m))
        .collect();
    let names = names(winners.iter().map(|(m, _)| *m));
    let are_close = are_close(winners.iter().map(|(_, s)| *s));
    let mut factors: Vec<String> = winners.iter().map(|(_, s)| view::factor(*s)).collect();
    factors.dedup();
    let factors = format!("{} {}", view::list(&factors), comparison.baseline_mode);
    let text = if winners.len() == ranked.len() && are_close {
        format!("{names} were about equally fast.{}", tail(modes))
    } else if winners.len() == ranked.len() && winners.len() > 1 {
        format!(
            "{names} can't be told apart: {factors}, with {OVERLAP}.{}",
            tail(modes)
        )
    } else if winners.len() > 1 && are_close {
        format!("{names} were about equally fast: {factors}.")
    } else if winners.len() > 1 {
        format!("{names} were fastest, and can't be told apart: {factors}, with {OVERLAP}.")
    } else {
        let interval = view::known_interval(best.speedup_ci95, view::factor)
            .map(|i| format!(" (95 % interval {i})"))
            .unwrap_or_default();
        let (was, its) = if best.mode == Mode::Processes {
            ("were", "their")
        } else {
            ("was", "its")
        };
        if best.mode == comparison.baseline_mode {
            let next = ranked
                .get(1)
                .map(|(m, s)| format!(": {} had {} {its} speed", m.mode, view::factor(*s)))
                .unwrap_or_default();
            format!("{names} {was} fastest{next}.")
        } else {
            let speed = best.speedup.map(view::factor).unwrap_or_default();
            format!(
                "{names} {was} fastest: {speed} {}{interval}.",
                comparison.baseline_mode
            )
        }
    };
    (text, winners.iter().map(|(m, _)| m.mode).collect())
}

/// Orders the modes by how soon they answered the planned arrivals; also returns the best of them.
fn soonest(modes: &[&ModeComparison]) -> (String, Vec<Mode>) {
    let Some(percentile) = comparison::common_percentile(modes) else {
        return (
            "The modes can't be compared: there are too few responses for a median.".into(),
            Vec::new(),
        );
    };
    let ms = |m: &ModeComparison| {
        view::percentile_ms(m.response_ms.as_ref(), percentile.key).unwrap_or(f64::INFINITY)
    };
    let mut ranked = modes.to_vec();
    ranked.sort_by(|a, b| ms(a).total_cmp(&ms(b)));
    let (winners, others): (Vec<&ModeComparison>, Vec<&ModeComparison>) = ranked
        .iter()
        .partition(|m| answer_about_equally(ranked[0], m, percentile));
    let took = |of: &[&ModeComparison]| {
        let mut times: Vec<String> = of.iter().map(|m| view::duration_ms(ms(m))).collect();
        times.dedup();
        view::list(&times)
    };
    let against = |m: &&ModeComparison| format!("{} in {}", view::duration_ms(ms(m)), m.mode);
    let against = view::list(&others.iter().map(against).collect::<Vec<_>>());
    let against = if others.is_empty() {
        String::new()
    } else {
        format!(", against {against}")
    };
    let (name, times) = (percentile.name, took(&winners));
    let names = names(winners.iter().copied());
    let text = if winners.len() > 1 && are_close(winners.iter().map(|m| ms(m))) {
        format!(
            "{names} responded about equally fast: {name} of {times}{against}.{}",
            lag(modes)
        )
    } else if winners.len() > 1 {
        format!(
            "{names} responded fastest, and can't be told apart: {name} of {times}, with {OVERLAP}{against}.{}",
            lag(modes)
        )
    } else {
        format!(
            "{names} responded fastest: {name} of {times}{against}.{}",
            lag(modes)
        )
    };
    (text, winners.iter().map(|m| m.mode).collect())
}

fn names<'a>(modes: impl Iterator<Item = &'a ModeComparison>) -> String {
    view::capital(&view::list(
        &modes.map(|m| m.mode.name().to_owned()).collect::<Vec<_>>(),
    ))
}

/// Returns how late the generator was in the latest mode: by p99, or by the maximum if there are
/// too few samples.
fn lag(modes: &[&ModeComparison]) -> String {
    let Some((what, lags)) = comparison::lags(modes) else {
        return String::new();
    };
    let latest = modes.iter().zip(lags).max_by(|a, b| a.1.total_cmp(&b.1));
    latest.map_or_else(String::new, |(m, ms)| {
        let which = if modes.len() > 1 {
            format!(", in {}", m.mode)
        } else {
            String::new()
        };
        format!(
            " The generator's own lag: {what} {}{which}.",
            view::duration_ms(ms)
        )
    })
}

fn done_alone(one: &ModeComparison) -> String {
    // An operation that could not be started was never sent, and has no time.
    let timed = one
        .response_ms
        .as_ref()
        .map_or(0, |response| response.count);
    format!(
        "{} completed {} in {}: {}.",
        view::capital(one.mode.name()),
        view::things(timed, "operation"),
        view::duration_s(one.wall_s),
        view::rate(one.throughput_rps)
    )
}

fn answered_alone(one: &ModeComparison) -> String {
    let percentiles = asked::PERCENTILES
        .into_iter()
        .filter(|p| ["p50", "p95", "p99"].contains(&p.name));
    let known =
        percentiles.filter(|p| view::percentile_ms(one.response_ms.as_ref(), p.key).is_some());
    let figures: Vec<String> = known
        .map(|p| {
            format!(
                "{} of {}",
                p.name,
                view::percentile(one.response_ms.as_ref(), p.key)
            )
        })
        .collect();
    let figures = if figures.is_empty() {
        String::new()
    } else {
        format!(": {}", view::list(&figures))
    };
    let what = view::things(one.completed, "operation");
    format!(
        "{} completed {what} as they arrived{figures}.{}",
        view::capital(one.mode.name()),
        lag(&[one])
    )
}

fn about_equal(a: &ModeComparison, b: &ModeComparison) -> bool {
    let (of_a, of_b) = (a.speedup.unwrap_or(f64::NAN), b.speedup.unwrap_or(f64::NAN));
    a.mode == b.mode || are_same((of_a, a.speedup_ci95), (of_b, b.speedup_ci95))
}

fn answer_about_equally(a: &ModeComparison, b: &ModeComparison, percentile: Percentile) -> bool {
    let figure = |m: &ModeComparison| {
        let summary = m.response_ms.as_ref();
        let interval = summary.and_then(|s| s.ci95.get(percentile.key).copied().flatten());
        (
            view::percentile_ms(summary, percentile.key).unwrap_or(f64::NAN),
            interval,
        )
    };
    a.mode == b.mode || are_same(figure(a), figure(b))
}

/// Returns whether figures are so close that a reader would call them equal; others may still
/// differ only by chance.
fn are_close(figures: impl Iterator<Item = f64>) -> bool {
    let (least, most) = figures.fold((f64::INFINITY, 0.0_f64), |(least, most), figure| {
        (least.min(figure), most.max(figure))
    });
    most <= least * (1.0 + 2.0 * SAME)
}

/// Returns whether two figures, each with its interval if known, are indistinguishable.
fn are_same((a, of_a): (f64, Option<[f64; 2]>), (b, of_b): (f64, Option<[f64; 2]>)) -> bool {
    match (of_a, of_b) {
        (Some([a_low, a_high]), Some([b_low, b_high])) => a_low <= b_high && b_low <= a_high,
        _ => (a - b).abs() <= SAME * a.abs().max(b.abs()),
    }
}

/// Compares response times, to distinguish modes with the same throughput.
fn tail(modes: &[&ModeComparison]) -> String {
    let mut times: Vec<(Mode, f64)> = modes
        .iter()
        .filter_map(|m| {
            m.response_ms
                .as_ref()
                .filter(|s| view::carries(s, "p99"))
                .map(|s| (m.mode, s.p99))
        })
        .collect();
    times.sort_by(|a, b| a.1.total_cmp(&b.1));
    match times.as_slice() {
        [(best, low), .., (worst, high)] if *high > *low * (1.0 + 2.0 * SAME) => {
            format!(
                " The slowest 1 % took from {} in {best}, and from {} in {worst}.",
                view::duration_ms(*low),
                view::duration_ms(*high)
            )
        }
        _ => String::new(),
    }
}

fn caution(modes: &[ModeComparison]) -> Option<String> {
    let bad: Vec<String> = modes
        .iter()
        .filter(|m| m.completed > 0 && m.failed as f64 > FAILED * m.completed as f64)
        .map(|m| {
            format!(
                "{} of {}",
                view::share(m.failed as f64 / m.completed as f64),
                m.mode
            )
        })
        .collect();
    (!bad.is_empty()).then(|| format!("Operations failed: {}.", view::list(&bad)))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn names_the_winner() {
        let headline = Headline::from_result(&fixture::three_modes());
        assert_eq!(headline.winners, [Mode::Async]);
        assert!(
            headline.text.starts_with("Async was fastest: 16."),
            "{}",
            headline.text
        );
        assert!(headline.caution.is_some(), "the fixture has failures");
    }

    #[test]
    fn calls_a_draw_a_draw() {
        let mut result = fixture::three_modes();
        if let Some(c) = result.comparison.as_mut() {
            for (m, s) in c.modes.iter_mut().zip([1.0, 15.9, 16.1]) {
                m.speedup = Some(s);
                m.speedup_ci95 = None;
            }
        }
        assert_eq!(
            Headline::from_result(&result).text,
            "Async and threaded were about equally fast: 16.1× and 15.9× sequential."
        );
    }

    #[test]
    fn processes_take_the_plural() {
        let mut result = fixture::three_modes();
        if let Some(c) = result.comparison.as_mut() {
            c.modes[2].mode = Mode::Processes;
        }
        let text = Headline::from_result(&result).text;
        assert!(text.starts_with("Processes were fastest: 16."), "{text}");
    }

    #[test]
    fn the_baseline_may_win() {
        let mut result = fixture::three_modes();
        if let Some(c) = result.comparison.as_mut() {
            for (m, s) in c.modes.iter_mut().zip([1.0, 0.8, 0.5]) {
                (m.speedup, m.speedup_ci95) = (Some(s), None);
            }
        }
        assert_eq!(
            Headline::from_result(&result).text,
            "Sequential was fastest: threaded had 0.80× its speed."
        );
    }

    #[test]
    fn planned_arrivals_are_compared_by_their_responses() {
        let mut result = fixture::open_model();
        let headline = Headline::from_result(&result);
        assert_eq!(headline.winners, [Mode::Threaded, Mode::Async]);
        assert_eq!(
            headline.text,
            "Threaded and async responded about equally fast: p99 of 310 ms, against 2 min 4 s in sequential. \
             The generator's own lag: p99 of 59.0 µs, in async."
        );
        let few = result
            .comparison
            .as_mut()
            .and_then(|c| c.modes[1].lag_ms.as_mut())
            .expect("it has some");
        few.ci95.insert("p99".into(), None);
        few.max = 1.25;
        assert!(
            Headline::from_result(&result)
                .text
                .ends_with("The generator's own lag: at most 1.25 ms, in threaded.")
        );
        // Equally fast, as arrivals are, and still not equally good.
        for (m, p50) in result
            .comparison
            .iter_mut()
            .flat_map(|c| &mut c.modes)
            .zip([83.0, 5.0, 15.0])
        {
            m.speedup = Some(1.0);
            let summary = m.response_ms.as_mut().expect("it has some");
            (summary.p50, summary.ci95) = (
                p50,
                [("p50".to_owned(), Some([p50 * 0.9, p50 * 1.1]))].into(),
            );
            summary
                .ci95
                .extend(["p90", "p95", "p99"].map(|p| (p.to_owned(), None)));
        }
        let headline = Headline::from_result(&result);
        assert_eq!(headline.winners, [Mode::Threaded]);
        assert!(
            headline.text.starts_with("Threaded responded fastest: p50 of 5.00 ms, against 15.0 ms in async and 83.0 ms in sequential.")
        );
    }

    #[test]
    fn figures_that_chance_may_set_apart_are_not_called_equal() {
        let mut result = fixture::open_model();
        for (m, p50) in result
            .comparison
            .iter_mut()
            .flat_map(|c| &mut c.modes)
            .zip([272.0, 0.676, 4.39])
        {
            let summary = m.response_ms.as_mut().expect("it has some");
            let wide = if p50 > 100.0 {
                [p50 * 0.9, p50 * 1.1]
            } else {
                [0.5, 10.0]
            };
            (summary.p50, summary.ci95) = (p50, [("p50".to_owned(), Some(wide))].into());
            summary
                .ci95
                .extend(["p90", "p95", "p99"].map(|p| (p.to_owned(), None)));
        }
        let text = Headline::from_result(&result).text;
        let wanted = "Threaded and async responded fastest, and can't be told apart: p50 of 676 µs and 4.39 ms, \
                      with 95 % intervals that overlap, against 272 ms in sequential.";
        assert!(text.starts_with(wanted), "{text}");
        let mut result = fixture::three_modes();
        for (m, s) in result
            .comparison
            .iter_mut()
            .flat_map(|c| &mut c.modes)
            .zip([1.0, 9.0, 16.0])
        {
            (m.speedup, m.speedup_ci95) = (
                Some(s),
                Some(if s > 1.0 { [7.0, 20.0] } else { [1.0, 1.0] }),
            );
        }
        let text = Headline::from_result(&result).text;
        assert_eq!(
            text,
            "Async and threaded were fastest, and can't be told apart: 16.0× and 9.0× sequential, with 95 % intervals that overlap."
        );
    }

    #[test]
    fn has_words_for_little_or_nothing() {
        assert_eq!(Headline::from_result(&fixture::nothing()).winners, []);
        assert!(
            Headline::from_result(&fixture::one_mode())
                .text
                .contains("completed 200 operations")
        );
        assert!(
            Headline::from_result(&fixture::all_equal())
                .text
                .contains("about equally fast")
        );
    }
}
