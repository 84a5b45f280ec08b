//! `run --out`: what goes to files and other programs while a run goes on.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;

use super::exit::{Exit, Failure, or_exit};
use super::out_flag::OutFlag;
use super::output::Console;
use crate::base::Nanos;
use crate::engine::Environment;
use crate::export::otlp::{Common, Otlp, OtlpSettings, OtlpTotals};
use crate::export::samples::{self, SampleFile, SampleTotals};
use crate::plan::{Mode, Plan, Secrets};
use crate::report::view;
use crate::result::{ModeRun, Output};

/// The interval between two sets of metrics that are sent.
const OTLP_INTERVAL: Nanos = Nanos::from_secs(1);

/// Refuses flags of which there can be only one.
pub(super) fn check(flags: &[OutFlag]) -> Result<(), Failure> {
    for (place, flag) in flags.iter().enumerate() {
        let kind = flag.kind();
        if flags[..place].iter().any(|other| other.kind() == kind) {
            return Err(Failure {
                exit: Exit::Usage,
                error: anyhow!("--out {kind}=… is given twice; a run has one output of each kind"),
            });
        }
    }
    Ok(())
}

/// The measured operations of runs, by mode and round.
pub(super) type Planned = BTreeMap<(Mode, u32), u64>;

/// What a run hands over while it goes on.
pub(super) struct Outputs<'a> {
    samples: Option<(&'a Path, SampleFile)>,
    otlp: Option<(&'a str, Otlp)>,
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
    /// Creates the files, and the threads that write and send.
    pub(super) fn open(
        flags: &'a [OutFlag],
        plan: &Plan,
        secrets: &Secrets,
        console: &'a Console,
    ) -> Result<Self, Failure> {
        let mut outputs = Self {
            samples: None,
            otlp: None,
            console,
            has_warned: false,
        };
        for flag in flags {
            match flag {
                OutFlag::Samples(path, form) => {
                    let file = SampleFile::open(path, *form, plan, secrets);
                    outputs.samples = Some((path, or_exit(file, Exit::Usage)?));
                }
                OutFlag::Otlp(url) => {
                    let settings = OtlpSettings::read(&|name| std::env::var(name).ok());
                    let tags = plan.tags.iter();
                    let common = Common {
                        scenario: secrets.redact(&plan.name),
                        tags: tags
                            .map(|(name, value)| (name.clone(), secrets.redact(value)))
                            .collect(),
                        shard: samples::shard(plan),
                    };
                    let otlp =
                        settings.and_then(|settings| Otlp::start(url.clone(), settings, common));
                    let otlp = otlp.map_err(|why| anyhow!("--out otlp={}: {why}", url.text));
                    outputs.otlp = Some((&url.text, or_exit(otlp, Exit::Usage)?));
                }
            }
        }
        Ok(outputs)
    }

    /// Returns the environment of a run that hands it over.
    pub(super) fn environment(&self, environment: Environment) -> Environment {
        let samples = self.samples.as_ref();
        let often = self.otlp.as_ref().map(|_| OTLP_INTERVAL);
        Environment {
            samples: samples.map(|(_, file)| file.socket().to_owned()),
            figures_every: often.into_iter().chain(environment.figures_every).min(),
            ..environment
        }
    }

    /// Hands over the figures so far of a run, or those of its end.
    pub(super) fn show(&mut self, run: &ModeRun) {
        if let Some((_, otlp)) = &mut self.otlp {
            otlp.show(run);
        }
        self.look();
    }

    /// Says what has gone wrong, once.
    fn look(&mut self) {
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
        let mut handed = Handed::default();
        if let Some((path, file)) = self.samples {
            handed.samples(path, file.finish(), planned);
        }
        if let Some((url, otlp)) = self.otlp {
            handed.otlp(url, otlp.finish());
        }
        for output in handed.outputs.iter().filter(|_| !is_quiet) {
            let (kind, to) = (&output.kind, &output.to);
            let what = if kind == "samples" {
                "sample"
            } else {
                "interval"
            };
            let count = view::things(output.written, what);
            self.console.say(&format!("{kind}: {to} ({count})\n"));
        }
        let warnings = handed.warnings.iter();
        warnings.for_each(|warning| self.console.warning(warning));
        handed
    }
}

impl Handed {
    fn samples(&mut self, path: &Path, totals: SampleTotals, planned: &Planned) {
        let SampleTotals { written, trouble } = totals;
        let path = path.display();
        // Of a mode that died, nothing was counted.
        let left_out = |(run, planned): (&(Mode, u32), &u64)| {
            planned.saturating_sub(written.get(run).copied().unwrap_or(0))
        };
        let dropped = planned.iter().map(left_out).sum();
        if let Some(trouble) = &trouble {
            self.failure = Some(Failure {
                exit: Exit::Internal,
                error: anyhow!("can't write {path}: {trouble}"),
            });
        }
        if dropped > 0 {
            let samples = view::things(dropped, "sample");
            let slow = "they came faster than it could be written";
            let why = trouble.as_deref().unwrap_or(slow);
            self.warnings.push(format!("{path} lacks {samples}: {why}"));
        }
        self.outputs.push(Output {
            kind: "samples".into(),
            to: path.to_string(),
            written: written.values().sum(),
            dropped,
            error: trouble,
        });
    }

    fn otlp(&mut self, url: &str, totals: OtlpTotals) {
        let OtlpTotals {
            sent,
            dropped,
            trouble,
        } = totals;
        if let Some(trouble) = &trouble {
            let intervals = view::things(dropped, "interval");
            self.warnings.push(format!(
                "the metrics of {intervals} were not sent to {url}: {trouble}"
            ));
        }
        self.outputs.push(Output {
            kind: "otlp".into(),
            to: url.to_owned(),
            written: sent,
            dropped,
            error: trouble,
        });
    }
}
