//! [`WindowSteps`]: the operations of one interval of the time line, by step.

use std::borrow::Cow;

use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::WindowOperations;

/// The maximum number of operations of a plan whose time line is by step. A time line of a step takes
/// about as much memory as its other figures, at most a third of a megabyte.
pub const MAX_STEPS: usize = 64;

/// The operations of one interval of the time line, by the number of their step. All that are
/// recorded go here once: those of the whole run are the sum, made when someone asks.
#[derive(Clone, Debug, Default)]
pub(super) struct WindowSteps(Vec<WindowOperations>);

impl WindowSteps {
    /// Creates an empty list with a capacity for this many steps that is already backed by memory.
    pub(super) fn roomy(steps: usize) -> Self {
        let mut own = vec![WindowOperations::default(); steps];
        own.clear();
        Self(own)
    }

    /// Returns the operations of a step, to record one.
    pub(super) fn entry(&mut self, number: u32) -> &mut WindowOperations {
        let place = number as usize;
        if place >= self.0.len() {
            self.grow(place);
        }
        &mut self.0[place]
    }

    #[cold]
    fn grow(&mut self, place: usize) {
        self.0.resize_with(place + 1, WindowOperations::default);
    }

    /// Returns the operations of a step, if it had any.
    pub(super) fn get(&self, number: u32) -> Option<&WindowOperations> {
        self.0.get(number as usize).filter(|own| !own.is_empty())
    }

    /// Iterates over the steps that had operations, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &WindowOperations)> {
        let numbered = (0..).zip(&self.0);
        numbered.filter(|(_, own)| !own.is_empty())
    }

    /// Returns the sum of all steps. That of a single one is not copied.
    pub(super) fn sum(&self) -> Cow<'_, WindowOperations> {
        let mut steps = self.iter().map(|(_, own)| own);
        let mut sum = steps.next().map_or_else(Cow::default, Cow::Borrowed);
        steps.for_each(|own| sum.to_mut().add(own));
        sum
    }

    /// Adds the same interval of another time line.
    pub(super) fn add(&mut self, other: &Self) {
        for (number, theirs) in other.iter() {
            self.entry(number).add(theirs);
        }
    }

    /// Packs the histograms into spare capacity.
    pub(super) fn pack(&mut self, spare: &mut Vec<Vec<u8>>) {
        self.0.iter_mut().for_each(|own| own.pack(spare));
    }

    /// Returns the capacity of the packed histograms.
    pub(super) fn recycle(&mut self, spare: &mut Vec<Vec<u8>>) {
        self.0.iter_mut().for_each(|own| own.recycle(spare));
    }

    /// Clears the figures and keeps the capacity.
    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(WindowOperations::clear);
    }

    /// Returns whether its figures agree with each other.
    pub(super) fn is_consistent(&self) -> bool {
        self.0.iter().all(WindowOperations::is_consistent)
    }
}

/// As text, it lists the steps that had operations, with their numbers.
impl Serialize for WindowSteps {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.iter().count()))?;
        for step in self.iter() {
            list.serialize_element(&step)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for WindowSteps {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let list = Vec::<(u32, WindowOperations)>::deserialize(from)?;
        let mut steps = Self::default();
        for (number, own) in list {
            if number as usize >= MAX_STEPS {
                return Err(de::Error::custom("a time line has at most 64 steps"));
            }
            *steps.entry(number) = own;
        }
        Ok(steps)
    }
}
