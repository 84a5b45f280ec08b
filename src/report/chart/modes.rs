//! The comparison: four panels of bars, one bar for each mode, with intervals where there are
//! rounds and the ideal where it is known. The picture that makes the point: how fast the work was
//! done, or, of planned arrivals, how long responses took and how late the generator was. A mode
//! alone has nothing to be compared with, and no picture.

use crate::result::ModeComparison;

use super::super::headline::Headline;
use super::super::{asked, comparison, view};
use super::axis::Axis;
use super::canvas::{self, About, Align, Canvas, Font};
use super::frame::{self, MARGIN, WIDTH};
use super::palette;
use super::trace::{Cast, Trace};

/// Height of a bar with the room around it.
const ROW: f64 = 34.0;
/// Height of a bar.
const BAR: f64 = 20.0;
/// Height of a panel's title.
const PANEL_TITLE: f64 = 38.0;
/// From one line of the headline to the next.
const LINE: f64 = 22.0;
/// The headline's text.
const TEXT: Font = Font {
    size: 14.0,
    ..Font::LABEL
};
/// A whisker that is narrower is only a blot.
const WHISKER: f64 = 4.0;
/// Between panels.
const GAP: f64 = 36.0;

/// What one panel shows.
struct Panel<'a> {
    title: String,
    hint: &'static str,
    less_is_better: bool,
    value: Value<'a>,
    interval: Interval<'a>,
    ideal: fn(&ModeComparison) -> Option<f64>,
    show: fn(f64) -> String,
    modes: &'a [(&'a Trace<'a>, &'a ModeComparison)],
}

type Value<'a> = Box<dyn Fn(&ModeComparison) -> Option<f64> + 'a>;
type Interval<'a> = Box<dyn Fn(&ModeComparison) -> Option<[f64; 2]> + 'a>;

const fn none<T>(_: &ModeComparison) -> Option<T> {
    None
}

type Modes<'a> = &'a [(&'a Trace<'a>, &'a ModeComparison)];

/// What the load asks for, in two panels, and what it cost.
fn panels(modes: Modes<'_>) -> [Panel<'_>; 4] {
    let [first, second] = if is_open(modes) {
        of_arrivals(modes)
    } else {
        of_work(modes)
    };
    let cpu = Panel {
        title: "CPU time per operation".into(),
        hint: "of the generator, shorter is better",
        less_is_better: true,
        value: Box::new(|m| m.cpu_us_per_operation),
        interval: Box::new(none),
        ideal: none,
        show: |us| view::duration_ms(us / 1e3),
        modes,
    };
    let memory = Panel {
        title: "Peak memory".into(),
        hint: "of the generator, shorter is better",
        less_is_better: true,
        value: Box::new(|m| m.peak_rss_bytes.map(|b| b as f64)),
        interval: Box::new(none),
        ideal: none,
        show: |bytes| view::bytes(bytes as u64),
        modes,
    };
    [first, second, cpu, memory]
}

/// Whether all of them had planned arrivals.
fn is_open(modes: Modes<'_>) -> bool {
    modes.iter().all(|(trace, _)| asked::is_open(trace.result))
}

/// How fast the work was done.
fn of_work(modes: Modes<'_>) -> [Panel<'_>; 2] {
    let wall_time = Panel {
        title: "Wall time".into(),
        hint: "shorter is better",
        less_is_better: true,
        value: Box::new(|m| Some(m.wall_s)),
        interval: Box::new(|m| m.wall_s_ci95),
        ideal: |m| m.ideal_s,
        show: view::duration_s,
        modes,
    };
    let throughput = Panel {
        title: "Throughput".into(),
        hint: "operations per second, longer is better",
        less_is_better: false,
        value: Box::new(|m| Some(m.throughput_rps)),
        interval: Box::new(|m| m.throughput_rps_ci95),
        ideal: none,
        show: view::rate,
        modes,
    };
    [wall_time, throughput]
}

/// How long responses took, and how late the generator was: arrivals come whatever the target does.
fn of_arrivals(modes: Modes<'_>) -> [Panel<'_>; 2] {
    let of_all: Vec<&ModeComparison> = modes.iter().map(|(_, mode)| *mode).collect();
    let percentile = comparison::common_percentile(&of_all);
    let name = percentile.map_or("p50", |percentile| percentile.name);
    let response = Panel {
        title: format!("Response time, {name}"),
        hint: "shorter is better",
        less_is_better: true,
        value: Box::new(move |m| view::percentile_ms(m.response_ms.as_ref(), percentile?.key)),
        interval: Box::new(move |m| {
            m.response_ms
                .as_ref()?
                .ci95
                .get(percentile?.key)
                .copied()
                .flatten()
        }),
        ideal: none,
        show: view::duration_ms,
        modes,
    };
    let is_p99 = comparison::lags(&of_all).is_some_and(|(what, _)| what.starts_with("p99"));
    let lag = Panel {
        title: if is_p99 { "Lag, p99" } else { "Lag, longest" }.into(),
        hint: "the generator's own lateness, shorter is better",
        less_is_better: true,
        value: Box::new(move |m| {
            if is_p99 {
                view::percentile_ms(m.lag_ms.as_ref(), "p99")
            } else {
                m.lag_ms.as_ref().map(|lag| lag.max)
            }
        }),
        interval: Box::new(none),
        ideal: none,
        show: view::duration_ms,
        modes,
    };
    [response, lag]
}

/// The chart, if there is something to compare.
pub fn svg(cast: &Cast<'_>) -> Option<String> {
    let modes: Vec<(&Trace<'_>, &ModeComparison)> = cast
        .traces
        .iter()
        .filter_map(|trace| Some((trace, trace.compared?)))
        .collect();
    let (first, _) = modes.first().filter(|_| modes.len() > 1)?;
    let headline = if cast.overlaid {
        Headline::plain(
            "Side by side; whether a difference is more than chance, `loadgen compare` says.",
        )
    } else {
        Headline::of(first.result)
    };
    let panel_height = PANEL_TITLE + ROW * modes.len() as f64;
    let notes = notes(&modes);
    let room = f64::from(WIDTH) - 2.0 * MARGIN;
    let mut lines: Vec<(String, Font)> = Vec::new();
    for (text, font) in [
        (Some(&headline.text), TEXT),
        (headline.cause.as_ref(), Font::SUBTITLE),
        (headline.caution.as_ref(), Font::SUBTITLE),
    ] {
        lines.extend(
            text.iter()
                .flat_map(|text| font.lines(text, room))
                .map(|line| (line, font)),
        );
    }
    let top = LINE.mul_add(lines.len() as f64, 54.0);
    let foot = if notes.is_empty() { 8.0 } else { 34.0 };
    let height = top + 2.0 * panel_height + GAP + foot;
    let what = if cast.overlaid {
        "Results compared"
    } else {
        "Modes compared"
    };
    let title = format!("{what} – {}", cast.name);
    let description = lines
        .iter()
        .map(|(line, _)| line.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    let about = About {
        title: &title,
        description: &description,
        ..About::default()
    };
    Some(canvas::picture(
        (WIDTH, height.ceil() as u32),
        &about,
        |c| {
            frame::heading(c, &title, "");
            for (i, (line, font)) in lines.iter().enumerate() {
                c.text(
                    line,
                    (MARGIN, LINE.mul_add(i as f64, 53.0)),
                    *font,
                    Align::Start,
                );
            }
            let width = (f64::from(WIDTH) - 2.0 * MARGIN - GAP) / 2.0;
            for (i, panel) in panels(&modes).iter().enumerate() {
                let left = MARGIN + (i % 2) as f64 * (width + GAP);
                let at = top + (i / 2) as f64 * (panel_height + GAP);
                panel.draw(c, (left, at), width);
            }
            if !notes.is_empty() {
                c.text(
                    &notes,
                    (MARGIN, height - 16.0),
                    Font::SUBTITLE,
                    Align::Start,
                );
            }
        },
    ))
}

/// What the signs mean that are in the picture.
fn notes(modes: Modes<'_>) -> String {
    if is_open(modes) {
        return "Whiskers: 95 % interval of the percentile.".into();
    }
    let mut notes = Vec::new();
    if modes
        .iter()
        .any(|(_, m)| m.wall_s_ci95.is_some() || m.throughput_rps_ci95.is_some())
    {
        let rounds = modes.iter().map(|(_, m)| m.rounds).max().unwrap_or(1);
        notes.push(format!(
            "Whiskers: 95 % interval of the mean of {rounds} rounds."
        ));
    }
    if modes.iter().any(|(_, m)| m.ideal_s.is_some()) {
        notes.push("Dark mark: the ideal, the same work with no overhead at all.".to_owned());
    }
    notes.join("  ")
}

impl Panel<'_> {
    fn draw(&self, c: &mut Canvas, (left, top): (f64, f64), width: f64) {
        c.text(
            &self.title,
            (left, top + 8.0),
            Font {
                size: 14.0,
                ..Font::LABEL
            }
            .bold(),
            Align::Start,
        );
        let after = Font {
            size: 14.0,
            ..Font::LABEL
        }
        .bold()
        .width(&self.title)
            + 10.0;
        c.text(
            self.hint,
            (left + after, top + 8.5),
            Font::TICK,
            Align::Start,
        );
        let names = self
            .modes
            .iter()
            .map(|(trace, _)| Font::LABEL.width(&trace.short))
            .fold(0.0, f64::max)
            + 12.0;
        let labels: Vec<String> = self.modes.iter().map(|(_, m)| self.label(m)).collect();
        let room = labels
            .iter()
            .map(|l| Font::LABEL.bold().width(l))
            .fold(0.0, f64::max)
            + 12.0;
        let start = left + names;
        let highest = self
            .modes
            .iter()
            .flat_map(|(_, m)| [self.known(m), self.ends(m).map(|e| e[1]), (self.ideal)(m)]);
        let highest = highest
            .flatten()
            .filter(|v| v.is_finite())
            .fold(0.0, f64::max);
        let x = Axis::linear(
            0.0,
            if highest > 0.0 { highest } else { 1.0 },
            (start, (left + width - room).max(start + 40.0)),
        );
        let best = self.best();
        for (i, ((trace, mode), label)) in self.modes.iter().zip(&labels).enumerate() {
            let middle = top + PANEL_TITLE + ROW * (i as f64 + 0.5) - 6.0;
            c.text(
                &trace.short,
                (start - 10.0, middle),
                Font::LABEL,
                Align::End,
            );
            let mut end = start;
            if let Some(value) = self.known(mode) {
                // The smallest of values is seen as a sliver.
                end = x.pixel(value).max(start + 1.0);
                c.rect(
                    (start, middle - BAR / 2.0),
                    (end, middle + BAR / 2.0),
                    trace.look.color,
                    1.0,
                );
            }
            if let Some([low, high]) = self.ends(mode) {
                let (low, high) = (x.pixel(low), x.pixel(high));
                if high - low >= WHISKER {
                    c.line(&[(low, middle), (high, middle)], palette::INK, 1.25, None);
                    for at in [low, high] {
                        c.line(
                            &[(at, middle - 4.5), (at, middle + 4.5)],
                            palette::INK,
                            1.25,
                            None,
                        );
                    }
                }
                end = end.max(high);
            }
            if let Some(ideal) = (self.ideal)(mode).filter(|v| v.is_finite()) {
                let at = x.pixel(ideal);
                c.rect(
                    (at - 1.5, middle - BAR / 2.0 - 4.0),
                    (at + 1.5, middle + BAR / 2.0 + 4.0),
                    palette::INK,
                    1.0,
                );
                end = end.max(at + 1.5);
            }
            let font = if best == Some(i) {
                Font::LABEL.bold()
            } else {
                Font::LABEL
            };
            c.text(label, (end + 8.0, middle), font, Align::Start);
        }
        let bottom = top + PANEL_TITLE + ROW * self.modes.len() as f64 - 6.0;
        c.line(
            &[(start, top + PANEL_TITLE - 6.0), (start, bottom)],
            palette::MUTED,
            1.25,
            None,
        );
    }

    fn known(&self, mode: &ModeComparison) -> Option<f64> {
        (self.value)(mode).filter(|v| v.is_finite())
    }

    fn ends(&self, mode: &ModeComparison) -> Option<[f64; 2]> {
        (self.interval)(mode).filter(|ends| ends.iter().all(|e| e.is_finite()))
    }

    fn label(&self, mode: &ModeComparison) -> String {
        let value = view::or_na(self.known(mode), self.show);
        match (self.ideal)(mode) {
            Some(ideal) => format!("{value} (ideal {})", (self.show)(ideal)),
            None => value,
        }
    }

    /// The place of the mode whose value is best, if one is.
    fn best(&self) -> Option<usize> {
        let sign = if self.less_is_better { 1.0 } else { -1.0 };
        let known =
            |(i, (_, m)): (usize, &(_, &ModeComparison))| self.known(m).map(|v| (i, v * sign));
        let mut values: Vec<(usize, f64)> =
            self.modes.iter().enumerate().filter_map(known).collect();
        values.sort_by(|a, b| a.1.total_cmp(&b.1));
        match values.as_slice() {
            // Figures that look the same are the same, to a reader.
            [(mode, first), (_, second), ..]
                if (self.show)(first.abs()) != (self.show)(second.abs()) =>
            {
                Some(*mode)
            }
            _ => None,
        }
    }
}
