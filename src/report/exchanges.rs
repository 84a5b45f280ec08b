//! Exchanges as text, for people who debug: what was sent, what was received, and what was made of
//! it.

use std::fmt::Write as _;

use super::paint::{self, Paint};
use super::view;
use crate::result::{
    Body, Captured, Exchange, ExchangeOutcome, ExchangeStream, ExchangeTimes, Header, Hop, Pass,
    Section, SeenCheck,
};

/// The number of characters of a body that are shown.
const MAX_SHOWN: usize = 4096;

/// Returns the line above the exchanges of a pass.
pub(crate) fn title(section: Section, mix: &str, color: bool) -> String {
    let place = Paint::Strong.on(&place(section, mix));
    paint::finish(&format!("== {place} ==\n\n"), color)
}

/// Returns the name of a section.
pub(crate) fn place(section: Section, mix: &str) -> String {
    match section {
        Section::Setup => "setup".into(),
        Section::Mix => format!("mix {}", view::plain(mix)),
        Section::Teardown => "teardown".into(),
    }
}

/// Returns the line below the exchanges of a pass, if some operations were not run.
pub(crate) fn not_run(pass: &Pass) -> String {
    if pass.not_run.is_empty() {
        return String::new();
    }
    let names: Vec<String> = pass.not_run.iter().map(|name| view::plain(name)).collect();
    format!("not run: {}\n\n", names.join(", "))
}

/// Returns an exchange that contains no secrets. What is sent has a `>` in front, and what is
/// received a `<`.
pub(crate) fn render(exchange: &Exchange, color: bool) -> String {
    let mut out = format!("{}\n", headline(exchange));
    for hop in &exchange.hops {
        render_hop(&mut out, hop);
    }
    for check in &exchange.checks {
        let _ = writeln!(out, "  {}", check_line(check));
    }
    for captured in &exchange.captures {
        let _ = writeln!(out, "  {}", value_line("capture", captured));
    }
    for measured in &exchange.measures {
        let _ = writeln!(out, "  {}", value_line("measure", measured));
    }
    if let Some(stream) = &exchange.stream {
        let _ = writeln!(out, "  {:<8} {}", "stream", stream_line(stream));
    }
    let times = times(&exchange.times);
    if !times.is_empty() {
        let _ = writeln!(out, "  {:<8} {times}", "times");
    }
    if let Some(failure) = &exchange.failure {
        let text = format!(
            "failed ({}): {}",
            failure.kind,
            view::plain(&failure.message)
        );
        let next = if exchange.is_retried {
            "; tried again"
        } else {
            ""
        };
        let _ = writeln!(out, "  {}{next}", Paint::Bad.on(&text));
    }
    out.push('\n');
    paint::finish(&out, color)
}

fn headline(exchange: &Exchange) -> String {
    let verdict = match exchange.outcome {
        ExchangeOutcome::Ok => Paint::Good.on("✓"),
        ExchangeOutcome::Failed => Paint::Bad.on("✗"),
        ExchangeOutcome::Cancelled => Paint::Warn.on("– cancelled:"),
    };
    let attempt = if exchange.attempts > 1 {
        format!(" (try {} of {})", exchange.attempt, exchange.attempts)
    } else {
        String::new()
    };
    format!(
        "{verdict} {}{attempt}",
        Paint::Strong.on(&view::plain(&exchange.step))
    )
}

fn render_hop(out: &mut String, hop: &Hop) {
    let _ = writeln!(out, "  {}", Paint::Faint.on(&view::plain(&hop.url)));
    message(
        out,
        '>',
        hop.request.line.as_ref(),
        &hop.request.headers,
        hop.request.body.as_ref(),
    );
    let Some(response) = &hop.response else {
        return;
    };
    for passed_over in &response.passed_over {
        render_body(out, '<', passed_over);
        let _ = writeln!(
            out,
            "  {}",
            Paint::Faint.on("(not the message that the step waits for)")
        );
    }
    message(
        out,
        '<',
        response.line.as_ref(),
        &response.headers,
        response.body.as_ref(),
    );
}

fn message(
    out: &mut String,
    mark: char,
    line: Option<&String>,
    headers: &[Header],
    body: Option<&Body>,
) {
    if let Some(line) = line {
        let _ = writeln!(out, "  {mark} {}", view::plain(line));
    }
    for Header { name, value } in headers {
        let _ = writeln!(
            out,
            "  {mark} {}: {}",
            view::plain(name),
            view::plain(value)
        );
    }
    let Some(body) = body.filter(|body| body.size > 0) else {
        return;
    };
    if line.is_some() {
        let _ = writeln!(out, "  {mark}");
    }
    render_body(out, mark, body);
}

fn render_body(out: &mut String, mark: char, body: &Body) {
    let size = view::bytes(body.size);
    if let Some(first) = &body.first_bytes {
        let more = if body.is_cut { " …" } else { "" };
        let _ = writeln!(out, "  {mark} [binary, {size}: {first}{more}]");
        return;
    }
    let Some(text) = &body.text else {
        let _ = writeln!(out, "  {mark} [{size}]");
        return;
    };
    let whole = view::plain_lines(text);
    let shown: String = whole.chars().take(MAX_SHOWN).collect();
    for line in shown.lines() {
        let _ = writeln!(out, "  {mark} {line}");
    }
    if body.is_cut || shown.len() < whole.len() {
        let _ = writeln!(out, "  {mark} [cut; the whole body has {size}]");
    }
}

fn check_line(check: &SeenCheck) -> String {
    let name = view::plain(&check.name);
    let seen = view::plain(&check.seen);
    let verdict = if check.passed {
        Paint::Good.on("✓")
    } else {
        Paint::Bad.on("✗")
    };
    format!("{:<8} {verdict} {name}, seen {seen}", "check")
}

fn value_line(what: &str, captured: &Captured) -> String {
    let name = view::plain(&captured.name);
    let value = view::plain(&captured.value.to_string());
    let value = view::shortened(&value, MAX_SHOWN);
    let text = match &captured.missing {
        None => format!("{name} = {value}"),
        Some(why) if captured.is_default => {
            format!("{name} = {value} (the default: {})", view::plain(why))
        }
        Some(why) => Paint::Bad.on(&format!("{name}: {}", view::plain(why))),
    };
    format!("{what:<8} {text}")
}

fn stream_line(stream: &ExchangeStream) -> String {
    let units = stream.units.map_or_else(
        || "the server did not say how many units".to_owned(),
        |units| format!("{units} units"),
    );
    let hung_up = stream.hung_up.then(|| "the client hung up".to_owned());
    let times = [
        ("first", stream.first_ms),
        ("longest gap", stream.max_gap_ms),
        ("per unit", stream.unit_ms),
    ];
    let times = times
        .iter()
        .filter_map(|(name, ms)| ms.map(|ms| format!("{name} {}", view::duration_ms(ms))));
    let counts = [format!("{} events", stream.events), units];
    let others = (stream.other_events > 0).then(|| format!("{} others", stream.other_events));
    let parts = counts.into_iter().chain(others).chain(times).chain(hung_up);
    parts.collect::<Vec<_>>().join(" · ")
}

fn times(times: &ExchangeTimes) -> String {
    let stages = [
        ("queue", times.queue_ms),
        ("connect", times.connect_ms),
        ("tls", times.tls_ms),
        ("send", times.send_ms),
        ("first byte", times.first_byte_ms),
        ("body", times.body_ms),
        ("total", times.total_ms),
    ];
    let stages = stages
        .iter()
        .filter_map(|(name, ms)| ms.map(|ms| format!("{name} {}", view::duration_ms(ms))));
    stages.collect::<Vec<_>>().join(" · ")
}
