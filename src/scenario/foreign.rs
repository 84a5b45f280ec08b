//! Terms of other tools: kinds of steps that this version does not support, and names of values.
//! Terms for keys are declared where those keys are decoded.
//!
//! Plain tables. When a kind of step is implemented, its row is deleted here.

/// Kinds of steps that people look for and that this version does not support: their names, what
/// they are, and what to write instead. Each row is one kind, and is deleted when that kind is
/// implemented.
pub(super) const MISSING_KINDS: &[(&[&str], &str, &str)] = &[
    (
        &["mysql", "mssql", "oracle", "sqlite"],
        "queries of this database",
        "`sql` speaks to PostgreSQL",
    ),
    (
        &[
            "script",
            "js",
            "javascript",
            "lua",
            "python",
            "function",
            "code",
        ],
        "scripts",
        "compute values with `set`, and expressions in `{{…}}`",
    ),
    (
        &["graphql"],
        "steps for GraphQL",
        "write `post: /graphql` with `json: { query: …, variables: … }`",
    ),
    (
        &["socketio"],
        "steps for Socket.IO",
        "`websocket` sends and receives plain messages",
    ),
    (
        &["kafka", "mqtt", "amqp", "rabbitmq", "nats", "jms", "stomp"],
        "message queues",
        "`tcp` speaks protocols of lines of text",
    ),
    (
        &["udp", "dns", "smtp", "imap", "ldap", "ftp"],
        "steps of this protocol",
        "`tcp` speaks protocols of lines of text",
    ),
    (
        &["browser", "page", "click", "goto", "navigate"],
        "steps of a browser",
        "write the requests that the page makes",
    ),
    (
        &["pace", "pacing", "constant_pacing"],
        "users of a fixed pace",
        "plan the starts with `load: { rate: 10/s }`, or pause with `think: 1s`",
    ),
    (
        &["rendezvous", "barrier", "synchronize"],
        "meeting points",
        "a stage of `load` with a `duration` of `0s` jumps to its level",
    ),
    (
        &["log", "print", "debug"],
        "messages to the console",
        "`loadgen run FILE --dry-run` shows the first request as it goes out",
    ),
    (
        &["include", "import", "use"],
        "files of steps",
        "name steps with an anchor, `x-login: &login { … }`, and insert them with `*login`",
    ),
];

/// Returns what an unsupported kind of step is, and what to write instead.
pub(super) fn missing_kind(word: &str) -> Option<(&'static str, &'static str)> {
    let is_called = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    MISSING_KINDS
        .iter()
        .find(|(names, ..)| is_called(names))
        .map(|(_, what, instead)| (*what, *instead))
}

/// Returns what to write for a value that other tools have under this name.
pub(super) fn value_of(word: &str) -> Option<&'static str> {
    Some(
        match word
            .trim_start_matches(['$', '_'])
            .to_ascii_lowercase()
            .as_str()
        {
            "vu" | "userid" | "user_id" | "threadnum" => {
                "a step `{ set: { me: seq() }, once: true }` gives each virtual user a number of its own, `me`"
            }
            "iter" | "iteration" | "counter" | "loopcount" => {
                "`seq()` is the number of the iteration, from 1"
            }
            "uuid" | "guid" | "randomuuid" => "write `uuid()`",
            "timestamp" | "time" | "epoch" => "`now()` is the time in milliseconds since 1970",
            "randomint" | "randomnumber" | "randint" | "random" => {
                "write `random_int(1, 100)`, in quotes where it stands inside of `{…}`"
            }
            "randomstring" => "write `random_string(8)`",
            _ => return None,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_either_case() {
        assert_eq!(
            missing_kind("GraphQL").map(|(what, _)| what),
            Some("steps for GraphQL")
        );
        assert_eq!((value_of("__VU").is_some(), value_of("page")), (true, None));
    }
}
