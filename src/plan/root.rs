//! [`Plan`]: the compiled scenario as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::profile::Folder;
use super::{
    Feed, Format, Guard, HttpOptions, Limits, Load, Mode, Name, Operation, Protocol, Reporting,
    Secrets, Step, Target, Threshold, Tracing, Watch, flow,
};

/// A flow of the request mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixEntry {
    /// Free text, unique in the mix.
    pub name: String,
    /// Weight with which the entry is drawn, relative to the other entries.
    pub weight: f64,
    /// Its own load, beside the one that other entries share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// Limits of this entry's iterations.
    pub limits: Limits,
    /// Indices of the feeds from which each iteration takes a row.
    pub data: Vec<usize>,
    /// The steps that each virtual user runs before its first iteration of this entry. Omitted if
    /// empty, so that fingerprints stay the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<Step>,
    /// The steps of an iteration, in order.
    pub flow: Vec<Step>,
    /// The steps that each virtual user that has begun an iteration of this entry runs when it stops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teardown: Vec<Step>,
}

impl MixEntry {
    /// Returns its lists of steps, in the order in which a virtual user runs them and in which their
    /// operations are numbered.
    pub fn flows(&self) -> [&Vec<Step>; 3] {
        [&self.setup, &self.flow, &self.teardown]
    }

    /// Does the same, and lets them be changed.
    pub(crate) fn flows_mut(&mut self) -> [&mut Vec<Step>; 3] {
        [&mut self.setup, &mut self.flow, &mut self.teardown]
    }
}

/// A compiled scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the scenario, `[a-z0-9][a-z0-9._-]*`; the stem of the output folder.
    pub name: String,
    /// Purpose of the scenario, in its author's words.
    pub description: Option<String>,
    /// Names and values that reports carry. Omitted if empty, so that fingerprints stay the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The seed of every random draw.
    pub seed: u64,
    /// The modes to run, in the order of the first round.
    pub modes: Vec<Mode>,
    /// Number of runs of each mode.
    pub rounds: u32,
    /// Number of event loops in async mode.
    pub workers: u32,
    /// Number of cores left to targets on this machine, if the number of workers was found by
    /// itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spared_cores: Option<u32>,
    /// The services under load.
    pub targets: Vec<Target>,
    /// The data feeds.
    pub feeds: Vec<Feed>,
    /// All names that templates and conditions use.
    pub names: Vec<Name>,
    /// Steps that run before each run, once per mode and round; their operations are numbered
    /// separately.
    pub setup: Vec<Step>,
    /// Steps that run after each run whose setup began; their operations are numbered separately.
    pub teardown: Vec<Step>,
    /// The request mix; never empty.
    pub mix: Vec<MixEntry>,
    /// How much load, for how long. All entries without a load of their own share it; the warm-up,
    /// the graceful stop and the stop conditions are those of the whole run.
    pub load: Load,
    /// Limits of the whole run.
    pub limits: Limits,
    /// Criteria that the run must meet.
    pub thresholds: Vec<Threshold>,
    /// Metrics that must not regress from a baseline. Omitted if empty, so that fingerprints stay
    /// the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// Report files to write next to `result.json`.
    pub formats: Vec<Format>,
    /// Which figures are reported besides the usual ones. Omitted if none, so that fingerprints stay
    /// the same.
    #[serde(default, skip_serializing_if = "Reporting::is_usual")]
    pub reporting: Reporting,
    /// What is sampled beside the run. Omitted if nothing, so that fingerprints stay the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// How requests become part of traces. Omitted if they do not, so that fingerprints stay the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Tracing>,
    /// Public hosts that may be put under load: names, addresses, and names with a leading `*.` for
    /// all subdomains.
    pub allow_targets: Vec<String>,
    /// Whether the user allows it to run programs; a scenario can't. Omitted if not, so that
    /// fingerprints stay the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_exec: bool,
}

impl Plan {
    /// Returns the modes of a round, rotated so that no mode is always first (s t a · t a s · a s
    /// t).
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

    /// Returns every step of every flow, including nested ones, with the index of its mix entry, in
    /// source order.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        let mut all = Vec::new();
        for (mix, entry) in self.mix.iter().enumerate() {
            for steps in entry.flows() {
                flow::each(steps, &mut |step| all.push((mix, step)));
            }
        }
        all.into_iter()
    }

    /// Returns every operation with the index of its mix entry and its name, ordered by
    /// [`Operation::id`].
    pub fn operations(&self) -> impl Iterator<Item = (usize, &str, &Operation)> {
        self.steps()
            .filter_map(|(mix, step)| Some((mix, step.name.as_str(), step.operation()?)))
    }

    /// Returns whether virtual users have something to do when they stop.
    pub fn has_user_teardown(&self) -> bool {
        self.mix.iter().any(|entry| !entry.teardown.is_empty())
    }

    /// Returns, by operation id, whether it belongs to the teardown of virtual users.
    pub fn teardown_operations(&self) -> Vec<bool> {
        let operations = self.operations();
        operations.map(|(.., own)| own.is_teardown).collect()
    }

    /// Returns one measure of each name, ordered by [`super::Measure::number`].
    pub fn measure_names(&self) -> Vec<&super::Measure> {
        let operations = self.operations();
        let measures = operations.flat_map(|(.., operation)| &operation.measures);
        let mut names: Vec<&super::Measure> = measures.collect();
        names.sort_by_key(|measure| measure.number);
        names.dedup_by_key(|measure| measure.number);
        names
    }

    /// Returns every group that is measured as a whole, with the index of its mix entry and its name,
    /// ordered by [`super::TimedFlow::group`].
    pub fn timed_groups(&self) -> impl Iterator<Item = (usize, &str, u32)> {
        self.steps()
            .filter_map(|(mix, step)| Some((mix, step.name.as_str(), step.timed_group()?)))
    }

    /// Returns, by the number of each timed group, whether it belongs to the teardown of virtual users.
    pub fn teardown_groups(&self) -> Vec<bool> {
        let groups = self
            .steps()
            .filter(|(_, step)| step.timed_group().is_some());
        let is_teardown = |(_, step): (usize, &Step)| {
            let operation = step.first_operation();
            operation.is_some_and(|operation| operation.is_teardown)
        };
        groups.map(is_teardown).collect()
    }

    /// Returns the HTTP options of each operation that may speak HTTP/1.1. (The handshake of a
    /// WebSocket is not among them, because hyper's client always makes it.)
    pub(crate) fn http1(&self) -> impl Iterator<Item = &HttpOptions> {
        self.operations()
            .filter_map(|(.., operation)| operation.action.profile().connection)
            .filter(|connection| connection.protocol == "http")
            .map(|connection| &self.targets[connection.target].http)
            .filter(|options| options.asked_protocol() != Protocol::Http2)
    }

    /// Returns whether every operation, including those of setup and teardown, is a mock one, so
    /// that the plan can run in virtual time.
    pub fn is_mock(&self) -> bool {
        let mut is_mock = true;
        self.each_operation(|operation| is_mock &= operation.action.profile().is_mock);
        is_mock
    }

    /// Returns the indices of the targets that are connected to, in order: those of operations,
    /// including setup and teardown, and those that issue tokens for them.
    pub fn targets_used(&self) -> Vec<usize> {
        let mut used = self.targets_of_operations();
        let issuers = used.iter().filter_map(|index| {
            let auth = self.targets.get(*index)?.auth.as_ref()?;
            auth.issuer()
        });
        used.extend(issuers.collect::<Vec<_>>());
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Returns the indices of the targets that operations use, in order, including setup and
    /// teardown.
    pub fn targets_of_operations(&self) -> Vec<usize> {
        let mut used = Vec::new();
        self.each_operation(|operation| used.extend(operation.action.target()));
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Returns whether an operation uses files of this folder, including those of setup and
    /// teardown.
    pub fn uses_folder(&self, folder: Folder) -> bool {
        let mut uses = false;
        self.each_operation(|operation| {
            uses |= operation.action.profile().folder == Some(folder);
        });
        uses
    }

    /// Returns the name of the first step that runs a program, including those of setup and teardown.
    pub fn step_with_program(&self) -> Option<&str> {
        let mut found = None;
        let flows = self.mix.iter().flat_map(MixEntry::flows);
        for steps in flows.chain([&self.setup, &self.teardown]) {
            flow::each(steps, &mut |step| {
                let operation = step.operation();
                if operation.is_some_and(|operation| operation.action.profile().runs_program) {
                    found.get_or_insert(step.name.as_str());
                }
            });
        }
        found
    }

    /// Calls `visit` with every operation, including those of setup and teardown.
    pub(crate) fn each_operation<'a>(&'a self, mut visit: impl FnMut(&'a Operation)) {
        let flows = self
            .mix
            .iter()
            .flat_map(MixEntry::flows)
            .chain([&self.setup, &self.teardown]);
        for steps in flows {
            flow::each(steps, &mut |step: &'a Step| {
                step.operation().into_iter().for_each(&mut visit)
            });
        }
    }

    /// Returns the plan as JSON for display, without secrets.
    pub fn shown(&self, secrets: &Secrets) -> serde_json::Value {
        // A plan is plain data with string keys, so serialization can't fail.
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = shown.as_object_mut().filter(|_| !secrets.is_empty()) {
            // These fields only hold keywords of the language, which could equal a secret by
            // chance.
            fields
                .iter_mut()
                .filter(|(key, _)| !matches!(key.as_str(), "modes" | "formats" | "seed"))
                .for_each(|(_, value)| secrets.redact_json(value));
        }
        shown
    }
}
