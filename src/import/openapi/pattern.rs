//! Texts that match a regular expression.

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest text.
const MAX_CHARS: usize = 10_000;
/// How often more than needed what may be repeated is repeated: the first of these that fits is taken.
const REPEATS: [usize; 13] = [2, 0, 1, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/// Characters that people read with ease, in the order in which they are taken.
const PLAIN: &str = "abcdefghijklmnopqrstuvwxyz1234567890ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. ";

/// Returns a text that a pattern matches and whose length is within these bounds, in characters.
/// `None` if the pattern is not a regular expression, or if none was found.
pub(super) fn matching(pattern: &str, min: usize, max: usize) -> Option<String> {
    let regex = Regex::new(pattern).ok()?;
    let hir = regex_syntax::parse(pattern).ok()?;
    let is_good = |text: &String| {
        let length = text.chars().count();
        (min..=max).contains(&length) && regex.is_match(text)
    };
    let fixed = REPEATS.into_iter().chain([min]);
    fixed
        .filter_map(|repeats| {
            let mut text = Generated {
                text: String::new(),
                count: 0,
                repeats,
            };
            text.add(&hir)?;
            Some(text.text)
        })
        .find(is_good)
}

struct Generated {
    text: String,
    /// The number of characters.
    count: usize,
    repeats: usize,
}

impl Generated {
    /// Appends what matches an expression; `None` if it would be too long.
    fn add(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Some(()),
            HirKind::Literal(literal) => self.push(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(class) => {
                let c = char_of(class, self.count)?;
                self.push(c.encode_utf8(&mut [0; 4]))
            }
            HirKind::Repetition(repetition) => {
                let least = repetition.min as usize;
                let most = repetition.max.map_or(usize::MAX, |max| max as usize);
                for _ in 0..least
                    .max(1)
                    .saturating_add(self.repeats)
                    .min(most)
                    .max(least)
                {
                    let before = self.count;
                    self.add(&repetition.sub)?;
                    if self.count == before {
                        break;
                    }
                }
                Some(())
            }
            HirKind::Capture(capture) => self.add(&capture.sub),
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.add(part)),
            HirKind::Alternation(choices) => self.add(choices.first()?),
        }
    }

    fn push(&mut self, text: &str) -> Option<()> {
        self.count += text.chars().count();
        self.text.push_str(text);
        (self.count <= MAX_CHARS).then_some(())
    }
}

/// Returns a character of a class: one that is easily read, if it has any.
fn char_of(class: &Class, at: usize) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|r| (r.start(), r.end())).collect(),
        Class::Bytes(class) => class
            .iter()
            .filter(|range| range.end().is_ascii())
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
    };
    let is_in = |c: &char| {
        ranges
            .iter()
            .any(|(first, last)| (first..=last).contains(&c))
    };
    let plain: Vec<char> = PLAIN.chars().filter(is_in).collect();
    match plain.len() {
        0 => ranges.first().map(|(first, _)| *first),
        count => Some(plain[at % count]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_and_are_read_with_ease() {
        for (pattern, min, max, text) in [
            ("^[a-z]+$", 0, 100, "abc"),
            (r"^\d{4}-\d{2}$", 0, 100, "1234-67"),
            (r"^[A-Z]{2}\d{2}$", 0, 100, "AB34"),
            ("^(cat|dog)$", 0, 100, "cat"),
            ("^[a-z0-9-]{3,8}$", 0, 100, "abcde"),
            ("^[a-z]*$", 10, 100, "abcdefghijklm"),
            ("^[a-z]{1,30}$", 0, 1, "a"),
            (r"^\+?[1-9]\d{1,14}$", 0, 100, "+2345"),
            (r"^#[0-9a-fA-F]{6}$", 0, 100, "#bcdef1"),
            (r"^\/[\w\/]+$", 0, 100, "/bcd"),
            ("^$", 0, 100, ""),
            (r"^[\u4e00-\u9fff]$", 0, 100, "一"),
        ] {
            assert_eq!(
                matching(pattern, min, max).as_deref(),
                Some(text),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_pattern_without_a_text_is_not_one() {
        for pattern in [
            "(",
            "^(?!x).*$",
            "^a{20000}$",
            "^((a{100}){100}){100}$",
            r"a\bb",
        ] {
            assert_eq!(matching(pattern, 0, 100_000), None, "{pattern}");
        }
        assert_eq!(matching("^abc$", 4, 9), None);
    }
}
