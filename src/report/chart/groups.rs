//! The response times of the groups that are measured as a whole: a violin for each group and mode,
//! all on one axis.

use hdrhistogram::Histogram;

use super::super::part_name::PartName;
use super::super::view;
use super::ladder::Ladder;
use super::spread::{self, Sample, Section, Shown};
use super::trace::{Cast, Trace};
use crate::metrics::histogram;
use crate::result::codec;

/// The most violins.
const MAX_ROWS: usize = 24;
/// The maximum number of characters of a name beside a violin.
const NAME: usize = 24;
/// The maximum number of characters of the title of a section.
const TITLE: usize = 90;

/// Draws the chart, if some group has times.
pub(crate) fn svg(cast: &Cast<'_>) -> Option<String> {
    let runs = cast.traces.iter().flat_map(|trace| &trace.rounds).copied();
    let mut sections: Vec<Section<'_>> = Vec::new();
    for group in PartName::of_groups(runs) {
        let samples = spread::samples(cast, &|trace| values(trace, group));
        if samples.is_empty() {
            continue;
        }
        // The violins of a single mode need no other name than that of their group.
        if let [_] = cast.traces[..] {
            let name = view::shortened(&group.label(), NAME);
            let named = samples.into_iter().map(|sample| Sample {
                name: name.clone(),
                ..sample
            });
            match sections.first_mut() {
                Some(section) => section.samples.extend(named),
                None => sections.push(Section {
                    title: String::new(),
                    samples: named.collect(),
                }),
            }
        } else {
            sections.push(Section {
                title: view::shortened(&group.label(), TITLE),
                samples,
            });
        }
    }
    let left_out = truncate(&mut sections);
    let more = match left_out {
        0 => String::new(),
        more => format!(" {more} more in the tables."),
    };
    let shown = Shown {
        title: "Response times of groups as a whole",
        subtitle: &format!(
            "Further left is better. Without their pauses; the thicker, the more passes took about this long; marks: p50, p90 and p99.{more}"
        ),
        x_label: "response time",
        show: &view::duration_ms,
        marks: [0.5, 0.9, 0.99],
        several: "passes took",
    };
    spread::sections(cast, &shown, &sections)
}

/// Leaves out violins beyond the most; returns the number of those.
fn truncate(sections: &mut Vec<Section<'_>>) -> usize {
    let (mut room, mut left_out) = (MAX_ROWS, 0);
    for section in &mut *sections {
        let shown = section.samples.len().min(room);
        left_out += section.samples.len() - shown;
        section.samples.truncate(shown);
        room -= shown;
    }
    sections.retain(|section| !section.samples.is_empty());
    left_out
}

/// Returns the response times of a group in all rounds of a trace.
fn values(trace: &Trace<'_>, group: PartName<'_>) -> Option<Ladder> {
    let mut sum: Option<Histogram<u64>> = None;
    for run in &trace.rounds {
        let text = group
            .group_of(run)
            .and_then(|own| own.histograms.response.as_ref());
        let Some(one) = text.and_then(|text| codec::decode(text).ok()) else {
            continue;
        };
        match sum.as_mut() {
            Some(sum) => histogram::add(sum, &one),
            None => sum = Some(one),
        }
    }
    Ladder::from_histogram(&sum?)
}
