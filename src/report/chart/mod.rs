//! The charts, as functions from a result to SVG text: the only module that uses plotters.
//!
//! plotters draws the shapes; ranges, ticks and layout are our own ([`axis`], [`frame`], [`plot`]),
//! because its own hang on infinite bounds and clip labels. A chart is drawn from a
//! [`trace::Cast`]: the modes of one result, or of several overlaid ones. A chart without data is
//! `None`. Text is laid out with the widths of DejaVu Sans, whose licence is in
//! `DEJAVU-LICENSE.txt` in this folder.

pub(crate) mod axis;
pub(crate) mod band;
pub(crate) mod canvas;
pub(crate) mod capacity;
pub(crate) mod frame;
pub(crate) mod groups;
pub(crate) mod groups_over_time;
pub(crate) mod heat;
pub(crate) mod ladder;
pub(crate) mod latency;
pub(crate) mod measures;
pub(crate) mod measures_over_time;
mod mode_panel;
pub(crate) mod modes;
pub(crate) mod over_time;
pub(crate) mod pairs;
pub(crate) mod palette;
pub(crate) mod planned;
pub(crate) mod plot;
pub(crate) mod png;
mod points;
pub(crate) mod spread;
pub(crate) mod stages;
pub(crate) mod steps_over_time;
pub(crate) mod text;
pub(crate) mod throughput;
pub(crate) mod timeline;
pub mod tools;
pub mod trace;
pub(crate) mod watched_over_time;

pub use self::png::{PngError, render as rendered};
use self::trace::Cast;

/// A chart that is a file: the stem of its name, and the function that draws it.
pub type Chart = (&'static str, fn(&Cast<'_>) -> Option<String>);

/// The charts that are separate files.
pub const FILES: [Chart; 6] = [
    ("modes", modes::svg),
    ("latency", latency::svg),
    ("throughput", throughput::svg),
    ("timeline", timeline::svg),
    ("groups", groups::svg),
    ("steps", steps_over_time::svg),
];

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    /// Checks that a drawing is well-formed and has a size.
    fn read(name: &str, svg: &str) {
        let document = roxmltree::Document::parse(svg).unwrap_or_else(|e| panic!("{name}: {e}"));
        let side = |key| {
            document
                .root_element()
                .attribute(key)
                .and_then(|text| text.parse::<u32>().ok())
        };
        assert!(
            side("width")
                .zip(side("height"))
                .is_some_and(|(w, h)| w == 960 && (100..2_000).contains(&h)),
            "{name}"
        );
        if std::env::var_os("LOADGEN_LOOK").is_some() {
            check(name, svg);
        }
    }

    /// Parses a drawing like the PNG renderer does.
    fn check(name: &str, svg: &str) {
        let png = png::render(svg).unwrap_or_else(|e| panic!("{name}: {e}"));
        let side = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
        let size = |key: &str| {
            svg.split(&format!("{key}=\""))
                .nth(1)
                .and_then(|s| s.split('"').next()?.parse::<u32>().ok())
        };
        assert_eq!(Some(side(16)), size("width").map(|w| 2 * w), "{name}");
        assert_eq!(Some(side(20)), size("height").map(|h| 2 * h), "{name}");
        if let Ok(dir) = std::env::var("LOADGEN_LOOK") {
            std::fs::write(format!("{dir}/{name}.png"), &png).unwrap();
            std::fs::write(format!("{dir}/{name}.svg"), svg).unwrap();
        }
    }

    /// Returns every chart of a result, including those of the page, with a name.
    fn all(cast: &Cast<'_>) -> Vec<(String, String)> {
        use super::super::html::figures;
        let files = FILES
            .into_iter()
            .filter_map(|(name, draw)| Some((name.to_owned(), draw(cast)?)));
        let on_page = figures::parts(cast)
            .into_iter()
            .flat_map(|part| part.figures)
            .map(|figure| (figure.id, figure.svg));
        let mut all: Vec<(String, String)> = files.chain(on_page).collect();
        all.dedup();
        all
    }

    #[test]
    fn every_fixture_is_drawn_or_has_nothing_to_draw() {
        for (name, result) in fixture::all() {
            let cast = Cast::from_result(&result);
            let drawn = all(&cast);
            let has = |chart: &str| drawn.iter().any(|(drawn, _)| drawn == chart);
            let silent = matches!(name, "nothing" | "no_samples" | "not_finite");
            assert_eq!(
                (
                    has("modes"),
                    has("latency"),
                    has("cdf"),
                    has("distribution")
                ),
                // A single mode has nothing to be compared with.
                (cast.traces.len() > 1, !silent, !silent, !silent),
                "{name}"
            );
            assert_eq!(
                has("throughput"),
                !matches!(name, "nothing" | "not_finite"),
                "{name}"
            );
            for (chart, svg) in drawn {
                assert!(
                    !svg.contains("NaN") && !svg.contains("inf"),
                    "{name} {chart}"
                );
                read(&format!("{chart}-{name}"), &svg);
            }
        }
    }

    #[test]
    fn a_name_from_a_damaged_file_stays_text() {
        let mut result = fixture::three_modes();
        result.scenario.name = fixture::HOSTILE.into();
        for (chart, svg) in all(&Cast::from_result(&result)) {
            assert!(!svg.contains("<script"), "{chart}");
            read(&format!("{chart}-hostile"), &svg);
        }
    }

    #[test]
    fn ten_thousand_windows_are_no_heavier_than_can_be_seen() {
        for (chart, svg) in all(&Cast::from_result(&fixture::many_windows())) {
            assert!(svg.len() < 60_000, "{chart}: {}", svg.len());
            read(&format!("{chart}-many_windows"), &svg);
        }
    }

    #[test]
    fn several_results_are_laid_over_one_another() {
        let results = [
            ("before".to_owned(), fixture::three_modes()),
            (
                format!("after {}", fixture::HOSTILE),
                fixture::three_modes(),
            ),
            ("long".to_owned(), fixture::long_run()),
        ];
        let drawn = all(&Cast::overlaid(&results));
        for (chart, svg) in &drawn {
            assert!(!svg.contains("<script"), "{chart}");
            read(&format!("{chart}-overlaid"), svg);
        }
        let latency = &drawn
            .iter()
            .find(|(name, _)| name == "latency")
            .expect("it has samples")
            .1;
        assert!(latency.contains("before · sequential") && latency.contains("long · async"));
    }

    #[test]
    fn a_search_is_drawn_however_it_ended() {
        for (name, result) in fixture::capacity::ends() {
            check(
                &format!("capacity-{name}"),
                &capacity::svg(&result).unwrap(),
            );
        }
        assert_eq!(capacity::svg(&fixture::capacity::silent()), None);
        super::super::golden::check(
            "capacity.svg",
            &capacity::svg(&fixture::capacity::found()).unwrap(),
        );
    }

    #[test]
    fn pairs_are_drawn_whatever_they_are() {
        use super::super::fixture::versions::{changes, comparison};
        let mut two = comparison(changes());
        two.base.source = fixture::HOSTILE.into();
        two.changes[0].selector.step = Some(fixture::HOSTILE.into());
        two.changes[1].pairs = vec![[f64::NAN, 1e300], [0.0, -1.0]];
        two.changes[2].pairs = vec![[1.0, 2.0]; 1000];
        for (number, change) in two.changes.iter().enumerate() {
            let svg = pairs::svg(&two, change).unwrap();
            assert!(
                !svg.contains("<script") && !svg.contains("NaN") && !svg.contains("inf"),
                "{number}"
            );
            read(&format!("pairs-{number}"), &svg);
        }
        two.changes[3].pairs.clear();
        assert_eq!(pairs::svg(&two, &two.changes[3]), None);
    }

    #[test]
    fn golden() {
        for (chart, draw) in FILES {
            let result = match chart {
                "groups" => fixture::timed_groups(&["check out", "pay"]),
                "steps" => fixture::steps_over_time(&["find", "check out", "pay", "leave"], 60),
                _ => fixture::three_modes(),
            };
            let svg = draw(&Cast::from_result(&result)).unwrap();
            check(chart, &svg);
            super::super::golden::check(&format!("{chart}.svg"), &svg);
        }
    }
}
