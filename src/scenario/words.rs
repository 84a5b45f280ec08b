//! Words: what this version does not run yet, what other tools call things, and what was probably meant.
//!
//! Plain tables. When a part of the language comes to life, its row is deleted here.

/// The part of a scenario that a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The scenario itself.
    Top,
    /// An entry of `targets`.
    Target,
    /// An entry of `mix`.
    Mix,
    /// A step of a flow.
    Step,
    /// `load`.
    Load,
    /// `limits`.
    Limits,
    /// `expect`.
    Expect,
    /// `expect.body`.
    BodyRule,
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
    /// `report`.
    Report,
    /// `request`.
    Request,
    /// A distribution.
    Delay,
}

/// The scenario language's words that this version refuses by name.
const LATER: &[(Part, &[&str])] = &[
    (Part::Top, &["data", "setup", "teardown", "thresholds"]),
    (Part::Target, &["http", "tls", "resolve", "auth"]),
    (Part::Mix, &["data", "load"]),
    (Part::Step, &["websocket", "tcp", "set", "when", "tag", "form", "body_file", "multipart", "auth", "capture"]),
    (Part::Load, &["stages", "start", "stop_when"]),
    (Part::Expect, &["json"]),
    (Part::Repeat, &["until", "over", "as", "max"]),
];

/// Words of other tools, or of habit, and how ours are written.
const FOREIGN: &[(Part, &str, &str)] = &[
    (Part::Top, "executor", "modes"),
    (Part::Top, "scenarios", "mix"),
    (Part::Top, "mode", "modes"),
    (Part::Top, "target", "targets"),
    (Part::Top, "variables", "vars"),
    (Part::Top, "env", "vars"),
    (Part::Top, "config", "targets"),
    (Part::Top, "phases", "load"),
    (Part::Top, "flow", "mix"),
    (Part::Top, "steps", "mix"),
    (Part::Top, "iterations", "load: { iterations: … }"),
    (Part::Top, "duration", "load: { duration: … }"),
    (Part::Top, "threads", "workers"),
    (Part::Top, "ensure", "thresholds"),
    (Part::Top, "repeat", "rounds"),
    (Part::Top, "users", "load: { vus: … }"),
    (Part::Top, "vus", "load: { vus: … }"),
    (Part::Top, "rate", "load: { rate: … }"),
    (Part::Load, "arrivalRate", "rate"),
    (Part::Load, "arrival_rate", "rate"),
    (Part::Load, "arrivalCount", "iterations"),
    (Part::Load, "qps", "rate"),
    (Part::Load, "rps", "rate"),
    (Part::Load, "rampTo", "stages"),
    (Part::Load, "ramp", "stages"),
    (Part::Load, "maxVUs", "max_in_flight"),
    (Part::Load, "maxVusers", "max_in_flight"),
    (Part::Load, "preAllocatedVUs", "max_in_flight"),
    (Part::Load, "executor", "vus"),
    (Part::Load, "users", "vus"),
    (Part::Load, "threads", "vus"),
    (Part::Load, "connections", "vus"),
    (Part::Load, "concurrency", "vus"),
    (Part::Load, "clients", "vus"),
    (Part::Load, "requests", "iterations"),
    (Part::Load, "gracefulStop", "graceful_stop"),
    (Part::Load, "warm_up", "warmup"),
    (Part::Limits, "qps", "rate"),
    (Part::Limits, "rps", "rate"),
    (Part::Limits, "max_in_flight", "concurrency"),
    (Part::Mix, "steps", "flow"),
    (Part::Mix, "requests", "flow"),
    (Part::Step, "url", "get: …"),
    (Part::Step, "uri", "get: …"),
    (Part::Step, "path", "get: …"),
    (Part::Step, "method", "request: { method: …, path: … }"),
    (Part::Step, "wait", "think"),
    (Part::Step, "pause", "think"),
    (Part::Step, "delay", "sleep"),
    (Part::Step, "params", "query"),
    (Part::Step, "qs", "query"),
    (Part::Step, "data", "body"),
    (Part::Step, "payload", "body"),
    (Part::Step, "assert", "expect"),
    (Part::Step, "check", "expect"),
    (Part::Step, "status", "expect: { status: … }"),
    (Part::Step, "retries", "retry"),
    (Part::Step, "all", "parallel"),
    (Part::Step, "gather", "parallel"),
    (Part::Step, "any", "race"),
    (Part::Step, "loop", "repeat"),
    (Part::Step, "times", "repeat: { times: …, flow: … }"),
    (Part::Step, "count", "repeat: { times: …, flow: … }"),
    (Part::Step, "if", "when"),
    (Part::Step, "ifTrue", "when"),
    (Part::Step, "probability", "chance"),
    (Part::Step, "group", "flow"),
    (Part::Repeat, "count", "times"),
    (Part::Repeat, "steps", "flow"),
    (Part::Repeat, "while", "until"),
    (Part::Retry, "max_attempts", "attempts"),
    (Part::Retry, "tries", "attempts"),
    (Part::Retry, "retries", "attempts"),
    (Part::Retry, "on", "errors"),
    (Part::Retry, "delay", "backoff"),
    (Part::Backoff, "multiplier", "factor"),
    (Part::Backoff, "base", "initial"),
    (Part::BodyRule, "regex", "matches"),
    (Part::BodyRule, "includes", "contains"),
    (Part::Target, "base_url", "url"),
    (Part::Target, "host", "url"),
    (Part::Delay, "median", "p50"),
    (Part::Delay, "stddev", "sd"),
    (Part::Delay, "std", "sd"),
    (Part::Delay, "min", "uniform"),
];

/// Whether the scenario language has this word here, and this version does not run it.
pub fn is_later(part: Part, word: &str) -> bool {
    LATER.iter().any(|(p, words)| *p == part && words.contains(&word))
}

/// Our word for another tool's.
pub fn ours(part: Part, word: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(p, theirs, _)| *p == part && theirs.eq_ignore_ascii_case(word)).map(|(.., ours)| *ours)
}

/// The sentence for a word that this version does not run.
pub fn not_yet(word: &str) -> (String, &'static str) {
    (format!("`{word}` is part of the scenario language, but this version of loadgen does not run it yet"), "remove it")
}

/// The known word that was probably meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 40 {
        return None;
    }
    let lower = word.to_lowercase();
    let allowed = match word.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .filter(|k| k.len() <= 80)
        .map(|k| (strsim::damerau_levenshtein(&lower, &k.to_lowercase()), k))
        .filter(|(distance, _)| *distance <= allowed)
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
        assert_eq!(nearest("wieght", ["name", "weight", "flow"]), Some("weight"));
        assert_eq!(nearest("Name", ["name", "weight"]), Some("name"));
        assert_eq!(nearest("xy", ["name", "weight"]), None);
        assert_eq!(ours(Part::Load, "arrivalrate"), Some("rate"));
        assert!(is_later(Part::Top, "thresholds") && !is_later(Part::Step, "thresholds"));
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
