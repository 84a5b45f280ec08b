//! [`Demand`]: what a process needed of its machine.

use crate::assembly::observations::Machine;
use crate::plan::Mode;
use crate::result::{ModeRun, Resources};

/// What a process needed of its machine.
#[derive(Clone, Copy)]
pub(super) struct Demand<'a> {
    pub mode: Mode,
    pub workers: u32,
    pub wall_s: f64,
    pub resources: &'a Resources,
    pub machine: Machine,
}

impl<'a> Demand<'a> {
    /// Returns that of a run by one process of this machine.
    pub(super) fn of_run(run: &'a ModeRun) -> Self {
        Self {
            mode: run.mode,
            workers: run.workers,
            wall_s: run.wall_s,
            resources: &run.resources,
            machine: Machine::here(),
        }
    }

    /// Returns the number of processors that the mode can use.
    pub(super) fn processors(&self) -> f64 {
        let allowed = self.machine.allowed();
        match self.mode {
            Mode::Sequential | Mode::Simulated => allowed.min(1.0),
            Mode::Threaded | Mode::Async | Mode::Processes => allowed.min(f64::from(self.workers)),
        }
    }
}
