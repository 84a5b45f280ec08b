//! [`SampleForm`]: how a file has its rows, as the end of its name says.

use std::ffi::OsStr;
use std::path::Path;

/// The columns of a file, in their order. Their meanings are in `docs/src/samples.md`.
pub(super) const COLUMNS: [&str; 25] = [
    "mode",
    "round",
    "shard",
    "mix",
    "step",
    "target",
    "stage",
    "intended_at",
    "intended_s",
    "started_s",
    "completed_s",
    "outcome",
    "failure",
    "status",
    "grpc_status",
    "retries",
    "response_ms",
    "service_ms",
    "lag_ms",
    "queue_ms",
    "connect_ms",
    "tls_ms",
    "first_byte_ms",
    "bytes_in",
    "bytes_out",
];

/// How a file has its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampleForm {
    pub(super) layout: Layout,
    pub(super) compression: Compression,
}

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// An object of JSON on each line.
    Jsonl,
    /// Fields separated by commas, after a line with the names of the columns (RFC 4180, with a
    /// line feed at the end of lines).
    Csv,
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl SampleForm {
    /// Returns the form of the file at this path; `None` if its name has another end.
    pub(crate) fn of_path(path: &Path) -> Option<Self> {
        let extension = |path: &Path| path.extension().and_then(OsStr::to_str).map(str::to_owned);
        let (compression, inner) = match extension(path)?.as_str() {
            "gz" => (Compression::Gzip, path.with_extension("")),
            "zst" => (Compression::Zstd, path.with_extension("")),
            _ => (Compression::None, path.to_owned()),
        };
        let layout = match extension(&inner)?.as_str() {
            "jsonl" => Layout::Jsonl,
            "csv" => Layout::Csv,
            _ => return None,
        };
        Some(Self {
            layout,
            compression,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_says_the_form() {
        use Compression::{Gzip, None, Zstd};
        use Layout::{Csv, Jsonl};
        for (name, expected) in [
            ("a.jsonl", Some((Jsonl, None))),
            ("b/a.x.jsonl.gz", Some((Jsonl, Gzip))),
            ("a.jsonl.zst", Some((Jsonl, Zstd))),
            ("a.csv", Some((Csv, None))),
            ("a.csv.gz", Some((Csv, Gzip))),
            ("a.csv.zst", Some((Csv, Zstd))),
            ("a.json", Option::None),
            ("a.parquet", Option::None),
            ("a.gz", Option::None),
            ("jsonl", Option::None),
            (".csv", Option::None),
            ("", Option::None),
        ] {
            let found = SampleForm::of_path(Path::new(name));
            let found = found.map(|form| (form.layout, form.compression));
            assert_eq!(found, expected, "{name}");
        }
    }
}
