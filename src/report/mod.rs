//! Floor 7: the reports of a run. Every format is a pure function of a [`RunResult`]: no clock, no
//! randomness, no state of a live engine, and no statistic that the result does not contain. So
//! `loadgen report result.json` reproduces exactly the bytes that the run itself wrote.
//!
//! [`view`] rounds, [`asked`] determines what a run was for; [`headline`], [`causes`],
//! [`comparison`], [`ending`], [`thresholds`], [`changes`], [`tally`], [`cases`] and [`reproduce`]
//! provide the content, and the formats present it: [`terminal`], [`html`] and [`chart`] for
//! people, [`markdown`] (with [`markup`]) for a pull request, [`spreadsheet`] and [`hlog`] for
//! further analysis, and for CI servers [`junit`], [`ctrf`], [`openmetrics`], [`github_benchmark`]
//! and [`annotations`]. [`write_all`] writes the formats that are files, through [`sink`]; their
//! names are in [`TEXTS`]. [`capacity`] presents the result of a search for the highest rate. Only
//! [`progress`] and [`board`] present a run in progress.

pub mod annotations;
pub(crate) mod asked;
pub(crate) mod board;
pub(crate) mod capacity;
pub(crate) mod cases;
pub(crate) mod causes;
pub(crate) mod changes;
pub mod chart;
pub(crate) mod comparison;
pub(crate) mod ctrf;
pub(crate) mod ending;
pub(crate) mod exchanges;
pub(crate) mod exemplars;
pub(crate) mod github_benchmark;
pub(crate) mod groups;
pub(crate) mod headline;
pub(crate) mod hlog;
pub mod html;
pub(crate) mod junit;
pub(crate) mod lookups;
pub(crate) mod markdown;
pub(crate) mod markup;
pub(crate) mod measures;
pub(crate) mod openmetrics;
pub(crate) mod paint;
pub(crate) mod part_name;
pub(crate) mod progress;
pub(crate) mod replayed;
pub(crate) mod reproduce;
pub(crate) mod run_tags;
pub(crate) mod sink;
pub(crate) mod spreadsheet;
pub(crate) mod status;
pub(crate) mod steps;
pub(crate) mod streams;
pub(crate) mod tally;
pub mod terminal;
pub(crate) mod thresholds;
pub(crate) mod versions;
pub(crate) mod view;
pub(crate) mod watched;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod golden;

use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

use self::chart::trace::Cast;
use crate::plan::Format;
use crate::result::{CapacityResult, End, RunResult, VersionComparison};

/// The file that every run writes.
pub const RESULT_FILE: &str = "result.json";
/// The file that a run keeps up to date until it ends; it stays if the run can't write its result.
pub const PARTIAL_FILE: &str = "partial.json";
/// The file that a search for the highest rate writes.
pub const CAPACITY_FILE: &str = "capacity.json";
/// The file that a comparison of versions writes.
pub const COMPARISON_FILE: &str = "comparison.json";
/// The file name of the page.
pub const PAGE_FILE: &str = "index.html";
/// The folder of the page with separate style and script files.
pub const PAGE_FOLDER: &str = "html";

/// The table of measures, which only results that have some are written with.
const MEASURES_FILE: &str = "measures.csv";

/// The table of what was watched, which only results that have that are written with.
const WATCHED_FILE: &str = "watched.csv";

/// The table of the slowest operations, which only results that have some are written with.
const EXEMPLARS_FILE: &str = "exemplars.csv";
/// The table of steps over time, which only results that have these figures are written with.
const STEPS_FILE: &str = "steps_over_time.csv";

/// A function that creates the text of a file.
type Texter = fn(&RunResult) -> io::Result<String>;

/// The text formats: the format, the file name, and the function that creates the text.
pub const TEXTS: [(Format, &str, Texter); 13] = [
    (Format::Markdown, "report.md", |result| {
        Ok(markdown::render(result))
    }),
    (Format::Csv, "summary.csv", spreadsheet::summary),
    (Format::Csv, "series.csv", spreadsheet::series),
    (Format::Csv, STEPS_FILE, spreadsheet::steps_over_time),
    (Format::Csv, MEASURES_FILE, spreadsheet::measures),
    (Format::Csv, WATCHED_FILE, spreadsheet::watched),
    (Format::Csv, EXEMPLARS_FILE, spreadsheet::exemplars),
    (Format::Hlog, "histograms.hlog", hlog::render),
    (Format::Junit, "junit.xml", junit::render),
    (Format::Ctrf, "ctrf-report.json", |result| {
        Ok(ctrf::render(result)?)
    }),
    (Format::Openmetrics, "metrics.txt", |result| {
        Ok(openmetrics::render(result))
    }),
    (Format::GithubBenchmark, "benchmark-bigger.json", |result| {
        Ok(github_benchmark::bigger(result)?)
    }),
    (
        Format::GithubBenchmark,
        "benchmark-smaller.json",
        |result| Ok(github_benchmark::smaller(result)?),
    ),
];

/// The reason why a report could not be created.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A file could not be written.
    #[error(transparent)]
    Sink(#[from] sink::SinkError),
    /// The result could not be written as JSON.
    #[error("can't write the result as JSON")]
    Json(#[from] serde_json::Error),
    /// The page could not be rendered.
    #[error("can't make the HTML report")]
    Page(#[from] html::page::PageError),
    /// A text file could not be created.
    #[error("can't make {file}")]
    Text {
        /// Its name.
        file: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// A picture could not be created.
    #[error("can't make the picture of the chart `{chart}`")]
    Picture {
        /// The name of the chart.
        chart: &'static str,
        /// The cause.
        source: chart::png::PngError,
    },
}

/// The formats that can show several overlaid results.
pub const OVERLAID: [Format; 4] = [Format::Html, Format::HtmlDir, Format::Png, Format::Svg];

/// The outcome of writing into a folder. Files are independent: one that could not be created or
/// written does not prevent the others.
#[derive(Debug, Default)]
pub struct Written {
    /// The files that were written.
    pub paths: Vec<PathBuf>,
    /// The errors of the others.
    pub failures: Vec<ReportError>,
}

impl Written {
    /// Writes into a folder, which is created if it is missing.
    fn into_folder(dir: &Path) -> Self {
        let mut written = Self::default();
        written.attempt(sink::prepare(dir));
        written
    }

    /// Writes a file, if its content could be created.
    fn file<B: AsRef<[u8]>>(
        &mut self,
        dir: &Path,
        name: &str,
        content: Result<B, impl Into<ReportError>>,
    ) {
        match content
            .map_err(Into::into)
            .and_then(|content| Ok(sink::write(dir, name, content.as_ref())?))
        {
            Ok(path) => self.paths.push(path),
            Err(failure) => self.failures.push(failure),
        }
    }

    /// Does the same as [`Self::file`] for a file that can be recreated from the result: an
    /// outdated one of the same name must not remain next to new figures.
    fn report<B: AsRef<[u8]>>(
        &mut self,
        dir: &Path,
        name: &str,
        content: Result<B, impl Into<ReportError>>,
    ) {
        let failures = self.failures.len();
        self.file(dir, name, content);
        if self.failures.len() > failures {
            self.attempt(sink::remove(dir, name));
        }
    }

    fn attempt(&mut self, result: Result<(), sink::SinkError>) {
        self.failures.extend(result.err().map(Into::into));
    }
}

/// Writes `result.json` and the files of these formats into a folder, which is created if it is
/// missing, starting with the result. Report files of an earlier run that this one doesn't write
/// are removed, so that no outdated chart remains next to new figures.
pub fn write_all(result: &RunResult, formats: &[Format], dir: &Path) -> Written {
    let mut written = Written::into_folder(dir);
    let file = if result.end == End::Running {
        PARTIAL_FILE
    } else {
        RESULT_FILE
    };
    written.file(dir, file, result.to_json());
    if file == RESULT_FILE && written.failures.is_empty() {
        // It says nothing that the result does not say.
        written.attempt(sink::remove(dir, PARTIAL_FILE));
    }
    let texts = TEXTS
        .iter()
        .filter(|(format, file, _)| formats.contains(format) && says_something(result, file))
        .map(|(_, file, _)| *file);
    let beside: Vec<&'static str> = std::iter::once(file).chain(texts).collect();
    let cast = Cast::from_result(result);
    pages(
        &cast,
        formats,
        dir,
        &beside,
        &|place| html::render(result, place),
        &mut written,
    );
    charts(&cast, formats, dir, &mut written);
    for (format, file, make) in TEXTS {
        if formats.contains(&format) && says_something(result, file) {
            written.report(
                dir,
                file,
                make(result).map_err(|source| ReportError::Text { file, source }),
            );
        } else {
            written.attempt(sink::remove(dir, file));
        }
    }
    written
}

/// Returns whether a result has something to say in this file.
fn says_something(result: &RunResult, file: &str) -> bool {
    match file {
        MEASURES_FILE => result.runs.iter().any(|run| !run.measures.is_empty()),
        STEPS_FILE => steps::are_over_time(&result.runs),
        WATCHED_FILE => !result.watched.is_empty(),
        EXEMPLARS_FILE => !result.exemplars.is_empty(),
        _ => true,
    }
}

/// Writes the page and the charts of several results, each with its name, into a folder, which is
/// created if it is missing. Formats other than [`OVERLAID`] are ignored.
pub fn write_overlaid(results: &[(String, RunResult)], formats: &[Format], dir: &Path) -> Written {
    let mut written = Written::into_folder(dir);
    let cast = Cast::overlaid(results);
    pages(
        &cast,
        formats,
        dir,
        &[],
        &|place| html::overlaid(results, place),
        &mut written,
    );
    charts(&cast, formats, dir, &mut written);
    written
}

/// A function that renders a page for a place.
type Maker<'a> = dyn Fn(html::Delivery<'_>) -> Result<String, html::page::PageError> + 'a;

/// Writes the page in the requested formats, and removes the others.
fn pages(
    cast: &Cast<'_>,
    formats: &[Format],
    dir: &Path,
    beside: &[&'static str],
    make: &Maker<'_>,
    written: &mut Written,
) {
    if formats.contains(&Format::Html) {
        written.report(dir, PAGE_FILE, make(html::Delivery::Whole(beside)));
    } else {
        written.attempt(sink::remove(dir, PAGE_FILE));
    }
    let folder = dir.join(PAGE_FOLDER);
    if formats.contains(&Format::HtmlDir) {
        written.attempt(sink::prepare(&folder));
        written.report(&folder, PAGE_FILE, make(html::Delivery::Split(beside)));
        written.report(
            &folder,
            "style.css",
            Ok::<_, ReportError>(html::style::style(cast)),
        );
        written.report(
            &folder,
            "script.js",
            Ok::<_, ReportError>(html::style::script()),
        );
    } else if folder.is_dir() {
        for file in [PAGE_FILE, "style.css", "script.js"] {
            written.attempt(sink::remove(&folder, file));
        }
        // This fails if it still holds files that are not ours.
        let _ = fs::remove_dir(&folder);
    }
}

/// Writes the charts in the requested formats, and removes the others.
fn charts(cast: &Cast<'_>, formats: &[Format], dir: &Path, written: &mut Written) {
    let wants = |format| formats.contains(&format);
    for (name, draw) in chart::FILES {
        let drawing = if wants(Format::Svg) || wants(Format::Png) {
            draw(cast)
        } else {
            None
        };
        let (svg, png) = (format!("{name}.svg"), format!("{name}.png"));
        match drawing.as_ref().filter(|_| wants(Format::Svg)) {
            Some(drawing) => written.report(dir, &svg, Ok::<_, ReportError>(drawing)),
            None => written.attempt(sink::remove(dir, &svg)),
        }
        match drawing.as_ref().filter(|_| wants(Format::Png)) {
            Some(drawing) => {
                let picture = chart::png::render(drawing).map_err(|source| ReportError::Picture {
                    chart: name,
                    source,
                });
                written.report(dir, &png, picture);
            }
            None => written.attempt(sink::remove(dir, &png)),
        }
    }
}

/// Writes `capacity.json` and the chart into a folder, which is created if it is missing, starting
/// with the result. A chart of an earlier search is removed if this one has none.
pub fn write_capacity(result: &CapacityResult, dir: &Path) -> Written {
    const CHART: &str = "capacity";
    let mut written = Written::into_folder(dir);
    written.file(dir, CAPACITY_FILE, result.to_json());
    let (svg, png) = (format!("{CHART}.svg"), format!("{CHART}.png"));
    let Some(drawing) = chart::capacity::svg(result) else {
        written.attempt(sink::remove(dir, &svg));
        written.attempt(sink::remove(dir, &png));
        return written;
    };
    written.report(
        dir,
        &png,
        chart::png::render(&drawing).map_err(|source| ReportError::Picture {
            chart: CHART,
            source,
        }),
    );
    written.report(dir, &svg, Ok::<_, ReportError>(drawing));
    written
}

/// Writes `comparison.json` and the page into a folder, which is created if it is missing, starting
/// with the comparison.
pub fn write_versions(comparison: &VersionComparison, dir: &Path) -> Written {
    let mut written = Written::into_folder(dir);
    written.file(dir, COMPARISON_FILE, comparison.to_json());
    written.report(dir, PAGE_FILE, html::versions::render(comparison));
    written
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap());
        let files = entries.filter(|e| e.path().is_file());
        files
            .map(|e| {
                (
                    e.file_name().into_string().unwrap(),
                    fs::read(e.path()).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn a_report_made_again_from_its_result_is_the_same() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let Written { paths, failures } =
            write_all(&fixture::three_modes(), &Format::ALL, first.path());
        assert!(failures.is_empty(), "{failures:?}");
        assert_eq!(paths.len(), 22);
        let read = RunResult::from_json(&fs::read_to_string(&paths[0]).unwrap()).unwrap();
        write_all(&read, &Format::ALL, second.path());
        assert!(files(first.path()) == files(second.path()));
        assert!(files(&first.path().join(PAGE_FOLDER)) == files(&second.path().join(PAGE_FOLDER)));
        assert_eq!(files(&first.path().join(PAGE_FOLDER)).len(), 3);
    }

    #[test]
    fn files_of_an_earlier_run_do_not_stay() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        write_all(&fixture::one_sample(), &Format::ALL, dir.path());
        write_all(&fixture::no_samples(), &[Format::Svg], dir.path());
        let names: Vec<String> = files(dir.path()).into_keys().collect();
        assert!(!dir.path().join(PAGE_FOLDER).exists());
        assert_eq!(names, ["notes.txt", "result.json", "throughput.svg"]);
        write_all(&fixture::nothing(), &[], dir.path());
        assert_eq!(
            files(dir.path()).into_keys().collect::<Vec<_>>(),
            ["notes.txt", "result.json"]
        );
    }

    #[test]
    fn a_file_that_cant_be_written_keeps_no_other_from_it() {
        let dir = tempfile::tempdir().unwrap();
        for in_the_way in [RESULT_FILE, "summary.csv", "throughput.png"] {
            fs::create_dir(dir.path().join(in_the_way)).unwrap();
        }
        let formats = [Format::Html, Format::Png, Format::Csv, Format::Markdown];
        let written = write_all(&fixture::three_modes(), &formats, dir.path());
        let failures: Vec<String> = written.failures.iter().map(ToString::to_string).collect();
        for lost in [RESULT_FILE, "summary.csv", "throughput.png"] {
            assert!(
                failures.iter().any(|failure| failure
                    .contains(&format!("can't write {}", dir.path().join(lost).display()))),
                "{failures:?}"
            );
        }
        let names: Vec<String> = files(dir.path()).into_keys().collect();
        assert!(
            [PAGE_FILE, "series.csv", "report.md"]
                .iter()
                .all(|file| names.iter().any(|name| name == file)),
            "{names:?}"
        );
        assert_eq!(written.paths.len(), names.len());
    }
}
