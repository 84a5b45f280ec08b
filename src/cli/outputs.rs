//! `run --out`: what goes to files and other programs while a run goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::exit::{Exit, Failure, or_exit};
use super::output::Console;
use crate::engine::Environment;
use crate::export::samples::{SampleFile, SampleForm, SampleTotals};
use crate::plan::{Mode, Plan, Secrets};
use crate::report::view;
use crate::result::Output;

/// The value of `--out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OutFlag {
    /// Every sample, to this file.
    Samples(PathBuf, SampleForm),
}

impl OutFlag {
    /// Parses `samples=FILE`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("samples", path)) => {
                let path = PathBuf::from(path);
                let form = SampleForm::of_path(&path).ok_or(
                    "the name of the file says its form: it must end with .jsonl or .csv, optionally followed by .gz or .zst",
                )?;
                Ok(Self::Samples(path, form))
            }
            _ => Err("write samples=FILE".into()),
        }
    }
}

/// Refuses flags of which there can be only one.
pub(super) fn check(flags: &[OutFlag]) -> Result<(), Failure> {
    if flags.len() > 1 {
        return Err(Failure {
            exit: Exit::Usage,
            error: anyhow!("--out samples=… is given twice; the samples of a run go to one file"),
        });
    }
    Ok(())
}

/// The measured operations of runs, by mode and round.
pub(super) type Planned = BTreeMap<(Mode, u32), u64>;

/// What a run hands over while it goes on.
pub(super) struct Outputs<'a> {
    samples: Option<(&'a Path, SampleFile)>,
    console: &'a Console,
    has_warned: bool,
}

/// What a run has handed over.
#[derive(Debug, Default)]
pub(super) struct Handed {
    pub(super) outputs: Vec<Output>,
    /// What a reader should know of them.
    pub(super) warnings: Vec<String>,
    /// Why one of them could not be written.
    pub(super) failure: Option<Failure>,
}

impl<'a> Outputs<'a> {
    /// Creates the files.
    pub(super) fn open(
        flags: &'a [OutFlag],
        plan: &Plan,
        secrets: &Secrets,
        console: &'a Console,
    ) -> Result<Self, Failure> {
        let open = |OutFlag::Samples(path, form): &'a OutFlag| {
            let file = SampleFile::create(path, *form, plan, secrets);
            Ok((path.as_path(), or_exit(file, Exit::Usage)?))
        };
        Ok(Self {
            samples: flags.first().map(open).transpose()?,
            console,
            has_warned: false,
        })
    }

    /// Returns the environment of a run that hands it over.
    pub(super) fn environment(&self, environment: Environment) -> Environment {
        let samples = self.samples.as_ref();
        Environment {
            samples: samples.map(|(_, file)| file.socket().to_owned()),
            ..environment
        }
    }

    /// Says what has gone wrong, once.
    pub(super) fn look(&mut self) {
        let trouble = self.samples.as_ref().and_then(|(path, file)| {
            let trouble = file.trouble()?;
            Some(format!(
                "can't write {}: {trouble}; the run goes on without it",
                path.display()
            ))
        });
        if let Some(trouble) = trouble.filter(|_| !std::mem::replace(&mut self.has_warned, true)) {
            self.console.warning(&trouble);
        }
    }

    /// Ends it after a run with these measured operations.
    pub(super) fn finish(self, planned: &Planned, is_quiet: bool) -> Handed {
        let Some((path, file)) = self.samples else {
            return Handed::default();
        };
        let SampleTotals { written, trouble } = file.finish();
        let path = path.display();
        // Of a mode that died, nothing was counted.
        let left_out = |(run, planned): (&(Mode, u32), &u64)| {
            planned.saturating_sub(written.get(run).copied().unwrap_or(0))
        };
        let output = Output {
            kind: "samples".into(),
            to: path.to_string(),
            written: written.values().sum(),
            dropped: planned.iter().map(left_out).sum(),
            error: trouble,
        };
        if !is_quiet {
            let samples = view::things(output.written, "sample");
            self.console.say(&format!("samples: {path} ({samples})\n"));
        }
        let mut handed = Handed::default();
        if let Some(trouble) = &output.error {
            handed.failure = Some(Failure {
                exit: Exit::Internal,
                error: anyhow!("can't write {path}: {trouble}"),
            });
        }
        if output.dropped > 0 {
            let samples = view::things(output.dropped, "sample");
            let why = match &output.error {
                Some(trouble) => trouble.as_str(),
                None => "they came faster than it could be written",
            };
            let warning = format!("{path} lacks {samples}: {why}");
            self.console.warning(&warning);
            handed.warnings.push(warning);
        }
        handed.outputs.push(output);
        handed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_says_its_kind_and_its_form() {
        for text in ["samples=a.jsonl", "samples=x=y/a.csv.zst"] {
            let path = text.strip_prefix("samples=").map(PathBuf::from);
            let parsed = OutFlag::parse(text).map(|OutFlag::Samples(path, _)| path);
            assert_eq!(parsed.ok(), path, "{text}");
        }
        for (text, says) in [
            ("samples=a.parquet", ".jsonl or .csv"),
            ("samples=", ".jsonl or .csv"),
            ("a.jsonl", "samples=FILE"),
            ("csv=a.csv", "samples=FILE"),
        ] {
            let error = OutFlag::parse(text).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
    }
}
