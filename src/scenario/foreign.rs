//! What people who know other tools write: kinds of steps that this version does not have, keys,
//! and names of values.
//!
//! Plain tables. When a kind of step comes to life, its row is deleted here.

use super::words::Part;

/// Kinds of steps that people look for and this version does not have: their names, what they are,
/// and what to write instead. A row is a kind: it is deleted when the kind comes to life.
const MISSING_KINDS: &[(&[&str], &str, &str)] = &[
    (
        &["grpc", "grpcCall", "rpc"],
        "gRPC calls",
        "where the service has a gateway that speaks JSON over HTTP, call that with `post`",
    ),
    (
        &["sql", "jdbc", "query_sql", "postgres", "mysql"],
        "SQL queries",
        "send requests to a service in front of the database",
    ),
    (
        &["redis"],
        "Redis commands",
        "`tcp: { send: \"PING\\r\\n\", receive: line }` sends one as a line of text",
    ),
    (
        &["sse", "eventsource", "stream", "events"],
        "event streams",
        "`get` reads a response up to its end, which `timeout` bounds",
    ),
    (
        &["exec", "shell", "command", "cmd", "run"],
        "commands of the shell",
        "run them before or after loadgen",
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
        "name steps with an anchor, `x-login: &login { … }`, and put them in with `*login`",
    ),
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
    (
        Part::Top,
        "threads",
        "load: { vus: … }` (users) or `workers",
    ),
    (Part::Top, "options", "load"),
    (Part::Top, "host", "targets"),
    (Part::Top, "base_url", "targets"),
    (Part::Top, "baseUrl", "targets"),
    (Part::Top, "tasks", "mix"),
    (Part::Top, "stages", "load: { stages: … }"),
    (Part::Top, "ramp_up", "load: { stages: … }"),
    (Part::Top, "rampUp", "load: { stages: … }"),
    (Part::Top, "spawn_rate", "load: { stages: … }"),
    (Part::Top, "run_time", "load: { duration: … }"),
    (Part::Top, "loops", "load: { iterations_per_vu: … }"),
    (Part::Top, "loop_count", "load: { iterations_per_vu: … }"),
    (
        Part::Top,
        "wait_time",
        "think` (a step of a flow), as in `think: { uniform: [1s, 5s] }",
    ),
    (Part::Top, "checks", "thresholds"),
    (Part::Top, "csv_data_set", "data"),
    (Part::Top, "ensure", "thresholds"),
    (Part::Top, "repeat", "rounds"),
    (Part::Top, "users", "load: { vus: … }"),
    (Part::Top, "vus", "load: { vus: … }"),
    (Part::Top, "rate", "load: { rate: … }"),
    (Part::Top, "before", "setup"),
    (Part::Top, "beforeScenario", "setup"),
    (Part::Top, "before_all", "setup"),
    (Part::Top, "on_start", "setup"),
    (Part::Top, "after", "teardown"),
    (Part::Top, "afterScenario", "teardown"),
    (Part::Top, "after_all", "teardown"),
    (Part::Top, "on_stop", "teardown"),
    (Part::Top, "csv", "data"),
    (Part::Top, "payload", "data"),
    (Part::Top, "feeder", "data"),
    (Part::Top, "feeders", "data"),
    (Part::Top, "feeds", "data"),
    (Part::Feed, "path", "file"),
    (Part::Feed, "csv", "file"),
    (Part::Feed, "filename", "file"),
    (Part::Feed, "recycle", "at_end"),
    (Part::Feed, "source", "file"),
    (Part::Feed, "strategy", "order"),
    (Part::Feed, "loop", "at_end"),
    (Part::Feed, "on_end", "at_end"),
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
    (Part::Load, "phases", "stages"),
    (Part::Load, "spawn_rate", "stages"),
    (Part::Load, "ramp_up", "stages"),
    (Part::Load, "rampUp", "stages"),
    (Part::Load, "run_time", "duration"),
    (Part::Load, "loops", "iterations_per_vu"),
    (Part::Load, "loop_count", "iterations_per_vu"),
    (Part::Load, "startRate", "start"),
    (Part::Load, "startVUs", "start"),
    (Part::Stage, "target", "vus: …` (users) or `rate: …"),
    (Part::Stage, "arrivalRate", "rate"),
    (Part::Stage, "rampTo", "rate"),
    (Part::Stage, "rps", "rate"),
    (Part::Stage, "qps", "rate"),
    (Part::Stage, "users", "vus"),
    (Part::Stage, "pause", "hold"),
    (Part::Stage, "measured", "measure"),
    (Part::Limits, "qps", "rate"),
    (Part::Limits, "rps", "rate"),
    (Part::Limits, "max_in_flight", "concurrency"),
    (Part::Mix, "steps", "flow"),
    (Part::Mix, "requests", "flow"),
    (Part::Mix, "feed", "data"),
    (Part::Mix, "feeds", "data"),
    (Part::Mix, "payload", "data"),
    (Part::Mix, "csv", "data"),
    (Part::Step, "url", "get: …"),
    (Part::Step, "uri", "get: …"),
    (Part::Step, "path", "get: …"),
    (Part::Step, "method", "request: { method: …, path: … }"),
    (Part::Step, "wait", "think"),
    (Part::Step, "wait_time", "think"),
    (Part::Step, "thinkTime", "think"),
    (Part::Step, "http.get", "get"),
    (Part::Step, "http.post", "post"),
    (Part::Step, "assertions", "expect"),
    (Part::Step, "assertion", "expect"),
    (Part::Step, "checks", "expect"),
    (Part::Step, "validate", "expect"),
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
    (Part::Step, "extract", "capture"),
    (Part::Step, "save", "capture"),
    (Part::Step, "saveAs", "capture"),
    (Part::Step, "match", "expect"),
    (Part::Step, "tags", "tag"),
    (Part::Step, "formParams", "form"),
    (Part::Step, "formData", "multipart"),
    (Part::Step, "files", "multipart"),
    (Part::Step, "file", "body_file"),
    (Part::Step, "vars", "set"),
    (Part::Step, "assign", "set"),
    (Part::Step, "foreach", "repeat: { over: …, as: …, flow: … }"),
    (Part::Step, "doWhile", "repeat: { until: …, flow: … }"),
    (Part::Step, "asLongAs", "repeat: { until: …, flow: … }"),
    (Part::Step, "while", "repeat: { until: …, flow: … }"),
    (Part::Step, "if", "when"),
    (Part::Step, "ifTrue", "when"),
    (Part::Step, "probability", "chance"),
    (Part::Step, "group", "flow"),
    (Part::Step, "ws", "websocket"),
    (Part::Step, "wss", "websocket"),
    (Part::Step, "websockets", "websocket"),
    (Part::Step, "socket", "websocket"),
    (Part::Step, "http", "get: …"),
    (Part::Step, "fetch", "get: …"),
    (Part::Step, "visit", "get: …"),
    (Part::Step, "connect", "websocket"),
    (Part::Step, "sendJson", "send_json"),
    (Part::Step, "emit", "send"),
    (Part::Step, "response", "receive"),
    (Part::Tcp, "write", "send"),
    (Part::Tcp, "expect", "receive"),
    (Part::Tcp, "read", "receive"),
    (Part::Framing, "size", "bytes"),
    (Part::Framing, "length", "bytes"),
    (Part::Framing, "delimiter", "until"),
    (Part::Receive, "regex", "matches"),
    (Part::Receive, "includes", "contains"),
    (Part::Receive, "text", "contains"),
    (Part::Receive, "jsonpath", "json"),
    (Part::Repeat, "count", "times"),
    (Part::Repeat, "steps", "flow"),
    (Part::Repeat, "while", "until"),
    (Part::Repeat, "loopWhile", "until"),
    (Part::Repeat, "whileTrue", "until"),
    (Part::Repeat, "foreach", "over"),
    (Part::Repeat, "in", "over"),
    (Part::Repeat, "items", "over"),
    (Part::Repeat, "loopElement", "as"),
    (Part::Repeat, "name", "as"),
    (Part::Capture, "json", "jsonpath"),
    (Part::Capture, "jmespath", "jsonpath"),
    (Part::Capture, "pattern", "regex"),
    (Part::Capture, "regexp", "regex"),
    (Part::Capture, "fallback", "default"),
    (Part::Tag, "json", "jsonpath"),
    (Part::Tag, "regexp", "regex"),
    (Part::Regex, "pattern", "regex"),
    (Part::JsonRule, "length", "min_len"),
    (Part::JsonRule, "regex", "matches"),
    (Part::JsonRule, "eq", "equals"),
    (Part::JsonRule, "value", "equals"),
    (Part::JsonRule, "kind", "type"),
    (Part::Http, "followRedirects", "redirects"),
    (Part::Http, "follow_redirects", "redirects"),
    (Part::Http, "maxRedirects", "redirects"),
    (Part::Http, "cookie_jar", "cookies"),
    (Part::Http, "keepalive", "keep_alive"),
    (Part::Http, "keep-alive", "keep_alive"),
    (Part::Http, "version", "protocol"),
    (Part::Http, "http2", "protocol: http2"),
    (Part::Http, "sharedConnections", "connections"),
    (Part::Http, "streams", "max_streams"),
    (Part::Http, "maxConcurrentStreams", "max_streams"),
    (Part::Tls, "cacert", "ca"),
    (Part::Tls, "rootCAs", "ca"),
    (Part::Tls, "certificate", "cert"),
    (Part::Tls, "private_key", "key"),
    (Part::Tls, "sni", "server_name"),
    (Part::Tls, "servername", "server_name"),
    (Part::Tls, "verify", "insecure"),
    (Part::Tls, "rejectUnauthorized", "insecure"),
    (Part::Tls, "insecureSkipTLSVerify", "insecure"),
    (Part::Tls, "skip_verify", "insecure"),
    (Part::Auth, "token", "bearer"),
    (Part::Basic, "username", "user"),
    (Part::Basic, "pass", "password"),
    (Part::Multipart, "path", "file"),
    (Part::Multipart, "name", "filename"),
    (Part::Multipart, "type", "content_type"),
    (Part::Retry, "max_attempts", "attempts"),
    (Part::Retry, "tries", "attempts"),
    (Part::Retry, "retries", "attempts"),
    (Part::Retry, "on", "errors"),
    (Part::Retry, "delay", "backoff"),
    (Part::Backoff, "multiplier", "factor"),
    (Part::Backoff, "base", "initial"),
    (Part::Expect, "code", "status"),
    (Part::Expect, "status_code", "status"),
    (Part::Expect, "statusCode", "status"),
    (Part::Expect, "response_code", "status"),
    (Part::Expect, "text", "body: { contains: … }"),
    (Part::Expect, "contains", "body: { contains: … }"),
    (Part::Expect, "matches", "body: { matches: … }"),
    (Part::Expect, "regex", "body: { matches: … }"),
    (Part::Expect, "equals", "body: { equals: … }"),
    (Part::Expect, "jsonpath", "json: { $.PATH: … }"),
    (Part::Expect, "header", "headers"),
    (Part::Expect, "duration", "max_response"),
    (Part::Expect, "response_time", "max_response"),
    (Part::BodyRule, "regex", "matches"),
    (Part::BodyRule, "includes", "contains"),
    (Part::Threshold, "threshold", "check"),
    (Part::Threshold, "metric", "check: METRIC OP VALUE"),
    (Part::Threshold, "tolerance", "max_regression"),
    (Part::Threshold, "maxRegression", "max_regression"),
    (Part::Threshold, "baseline", "vs: baseline"),
    (Part::Threshold, "abortOnFail", "abort"),
    (Part::Threshold, "delayAbortEval", "after"),
    (Part::Threshold, "scenario", "mix"),
    (Part::StopWhen, "condition", "check"),
    (Part::Target, "base_url", "url"),
    (Part::Target, "host", "url"),
    (Part::Target, "connect_to", "resolve"),
    (Part::Target, "addresses", "resolve"),
    (Part::Target, "keep_alive", "http: { keep_alive: … }"),
    (Part::Target, "protocol", "http: { protocol: … }"),
    (Part::Target, "insecure", "tls: { insecure: true }"),
    (Part::Delay, "median", "p50"),
    (Part::Delay, "stddev", "sd"),
    (Part::Delay, "std", "sd"),
    (Part::Delay, "min", "uniform"),
];

/// Our word for another tool's.
pub fn ours(part: Part, word: &str) -> Option<&'static str> {
    FOREIGN
        .iter()
        .find(|(p, theirs, _)| *p == part && theirs.eq_ignore_ascii_case(word))
        .map(|(.., ours)| *ours)
}

/// What a step of a kind that this version does not have is, and what to write instead.
pub fn missing_kind(word: &str) -> Option<(&'static str, &'static str)> {
    let is_called = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    MISSING_KINDS
        .iter()
        .find(|(names, ..)| is_called(names))
        .map(|(_, what, instead)| (*what, *instead))
}

/// What to write for a value that other tools have by this name.
pub fn value_of(word: &str) -> Option<&'static str> {
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
        assert_eq!(ours(Part::Load, "arrivalrate"), Some("rate"));
        assert_eq!(
            missing_kind("GraphQL").map(|(what, _)| what),
            Some("steps for GraphQL")
        );
        assert_eq!((value_of("__VU").is_some(), value_of("page")), (true, None));
    }

    #[test]
    fn a_kind_that_is_there_is_not_missing() {
        for (names, ..) in MISSING_KINDS {
            for name in *names {
                assert!(
                    !crate::scenario::flow::is_action(name),
                    "`{name}` is a kind of step: delete its row"
                );
                assert_eq!(ours(Part::Step, name), None, "{name}");
            }
        }
    }
}
