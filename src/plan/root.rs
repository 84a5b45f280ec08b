//! [`Plan`]: the compiled scenario as a whole.

use serde::{Deserialize, Serialize};

use super::{
    Feed, Format, Guard, Limits, Load, Mode, Name, Operation, Secrets, Step, Target, Threshold,
    flow,
};

/// One flow of the request mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixEntry {
    /// Free text, unique in the mix.
    pub name: String,
    /// How often it is drawn, relative to the other entries' weights.
    pub weight: f64,
    /// Caps of this entry's iterations.
    pub limits: Limits,
    /// The feeds that each of its iterations takes a row of, by their index.
    pub data: Vec<usize>,
    /// The steps, in order.
    pub flow: Vec<Step>,
}

/// A compiled scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `[a-z0-9][a-z0-9._-]*`: the stem of the output folder.
    pub name: String,
    /// What the scenario is for, in its author's words.
    pub description: Option<String>,
    /// The seed of every random draw.
    pub seed: u64,
    /// The modes to run, in the order of the first round.
    pub modes: Vec<Mode>,
    /// How often each mode runs.
    pub rounds: u32,
    /// Event loops of the async mode.
    pub workers: u32,
    /// The services under load.
    pub targets: Vec<Target>,
    /// The feeds of rows.
    pub feeds: Vec<Feed>,
    /// Every name that templates and conditions use.
    pub names: Vec<Name>,
    /// Steps before the run, once for each mode and round; their operations are numbered on their
    /// own.
    pub setup: Vec<Step>,
    /// Steps after the run, wherever the setup began; their operations are numbered on their own.
    pub teardown: Vec<Step>,
    /// The request mix; never empty.
    pub mix: Vec<MixEntry>,
    /// How much load, for how long.
    pub load: Load,
    /// Caps of the whole run.
    pub limits: Limits,
    /// What the run must meet.
    pub thresholds: Vec<Threshold>,
    /// What must not become worse than in a baseline. Left out where there is none, so that
    /// fingerprints stay what they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// Report files to write beside `result.json`.
    pub formats: Vec<Format>,
    /// The public hosts that may be put under load: names, addresses, and `*.` before a name for
    /// all below it.
    pub allow_targets: Vec<String>,
}

impl Plan {
    /// The modes of one round, rotated so that no mode is always first (s t a · t a s · a s t).
    ///
    /// `round` counts from zero.
    pub fn order(&self, round: u32) -> Vec<Mode> {
        let mut modes = self.modes.clone();
        if !modes.is_empty() {
            let shift = round as usize % modes.len();
            modes.rotate_left(shift);
        }
        modes
    }

    /// Every step of every flow, those inside of groups included, with the index of its mix entry,
    /// in the order written.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        let mut all = Vec::new();
        for (mix, entry) in self.mix.iter().enumerate() {
            flow::each(&entry.flow, &mut |step| all.push((mix, step)));
        }
        all.into_iter()
    }

    /// Every operation with the index of its mix entry and its name, ordered by [`Operation::id`].
    pub fn operations(&self) -> impl Iterator<Item = (usize, &str, &Operation)> {
        self.steps()
            .filter_map(|(mix, step)| Some((mix, step.name.as_str(), step.operation()?)))
    }

    /// Whether every operation is a mock one, so that the plan can run in virtual time; setup and
    /// teardown included.
    pub fn is_mock(&self) -> bool {
        let mut is_mock = true;
        self.each_operation(|operation| is_mock &= operation.action.profile().is_mock);
        is_mock
    }

    /// The indices of the targets that some operation uses, in order; setup and teardown included.
    pub fn targets_used(&self) -> Vec<usize> {
        let mut used = Vec::new();
        self.each_operation(|operation| used.extend(operation.action.target()));
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Calls `visit` with every operation, those of setup and teardown included.
    fn each_operation<'a>(&'a self, mut visit: impl FnMut(&'a Operation)) {
        let flows = self
            .mix
            .iter()
            .map(|entry| &entry.flow)
            .chain([&self.setup, &self.teardown]);
        for steps in flows {
            flow::each(steps, &mut |step: &'a Step| {
                step.operation().into_iter().for_each(&mut visit)
            });
        }
    }

    /// The plan as JSON, to be seen: without secrets.
    pub fn shown(&self, secrets: &Secrets) -> serde_json::Value {
        // A plan is plain data with text keys: it always has a JSON form.
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = shown.as_object_mut().filter(|_| !secrets.is_empty()) {
            // These have words of ours alone, which a secret may be by chance.
            fields
                .iter_mut()
                .filter(|(key, _)| !matches!(key.as_str(), "modes" | "formats" | "seed"))
                .for_each(|(_, value)| secrets.redact_json(value));
        }
        shown
    }
}
