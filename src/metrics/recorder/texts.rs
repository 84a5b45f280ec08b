//! What a [`Recorder`] has of the texts of servers and scenarios.

use super::Recorder;
use crate::metrics::{Figures, TakenBy, Windows};

impl Recorder {
    /// Replaces every text that came from a server or from the scenario. Figures whose texts become
    /// the same are added up.
    pub fn map_texts(&mut self, map: &dyn Fn(&str) -> String) {
        self.errors.map_texts(map);
        self.tags.map_texts(map);
        self.windows.map_texts(map);
        let examples = self.examples.values_mut();
        examples.for_each(|own| own.map_texts(map));
        for taken in self.probes.iter_mut().flat_map(|probe| &mut probe.of.takes) {
            if let TakenBy::Tag(_, value) = taken {
                *value = map(value);
            }
        }
    }

    /// Returns the largest of all counts.
    pub fn largest_count(&self) -> u64 {
        let groups = self.groups.iter().chain(self.stages.figures_of_groups());
        let groups = groups.map(|group| &group.figures);
        let figures = self
            .steps
            .iter()
            .chain(groups)
            .chain(self.stages.figures_of_steps());
        let of_figures = figures
            .chain(self.tags.figures_of_all())
            .map(Figures::largest_count);
        let of_iterations = self
            .iteration_parts
            .iter()
            .map(|(_, own)| own.tally.largest())
            .chain([
                self.iterations.largest(),
                self.aside,
                self.warmup.started,
                self.pace.held,
                self.pace.missed,
            ]);
        let of_lines = self
            .probes
            .iter()
            .map(|probe| &probe.windows)
            .chain([&self.windows])
            .flat_map(Windows::iter)
            .map(|(_, window)| window.largest_count());
        let others = self.try_failures.iter().copied().chain([
            self.errors.largest_count(),
            self.checks.largest_count(),
            self.warmup.completed,
            self.warmup.failed,
        ]);
        of_figures
            .chain(of_iterations)
            .chain(of_lines)
            .chain(others)
            .max()
            .unwrap_or(0)
    }
}
