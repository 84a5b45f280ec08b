//! The distribution of response times: the cumulative distribution function, and the density (a
//! violin for each mode).

use super::super::view;
use super::axis::Axis;
use super::canvas::{self, About, Align, Canvas, Font};
use super::frame::{self, Entry, Height, MARGIN, WIDTH};
use super::ladder::Ladder;
use super::palette;
use super::plot::{Across, Line, Plot, Up};
use super::trace::{Cast, Trace};

/// The number of steps of a distribution function, and of slices of a violin.
const SLICES: usize = 160;
/// The height of a violin including the space around it.
const ROW: f64 = 64.0;
/// The height of the title of a section.
const HEAD: f64 = 28.0;

/// What violins show.
pub(super) struct Shown<'a> {
    /// Their title, without the name of what ran.
    pub title: &'a str,
    /// How to read them.
    pub subtitle: &'a str,
    /// The name of the values.
    pub x_label: &'a str,
    /// Formats a value.
    pub show: &'a dyn Fn(f64) -> String,
    /// The quantiles that are marked.
    pub marks: [f64; 3],
    /// What there are several of.
    pub several: &'a str,
}

const RESPONSE: Shown<'_> = Shown {
    title: "Where response times lie",
    subtitle: "Further left is better. The thicker, the more operations took about this long; marks: p50, p90 and p99.",
    x_label: "response time",
    show: &view::duration_ms,
    marks: [0.5, 0.9, 0.99],
    several: "operations took",
};

const RATE: Shown<'_> = Shown {
    title: "Units per second of each stream",
    subtitle: "Further right is better. The thicker, the more successful streams were about this fast; marks: p1, p10 and p50.",
    x_label: "units per second, or events where servers report no units",
    show: &view::rate,
    marks: [0.01, 0.1, 0.5],
    several: "streams had",
};

/// A sample of a trace, with the name beside its violin.
pub(super) struct Sample<'a> {
    /// Where it comes from.
    pub trace: &'a Trace<'a>,
    /// The name.
    pub name: String,
    /// The values.
    pub ladder: Ladder,
}

/// Samples of one thing.
pub(super) struct Section<'a> {
    /// What they are of; empty if that goes without saying.
    pub title: String,
    /// The samples.
    pub samples: Vec<Sample<'a>>,
}

/// Returns the samples of the traces that have one.
pub(super) fn samples<'a>(
    cast: &'a Cast<'a>,
    of: &dyn Fn(&Trace<'_>) -> Option<Ladder>,
) -> Vec<Sample<'a>> {
    let sample = |trace: &'a Trace<'a>| {
        Some(Sample {
            trace,
            name: trace.short.clone(),
            ladder: of(trace)?,
        })
    };
    cast.traces.iter().filter_map(sample).collect()
}

/// Returns the extremes of all samples, in milliseconds.
fn ends<'s>(samples: impl Iterator<Item = &'s Sample<'s>>) -> Vec<f64> {
    samples
        .flat_map(|sample| [sample.ladder.min(), sample.ladder.max()])
        .collect()
}

/// Draws the distribution function, if some mode has a sample.
pub(crate) fn cdf(cast: &Cast<'_>) -> Option<String> {
    let samples = samples(cast, &|trace| trace.response());
    if samples.is_empty() {
        return None;
    }
    let ends = ends(samples.iter());
    // The axis that the plot will use, so that points are evenly spaced on it.
    let x = Axis::for_times(&ends, (0.0, 1.0));
    let lines: Vec<Line> = samples
        .iter()
        .map(|Sample { trace, ladder, .. }| {
            let points = (0..=SLICES)
                .map(|i| x.value(i as f64 / SLICES as f64))
                .map(|ms| (ms, ladder.share(ms)))
                .collect();
            Line {
                key: trace.key.clone(),
                style: trace.style,
                width: 2.25,
                marked: true,
                points,
            }
        })
        .collect();
    let describe = |sample: &Sample<'_>| {
        let at = |q: f64| view::duration_ms(sample.ladder.at(q));
        format!(
            "{}: half within {}, 99 % within {}.",
            sample.trace.label,
            at(0.5),
            at(0.99)
        )
    };
    let plot = Plot {
        title: format!("Operations done within a time – {}", cast.name),
        subtitle: "Further left is better. The share of all operations, including failed ones, that took no longer.".into(),
        description: samples.iter().map(describe).collect::<Vec<_>>().join(" "),
        x_label: if x.is_log() { "response time, log scale" } else { "response time" },
        x: Across::Times(ends),
        y: Up { values: vec![1.0], log: false, show: view::share },
        y_label: "share of operations",
        legend: samples.iter().map(|sample| Entry::from_trace(sample.trace)).collect(),
        shades: Vec::new(),
        limits: Vec::new(),
        height: Height::Full,
        columns: String::new(),
    };
    Some(plot.lines(&lines))
}

/// Draws a violin of response times for each mode, if one has a sample.
pub(crate) fn violins(cast: &Cast<'_>) -> Option<String> {
    draw(cast, &RESPONSE, &|trace| trace.response())
}

/// Draws a violin of the rates of streams for each mode, if one has any.
pub(crate) fn rates(cast: &Cast<'_>) -> Option<String> {
    let of = |trace: &Trace<'_>| trace.times(|h| h.stream_rate.as_ref());
    draw(cast, &RATE, &|trace| Ladder::from_histogram(&of(trace)?))
}

/// Draws a violin for each mode that has values.
pub(super) fn draw(
    cast: &Cast<'_>,
    shown: &Shown<'_>,
    of: &dyn Fn(&Trace<'_>) -> Option<Ladder>,
) -> Option<String> {
    let section = Section {
        title: String::new(),
        samples: samples(cast, of),
    };
    sections(cast, shown, &[section])
}

/// Draws violins on one axis, if there are any.
pub(super) fn sections(
    cast: &Cast<'_>,
    shown: &Shown<'_>,
    sections: &[Section<'_>],
) -> Option<String> {
    let all = || sections.iter().flat_map(|section| &section.samples);
    all().next()?;
    let names = all()
        .map(|sample| Font::LABEL.width(&sample.name))
        .fold(0.0, f64::max);
    let (left, right, top) = (MARGIN + names + 18.0, 930.0, 74.0);
    let height: f64 = sections.iter().map(Section::height).sum();
    let bottom = top + height;
    let x = Axis::for_times(&ends(all()), (left, right));
    let title = format!("{} – {}", shown.title, cast.name);
    let description = sections
        .iter()
        .map(|section| section.describe(shown))
        .collect::<Vec<_>>()
        .join(" ");
    let size = (WIDTH, (bottom + 56.0) as u32);
    let about = About {
        title: &title,
        description: &description,
        ..About::default()
    };
    Some(canvas::picture(size, &about, |c| {
        frame::heading(c, &title, shown.subtitle);
        grid(c, &x, (top, bottom), shown.show);
        let mut at = top;
        for section in sections {
            section.draw(c, shown, &x, (left, right), at);
            at += section.height();
        }
        c.line(
            &[(left, bottom), (right, bottom)],
            palette::MUTED,
            1.25,
            None,
        );
        let scale = if x.is_log() { ", log scale" } else { "" };
        c.text(
            &format!("{}{scale}", shown.x_label),
            (f64::midpoint(left, right), bottom + 38.0),
            Font::TICK,
            Align::Middle,
        );
    }))
}

impl Section<'_> {
    fn head(&self) -> f64 {
        if self.title.is_empty() { 0.0 } else { HEAD }
    }

    fn height(&self) -> f64 {
        ROW.mul_add(self.samples.len() as f64, self.head())
    }

    fn describe(&self, shown: &Shown<'_>) -> String {
        let Shown { several, show, .. } = *shown;
        let sample = |sample: &Sample<'_>| {
            let [low, high] = [0.1, 0.9].map(|q| show(sample.ladder.at(q)));
            let label = if sample.name == sample.trace.short {
                &sample.trace.label
            } else {
                &sample.name
            };
            let prefix = match self.title.as_str() {
                "" => String::new(),
                title => format!("{title}, "),
            };
            format!("{prefix}{label}: 80 % of the {several} from {low} to {high}.")
        };
        let samples: Vec<String> = self.samples.iter().map(sample).collect();
        samples.join(" ")
    }

    /// Draws the samples below each other, from this height on.
    fn draw(
        &self,
        c: &mut Canvas,
        shown: &Shown<'_>,
        x: &Axis,
        (left, right): (f64, f64),
        top: f64,
    ) {
        if !self.title.is_empty() {
            let font = Font::LABEL.bold();
            c.text(&self.title, (MARGIN, top + 13.0), font, Align::Start);
        }
        for (i, sample) in self.samples.iter().enumerate() {
            let middle = ROW.mul_add(i as f64 + 0.5, top + self.head());
            let key = sample.trace.key.clone();
            c.group(&[("class", "series".into()), ("data-key", key)], |c| {
                violin(c, x, (left, right), middle, sample);
                marks(c, x, middle, shown.marks.map(|q| sample.ladder.at(q)));
            });
        }
    }
}

/// Draws a line for each tick, and the labels that fit.
fn grid(c: &mut Canvas, x: &Axis, (top, bottom): (f64, f64), show: &dyn Fn(f64) -> String) {
    let mut free_from = 0.0;
    for tick in x.ticks(8.0, |value| view::round(&show(value))) {
        let at = x.pixel(tick.value);
        c.line(&[(at, top), (at, bottom)], palette::GRID, 1.0, None);
        let half = Font::TICK.width(&tick.label) / 2.0;
        let middle = at.min(f64::from(WIDTH) - 6.0 - half);
        if !tick.label.is_empty() && middle - half >= free_from {
            c.text(
                &tick.label,
                (middle, bottom + 14.0),
                Font::TICK,
                Align::Middle,
            );
            free_from = middle + half + 8.0;
        }
    }
}

/// Draws one violin with its name.
fn violin(
    c: &mut Canvas,
    x: &Axis,
    (left, right): (f64, f64),
    middle: f64,
    Sample {
        trace,
        name,
        ladder,
    }: &Sample<'_>,
) {
    c.text(name, (left - 12.0, middle), Font::LABEL, Align::End);
    let outline = outline(ladder, x, (left, right));
    let half = ROW * 0.42;
    let upper = outline
        .iter()
        .map(|(at, thick)| (*at, middle - half * thick));
    let lower = outline
        .iter()
        .rev()
        .map(|(at, thick)| (*at, middle + half * thick));
    c.polygon(
        &upper.chain(lower).collect::<Vec<_>>(),
        trace.style.color,
        0.55,
    );
    c.line(
        &[
            (x.pixel(ladder.min()), middle),
            (x.pixel(ladder.max()), middle),
        ],
        trace.style.color,
        1.25,
        None,
    );
}

/// Marks values across the middle of a violin.
fn marks(c: &mut Canvas, x: &Axis, middle: f64, values: [f64; 3]) {
    for value in values {
        let at = x.pixel(value);
        c.rect(
            (at - 1.25, middle - 11.0),
            (at + 1.25, middle + 11.0),
            palette::INK,
            1.0,
        );
    }
}

/// Returns the thickness of a violin along the axis, from 0 to 1. Slices are evenly spaced on the
/// axis, so that an area is a share.
fn outline(ladder: &Ladder, x: &Axis, (left, right): (f64, f64)) -> Vec<(f64, f64)> {
    let mut slices = vec![0_u64; SLICES];
    for (ms, count) in ladder.values() {
        let share = (x.pixel(ms) - left) / (right - left);
        let slice = ((share * SLICES as f64) as usize).min(SLICES - 1);
        slices[slice] += count;
    }
    let most = slices.iter().copied().max().unwrap_or(0).max(1) as f64;
    let width = (right - left) / SLICES as f64;
    let used = |i: usize| slices[i] > 0;
    let (first, last) = (
        (0..SLICES).find(|i| used(*i)).unwrap_or(0),
        (0..SLICES).rfind(|i| used(*i)).unwrap_or(0),
    );
    // Slices that are not empty have at least a visible thickness.
    let thick = |i: usize| {
        if used(i) {
            (slices[i] as f64 / most).max(0.03)
        } else {
            0.0
        }
    };
    (first..=last)
        .flat_map(|i| {
            [
                (width.mul_add(i as f64, left), thick(i)),
                (width.mul_add((i + 1) as f64, left), thick(i)),
            ]
        })
        .collect()
}
