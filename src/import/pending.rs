//! [`Pending`]: what a reader with groups of steps has noted, until the step that it belongs to.

use super::note::Note;
use super::read::{Action, Step, Steps};

/// The most steps of a scenario that is made of a source.
const MAX_STEPS: usize = 9000;

/// Notes that belong to the step that comes next, and how many steps there are so far.
#[derive(Debug, Default)]
pub(super) struct Pending {
    notes: Vec<Note>,
    steps: usize,
}

impl Pending {
    /// Adds a note.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// Adds a step, with what was noted before it.
    pub(super) fn push(&mut self, steps: &mut Steps, action: Action) {
        self.end(steps);
        steps.push(action);
        self.steps += 1;
    }

    /// Adds a group of the steps that were read since `before` was taken, which stands above the group;
    /// what was noted after its last step belongs to the next step. A group without steps is left out.
    pub(super) fn push_group(
        &mut self,
        steps: &mut Steps,
        before: Vec<Note>,
        inner: Steps,
        group: impl FnOnce(Vec<Step>) -> Action,
    ) {
        let (inner, _) = inner.finish();
        if inner.is_empty() {
            self.put(before);
            return;
        }
        let after = self.take();
        self.put(before);
        self.push(steps, group(inner));
        self.put(after);
    }

    /// Moves the notes to the steps so far.
    pub(super) fn end(&mut self, steps: &mut Steps) {
        for note in self.notes.drain(..) {
            steps.note(note.place, note.message);
        }
    }

    /// Takes the notes that belong to no step yet.
    pub(super) fn take(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Puts notes before those that belong to no step yet.
    pub(super) fn put(&mut self, mut notes: Vec<Note>) {
        notes.append(&mut self.notes);
        self.notes = notes;
    }

    /// Returns whether there are as many steps as a scenario may have.
    pub(super) const fn is_full(&self) -> bool {
        self.steps >= MAX_STEPS
    }
}
