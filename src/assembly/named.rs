//! [`Named`]: what has one name in a mix entry, such as the operations of a step.

use std::borrow::Cow;

/// Parts of a plan with the same name in one mix entry, which share figures.
pub(super) struct Named<'p> {
    /// The index of the mix entry.
    pub mix: usize,
    /// The name.
    pub name: &'p str,
    /// The numbers of the parts.
    numbers: Vec<u32>,
}

impl<'p> Named<'p> {
    /// Collects parts by name, in the order in which the names first occur. Each part has its mix
    /// entry, its name and its number.
    pub(super) fn collect(parts: impl Iterator<Item = (usize, &'p str, u32)>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (mix, name, number) in parts {
            match all
                .iter_mut()
                .find(|known| (known.mix, known.name) == (mix, name))
            {
                Some(known) => known.numbers.push(number),
                None => all.push(Self {
                    mix,
                    name,
                    numbers: vec![number],
                }),
            }
        }
        all
    }

    /// Adds up what there is of its parts; returns `None` if there is nothing. What only one of them
    /// has is not copied.
    pub(super) fn sum<'f, T: Clone>(
        &self,
        get: impl Fn(u32) -> Option<&'f T>,
        add: impl Fn(&mut T, &T),
    ) -> Option<Cow<'f, T>> {
        let mut figures = self.numbers.iter().filter_map(|number| get(*number));
        let mut sum = Cow::Borrowed(figures.next()?);
        figures.for_each(|other| add(sum.to_mut(), other));
        Some(sum)
    }
}
