//! Words: the parts that they stand in, what this version does not run yet, and what was probably
//! meant.
//!
//! When a part of the language comes to life, its row is deleted here. What other tools call things
//! is in `foreign`.

/// The part of a scenario that a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The scenario itself.
    Top,
    /// An entry of `targets`.
    Target,
    /// `http` of a target.
    Http,
    /// `tls` of a target.
    Tls,
    /// `auth`.
    Auth,
    /// `auth.basic`.
    Basic,
    /// An entry of `data`.
    Feed,
    /// An entry of `mix`.
    Mix,
    /// A step of a flow.
    Step,
    /// `load`.
    Load,
    /// An entry of `load.stages`.
    Stage,
    /// `limits`.
    Limits,
    /// `expect`.
    Expect,
    /// `expect.body`.
    BodyRule,
    /// A rule of `expect.json`.
    JsonRule,
    /// `expect.size`.
    SizeRule,
    /// `timeout`.
    Timeout,
    /// `retry`.
    Retry,
    /// A kind of `backoff`.
    Backoff,
    /// `repeat`.
    Repeat,
    /// `tcp`.
    Tcp,
    /// `receive` of `tcp`.
    Framing,
    /// `receive` of a message.
    Receive,
    /// A value of `capture`.
    Capture,
    /// A value of `tag`.
    Tag,
    /// `regex` as a map.
    Regex,
    /// A part of `multipart`.
    Multipart,
    /// `report`.
    Report,
    /// `request`.
    Request,
    /// A distribution.
    Delay,
    /// An entry of `thresholds`.
    Threshold,
    /// An entry of `load.stop_when`.
    StopWhen,
}

/// The scenario language's words that this version refuses by name.
const LATER: &[(Part, &[&str])] = &[(Part::Mix, &["load"])];

/// Whether the scenario language has this word here, and this version does not run it.
pub fn is_later(part: Part, word: &str) -> bool {
    LATER
        .iter()
        .any(|(p, words)| *p == part && words.contains(&word))
}

/// The sentence for a word that this version does not run.
pub fn not_yet(word: &str) -> (String, &'static str) {
    (
        format!(
            "`{word}` is part of the scenario language, but this version of loadgen does not run it yet"
        ),
        "remove it",
    )
}

/// A function as it is called.
pub fn call(function: &str) -> String {
    let arguments = match function {
        "random_int" => "1, 100",
        "random_string" => "8",
        "pick" => "list",
        "int" | "float" | "urlencode" | "base64" => "value",
        _ => "",
    };
    format!("{function}({arguments})")
}

/// The known word that was probably meant: few letters differ, and the first one does only where it
/// was left out, doubled or swapped, because people get that right: `pace` is not `race`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    let lower = word.to_lowercase();
    let allowed = |known: &str| match (word.chars().count(), known.len()) {
        // `rn`, where a letter was left out.
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

/// `a`, `b` and `c`, in backquotes.
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
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
        assert!(is_later(Part::Mix, "load") && !is_later(Part::Top, "load"));
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
