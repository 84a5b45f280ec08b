//! [`Section`]: a map of the scenario language, with the terms that other tools use for its keys.

/// A map of the scenario language.
pub(super) struct Section {
    /// Other names of its keys, common in other tools or by habit, with our spelling.
    pub foreign: &'static [(&'static str, &'static str)],
    /// Whether keys that start with `x-` are ignored.
    pub is_extensible: bool,
    /// Whether it is a step, so that an unknown key may be a kind of step.
    pub is_step: bool,
}

impl Section {
    /// Creates a section with these terms of other tools.
    pub(super) const fn new(foreign: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            foreign,
            is_extensible: false,
            is_step: false,
        }
    }

    /// Returns our name for another tool's key, ignoring case.
    pub(super) fn ours(&self, word: &str) -> Option<&'static str> {
        self.foreign
            .iter()
            .find(|(theirs, _)| theirs.eq_ignore_ascii_case(word))
            .map(|(_, ours)| *ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_either_case() {
        let load = Section::new(&[("arrivalRate", "rate")]);
        assert_eq!(load.ours("arrivalrate"), Some("rate"));
        assert_eq!(load.ours("rate"), None);
    }
}
