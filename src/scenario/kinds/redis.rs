//! `redis`: a command to a Redis server, or several that are sent at once.

use crate::plan::kinds::redis::RedisCommands;
use crate::plan::{Action, Scheme, StepKind, Template};
use crate::scenario::decode;
use crate::scenario::diagnostic::{Diagnostics, Span, quoted};
use crate::scenario::fields::Fields;
use crate::scenario::kind::{Family, Kind, Reader, StepAction};
use crate::scenario::response_source::Origin;
use crate::scenario::section::Section;
use crate::scenario::tree::{Node, Value, typed};

/// Maximum number of commands in a pipeline.
const MAX_COMMANDS: usize = 10_000;
const EXAMPLE: &str = "redis: [GET, \"cart:{{user}}\"]";
const PIPELINE: &str = "redis: { pipeline: [ [INCR, hits], [EXPIRE, hits, 60] ] }";
/// The map `redis` of a step.
const SECTION: Section = Section::new(&[("commands", "pipeline"), ("batch", "pipeline")]);

/// Commands that a step can't send, in capitals, with the reason and the remedy.
const REFUSED: &[(&[&str], &str, &str)] = &[
    (
        &[
            "SUBSCRIBE",
            "PSUBSCRIBE",
            "SSUBSCRIBE",
            "MONITOR",
            "SYNC",
            "PSYNC",
        ],
        "keeps sending replies",
        "remove it; a step waits for the reply of its command",
    ),
    (
        &["QUIT", "SHUTDOWN"],
        "ends the connection",
        "remove it; connections are closed at the end of the run",
    ),
    (
        &["HELLO", "RESET"],
        "changes the protocol of the connection",
        "write `redis: { protocol: resp3 }` in the target",
    ),
    (
        &["AUTH"],
        "logs in on a connection that others may use later",
        "write user and password in the target's URL, before its host: `USER:PASSWORD@HOST`",
    ),
    (
        &["SELECT"],
        "changes the database of a connection that others may use later",
        "write its number in the target's URL: `redis://HOST/1`",
    ),
];

pub(super) const KIND: Kind = Kind {
    keys: &["redis"],
    family: Family::Network,
    own_keys: &[],
    takes: &[],
    holds_templates: true,
    sends_headers: false,
    foreign: &[],
    example: |_| format!("`{EXAMPLE}`"),
    read: |reader, action, fields| reader.redis(action, fields),
    schema: include_str!("redis.json"),
};

impl Reader<'_> {
    fn redis(
        &mut self,
        action: StepAction<'_>,
        fields: &mut Fields<'_>,
    ) -> Option<(String, StepKind)> {
        self.refuse_keys_of_http(fields, "`redis` sends commands", "write it in the command");
        self.refuse_keys_of_mocks(action, fields);
        let target = self.database(action, fields, &[Scheme::Redis, Scheme::Rediss]);
        let commands = (!action.value.is_null())
            .then(|| commands(action.value, self.problems))
            .flatten();
        let (parts, timeout) = self.exchanged(action, fields, target, None, Origin::Reply);
        let ((commands, is_pipeline), target) = (commands?, target?);
        let inherited = self.targets.timeout(target);
        let redis = Action::Redis(RedisCommands {
            target,
            commands,
            is_pipeline,
        });
        let operation = self.number(action, redis, parts, timeout, inherited);
        Some((title(action), StepKind::Operation(Box::new(operation))))
    }
}

/// Returns the default name of a step: the command and its key as typed.
fn title(action: StepAction<'_>) -> String {
    let beginning = |node: &Node| match &node.value {
        Value::List(items) => items
            .iter()
            .take(2)
            .map(typed)
            .collect::<Vec<_>>()
            .join(" "),
        _ => typed(node),
    };
    let pipeline = match action.value.get("pipeline").map(|node| &node.value) {
        Some(Value::List(commands)) => commands.first().zip(Some(commands.len())),
        _ => None,
    };
    match pipeline {
        Some((first, 1)) => format!("redis {}", beginning(first)),
        Some((first, count)) => format!("redis {} and {} more", beginning(first), count - 1),
        None => format!("redis {}", beginning(action.value)),
    }
}

/// Decodes a command, or a pipeline; returns whether it is a pipeline.
fn commands(node: &Node, problems: &mut Diagnostics) -> Option<(Vec<Vec<Template>>, bool)> {
    match &node.value {
        Value::List(items) => Some((vec![command(node.span, items, false, problems)?], false)),
        Value::Map(_) => {
            let mut fields = Fields::open(node, &SECTION, "`redis`", PIPELINE, problems)?;
            let pipeline = fields.need("pipeline", "pipeline: [ [INCR, hits] ]", problems);
            fields.finish(problems);
            let node = pipeline?;
            let items = decode::list(node, "pipeline", PIPELINE, problems)?;
            if items.is_empty() || items.len() > MAX_COMMANDS {
                problems
                    .error(node.span, format!("a pipeline of {} commands", items.len()))
                    .help(format!("write from 1 to {MAX_COMMANDS} commands"));
                return None;
            }
            // All of them are decoded, to report all problems.
            let commands: Vec<_> = items
                .iter()
                .map(|item| match &item.value {
                    Value::List(items) => command(item.span, items, true, problems),
                    _ => not_a_command(item, problems),
                })
                .collect();
            Some((commands.into_iter().collect::<Option<_>>()?, true))
        }
        _ => not_a_command(node, problems),
    }
}

fn not_a_command<T>(node: &Node, problems: &mut Diagnostics) -> Option<T> {
    if node.value == Value::Broken {
        return None;
    }
    let error = problems.error(
        node.span,
        format!(
            "a Redis command must be a list of its name and its arguments, but this is {}",
            node.describe()
        ),
    );
    match &node.value {
        Value::Scalar(scalar) if !scalar.as_typed().contains(['"', '\'', ',']) => {
            let words: Vec<&str> = scalar.as_typed().split_whitespace().collect();
            error.help(format!("write `[{}]`", words.join(", ")));
        }
        _ => {
            error.help(format!("write `{EXAMPLE}`, or `{PIPELINE}`"));
        }
    }
    None
}

/// Decodes a command.
fn command(
    place: Span,
    items: &[Node],
    is_in_pipeline: bool,
    problems: &mut Diagnostics,
) -> Option<Vec<Template>> {
    if items.is_empty() {
        problems
            .error(place, "this command is empty")
            .help(format!("write `{EXAMPLE}`"));
        return None;
    }
    let arguments: Vec<Option<Template>> = items
        .iter()
        .map(|item| {
            if item.is_null() {
                problems
                    .error(
                        item.span,
                        "an argument of a Redis command is a text, and this is null",
                    )
                    .help("write the text; `\"\"` is an empty one");
                return None;
            }
            decode::template(item, "redis", problems)
        })
        .collect();
    let arguments: Vec<Template> = arguments.into_iter().collect::<Option<_>>()?;
    let name = arguments[0].as_text().unwrap_or_default();
    if let Some(name @ ("MULTI" | "EXEC" | "DISCARD" | "WATCH")) =
        Some(name.to_ascii_uppercase().as_str()).filter(|_| !is_in_pipeline)
    {
        problems
            .error(
                items[0].span,
                format!("`{name}` needs other commands on the same connection"),
            )
            .help(
                "send all of them at once: `redis: { pipeline: [ [MULTI], [INCR, a], [EXEC] ] }`",
            );
        return None;
    }
    let second = arguments.get(1).and_then(Template::as_text);
    is_allowed(name, second, items[0].span, problems).then_some(arguments)
}

/// Returns whether a step can send a command; reports it if not.
fn is_allowed(name: &str, second: Option<&str>, place: Span, problems: &mut Diagnostics) -> bool {
    let is_called = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let refused = REFUSED.iter().find(|(names, ..)| is_called(names));
    let (why, remedy) = match refused {
        Some((_, why, remedy)) => (*why, *remedy),
        None if is_called(&["CLIENT"])
            && second.is_some_and(|word| word.eq_ignore_ascii_case("REPLY")) =>
        {
            (
                "turns replies off",
                "remove it; a step waits for the reply of its command",
            )
        }
        None if name.is_empty() || !name.contains(char::is_whitespace) => return true,
        None => {
            let words: Vec<&str> = name.split_whitespace().collect();
            problems
                .error(
                    place,
                    format!("{} is not the name of a command", quoted(name)),
                )
                .help(format!(
                    "separate its arguments: `[{}, …]`",
                    words.join(", ")
                ));
            return false;
        }
    };
    problems
        .error(place, format!("`{name}` {why}"))
        .help(remedy);
    false
}
