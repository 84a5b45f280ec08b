//! [`OutFlag`]: the value of `run --out`.

use std::path::PathBuf;

use crate::export::otlp::OtlpUrl;
use crate::export::samples::SampleForm;

/// The value of `--out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OutFlag {
    /// Every sample, to this file.
    Samples(PathBuf, SampleForm),
    /// Metrics of OpenTelemetry, to this receiver.
    Otlp(OtlpUrl),
}

impl OutFlag {
    /// Parses `samples=FILE` or `otlp=URL`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("samples", path)) => {
                let path = PathBuf::from(path);
                let form = SampleForm::of_path(&path).ok_or(
                    "the name of the file says its form: it must end with .jsonl or .csv, optionally followed by .gz or .zst",
                )?;
                Ok(Self::Samples(path, form))
            }
            Some(("otlp", url)) => OtlpUrl::parse(url).map(Self::Otlp),
            _ => Err("write samples=FILE or otlp=URL".into()),
        }
    }

    /// Returns the name of the kind.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Samples(..) => "samples",
            Self::Otlp(_) => "otlp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_says_its_kind_and_its_form() {
        for text in ["samples=a.jsonl", "samples=x=y/a.csv.zst"] {
            let path = text.strip_prefix("samples=").map(PathBuf::from);
            let parsed = match OutFlag::parse(text) {
                Ok(OutFlag::Samples(path, _)) => Some(path),
                _ => None,
            };
            assert_eq!(parsed, path, "{text}");
        }
        for (text, says) in [
            ("samples=a.parquet", ".jsonl or .csv"),
            ("samples=", ".jsonl or .csv"),
            ("a.jsonl", "samples=FILE"),
            ("csv=a.csv", "samples=FILE or otlp=URL"),
            ("otlp=a:4318", "otlp=http://HOST:4318"),
        ] {
            let error = OutFlag::parse(text).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
    }
}
