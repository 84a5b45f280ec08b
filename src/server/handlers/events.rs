//! Answers that come in pieces: server-sent events, and the completions of a language model.

use bytes::Bytes;
use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

use super::api::LONGEST;
use crate::base::Nanos;
use crate::plan::Delay;
use crate::server::call::{self, Call};
use crate::server::reply::{Problem, Reply};
use crate::server::scripted::{Cut, Part, Scripted};
use crate::server::state::State;

const MAX_EVENTS: u64 = 1_000_000;
const MAX_PER_EVENT: u64 = 10_000;
/// The tokens of a completion, unless the request says how many.
const TOKENS: u64 = 21;
/// What a line without an end has, in bytes.
const LONG_LINE: usize = 1_000_000;
const DONE: &str = "data: [DONE]\n\n";
/// The words of a completion, in turn.
const WORDS: [&str; 8] = [
    "Load",
    " is",
    " what",
    " a",
    " queue",
    " makes",
    " of",
    " waiting.",
];

/// What goes wrong in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Half an event, halfway, and nothing after it.
    Stall,
    /// Half an event, halfway, and the connection is closed.
    Cut,
    /// The body ends well, without the event that ends the stream.
    NoEnd,
    /// Every second event has nothing in it.
    Empty,
    /// The usage is missing.
    NoUsage,
    /// A million bytes without a line break, halfway.
    LongLine,
    /// Comments without end, halfway.
    Comments,
    /// Events without end, after the event that ends the stream.
    AfterEnd,
}

const FAULTS: [(&str, Fault); 8] = [
    ("stall", Fault::Stall),
    ("cut", Fault::Cut),
    ("no_end", Fault::NoEnd),
    ("empty", Fault::Empty),
    ("no_usage", Fault::NoUsage),
    ("long_line", Fault::LongLine),
    ("comments", Fault::Comments),
    ("after_end", Fault::AfterEnd),
];

/// The times and the faults that a request asks for.
struct Script {
    first: Delay,
    gap: Delay,
    fault: Option<Fault>,
    random: Pcg64Mcg,
}

impl Script {
    fn of(state: &State, call: &Call<'_>) -> Result<Self, Problem> {
        let delay = |name, default: Nanos| {
            call.parameter(name)
                .map_or(Ok(Delay::Constant(default)), |text| delay(name, &text))
        };
        let fault = call.parameter("fault").map(|text| {
            let found = FAULTS.iter().find(|(name, _)| *name == text);
            found.map(|(_, fault)| *fault).ok_or_else(|| {
                let names = FAULTS.map(|(name, _)| name).join(", ");
                Problem::bad_request(&format!(
                    "`fault` is not known: {text:?}; write one of {names}"
                ))
            })
        });
        Ok(Self {
            first: delay("first", Nanos::from_millis(100))?,
            gap: delay("gap", Nanos::from_millis(10))?,
            fault: fault.transpose()?,
            random: Pcg64Mcg::seed_from_u64(state.next_stream()),
        })
    }

    /// Returns the stream of these events, and of what follows them, as far as its fault allows.
    fn reply(mut self, state: &State, events: Vec<String>, after: Vec<String>) -> Reply {
        let half = events.len() / 2;
        let part = |after, text: &str| Part {
            after,
            content: Ok(Bytes::copy_from_slice(text.as_bytes())),
        };
        let mut parts = Vec::new();
        for (place, event) in events.iter().enumerate() {
            let delay = if place == 0 { self.first } else { self.gap };
            let wait = delay.sample(&mut self.random);
            let at_half = self.fault.filter(|_| place == half);
            let begun = &event[..event.len() / 2];
            match at_half {
                Some(Fault::Stall) => {
                    parts.extend([part(wait, begun), part(LONGEST, "")]);
                    return stream(state, parts.into_iter());
                }
                Some(Fault::Cut) => {
                    let content = Err(Cut);
                    let after = Nanos::ZERO;
                    parts.extend([part(wait, begun), Part { after, content }]);
                    return stream(state, parts.into_iter());
                }
                Some(Fault::LongLine) => {
                    let line = format!("data: {}", "x".repeat(LONG_LINE));
                    parts.extend([part(wait, &line), part(LONGEST, "")]);
                    return stream(state, parts.into_iter());
                }
                Some(Fault::Comments) => {
                    let comment = part(Nanos::from_millis(1), ": nothing yet\n\n");
                    return stream(state, parts.into_iter().chain(std::iter::repeat(comment)));
                }
                _ => parts.push(part(wait, event)),
            }
        }
        parts.extend(after.iter().map(|text| part(Nanos::ZERO, text)));
        if self.fault != Some(Fault::NoEnd) {
            parts.push(part(Nanos::ZERO, DONE));
        }
        if self.fault == Some(Fault::AfterEnd) {
            let event = events.first().map_or("data: \n\n", String::as_str);
            let more = std::iter::repeat(part(Nanos::from_millis(1), event));
            return stream(state, parts.into_iter().chain(more));
        }
        stream(state, parts.into_iter())
    }

    /// Returns whether the event at this place has nothing in it.
    fn is_empty(&self, place: u64) -> bool {
        self.fault == Some(Fault::Empty) && place % 2 == 1
    }
}

fn stream(state: &State, parts: impl Iterator<Item = Part> + 'static) -> Reply {
    Reply::events(Scripted::new(state.clock, parts))
}

/// `/sse`
pub(crate) fn sse(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let script = Script::of(state, call)?;
    let count = call.number("events", TOKENS, 0..=MAX_EVENTS)?;
    let events = (0..count).map(|n| {
        if script.is_empty(n) {
            "data:\n\n".into()
        } else {
            format!("id: {n}\ndata: {{\"n\": {n}}}\n\n")
        }
    });
    let events = events.collect();
    Ok(script.reply(state, events, Vec::new()))
}

/// `/v1/chat/completions`
pub(crate) fn completions(state: &State, call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Value = serde_json::from_slice(call.body)
        .map_err(|error| Problem::bad_request(&format!("the body is not JSON: {error}")))?;
    let mut script = Script::of(state, call)?;
    let asked_tokens = ["max_completion_tokens", "max_tokens"]
        .into_iter()
        .find_map(|name| asked.get(name)?.as_u64());
    let tokens = call.number("tokens", asked_tokens.unwrap_or(TOKENS), 0..=MAX_EVENTS)?;
    let tokens = tokens.min(MAX_EVENTS);
    let per_event = call.number("per_event", 1, 1..=MAX_PER_EVENT)?;
    let model = asked.get("model").cloned().unwrap_or_else(|| "m".into());
    let usage = json!({
        "prompt_tokens": asked["messages"].to_string().split_whitespace().count(),
        "completion_tokens": tokens,
    });
    let text = |from: u64, to: u64| -> String {
        let words = (from..to).map(|n| WORDS[(n % WORDS.len() as u64) as usize]);
        words.collect()
    };
    if asked["stream"] != json!(true) {
        let events = tokens.div_ceil(per_event);
        let gaps = (1..events).fold(Nanos::ZERO, |sum, _| {
            sum + script.gap.sample(&mut script.random)
        });
        let due = state.clock.now() + script.first.sample(&mut script.random) + gaps;
        let message = json!({ "role": "assistant", "content": text(0, tokens) });
        let choices = json!([{ "index": 0, "message": message, "finish_reason": "stop" }]);
        let answer = json!({ "object": "chat.completion", "model": model, "choices": choices, "usage": usage });
        return Ok(Reply::json(&answer).not_before(due));
    }
    let chunk = |choices: Value, usage: Option<&Value>| {
        let mut chunk =
            json!({ "object": "chat.completion.chunk", "model": model, "choices": choices });
        if let Some(usage) = usage {
            chunk["usage"] = usage.clone();
        }
        format!("data: {chunk}\n\n")
    };
    let delta = |content: &str| json!([{ "index": 0, "delta": { "content": content }, "finish_reason": null }]);
    let events = (0..tokens.div_ceil(per_event)).map(|n| {
        if script.is_empty(n) {
            return chunk(delta(""), None);
        }
        let from = n * per_event;
        chunk(delta(&text(from, tokens.min(from + per_event))), None)
    });
    let events = events.collect();
    let mut after = vec![chunk(
        json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]),
        None,
    )];
    let wants_usage = asked["stream_options"]["include_usage"] == json!(true);
    if wants_usage && script.fault != Some(Fault::NoUsage) {
        after.push(chunk(json!([]), Some(&usage)));
    }
    Ok(script.reply(state, events, after))
}

/// Parses a duration, or a distribution such as `exponential:20ms` and `lognormal:10ms,80ms`.
fn delay(name: &'static str, text: &str) -> Result<Delay, Problem> {
    let wrong = || {
        Problem::bad_request(&format!(
            "`{name}` is not a time: {text:?}; write 20ms, uniform:10ms,30ms, exponential:20ms (the mean), normal:20ms,5ms (mean and standard deviation) or lognormal:10ms,80ms (median and p99)"
        ))
    };
    let Some((kind, parameters)) = text.split_once(':') else {
        return call::duration(name, text, LONGEST).map(Delay::Constant);
    };
    let times: Vec<Nanos> = parameters
        .split(',')
        .map(|time| call::duration(name, time, LONGEST))
        .collect::<Result<_, _>>()?;
    match (kind, times.as_slice()) {
        ("uniform", [from, to]) if from <= to => Ok(Delay::Uniform {
            from: *from,
            to: *to,
        }),
        ("exponential", [mean]) => Ok(Delay::Exponential { mean: *mean }),
        ("normal", [mean, sd]) => Ok(Delay::Normal {
            mean: *mean,
            sd: *sd,
        }),
        ("lognormal", [p50, p99]) if Nanos::ZERO < *p50 && p50 < p99 => Ok(Delay::Lognormal {
            p50: *p50,
            p99: *p99,
        }),
        _ => Err(wrong()),
    }
}
