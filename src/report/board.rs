//! [`Board`]: what the terminal shows during a run: figures with their recent history as
//! sparklines, the steps, and the completed modes. It creates lines of text without control
//! characters; redrawing them is up to [`progress`](super::progress).

use std::collections::VecDeque;

use super::status::Status;
use super::view;

/// The maximum width of a line in columns, even on wider terminals.
const WIDTH: usize = 79;
/// The width in columns of a figure's name with its margin, and of the figure.
const NAME: usize = 13;
const FIGURE: usize = 18;
/// The minimum width of a sparkline that is readable.
const LEAST: usize = 6;
/// Below this number of columns, the counts of steps are not aligned.
const NARROW: usize = 79;
/// The number of snapshots in a sparkline.
const MAX_SNAPSHOTS: usize = 44;
/// The number of steps shown.
const STEPS: usize = 5;
/// The number of completed modes and rounds that are still shown.
const DONE: usize = 4;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The recent history of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    place: String,
    snapshots: VecDeque<Snapshot>,
    /// The summary of the mode in progress, shown once it has completed.
    sum: String,
    done: VecDeque<String>,
    failed: u64,
}

/// The figures at one moment, in the order of [`NAMES`].
type Snapshot = [Option<f64>; 6];

const NAMES: [&str; 6] = ["throughput", "p50", "p99", "failed", "in flight", "lag p99"];

impl Board {
    /// Records a new state.
    pub(crate) fn update(&mut self, status: &Status<'_>) {
        if self.place != status.place {
            if !self.place.is_empty() {
                self.done.push_back(std::mem::take(&mut self.sum));
            }
            if self.done.len() > DONE {
                self.done.pop_front();
            }
            *self = Self {
                place: status.place.into(),
                done: std::mem::take(&mut self.done),
                ..Self::default()
            };
        }
        let failed = status.failed.saturating_sub(self.failed);
        self.failed = status.failed;
        if self.snapshots.len() == MAX_SNAPSHOTS {
            self.snapshots.pop_front();
        }
        let in_flight = Some(status.in_flight as f64);
        self.snapshots.push_back([
            Some(status.rate),
            status.p50_ms,
            status.p99_ms,
            Some(failed as f64),
            in_flight,
            status.lag_p99_ms,
        ]);
        let time = view::duration_s(status.elapsed_s);
        self.sum = format!(
            "✓ {} · {} done · {} failed · {time}",
            self.place,
            view::count(status.completed),
            view::count(status.failed)
        );
    }

    /// Returns the lines for a terminal of this width, each narrower than that: some terminals wrap
    /// a line that is as wide.
    pub(crate) fn lines(&self, status: &Status<'_>, columns: usize) -> Vec<String> {
        let width = columns.saturating_sub(1).clamp(1, WIDTH);
        let ms = |value: Option<f64>| view::or_na(value, view::duration_ms);
        let figures = [
            view::rate(status.rate),
            ms(status.p50_ms),
            ms(status.p99_ms),
            match status.failed {
                0 => "0".into(),
                failed => format!(
                    "{} ({})",
                    view::count(failed),
                    view::share(failed as f64 / status.completed.max(1) as f64)
                ),
            },
            view::count(status.in_flight),
            ms(status.lag_p99_ms),
        ];
        let row = |(i, (name, figure)): (usize, (&str, String))| {
            let room = width.saturating_sub(NAME + FIGURE + 2);
            if room < LEAST {
                return format!(
                    "  {name:<11}{figure:>0$}",
                    width.saturating_sub(NAME).min(FIGURE)
                );
            }
            // The newest values are the most relevant.
            let line = sparkline(
                self.snapshots
                    .iter()
                    .skip(self.snapshots.len().saturating_sub(room))
                    .map(|snapshot| snapshot[i]),
            );
            format!("  {name:<11}{figure:>FIGURE$}  {line}")
        };
        let mut lines: Vec<String> = NAMES
            .into_iter()
            .zip(figures)
            .enumerate()
            .map(row)
            .collect();
        let mut steps: Vec<_> = status
            .steps
            .iter()
            .filter(|step| step.completed > 0)
            .collect();
        // Steps with failures come first, as the most relevant.
        steps.sort_by_key(|step| std::cmp::Reverse((step.failed, step.completed)));
        let name = |text: &str, room: usize| view::shortened(&view::plain(text), room);
        lines.extend(steps.iter().take(STEPS).map(|step| {
            let (done, failed) = (view::count(step.completed), view::count(step.failed));
            if width < NARROW {
                let counts = format!("{done} done {failed} failed");
                return format!(
                    "  {} {counts}",
                    name(&step.name, width.saturating_sub(counts.chars().count() + 3))
                );
            }
            format!(
                "  {:<38} {done:>13} done {failed:>10} failed",
                name(&step.name, 38)
            )
        }));
        if let Some(more) = steps.len().checked_sub(STEPS).filter(|more| *more > 0) {
            lines.push(format!("  and {}", view::things(more as u64, "more step")));
        }
        lines.extend(self.done.iter().map(|done| format!("  {done}")));
        lines
            .into_iter()
            .map(|line| view::shortened(line.trim_end(), width))
            .collect()
    }
}

/// Draws values as bars from zero to the highest; unknown values are gaps.
pub(crate) fn sparkline(values: impl Iterator<Item = Option<f64>>) -> String {
    let values: Vec<Option<f64>> = values
        .map(|value| value.filter(|v| v.is_finite() && *v >= 0.0))
        .collect();
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: f64| {
        BARS[if most > 0.0 {
            ((value / most * 7.0).round() as usize).min(7)
        } else {
            0
        }]
    };
    values
        .into_iter()
        .map(|value| value.map_or(' ', bar))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::status::StepStatus;
    use super::*;

    fn status<'a>(place: &'a str, second: u64, steps: &'a [StepStatus]) -> Status<'a> {
        Status {
            place,
            phase: "running",
            elapsed_s: second as f64,
            fraction: Some(0.5),
            left_s: None,
            completed: second * 12_345_678,
            failed: second.saturating_sub(3) * 1_000_000,
            in_flight: 20 + second % 4,
            rate: 100.0 * second as f64,
            p50_ms: (second > 1).then_some(1.234),
            p99_ms: (second > 1).then_some(40.0 + second as f64),
            lag_p99_ms: Some(0.02),
            steps,
        }
    }

    fn steps(n: u64) -> Vec<StepStatus> {
        let step = |i| StepStatus {
            name: format!("GET /a/rather/long/path/to/the/item/number/{i}\u{1b}[2J"),
            completed: 1_000 + i,
            failed: i % 3,
        };
        (0..n).map(step).collect()
    }

    #[test]
    fn sparklines_begin_at_zero() {
        assert_eq!(
            sparkline(
                [
                    Some(0.0),
                    Some(3.5),
                    Some(7.0),
                    None,
                    Some(f64::NAN),
                    Some(7.0)
                ]
                .into_iter()
            ),
            "▁▅█  █"
        );
        assert_eq!(sparkline([Some(0.0), Some(0.0)].into_iter()), "▁▁");
        assert_eq!(sparkline(std::iter::empty()), "");
    }

    #[test]
    fn a_board_fits_its_terminal_and_steers_none() {
        let mut board = Board::default();
        let steps = steps(9);
        for place in ["sequential 1/3", "threaded 1/3", "async 1/3"] {
            for second in 0..60 {
                board.update(&status(place, second, &steps));
            }
        }
        for columns in [1, 20, 30, 40, 49, 60, 80, 300] {
            let lines = board.lines(&status("async 1/3", 60, &steps), columns);
            let most = columns.clamp(2, 80);
            assert!(
                lines
                    .iter()
                    .all(|line| line.chars().count() < most && !line.contains('\u{1b}')),
                "{columns}: {lines:#?}"
            );
            let wanted = if columns < 30 { "through" } else { "6,000/s" };
            assert!(
                columns < 20 || lines[0].contains(wanted),
                "{columns}: {lines:#?}"
            );
            assert!(
                columns < 49 || lines[0].ends_with('█'),
                "the newest are shown: {lines:#?}"
            );
        }
        let lines = board.lines(&status("async 1/3", 60, &steps), 80);
        super::super::golden::check("board.txt", &(lines.join("\n") + "\n"));
    }
}
