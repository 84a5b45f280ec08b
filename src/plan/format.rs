//! [`Format`]: what a report is written as.

use serde::{Deserialize, Serialize};

/// A file form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// One self-contained page.
    Html,
    /// The page with style and script in files of their own, for servers that forbid inline ones.
    HtmlDir,
    /// The charts as pictures.
    Png,
    /// The charts as drawings.
    Svg,
    /// A page of text for a pull request's comment or a job's summary.
    Markdown,
    /// Tables for a spreadsheet: the figures of every part, and the time line.
    Csv,
    /// A log of histograms that HdrHistogram's readers open.
    Hlog,
    /// The gates as test cases, in JUnit's XML.
    Junit,
    /// The gates as test cases, in the Common Test Report Format.
    Ctrf,
    /// The figures of each mode as OpenMetrics text.
    Openmetrics,
    /// What github-action-benchmark keeps a history of.
    GithubBenchmark,
}

impl Format {
    /// Every form there is.
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

    /// The name in scenarios and on the command line.
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

    /// The form with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }
}
