//! Delays: the duration of a mock operation or of a pause, constant or drawn from a distribution.

use super::decode;
use super::diagnostic::{Diagnostics, Span, quoted};
use super::fields::Fields;
use super::section::Section;
use super::tree::{Entry, Node, Value, typed};
use super::words;
use crate::base::{Nanos, parse};
use crate::plan::Delay;

/// A distribution.
const DELAY: Section = Section::new(&[
    ("median", "p50"),
    ("stddev", "sd"),
    ("std", "sd"),
    ("min", "uniform"),
]);

const KINDS: [&str; 4] = ["uniform", "exponential", "normal", "lognormal"];

/// Decodes the value of `key`.
pub(super) fn decode(node: &Node, key: &str, problems: &mut Diagnostics) -> Option<Delay> {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        Value::List(_) => {
            problems
                .error(
                    node.span,
                    format!("`{key}` must be a duration, but this is a list"),
                )
                .help(format!(
                    "for a random duration between two, write `{key}: {{ uniform: [0.5s, 2s] }}`"
                ));
            return None;
        }
        Value::Scalar(scalar) => {
            if let Some((shortest, longest)) = between(&scalar.text) {
                problems
                    .error(node.span, format!("{} is not a duration", quoted(&scalar.text)))
                    .help(format!("for a random duration between two, write `{key}: {{ uniform: [{shortest}, {longest}] }}`"));
                return None;
            }
            return decode::duration(node, key, problems).map(Delay::Constant);
        }
        Value::Broken => return None,
    };
    let entry = only_entry(entries, node.span, key, problems)?;
    let body = &entry.value;
    match entry.key.as_str() {
        "uniform" => uniform(body, problems),
        "exponential" => exponential(body, problems),
        "normal" => normal(body, problems),
        "lognormal" => lognormal(body, problems),
        other => {
            let error = problems.error(
                entry.key_span,
                format!("unknown distribution {}", quoted(other)),
            );
            match words::nearest(other, KINDS).or_else(|| foreign(other)) {
                Some("constant") => error.help(format!(
                    "write the duration alone: `{key}: {}`",
                    typed(body)
                )),
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("choose from {}", words::listed(KINDS))),
            };
            None
        }
    }
}

/// Returns the one distribution that a map specifies.
fn only_entry<'n>(
    entries: &'n [Entry],
    span: Span,
    key: &str,
    problems: &mut Diagnostics,
) -> Option<&'n Entry> {
    if let [entry] = entries {
        return Some(entry);
    }
    let (count, remedy) = match entries {
        [shortest, longest]
            if matches!(shortest.key.as_str(), "min" | "from")
                && matches!(longest.key.as_str(), "max" | "to") =>
        {
            let (shortest, longest) = (typed(&shortest.value), typed(&longest.value));
            (
                "two".to_owned(),
                format!("write `{key}: {{ uniform: [{shortest}, {longest}] }}`"),
            )
        }
        _ => (
            entries.len().to_string(),
            format!(
                "write one of {}, as in `{key}: {{ exponential: {{ mean: 300ms }} }}`",
                words::listed(KINDS)
            ),
        ),
    };
    problems
        .error(
            span,
            format!("`{key}` takes one distribution, but this map has {count} keys"),
        )
        .help(remedy);
    None
}

fn exponential(node: &Node, problems: &mut Diagnostics) -> Option<Delay> {
    let mut fields = Fields::open(node, &DELAY, "`exponential`", "{ mean: 300ms }", problems)?;
    let mean = time(&mut fields, "mean", "mean: 300ms", problems);
    fields.finish(problems);
    Some(Delay::Exponential { mean: mean? })
}

fn normal(node: &Node, problems: &mut Diagnostics) -> Option<Delay> {
    let mut fields = Fields::open(
        node,
        &DELAY,
        "`normal`",
        "{ mean: 20ms, sd: 5ms }",
        problems,
    )?;
    let mean = time(&mut fields, "mean", "mean: 20ms", problems);
    let sd = time(&mut fields, "sd", "sd: 5ms", problems);
    fields.finish(problems);
    Some(Delay::Normal {
        mean: mean?,
        sd: sd?,
    })
}

/// Returns our name for a distribution that other tools call differently.
fn foreign(word: &str) -> Option<&'static str> {
    Some(match word {
        "between" | "random" | "range" => "uniform",
        "gaussian" => "normal",
        "poisson" => "exponential",
        "constant" | "fixed" => "constant",
        _ => return None,
    })
}

/// Splits `between(1s, 5s)` or `1s-5s` into its two durations; numbers without a unit are seconds.
fn between(text: &str) -> Option<(String, String)> {
    let inside = ["between", "random", "uniform"].iter().find_map(|word| {
        text.trim()
            .strip_prefix(word)?
            .strip_prefix('(')?
            .strip_suffix(')')
    });
    let (shortest, longest) =
        inside.map_or_else(|| text.split_once('-'), |inside| inside.split_once(','))?;
    let duration = |text: &str| {
        let text = text.trim();
        let text = if text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            format!("{text}s")
        } else {
            text.to_owned()
        };
        parse::duration(&text).is_ok().then_some(text)
    };
    Some((duration(shortest)?, duration(longest)?))
}

fn time(
    fields: &mut Fields<'_>,
    key: &'static str,
    example: &str,
    problems: &mut Diagnostics,
) -> Option<Nanos> {
    let node = fields.need(key, example, problems)?;
    decode::duration(node, key, problems)
}

fn uniform(node: &Node, problems: &mut Diagnostics) -> Option<Delay> {
    let items = decode::list(node, "uniform", "uniform: [0.5s, 2s]", problems)?;
    let [from, to] = items else {
        problems
            .error(
                node.span,
                format!(
                    "`uniform` takes two durations, but this list has {}",
                    items.len()
                ),
            )
            .help("write `uniform: [0.5s, 2s]`");
        return None;
    };
    let (shortest, longest) = (
        decode::duration(from, "uniform", problems),
        decode::duration(to, "uniform", problems),
    );
    let (shortest, longest) = (shortest?, longest?);
    if shortest > longest {
        problems
            .error(
                node.span,
                format!("`uniform` goes from {shortest} down to {longest}"),
            )
            .help(format!(
                "write the shorter one first: `uniform: [{longest}, {shortest}]`"
            ));
        return None;
    }
    Some(Delay::Uniform {
        from: shortest,
        to: longest,
    })
}

fn lognormal(node: &Node, problems: &mut Diagnostics) -> Option<Delay> {
    let mut fields = Fields::open(
        node,
        &DELAY,
        "`lognormal`",
        "{ p50: 10ms, p99: 80ms }",
        problems,
    )?;
    let p50 = time(&mut fields, "p50", "p50: 10ms", problems);
    let p99 = time(&mut fields, "p99", "p99: 80ms", problems);
    fields.finish(problems);
    let (p50, p99) = (p50?, p99?);
    if p50 == Nanos::ZERO {
        problems
            .error(
                node.span,
                "the median of a log-normal distribution must be above 0",
            )
            .help("write a longer one, such as `p50: 10ms`");
        return None;
    }
    if p99 <= p50 {
        problems
            .error(node.span, format!("`p99` ({p99}) is not above `p50` ({p50})"))
            .help("the 99th percentile lies above the median: swap them, or write one duration if it never varies");
        return None;
    }
    Some(Delay::Lognormal { p50, p99 })
}
