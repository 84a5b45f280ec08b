//! [`Progress`]: shows the progress of a run to the user. On a terminal it is a
//! [`board`](super::board) that is redrawn to fit the width; elsewhere (CI, files) a plain line
//! every ten seconds without control characters; or nothing.
//!
//! Knows nothing of the engine: it gets a [`Status`], and reads the time from there, not from a
//! clock. It does not write text itself: a [`ProgressOutput`] does, and redacts secrets.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::board::Board;
use super::status::Status;
use super::view;

/// The interval of plain lines, in seconds.
const EVERY_S: f64 = 10.0;
/// The number of steps of the bar.
const STEPS: u64 = 1_000;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressMode {
    /// An animated bar, for a terminal.
    Animated,
    /// Periodic lines, for everything else.
    Plain,
    /// No progress; notes are still printed.
    Off,
}

/// The destination of messages to the user.
pub(crate) trait ProgressOutput: Sync {
    /// Prints a permanent message, with every secret redacted.
    fn say(&self, text: &str);

    /// Returns the text with every secret redacted, for drawing by the caller.
    fn redacted(&self, text: &str) -> String;

    /// Returns the width of the terminal, which may change.
    fn columns(&self) -> usize;
}

enum Display {
    Animated {
        bar: ProgressBar,
        board: Board,
        width: usize,
    },
    Plain {
        last: Option<(String, f64)>,
    },
    Off,
}

/// Shows the progress of a run.
pub(crate) struct Progress<'a> {
    display: Display,
    console: &'a dyn ProgressOutput,
}

impl<'a> Progress<'a> {
    /// Creates a progress display for this mode on this console.
    pub(crate) fn new(mode: ProgressMode, console: &'a dyn ProgressOutput) -> Self {
        Self {
            console,
            display: match mode {
                ProgressMode::Animated => {
                    let bar =
                        ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
                    Display::Animated {
                        bar,
                        board: Board::default(),
                        width: 0,
                    }
                }
                ProgressMode::Plain => Display::Plain { last: None },
                ProgressMode::Off => Display::Off,
            },
        }
    }

    /// Shows a new state; to be called whenever there are updates, about ten times a second at
    /// most.
    pub(crate) fn update(&mut self, status: &Status<'_>) {
        let console = self.console;
        match &mut self.display {
            Display::Animated { bar, board, width } => {
                let now = console.columns();
                if *width != now {
                    *width = now;
                    // If the template is invalid, the crate's default is used, which shows the
                    // same.
                    if let Ok(style) = ProgressStyle::with_template(&format!(
                        "{{bar:{}}} {{prefix}}\n{{msg}}",
                        bar_width(now)
                    )) {
                        bar.set_style(style.progress_chars("━╸─"));
                    }
                }
                board.update(status);
                bar.set_prefix(head(
                    &console.redacted(&format!("{} · {}", status.place, status.time())),
                    now,
                ));
                bar.set_message(console.redacted(&board.lines(status, now).join("\n")));
                bar.set_position((status.share() * STEPS as f64) as u64);
            }
            Display::Plain { last } => {
                let due = match last {
                    Some((place, at)) if place == status.place => status.elapsed_s >= *at + EVERY_S,
                    // A run that has just started is reported in ten seconds, like any other
                    // update.
                    _ => {
                        *last = Some((status.place.into(), 0.0));
                        status.elapsed_s >= EVERY_S
                    }
                };
                if due {
                    let step = (status.elapsed_s / EVERY_S).floor() * EVERY_S;
                    *last = Some((status.place.into(), step));
                    let done = status
                        .fraction
                        .map(|_| format!(" · {} done", view::share(status.share())))
                        .unwrap_or_default();
                    console.say(&format!(
                        "{}{done} · {} · {}\n",
                        status.place,
                        status.time(),
                        status.figures()
                    ));
                }
            }
            Display::Off => {}
        }
    }

    /// Prints a permanent message above the bar, even if progress is off, because a message is not
    /// progress.
    pub(crate) fn note(&mut self, text: &str) {
        // First: a secret that was escaped or cut would no longer be found.
        let text = format!("{}\n", view::plain_lines(&self.console.redacted(text)));
        match &self.display {
            Display::Animated { bar, .. } => bar.suspend(|| self.console.say(&text)),
            Display::Plain { .. } | Display::Off => self.console.say(&text),
        }
    }

    /// Reports a completed part of a long command, if nothing else shows it: runs of a few seconds
    /// have no line of their own.
    pub(crate) fn passed(&mut self, text: &str) {
        if let Display::Plain { .. } = self.display {
            self.console.say(&format!("{}\n", view::plain(text)));
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&mut self) {
        if let Display::Animated { bar, .. } = &self.display {
            bar.finish_and_clear();
        }
    }
}

/// Returns the width of the bar on a terminal of this width.
fn bar_width(columns: usize) -> usize {
    (columns / 4).clamp(4, 24)
}

/// Returns the text next to the bar on a terminal of this width: some terminals wrap a line that is
/// as wide.
fn head(text: &str, columns: usize) -> String {
    view::shortened(text, columns.saturating_sub(bar_width(columns) + 2))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::report::status::StepStatus;

    /// Records messages, and redacts one word.
    #[derive(Default)]
    struct Page(Mutex<String>);

    impl ProgressOutput for Page {
        fn say(&self, text: &str) {
            self.0.lock().unwrap().push_str(&self.redacted(text));
        }

        fn redacted(&self, text: &str) -> String {
            text.replace("hidden", "***")
        }

        fn columns(&self) -> usize {
            80
        }
    }

    fn status(place: &str, elapsed_s: f64) -> Status<'_> {
        Status {
            place,
            phase: "running",
            elapsed_s,
            fraction: Some(elapsed_s / 60.0),
            left_s: Some(60.0 - elapsed_s),
            completed: 1_234,
            failed: 5,
            in_flight: 20,
            rate: 567.8,
            p50_ms: Some(1.234),
            p99_ms: Some(45.6),
            lag_p99_ms: Some(0.02),
            steps: &[],
        }
    }

    #[test]
    fn plain_lines_come_every_ten_seconds_of_each_mode() {
        let page = Page::default();
        let mut progress = Progress::new(ProgressMode::Plain, &page);
        for place in ["threaded 1/3", "async 1/3"] {
            for tenth in 0..305 {
                progress.update(&status(place, f64::from(tenth) / 10.0));
            }
        }
        progress.note("target \x1b[2Jrefused");
        progress.passed("pair 1 of 10");
        progress.finish();
        let text = page.0.lock().unwrap().clone();
        assert_eq!(text.lines().count(), 8, "{text}");
        assert!(text.ends_with("\npair 1 of 10\n"), "{text}");
        assert_eq!(
            text.lines().next(),
            Some(
                "threaded 1/3 · 16.7 % done · 10 s · 50 s left · 568/s · 1,234 done · 5 failed · p50 1.23 ms p99 45.6 ms · 20 in flight"
            )
        );
        assert!(
            text.chars().all(|c| c == '\n' || !c.is_control()),
            "{text:?}"
        );
    }

    #[test]
    fn every_form_hides_what_its_console_hides() {
        for mode in [
            ProgressMode::Animated,
            ProgressMode::Plain,
            ProgressMode::Off,
        ] {
            let page = Page::default();
            let mut progress = Progress::new(mode, &page);
            let steps = [StepStatus {
                name: "GET /hidden".into(),
                completed: 1,
                failed: 0,
            }];
            progress.update(&Status {
                steps: &steps,
                ..status("async hidden", 10.0)
            });
            progress.note("a hidden note");
            progress.passed("a hidden part");
            if let Display::Animated { bar, .. } = &progress.display {
                let drawn = format!("{}{}", bar.prefix(), bar.message());
                assert!(
                    drawn.contains("GET /***")
                        && drawn.contains("async ***")
                        && !drawn.contains("hidden"),
                    "{drawn}"
                );
            }
            progress.finish();
            let said = page.0.lock().unwrap().clone();
            assert!(
                said.contains("a *** note") && !said.contains("hidden"),
                "{mode:?}: {said}"
            );
        }
    }

    #[test]
    fn a_line_fits_a_narrow_terminal() {
        for columns in [20, 30, 40, 49, 80, 200] {
            let status = status("a rate of 1,234/s, try 3 of 8", 12.0);
            let line = bar_width(columns)
                + 1
                + head(&format!("{} · {}", status.place, status.time()), columns)
                    .chars()
                    .count();
            assert!(line < columns, "{columns}: {line}");
        }
    }

    #[test]
    fn strange_figures_do_no_harm() {
        let page = Page::default();
        for mode in [ProgressMode::Animated, ProgressMode::Off] {
            let mut progress = Progress::new(mode, &page);
            for fraction in [f64::NAN, f64::INFINITY, -1.0, 7.0] {
                let strange = Status {
                    fraction: Some(fraction),
                    left_s: Some(fraction),
                    elapsed_s: fraction,
                    ..status("async", 1.0)
                };
                progress.update(&strange);
            }
            progress.finish();
        }
    }
}
