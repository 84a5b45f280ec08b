//! [`Format`]: the file formats of a report.

use serde::{Deserialize, Serialize};

/// A file format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A single self-contained page.
    Html,
    /// The page with its style and script in separate files, for servers whose policy forbids
    /// inline ones.
    HtmlDir,
    /// The charts as PNG images.
    Png,
    /// The charts as SVG images.
    Svg,
    /// A Markdown summary for a pull request comment or a job summary.
    Markdown,
    /// Tables for a spreadsheet: the metrics of every part of the run, and the timeline.
    Csv,
    /// A histogram log that HdrHistogram's tools can read.
    Hlog,
    /// The gates as test cases, in JUnit XML.
    Junit,
    /// The gates as test cases, in the Common Test Report Format (CTRF).
    Ctrf,
    /// The metrics of each mode as OpenMetrics text.
    Openmetrics,
    /// The input format of github-action-benchmark, which keeps a history of it.
    GithubBenchmark,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 11] = [
        Self::Html,
        Self::Png,
        Self::Svg,
        Self::HtmlDir,
        Self::Markdown,
        Self::Csv,
        Self::Hlog,
        Self::Junit,
        Self::Ctrf,
        Self::Openmetrics,
        Self::GithubBenchmark,
    ];

    /// Returns the name used in scenarios and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::HtmlDir => "html-dir",
            Self::Png => "png",
            Self::Svg => "svg",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Hlog => "hlog",
            Self::Junit => "junit",
            Self::Ctrf => "ctrf",
            Self::Openmetrics => "openmetrics",
            Self::GithubBenchmark => "github-benchmark",
        }
    }

    /// Returns the format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }
}
