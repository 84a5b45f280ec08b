//! The comparison: four panels with a bar for each mode, with intervals if there are rounds and the
//! ideal if it is known. It is the main picture: how fast the work was done or, for planned
//! arrivals, how long responses took and how late the generator was. A single mode has nothing to
//! be compared with, and no picture.

use crate::result::ModeComparison;

use super::super::headline::Headline;
use super::super::{asked, comparison, view};
use super::canvas::{self, About, Align, Font};
use super::frame::{self, MARGIN, WIDTH};
use super::mode_panel::{PANEL_TITLE, Panel, ROW};
use super::trace::{Cast, Trace};

/// The line height of the headline.
const LINE: f64 = 22.0;
/// The font of the headline.
const TEXT: Font = Font {
    size: 14.0,
    ..Font::LABEL
};
/// The space between panels.
const GAP: f64 = 36.0;

const fn none<T>(_: &ModeComparison) -> Option<T> {
    None
}

type Modes<'a> = &'a [(&'a Trace<'a>, &'a ModeComparison)];

/// Returns two panels for what the load asks for, and two for its costs.
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

/// Returns whether all modes had planned arrivals.
fn is_open(modes: Modes<'_>) -> bool {
    modes.iter().all(|(trace, _)| asked::is_open(trace.result))
}

/// Returns the panels that show how fast the work was done.
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

/// Returns the panels that show how long responses took, and how late the generator was: arrivals
/// are independent of the target's responses.
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

/// Draws the chart, if there is something to compare.
pub(crate) fn svg(cast: &Cast<'_>) -> Option<String> {
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
        Headline::from_result(first.result)
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

/// Explains the symbols in the picture.
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
