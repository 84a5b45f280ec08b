//! Where the time of a request goes: waiting for a limit or a connection, connecting, the TLS
//! handshake, sending, waiting for the first byte, and the body, stacked, as means of each step's
//! operations. The means are the result's own; they are used instead of percentiles because means
//! add up.

use plotters::style::RGBColor;

use super::super::view;
use super::axis::Axis;
use super::canvas::{self, About, Align, Canvas, Font};
use super::frame::{self, MARGIN, WIDTH};
use super::palette;
use super::trace::Cast;
use crate::metrics::Summary;
use crate::result::Group;

/// The maximum number of bars; the others are only in the table.
const BARS: usize = 24;
/// The height of a bar including the space around it.
const ROW: f64 = 26.0;
/// The height of a bar.
const BAR: f64 = 15.0;
/// The minimum width of a visible stage, in pixels.
const THINNEST: f64 = 0.5;
/// Means are sums of up to 10⁸ times: a difference of means below this share of them is rounding.
const ROUNDING: f64 = 1e-7;
/// The space above the bars of a step.
const STEP: f64 = 24.0;

/// The names of the stages in order, with their colours.
pub(crate) const STAGES: [(&str, RGBColor); 8] = [
    ("queue", palette::MUTED),
    ("lag", palette::LIMIT),
    ("connect", color(4)),
    ("TLS handshake", color(3)),
    ("send", color(1)),
    ("first byte", color(0)),
    ("body", color(2)),
    ("rest", color(5)),
];

/// Returns the mean milliseconds of each stage over all operations of a step, which add up to its
/// mean response time. Returns `None` if none of them used a network.
pub(crate) fn parts(step: &Group) -> Option<[f64; STAGES.len()]> {
    let service = step.times.service_ms.as_ref().filter(|s| s.count > 0)?;
    // Stages that only few operations had are averaged over all, so that the parts add up to the
    // whole.
    let mean = |part: &Option<Summary>| {
        part.as_ref()
            .map_or(0.0, |s| s.mean * s.count as f64 / service.count as f64)
    };
    step.times.first_byte_ms.as_ref().filter(|s| s.count > 0)?;
    let (connect, tls, send, first_byte, body) = (
        mean(&step.times.connect_ms),
        mean(&step.times.tls_ms),
        mean(&step.times.send_ms),
        mean(&step.times.first_byte_ms),
        mean(&step.times.body_ms),
    );
    // A remainder below the mean's rounding error counts as zero.
    let left = |whole: f64, parts: &[f64]| {
        Some(whole - parts.iter().sum::<f64>())
            .filter(|left| *left > whole * ROUNDING)
            .unwrap_or(0.0)
    };
    // The time to first byte starts with the operation.
    let waited = left(first_byte, &[connect, tls, send]);
    let rest = left(service.mean, &[first_byte, body]);
    let parts = [
        mean(&step.times.queue_ms),
        mean(&step.times.lag_ms),
        connect,
        tls,
        send,
        waited,
        body,
        rest,
    ]
    .map(|part| part.max(0.0));
    parts.iter().all(|part| part.is_finite()).then_some(parts)
}

/// Draws the chart, if some step has stages.
pub(crate) fn svg(cast: &Cast<'_>) -> Option<String> {
    let mut steps = steps(cast);
    let all: usize = steps.iter().map(|(_, bars)| bars.len()).sum();
    while steps.len() > 1 && steps.iter().map(|(_, bars)| bars.len()).sum::<usize>() > BARS {
        steps.pop();
    }
    let shown: usize = steps.iter().map(|(_, bars)| bars.len()).sum();
    let totals = || {
        steps
            .iter()
            .flat_map(|(_, bars)| bars.iter().map(|bar| bar.parts.iter().sum::<f64>()))
    };
    let most = totals().fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let bars = || steps.iter().flat_map(|(_, bars)| bars);
    let names = bars()
        .map(|bar| Font::LABEL.width(&bar.label))
        .fold(0.0, f64::max);
    let room = bars()
        .map(|bar| Font::LABEL.width(&bar.total()))
        .fold(0.0, f64::max)
        + 14.0;
    let (left, top) = (MARGIN + names + 12.0, 100.0);
    let x = Axis::linear(0.0, most, (left, f64::from(WIDTH) - MARGIN - room));
    let height = top
        + steps
            .iter()
            .map(|(_, bars)| STEP + ROW * bars.len() as f64)
            .sum::<f64>()
        + 14.0;
    let title = format!("Where the time of a request goes – {}", cast.name);
    let left_out = if shown < all {
        format!(" {} more bars are in the table.", all - shown)
    } else {
        String::new()
    };
    let subtitle = format!(
        "Shorter is better. Mean response time of each step, from when it was due to the last byte.{left_out}"
    );
    let description = steps.iter().map(describe).collect::<Vec<_>>().join(" ");
    // Stages thinner than any line are not visible in the chart.
    let is_seen = |i: usize| bars().any(|bar| x.pixel(bar.parts[i]) - x.pixel(0.0) >= THINNEST);
    let legend: Vec<(&str, RGBColor)> = STAGES
        .into_iter()
        .enumerate()
        .filter(|(i, _)| is_seen(*i))
        .map(|(_, stage)| stage)
        .collect();
    let about = About {
        title: &title,
        description: &description,
        ..About::default()
    };
    Some(canvas::picture((WIDTH, height as u32), &about, |c| {
        frame::heading(c, &title, &subtitle);
        let mut at = MARGIN;
        for (name, color) in legend {
            c.rect((at, 70.0), (at + 16.0, 84.0), color, 1.0);
            c.text(name, (at + 23.0, 77.0), Font::LABEL, Align::Start);
            at += 23.0 + Font::LABEL.width(name) + 24.0;
        }
        let mut y = top;
        for (name, bars) in &steps {
            c.text(name, (MARGIN, y + 9.0), Font::LABEL.bold(), Align::Start);
            y += STEP;
            for bar in bars {
                c.group(
                    &[("class", "series".into()), ("data-key", bar.key.clone())],
                    |c| {
                        bar.draw(c, &x, (left, y + ROW / 2.0 - 2.0));
                    },
                );
                y += ROW;
            }
        }
    }))
}

/// Returns the steps in order of their first occurrence, each with the modes that have it.
fn steps(cast: &Cast<'_>) -> Vec<(String, Vec<Bar>)> {
    let mut steps: Vec<(String, Vec<Bar>)> = Vec::new();
    for trace in &cast.traces {
        for step in trace.run().into_iter().flat_map(|run| &run.steps) {
            let Some(parts) = parts(step) else { continue };
            let name = view::shortened(&name(step), 90);
            let bar = Bar {
                key: trace.key.clone(),
                label: trace.short.clone(),
                parts,
            };
            match steps.iter_mut().find(|(known, _)| *known == name) {
                Some((_, bars)) => bars.push(bar),
                None => steps.push((name, vec![bar])),
            }
        }
    }
    steps
}

/// Describes a step and its bars.
fn describe((name, bars): &(String, Vec<Bar>)) -> String {
    let stages = |bar: &Bar| {
        let shown = STAGES.iter().zip(bar.parts).filter(|(_, part)| *part > 0.0);
        shown
            .map(|((stage, _), part)| format!("{stage} {}", view::duration_ms(part)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let each = bars
        .iter()
        .map(|bar| format!("{} {} ({})", bar.label, bar.total(), stages(bar)));
    format!("{name}: {}.", each.collect::<Vec<_>>().join(", "))
}

impl Bar {
    /// Formats its total time.
    fn total(&self) -> String {
        view::duration_ms(self.parts.iter().sum::<f64>())
    }

    fn draw(&self, c: &mut Canvas, x: &Axis, (left, middle): (f64, f64)) {
        c.text(&self.label, (left - 10.0, middle), Font::LABEL, Align::End);
        let mut from = 0.0;
        for ((_, color), part) in STAGES.iter().zip(self.parts) {
            let (begin, end) = (x.pixel(from), x.pixel(from + part));
            c.rect(
                (begin, middle - BAR / 2.0),
                (end, middle + BAR / 2.0),
                *color,
                1.0,
            );
            // A thin gap separates neighbours without colour.
            if from > 0.0 && end - begin > 2.0 {
                c.rect(
                    (begin - 0.5, middle - BAR / 2.0),
                    (begin + 0.5, middle + BAR / 2.0),
                    palette::PAPER,
                    1.0,
                );
            }
            from += part;
        }
        c.text(
            &self.total(),
            (x.pixel(from) + 8.0, middle),
            Font::LABEL,
            Align::Start,
        );
    }
}

/// Returns a step's name with its mix entry.
pub(crate) fn name(step: &Group) -> String {
    match &step.mix {
        Some(mix) => format!("{} / {}", view::plain(mix), view::plain(&step.name)),
        None => view::plain(&step.name),
    }
}

const fn color(index: usize) -> RGBColor {
    palette::of_index(index).color
}

/// A step in one mode.
struct Bar {
    key: String,
    label: String,
    parts: [f64; STAGES.len()],
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture;
    use super::*;

    #[test]
    fn stages_add_up_to_the_mean_response() {
        let result = fixture::three_modes();
        let step = &result.runs[0].steps[0];
        let parts = parts(step).expect("it went over a network");
        assert!(parts.iter().all(|part| *part > 0.0), "{parts:?}");
        let (mean, sum) = (
            step.times.response_ms.as_ref().expect("it has some").mean,
            parts.iter().sum::<f64>(),
        );
        assert!((sum - mean).abs() < mean * 1e-9, "{sum} {mean}");
        let mut mock = step.clone();
        mock.times.first_byte_ms = None;
        assert_eq!(super::parts(&mock), None);
        // A result of a version that recorded less of it has a larger remainder.
        let mut old = step.clone();
        (old.times.send_ms, old.times.body_ms) = (None, None);
        let less = super::parts(&old).expect("it still has a first byte");
        assert!(
            (less.iter().sum::<f64>() - mean).abs() < mean * 1e-9 && less[7] > parts[7],
            "{less:?}"
        );
    }
}
