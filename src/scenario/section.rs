//! [`Section`]: a map of the scenario language, with the words that people bring from elsewhere.

/// A map of the scenario language.
pub(super) struct Section {
    /// What other tools, or habit, call its keys, and how ours are written.
    pub foreign: &'static [(&'static str, &'static str)],
    /// Keys of the language that this version refuses by name.
    pub later: &'static [&'static str],
    /// Whether keys that begin with `x-` are left alone.
    pub is_extensible: bool,
    /// Whether it is a step, so that an unknown key may be a kind of step.
    pub is_step: bool,
}

impl Section {
    /// One with these words of other tools.
    pub(super) const fn new(foreign: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            foreign,
            later: &[],
            is_extensible: false,
            is_step: false,
        }
    }

    /// Our word for another tool's.
    pub(super) fn ours(&self, word: &str) -> Option<&'static str> {
        self.foreign
            .iter()
            .find(|(theirs, _)| theirs.eq_ignore_ascii_case(word))
            .map(|(_, ours)| *ours)
    }

    /// Whether the scenario language has this word here, and this version does not run it.
    pub(super) fn is_later(&self, word: &str) -> bool {
        self.later.contains(&word)
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
        assert!(!load.is_later("rate"));
    }
}
