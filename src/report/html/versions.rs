//! The page of two versions: the change of each figure, with the underlying runs pair by pair.

use askama::Template;

use super::super::chart::pairs;
use super::super::chart::trace::Cast;
use super::super::{changes, versions, view};
use super::gates;
use super::page::{self, Delivery, PageError};
use super::style::style;
use super::tables::Table;
use crate::result::{RunOrder, VersionComparison};

/// The texts of the template.
#[derive(Template)]
#[template(path = "versions.html", config = "src/report/html/askama.toml")]
struct Page {
    title: String,
    version: &'static str,
    policy: String,
    style: String,
    facts: Vec<(&'static str, String)>,
    warnings: Vec<String>,
    sentence: String,
    changes: Option<Table>,
    /// Each chart with its name.
    figures: Vec<(String, String)>,
    steps: Option<Table>,
}

/// Renders the page.
///
/// # Errors
/// Never in practice: the template only writes to memory.
pub(crate) fn render(comparison: &VersionComparison) -> Result<String, PageError> {
    let style = style(&Cast {
        name: String::new(),
        traces: Vec::new(),
        overlaid: false,
    });
    let drawn = |change| Some((changes::name(change), pairs::svg(comparison, change)?));
    Page {
        title: view::plain(&comparison.scenario),
        version: env!("CARGO_PKG_VERSION"),
        policy: page::policy(&style, Delivery::Whole(&[])),
        style,
        facts: facts(comparison),
        warnings: comparison
            .warnings
            .iter()
            .map(|warning| view::plain(warning))
            .collect(),
        sentence: versions::sentence(comparison),
        changes: gates::figure_changes("Figures", comparison),
        figures: comparison.changes.iter().filter_map(drawn).collect(),
        steps: of_steps(comparison),
    }
    .render()
}

fn facts(comparison: &VersionComparison) -> Vec<(&'static str, String)> {
    let order = match comparison.order {
        RunOrder::Interleaved => "interleaved",
        RunOrder::Apart => "not interleaved",
        RunOrder::Unpaired => "unpaired",
    };
    let mut pairs = format!("{}, {order}", view::count(comparison.pairs.into()));
    if comparison.left_out_pairs > 0 {
        pairs.push_str(&format!(
            "; {} left out, because a run is invalid",
            view::count(comparison.left_out_pairs.into())
        ));
    }
    vec![
        ("base", versions::version(&comparison.base)),
        ("new", versions::version(&comparison.new)),
        ("pairs", pairs),
        ("fingerprint", view::plain(&comparison.fingerprint)),
    ]
}

fn of_steps(comparison: &VersionComparison) -> Option<Table> {
    let rows = changes::of_steps(comparison).into_iter();
    let rows = rows.map(|(step, row)| {
        vec![
            step,
            row.mode.name().to_owned(),
            row.figure,
            row.base,
            row.new,
            row.change,
            row.between,
        ]
    });
    Table::new(
        "Steps",
        "gates",
        &["step", "mode", "figure", "base", "new", "change", "between"],
        rows.collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::HOSTILE;
    use super::super::super::fixture::versions::{changes, comparison};
    use super::*;
    use crate::plan::Selector;

    #[test]
    fn it_has_every_figure_every_pair_and_every_step_and_no_text_is_markup() {
        let mut two = comparison(changes());
        let step = |name: &str| Selector {
            mix: Some("browse".into()),
            step: Some(name.into()),
            ..Selector::default()
        };
        two.steps = changes()
            .into_iter()
            .map(|change| crate::result::Change {
                selector: step(HOSTILE),
                ..change
            })
            .collect();
        two.warnings = vec![HOSTILE.into()];
        (two.scenario, two.base.source) = (HOSTILE.into(), HOSTILE.into());
        two.left_out_pairs = 3;
        let html = render(&two).unwrap();
        assert!(
            !html.contains("<script") && !html.contains('\u{202e}') && !html.contains('\x1b'),
            "{html}"
        );
        assert_eq!(html.matches("<figure").count(), 4);
        assert_eq!(html.matches("class=\"bad\"").count(), 1);
        for text in [
            "3 left out",
            "regressed: p50",
            "+11.8 %",
            "browse / ",
            "warning:",
        ] {
            assert!(html.contains(text), "{text}");
        }
        if let Ok(dir) = std::env::var("LOADGEN_LOOK") {
            std::fs::write(format!("{dir}/versions.html"), &html).unwrap();
        }
    }

    #[test]
    fn charts_stand_with_their_own_names() {
        let mut two = comparison(changes());
        two.changes[0].pairs.clear();
        let html = render(&two).unwrap();
        assert!(html.contains("aria-label=\"p99\"") && !html.contains("aria-label=\"p50\""));
    }
}
