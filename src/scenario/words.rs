//! Words in messages: suggestions for misspelled words, and lists.
//!
//! Terms of other tools are in `section` and `foreign`.

/// Formats a function as a call.
pub(super) fn call(function: &str) -> String {
    let arguments = match function {
        "random_int" => "1, 100",
        "random_string" => "8",
        "pick" => "list",
        "int" | "float" | "urlencode" | "base64" => "value",
        _ => "",
    };
    format!("{function}({arguments})")
}

/// Returns the known word that was probably meant. Few letters may differ, and the first one only
/// if it was left out, doubled or swapped, because people usually get it right: `pace` is not
/// `race`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    let lower = word.to_lowercase();
    let allowed = |known: &str| match (word.chars().count(), known.len()) {
        // `rn`, if a letter was left out.
        (2, 3) => 1,
        (0..=2, _) => 0,
        (3..=4, _) => 1,
        (5..=8, _) => 2,
        _ => 3,
    };
    let is_alike = |known: &str| {
        let (mut ours, mut theirs) = (known.chars(), lower.chars());
        let (first, typed) = (ours.next(), theirs.next());
        first == typed || ours.next() == typed || theirs.next() == first
    };
    known
        .into_iter()
        .filter(|k| k.len() <= 80)
        .map(|k| (k.to_lowercase(), k))
        .filter(|(known, _)| is_alike(known))
        .map(|(known, k)| (strsim::damerau_levenshtein(&lower, &known), k))
        .filter(|(distance, k)| *distance <= allowed(k))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

/// Formats a list of words in backquotes: `a`, `b` and `c`.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match words.split_last() {
        None => "none".into(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) if rest.len() < 30 => format!("{} and {last}", rest.join(", ")),
        Some((_, rest)) => format!("{} and {} more", rest[..30].join(", "), rest.len() - 29),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_what_was_meant() {
        assert_eq!(
            nearest("wieght", ["name", "weight", "flow"]),
            Some("weight")
        );
        assert_eq!(nearest("Name", ["name", "weight"]), Some("name"));
        assert_eq!(nearest("xy", ["name", "weight"]), None);
        for (typed, known, meant) in [
            ("pace", "race", false),
            ("click", "block", false),
            ("sore", "more", false),
            ("rn", "run", true),
            ("egt", "get", true),
            ("ost", "post", true),
            ("gget", "get", true),
            ("slep", "sleep", true),
            ("itmeout", "timeout", true),
            ("paralel", "parallel", true),
        ] {
            assert_eq!(nearest(typed, [known]).is_some(), meant, "{typed}: {known}");
        }
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
