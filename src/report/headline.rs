//! [`Headline`]: what the comparison says, in one or two sentences that a stranger understands.
//!
//! It reads the comparison's figures and calls modes equal where their intervals overlap or, without
//! intervals, where they are within 5 %; it computes nothing else. Knows nothing of how it is shown.

use crate::plan::Mode;
use crate::result::{ModeComparison, RunResult};

use super::view;

/// Modes whose speedups differ by less than this share are called about equal.
const SAME: f64 = 0.05;
/// A share of failures from which on a headline must mention them.
const FAILED: f64 = 0.01;

/// What the comparison says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// The modes that won, best first; empty where there is nothing to compare.
    pub winners: Vec<Mode>,
    /// The finding.
    pub text: String,
    /// What a reader must know beside it, if anything.
    pub caution: Option<String>,
}

impl Headline {
    /// The headline of a result.
    pub fn of(result: &RunResult) -> Self {
        let Some(comparison) = result.comparison.as_ref().filter(|c| !c.modes.is_empty()) else {
            return Self { winners: Vec::new(), text: "Nothing was measured to the end.".into(), caution: None };
        };
        let modes: Vec<&ModeComparison> = comparison.modes.iter().filter(|m| m.mode != Mode::Simulated).collect();
        let caution = caution(&comparison.modes);
        if let [only] | [only, ..] = comparison.modes.as_slice()
            && modes.len() < 2
        {
            let one = modes.first().copied().unwrap_or(only);
            return Self { winners: Vec::new(), text: alone(one), caution };
        }
        let mut ranked: Vec<(&ModeComparison, f64)> =
            modes.iter().filter_map(|m| m.speedup.filter(|s| s.is_finite()).map(|s| (*m, s))).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let Some(&(best, _)) = ranked.first() else {
            return Self { winners: Vec::new(), text: "The modes can't be compared: no speedup is known.".into(), caution };
        };
        let winners: Vec<&(&ModeComparison, f64)> = ranked.iter().filter(|(m, _)| about_equal(best, m)).collect();
        let names = view::list(&winners.iter().map(|(m, _)| m.mode.name().to_owned()).collect::<Vec<_>>());
        let text = if winners.len() == ranked.len() {
            format!("{} were about equally fast.{}", view::capital(&names), tail(&modes))
        } else if winners.len() > 1 {
            let mut factors: Vec<String> = winners.iter().map(|(_, s)| view::factor(*s)).collect();
            factors.dedup();
            let factors = view::list(&factors);
            format!("{} were about equally fast: {factors} {}.", view::capital(&names), comparison.baseline_mode)
        } else {
            let interval =
                view::known_interval(best.speedup_ci95, view::factor).map(|i| format!(" (95 % interval {i})")).unwrap_or_default();
            if best.mode == comparison.baseline_mode {
                let next = ranked.get(1).map(|(m, s)| format!(": {} had {} its speed", m.mode, view::factor(*s))).unwrap_or_default();
                format!("{} was fastest{next}.", view::capital(&names))
            } else {
                let speed = best.speedup.map(view::factor).unwrap_or_default();
                format!("{} was fastest: {speed} {}{interval}.", view::capital(&names), comparison.baseline_mode)
            }
        };
        // Where all are equal, none has won.
        let winners = if winners.len() == ranked.len() { Vec::new() } else { winners };
        Self { winners: winners.iter().map(|(m, _)| m.mode).collect(), text, caution }
    }

    /// Whether this mode is among the winners.
    pub fn won(&self, mode: &Mode) -> bool {
        self.winners.contains(mode)
    }
}

fn alone(one: &ModeComparison) -> String {
    // What could not be made was never sent, and has no time.
    let timed = one.response_ms.as_ref().map_or(0, |response| response.count);
    format!(
        "{} completed {} in {}: {}.",
        view::capital(one.mode.name()),
        view::things(timed, "operation"),
        view::duration_s(one.wall_s),
        view::rate(one.throughput_rps)
    )
}

fn about_equal(a: &ModeComparison, b: &ModeComparison) -> bool {
    if a.mode == b.mode {
        return true;
    }
    match (a.speedup_ci95, b.speedup_ci95, a.speedup, b.speedup) {
        (Some([a_low, a_high]), Some([b_low, b_high]), ..) => a_low <= b_high && b_low <= a_high,
        (_, _, Some(a), Some(b)) => (a - b).abs() <= SAME * a.abs().max(b.abs()),
        _ => false,
    }
}

/// Where the modes kept the same pace (as in the open model they should), response times tell them apart.
fn tail(modes: &[&ModeComparison]) -> String {
    let mut times: Vec<(Mode, f64)> =
        modes.iter().filter_map(|m| m.response_ms.as_ref().filter(|s| view::carries(s, "p99")).map(|s| (m.mode, s.p99))).collect();
    times.sort_by(|a, b| a.1.total_cmp(&b.1));
    match times.as_slice() {
        [(best, low), .., (worst, high)] if *high > *low * (1.0 + 2.0 * SAME) => {
            format!(" The slowest 1 % took from {} in {best}, and from {} in {worst}.", view::duration_ms(*low), view::duration_ms(*high))
        }
        _ => String::new(),
    }
}

fn caution(modes: &[ModeComparison]) -> Option<String> {
    let bad: Vec<String> = modes
        .iter()
        .filter(|m| m.completed > 0 && m.failed as f64 > FAILED * m.completed as f64)
        .map(|m| format!("{} of {}", view::share(m.failed as f64 / m.completed as f64), m.mode))
        .collect();
    (!bad.is_empty()).then(|| format!("Operations failed: {}.", view::list(&bad)))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn names_the_winner() {
        let headline = Headline::of(&fixture::three_modes());
        assert_eq!(headline.winners, [Mode::Async]);
        assert!(headline.text.starts_with("Async was fastest: 16."), "{}", headline.text);
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
        assert_eq!(Headline::of(&result).text, "Async and threaded were about equally fast: 16.1× and 15.9× sequential.");
    }

    #[test]
    fn the_baseline_may_win() {
        let mut result = fixture::three_modes();
        if let Some(c) = result.comparison.as_mut() {
            for (m, s) in c.modes.iter_mut().zip([1.0, 0.8, 0.5]) {
                (m.speedup, m.speedup_ci95) = (Some(s), None);
            }
        }
        assert_eq!(Headline::of(&result).text, "Sequential was fastest: threaded had 0.80× its speed.");
    }

    #[test]
    fn has_words_for_little_or_nothing() {
        assert_eq!(Headline::of(&fixture::nothing()).winners, []);
        assert!(Headline::of(&fixture::one_mode()).text.contains("completed 200 operations"));
        assert!(Headline::of(&fixture::all_equal()).text.contains("about equally fast"));
    }
}
