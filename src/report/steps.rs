//! The steps over time.

use crate::result::ModeRun;

/// Returns whether some of these runs have figures of steps over time.
pub(crate) fn are_over_time<'r>(runs: impl IntoIterator<Item = &'r ModeRun>) -> bool {
    let mut windows = runs.into_iter().flat_map(|run| &run.series);
    windows.any(|window| !window.steps.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::chart::steps_over_time;
    use super::super::chart::trace::Cast;
    use super::super::{hlog, html, spreadsheet};
    use crate::report::fixture::{Form, HOSTILE, assert_only_in_first, steps_over_time};
    use crate::result::RunResult;

    fn page(result: &RunResult) -> String {
        html::render(result, html::Delivery::Whole(&[])).expect("a page")
    }

    #[test]
    fn steps_over_time_are_in_every_form_and_nowhere_without_them() {
        let with = steps_over_time(&["find", "pay"], 60);
        let mut without = with.clone();
        for run in &mut without.runs {
            run.steps.iter_mut().for_each(|own| own.heat.clear());
            run.series.iter_mut().for_each(|own| own.steps.clear());
        }
        let picture = |r: &RunResult| steps_over_time::svg(&Cast::from_result(r));
        let forms: [Form<'_>; 4] = [
            (
                "html",
                &page,
                &[
                    "<h2 id=\"steps-over-time\">",
                    "href=\"#in-step1\"",
                    "data-line=\"step1\"",
                    "id=\"chart-step1-failures-async\"",
                    "id=\"data-step1-async\"",
                    "<td>status 1,234",
                ],
            ),
            (
                "csv",
                &|r| spreadsheet::steps_over_time(r).expect("text"),
                &[",30,1,\"buy, now\",pay,1234,0,1234,1233.5,"],
            ),
            (
                "hlog",
                &|r| hlog::render(r).expect("text"),
                &["Tag=async.step.buy%2C%20now.pay.response.windows,"],
            ),
            (
                "picture",
                &|r| picture(r).unwrap_or_default(),
                &["Steps over time", "/ pay\n"],
            ),
        ];
        assert_only_in_first(&forms, &with, &without);
    }

    #[test]
    fn a_result_and_a_page_of_many_steps_and_windows_have_a_bounded_size() {
        let names: Vec<String> = (0..64).map(|n| format!("{n} {HOSTILE}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sizes = [1, 12, 64].map(|steps| {
            let result = steps_over_time(&names[..steps], 600);
            let page = page(&result);
            assert!(!page.contains("<script>alert"));
            let mut ids: Vec<&str> = page.split(" id=\"").skip(1).collect();
            ids.iter_mut()
                .for_each(|id| *id = id.split('"').next().unwrap_or_default());
            ids.sort_unstable();
            assert!(
                ids.windows(2).all(|pair| pair[0] != pair[1]),
                "an id occurs twice"
            );
            assert_eq!(
                page.matches("<details class=\"step\"").count(),
                if steps > 1 { steps } else { 0 }
            );
            assert_eq!(
                page.matches("class=\"chart small\"").count(),
                if steps > 1 { 12 } else { 0 }
            );
            assert_eq!(page.contains("12 of 64 steps"), steps == 64);
            [result.to_json().expect("text").len(), page.len()]
        });
        let [[one_json, one_page], [json, twelve], [most_json, most_page]] = sizes;
        let kilobytes = [
            json - one_json,
            twelve - one_page,
            most_json - one_json,
            most_page - one_page,
        ];
        let kilobytes = kilobytes.map(|bytes| bytes / 1_000);
        let at_most = [4_000, 1_000, 21_000, 2_000];
        assert!(
            kilobytes.iter().zip(at_most).all(|(own, most)| *own < most),
            "{kilobytes:?}"
        );
    }
}
