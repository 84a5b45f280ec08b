//! The charts, as functions from a result to the text of an SVG: the only user of plotters.
//!
//! plotters draws the shapes; ranges, ticks and layout are our own ([`axis`], [`frame`]), because its own hang on
//! infinite bounds and clip labels. A chart with nothing to show is `None`. The text of the charts is laid out with
//! the widths of DejaVu Sans, whose licence is in `DEJAVU-LICENSE.txt` beside this file.

pub mod axis;
pub mod canvas;
pub mod capacity;
pub mod frame;
pub mod latency;
pub mod modes;
pub mod palette;
pub mod planned;
pub mod png;
pub mod text;
pub mod throughput;

use crate::result::RunResult;

/// A chart: the stem of its files, and what draws it.
pub type Chart = (&'static str, fn(&RunResult) -> Option<String>);

/// Every chart, in the order that a report shows them.
pub const ALL: [Chart; 3] = [("modes", modes::svg), ("latency", latency::svg), ("throughput", throughput::svg)];

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    /// Reads a drawing as the picture maker does, so that it is well-formed and has a size.
    fn check(name: &str, svg: &str) {
        let png = png::render(svg).unwrap_or_else(|e| panic!("{name}: {e}"));
        let side = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
        let size = |key: &str| svg.split(&format!("{key}=\"")).nth(1).and_then(|s| s.split('"').next()?.parse::<u32>().ok());
        assert_eq!(Some(side(16)), size("width").map(|w| 2 * w), "{name}");
        assert_eq!(Some(side(20)), size("height").map(|h| 2 * h), "{name}");
        if let Ok(dir) = std::env::var("LOADGEN_LOOK") {
            std::fs::write(format!("{dir}/{name}.png"), &png).unwrap();
            std::fs::write(format!("{dir}/{name}.svg"), svg).unwrap();
        }
    }

    #[test]
    fn every_fixture_is_drawn_or_has_nothing_to_draw() {
        for (name, result) in fixture::all() {
            for (chart, draw) in ALL {
                let svg = draw(&result);
                assert_eq!(
                    svg.is_none(),
                    name == "nothing" || (matches!(name, "no_samples" | "not_finite") && chart == "latency"),
                    "{name} {chart}"
                );
                if let Some(svg) = svg {
                    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name} {chart}");
                    check(&format!("{chart}-{name}"), &svg);
                }
            }
        }
    }

    #[test]
    fn a_name_from_a_damaged_file_stays_text() {
        let mut result = fixture::three_modes();
        result.scenario.name = fixture::HOSTILE.into();
        for (chart, draw) in ALL {
            let svg = draw(&result).unwrap();
            assert!(!svg.contains("<script"), "{chart}");
            check(&format!("{chart}-hostile"), &svg);
        }
    }

    #[test]
    fn a_search_is_drawn_however_it_ended() {
        for (name, result) in fixture::capacity::ends() {
            check(&format!("capacity-{name}"), &capacity::svg(&result).unwrap());
        }
        assert_eq!(capacity::svg(&fixture::capacity::silent()), None);
        super::super::golden::check("capacity.svg", &capacity::svg(&fixture::capacity::found()).unwrap());
    }

    #[test]
    fn golden() {
        for (chart, draw) in ALL {
            super::super::golden::check(&format!("{chart}.svg"), &draw(&fixture::three_modes()).unwrap());
        }
    }
}
