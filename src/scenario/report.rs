//! `report`: what is written besides `result.json`, and which figures are reported.

use super::Overrides;
use super::decode;
use super::diagnostic::{Diagnostics, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::Node;
use super::words;
use crate::plan::{Format, Reporting, Statistic};

/// The map `report`.
const REPORT: Section = Section::new(&[
    ("summaryTrendStats", "percentiles"),
    ("quantiles", "percentiles"),
    ("satisfied", "apdex"),
]);

/// The most percentiles in a list.
const MAX_PERCENTILES: usize = 20;

/// The decoded `report`.
pub(super) struct Report {
    /// The forms of the report.
    pub formats: Vec<Format>,
    /// The figures besides the usual ones.
    pub reporting: Reporting,
}

impl Report {
    /// Decodes `report`, whose formats the command line may override.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        overrides: &Overrides,
        problems: &mut Diagnostics,
    ) -> Self {
        let node = fields.take("report", problems);
        let example = "report: { formats: [html, png] }";
        let fields =
            node.and_then(|node| Fields::open(node, &REPORT, "`report`", example, problems));
        let mut formats = None;
        let mut reporting = Reporting::default();
        if let Some(mut fields) = fields {
            let typed = fields.take("formats", problems);
            let apdex = fields.take("apdex", problems);
            let listed = fields.take("percentiles", problems);
            fields.finish(problems);
            formats = typed.and_then(|node| self::formats(node, problems));
            reporting.apdex = apdex.and_then(|node| decode::some_time(node, "apdex", problems));
            if let Some(node) = listed {
                reporting.percentiles = percentiles(node, problems);
            }
        }
        let formats = overrides.formats.clone().or(formats);
        Self {
            formats: formats.unwrap_or_else(|| vec![Format::Html, Format::Png]),
            reporting,
        }
    }
}

fn formats(node: &Node, problems: &mut Diagnostics) -> Option<Vec<Format>> {
    let mut found = Vec::new();
    for item in decode::list(node, "formats", "formats: [html, png]", problems)? {
        let Some(text) = decode::text(item, "formats", problems) else {
            continue;
        };
        match Format::from_name(text) {
            Some(format) if found.contains(&format) => {
                problems
                    .error(item.span, format!("the format `{text}` appears twice"))
                    .help("remove one");
            }
            Some(format) => found.push(format),
            None => {
                let names = Format::ALL.map(Format::name);
                let error = problems.error(item.span, format!("unknown format {}", quoted(text)));
                match words::nearest(text, names) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!(
                        "choose from {}; `result.json` is always written",
                        words::listed(names)
                    )),
                };
            }
        }
    }
    Some(found)
}

/// Decodes a list of percentiles, which are sorted.
fn percentiles(node: &Node, problems: &mut Diagnostics) -> Vec<u32> {
    const EXAMPLE: &str = "percentiles: [50, 90, 99.5]";
    let mut found = Vec::new();
    let Some(items) = decode::list(node, "percentiles", EXAMPLE, problems) else {
        return found;
    };
    if items.is_empty() {
        problems
            .error(node.span, "`percentiles` is empty")
            .help(format!("write `{EXAMPLE}`, or remove it"));
    }
    if let Some(item) = items.get(MAX_PERCENTILES) {
        problems
            .error(
                item.span,
                format!("more than {MAX_PERCENTILES} percentiles"),
            )
            .help("remove some");
    }
    for item in items.iter().take(MAX_PERCENTILES) {
        let Some(text) = decode::text(item, "percentiles", problems) else {
            continue;
        };
        let digits = text.trim().trim_start_matches('p');
        match Statistic::percentile(&format!("p{digits}")) {
            Some(100_000) => {
                problems
                    .error(
                        item.span,
                        "the 100th percentile is the maximum, which is always shown",
                    )
                    .help("remove it");
            }
            Some(thousandths) if found.contains(&thousandths) => {
                problems
                    .error(item.span, format!("the percentile {digits} appears twice"))
                    .help("remove one");
            }
            Some(thousandths) => found.push(thousandths),
            None => {
                problems
                    .error(item.span, format!("{} is not a percentile", quoted(text)))
                    .help("write a number above 0 and below 100 with at most three decimals, as in `99.5`");
            }
        }
    }
    found.sort_unstable();
    found
}
