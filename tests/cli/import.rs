//! `loadgen import`: what curl sends, and what the scenario that is made of its command sends.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::recorder::{Received, Recorder, received};
use crate::support::{finish_with, folder, is_installed, loadgen, run};

/// A request as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub line: String,
    /// With names in lower case, sorted; without those that clients choose by themselves.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Reads one request of a connection; the client sends nothing more before the response.
pub(crate) fn request(stream: &TcpStream) -> Option<Request> {
    let Received {
        line,
        mut headers,
        mut body,
    } = received(stream)?;
    let is_own = |(name, value): &(String, String)| match name.as_str() {
        "host" | "connection" | "content-length" | "expect" => true,
        "user-agent" => value.starts_with("curl/") || value.starts_with("loadgen/"),
        "accept" => value == "*/*",
        _ => false,
    };
    headers.retain(|header| !is_own(header));
    // Each client has boundaries of its own.
    for (name, value) in &mut headers {
        if name == "content-type"
            && let Some((kind, boundary)) = value.split_once("boundary=")
        {
            let text = String::from_utf8(body).expect("a text");
            body = text
                .replace(boundary.trim_matches('"'), "BOUNDARY")
                .replace("Content-Disposition: ", "content-disposition: ")
                .replace("Content-Type: ", "content-type: ")
                .into_bytes();
            *value = format!("{kind}boundary=BOUNDARY");
        }
    }
    headers.sort();
    // Several headers of a name say the same as one with all values.
    headers.dedup_by(|next, first| {
        let is_same = next.0 == first.0;
        if is_same {
            first.1 = format!("{}, {}", first.1, next.1);
        }
        is_same
    });
    // Spaces between the tokens of JSON say nothing.
    if serde_json::from_slice::<serde_json::Value>(&body).is_ok() {
        let mut is_in_string = false;
        let mut before = 0;
        body.retain(|byte| {
            is_in_string ^= *byte == b'"' && before != b'\\';
            before = *byte;
            is_in_string || !byte.is_ascii_whitespace()
        });
    }
    Some(Request {
        line: normalized(&line),
        headers,
        body,
    })
}

/// Percent-encodes braces, which no URL has, and writes the digits of what is encoded in upper case.
fn normalized(line: &str) -> String {
    let line = line.replace('{', "%7B").replace('}', "%7D");
    let mut parts = line.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| {
        let (digits, rest) = part.split_at(2);
        format!("{line}%{}{rest}", digits.to_uppercase())
    })
}

/// The variables of the environment that the commands use, or that their credentials become.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("TOKEN", "t0p-s3cret"),
    ("ITEM", "item-7"),
    ("WHO", "Zoë"),
    ("X_SESSION_ID", "of-a-variable"),
    ("X_SESSION_ID_2", "s-4242"),
    ("BRACE", "b"),
    ("UUID", "u"),
];

/// Runs commands with the shell and curl.
fn shell(folder: &Path, script: &str) {
    let done = Command::new("bash")
        .args(["-c", script])
        .current_dir(folder)
        .envs(ENVIRONMENT)
        .env("NO_PROXY", "*")
        .env("HOME", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .expect("bash");
    assert!(
        done.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Returns the command that sends what a scenario says, one request after the other.
pub(crate) fn sends(folder: &Path, file: &str) -> Command {
    let arguments = [
        "run",
        file,
        "--mode",
        "sequential",
        "--format",
        "none",
        "-q",
    ];
    loadgen(folder, &arguments)
}

/// Imports commands and runs the scenario, with the credentials that a person would put into the
/// environment.
fn imported(folder: &Path, script: &str, credentials: &[(&str, &str)]) -> String {
    let _ = fs::remove_file(folder.join("made.yaml"));
    finish_with(
        &mut loadgen(folder, &["import", "-", "-o", "made.yaml"]),
        script,
    )
    .exits(0);
    let text = fs::read_to_string(folder.join("made.yaml")).expect("written");
    let mut command = sends(folder, "made.yaml");
    command.envs(ENVIRONMENT).envs(credentials.iter().copied());
    let ran = crate::support::finish(&mut command);
    assert_eq!(
        ran.status.code(),
        Some(0),
        "{script}\n{text}\n{}",
        ran.stderr
    );
    text
}

/// Commands as in the documents of services, in words of our own. `URL` is the server.
const COMMANDS: &[&str] = &[
    "curl URL",
    "curl URL/",
    "curl URL/items?page=2",
    "curl 'URL/items?page=2&limit=5#top'",
    "curl URL/a/../b/./c",
    "curl --path-as-is URL/a/../b",
    "curl URL/caf%C3%A9/%2F?q=a%20b+c",
    "curl -s -S -o /dev/null URL/quiet",
    "curl -sSfL URL/flags",
    "curl -v -i --no-progress-meter URL/verbose -w '%{http_code}'",
    "curl -X DELETE URL/items/7",
    "curl -XPUT URL/items/7 -d name=x",
    "curl --request PATCH URL/items/7 --data '{\"name\": \"x\"}' -H 'content-type: application/json'",
    "curl -X PURGE URL/cache",
    "curl -I URL/head",
    "curl --head URL/head2",
    "curl -X OPTIONS URL/options -H 'Origin: https://shop.test'",
    "curl -H 'Accept: application/json' URL/json",
    "curl -H 'X-Empty;' URL/empty",
    "curl -H 'X-A: 1' -H 'X-A: 2' URL/twice",
    "curl -H \"X-Quote: say \\\"hi\\\"\" URL/quotes",
    "curl -A 'shop/1.0 (test)' URL/agent",
    "curl -e https://from.test/page URL/referer",
    "curl -r 0-99 URL/range",
    "curl --compressed URL/compressed",
    "curl -d a=1 URL/form",
    "curl -d a=1 -d b=2 URL/form",
    "curl -d 'a=1&b=two' URL/form",
    "curl --data 'a=x y&b=%41' URL/raw-form",
    "curl -d a=1 -d a=2 URL/twice-form",
    "curl --data-raw '@not-a-file' URL/at",
    "curl --data-raw 'text with\nline breaks\n' URL/lines",
    "curl --data-binary 'a=1' URL/binary",
    "curl --data-ascii 'a=1' URL/ascii",
    "curl -d '' URL/nothing",
    "curl -d @form.txt URL/from-file",
    "curl --data-binary @order.json -H 'Content-Type: application/json' URL/binary-file",
    "curl --json @order.json URL/json-file",
    "curl --data-urlencode 'q=a b&c=é' URL/encoded",
    "curl --data-urlencode 'a b' URL/encoded-content",
    "curl --data-urlencode '=a=b' URL/encoded-equals",
    "curl -d a=1 --data-urlencode 'q=x/y' URL/mixed",
    "curl -G -d page=2 -d limit=5 URL/get",
    "curl -G URL/get2?x=1 --data-urlencode 'q=a b'",
    "curl --get --data-urlencode \"who=Zoë\" URL/get3",
    "curl --url-query page=3 URL/url-query",
    "curl --json '{\"item\": 7}' URL/json1",
    "curl --json '{\"item\":' --json '7}' URL/json2",
    "curl -H 'Content-Type: application/json' -d '{\"a\":[1,2,{\"b\":null}],\"c\":true}' URL/json3",
    "curl -H 'Content-Type: application/json; charset=utf-8' -d '{\"a\":1}' URL/json4",
    "curl -H 'Content-Type: application/json' -d '{\"n\": 10.00, \"big\": 98765432101234567890}' URL/json5",
    "curl -H 'Content-Type: application/json' -d '{\"s\": \"it'\"'\"'s \\u00e9\"}' URL/json6",
    "curl -H 'Content-Type: application/vnd.api+json' -d '{\"data\":{\"type\":\"a\"}}' URL/json7",
    "curl -H 'Content-Type: application/json' -d 'not json' URL/json8",
    "curl -H 'Content-Type: application/json' -d '[]' URL/json9",
    "curl -H 'Content-Type: application/json' -d '\"text\"' URL/json10",
    "curl -H 'Content-Type: application/json' -d '{}' URL/json11",
    "curl -H 'Content-Type: application/json' -d '{\"yes\": \"no\", \"1\": \"2\", \"~\": \"null\", \"a: b\": \"# c\"}' URL/json12",
    "curl -H 'Content-Type: application/json' -d $'{\"text\":\"it\\'s\"}' URL/ansi",
    "curl -H 'Content-Type: text/xml' -d '<a b=\"c\">{{d}}</a>' URL/xml",
    "curl -H 'X-Template: {{name}} and {{{' URL/braces",
    "curl -g 'URL/{{a}}?b={c}'",
    "curl -H 'Content-Type: application/json' -d '{\"a\":\"{{b}}\"}' URL/json-braces",
    "curl -d 'a={{b}}' URL/form-braces",
    "curl -T order.json URL/put",
    "curl -T order.json -X POST URL/post-file",
    "curl -F title=hello URL/multipart",
    "curl -F 'title=hello;type=text/html' URL/multipart-type",
    "curl -F 'file=@photo.png' URL/multipart-file",
    "curl -F 'file=@photo.png;type=image/png;filename=me.png' -F note=hi URL/multipart-file2",
    "curl --form-string 'a=@b;c' URL/multipart-string",
    "curl -b 'sid=abc; theme=dark' URL/cookies",
    "curl -b a=1 -b b=2 URL/cookies2",
    "curl -H 'Cookie: a=1' URL/cookies3",
    "curl -u me:sw0rdfish URL/basic",
    "curl --user 'me:sw0rd:fish' URL/basic2",
    "curl --basic -u 'mé:swördfish' URL/basic3",
    "curl -H 'Authorization: Bearer abc.def' URL/bearer",
    "curl --oauth2-bearer abc.def URL/bearer2",
    "curl -H \"Authorization: Bearer $TOKEN\" URL/bearer3",
    "curl -H \"Authorization: token ${TOKEN}\" URL/token",
    "curl -H 'Authorization: Basic bWU6d29yZA==' URL/basic4",
    "curl -H 'X-Api-Key: k-123' URL/key",
    "curl 'URL/data?access_token=abc&x=1'",
    "curl -d 'user=me&password=hunter22' URL/login",
    "curl --json '{\"user\": \"me\", \"password\": \"hunter22\", \"n\": 1.50}' URL/login2",
    "curl URL/items/$ITEM -d \"who=$WHO\"",
    "curl -H \"X-Who: {$ITEM}\" URL/variable",
    "curl -m 5 --connect-timeout 2.5 URL/timeouts",
    "curl --max-time 2 --retry 2 URL/retry",
    "curl --http1.1 -4 --tcp-nodelay URL/version",
    "curl -L --max-redirs 3 URL/redirects",
    "curl --url URL/by-option",
    "curl -- URL/after-dashes",
    "curl -o a URL/one -o b URL/two",
    "curl -d a=1 URL/three URL/four",
    "curl -X POST URL/next1 --next URL/next2",
    "curl -d a=1 URL/next3 -: -d b=2 URL/next4",
    "curl -X POST URL/items \\\n  -H 'Accept: application/json' \\\n  -d a=1",
    "# first\ncurl URL/script1\n\ncurl -d b=1 URL/script2 # last\n",
    "curl URL/and1 && curl URL/and2; curl URL/and3",
    "curl URL/to-file > out.txt 2>&1",
    "curl -s URL/to-nowhere 2>/dev/null >> out.txt",
    "curl -H 'X-Session-Id: s-4242' -H \"X-Other: $X_SESSION_ID\" URL/two-sessions",
    "curl -H \"X-Brace: $BRACE {{\" -H \"X-Uuid: $UUID\" URL/names-of-its-own",
    "curl -u me:sw0rdfish -H 'Authorization: Bearer abc.def' URL/header-first",
    "curl -u 'me:{{sw0rdfish}}' URL/braces-in-password",
    "curl -H 'Content-Type: text/xml' -d '<session a=\"1\">x</session>' URL/xml-session",
];

/// The credentials in the commands.
const CREDENTIALS: &[(&str, &str)] = &[
    ("sid=abc; theme=dark", "COOKIE"),
    ("a=1;b=2", "COOKIE"),
    ("a=1", "COOKIE"),
    ("Basic bWU6d29yZA==", "AUTHORIZATION"),
    ("sw0rd:fish", "PASSWORD"),
    ("swördfish", "PASSWORD"),
    ("{{sw0rdfish}}", "PASSWORD"),
    ("sw0rdfish", "PASSWORD"),
    ("abc.def", "TOKEN"),
    ("k-123", "X_API_KEY"),
    ("abc", "ACCESS_TOKEN"),
    ("hunter22", "PASSWORD"),
];

/// Sends what each of these commands says, with curl and with loadgen, and compares.
fn both_send_the_same(commands: &[&str]) {
    if !is_installed("curl", "curl") || !is_installed("bash", "bash") {
        return;
    }
    let folder = folder();
    for (file, content) in [
        ("form.txt", &b"a=1&b=2"[..]),
        ("order.json", b"{\"item\": 7}"),
        ("photo.png", b"PNG and so on"),
    ] {
        fs::write(folder.path().join(file), content).expect("written");
    }
    let recorder = Recorder::start(request);
    let mut differences = Vec::new();
    for command in commands {
        let script = command.replace("URL", &format!("http://{}", recorder.address));
        shell(folder.path(), &script);
        let wanted = recorder.heard();
        assert!(!wanted.is_empty(), "curl has sent nothing: {command}");
        // Of the credentials that a variable could mean, the one in the command.
        let mut environment = BTreeMap::new();
        for (value, variable) in CREDENTIALS {
            if command.contains(value) || command.contains(&value.replacen(';', " -b ", 1)) {
                environment.entry(*variable).or_insert(*value);
            }
        }
        let environment: Vec<(&str, &str)> = environment.into_iter().collect();
        let scenario = imported(folder.path(), &script, &environment);
        let heard = recorder.heard();
        if heard != wanted {
            differences.push(format!(
                "{command}\n{scenario}\nloadgen: {heard:?}\ncurl: {wanted:?}\n"
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_request_is_the_one_that_curl_sends() {
    let (first, _) = COMMANDS.split_at(COMMANDS.len() / 2);
    both_send_the_same(first);
}

#[test]
fn a_request_is_the_one_that_curl_sends_in_the_other_half_of_the_commands() {
    let (_, second) = COMMANDS.split_at(COMMANDS.len() / 2);
    both_send_the_same(second);
}

#[test]
fn there_are_a_hundred_commands() {
    assert!(COMMANDS.len() >= 100, "{}", COMMANDS.len());
}

#[test]
fn credentials_are_not_written() {
    let folder = folder();
    // Shorter ones are parts of other texts.
    for (value, _) in CREDENTIALS.iter().filter(|(value, _)| value.len() > 4) {
        let commands: Vec<&&str> = COMMANDS
            .iter()
            .filter(|command| command.contains(value))
            .collect();
        assert!(!commands.is_empty() || value.contains(';'), "{value}");
        for command in commands {
            let script = command.replace("URL", "http://127.0.0.1:9");
            let made = finish_with(&mut loadgen(folder.path(), &["import", "-"]), &script).exits(0);
            assert!(!made.stdout.contains(value), "{command}: {}", made.stdout);
        }
    }
}

#[test]
fn what_is_not_translated_is_said_in_its_place() {
    let folder = folder();
    let script = "jq . x\ncurl --ftp-pasv --foo http://127.0.0.1:9/a\ncurl 'http://127.0.0.1:9/{a,b}'\ncurl ftp://x/\ncurl -sS";
    let made = finish_with(&mut loadgen(folder.path(), &["import", "-"]), script).exits(0);
    for (line, message) in [
        (1, "`jq` is not curl"),
        (2, "`--ftp-pasv` is not carried over"),
        (2, "`--foo` is not an option of curl"),
        (3, "stand for several URLs"),
        (4, "`ftp://` is not HTTP"),
        (5, "a command without a URL"),
    ] {
        let place = format!("line {line}: ");
        for output in [&made.stdout, &made.stderr] {
            let is_said = output
                .lines()
                .any(|said| said.contains(&place) && said.contains(message));
            assert!(is_said, "{place}{message}:\n{output}");
        }
    }
    for (text, part) in [
        ("", "is empty"),
        ("curl -s", "there is no request in it: line 1"),
        ("curl 'http://127.0.0.1/", "there is no request in it"),
    ] {
        let refused = finish_with(&mut loadgen(folder.path(), &["import", "-"]), text).exits(2);
        assert!(refused.stderr.contains(part), "{text}: {}", refused.stderr);
    }
    run(folder.path(), &["import", "absent.txt"]).exits(2);
}

#[test]
fn what_is_left_out_leaves_no_credentials_and_no_secrets() {
    let folder = folder();
    let script = "echo $HOME\ncurl 'ftp://me:sw0rdfish@shop.test/?token=sw0rdfish'\n\
                  curl 'http://me:sw0rdfish@127.0.0.1:9/{a,b}'\n\
                  curl --aws-sigv4 aws -u me:sw0rdfish http://127.0.0.1:9/ -H sw0rdfish\n\
                  curl -x socks5://me:sw0rdfish@127.0.0.1 http://127.0.0.1:9/ -F sw0rdfish\n\
                  curl http://127.0.0.1:9/ --no-sessionid -H \"X-Now: $(date)\"";
    let made = finish_with(&mut loadgen(folder.path(), &["import", "-"]), script).exits(0);
    for output in [&made.stdout, &made.stderr] {
        assert!(!output.contains("sw0rdfish"), "{output}");
        for said in [
            "`ftp://shop.test/` is left out",
            "line 6: the shell would run a command",
            "line 6: `--no-sessionid` is not carried over",
        ] {
            assert!(output.contains(said), "{said}: {output}");
        }
    }
    assert!(!made.stdout.contains("secrets:"), "{}", made.stdout);
}

#[test]
fn a_file_is_never_overwritten() {
    let folder = folder();
    fs::write(folder.path().join("a.sh"), "curl http://127.0.0.1:9/a").expect("written");
    run(folder.path(), &["import", "a.sh", "-o", "a.yaml"]).exits(0);
    let made = fs::read(folder.path().join("a.yaml")).expect("written");
    run(folder.path(), &["import", "a.sh", "-o", "a.yaml"])
        .exits(1)
        .says(&["already exists and was not changed"]);
    assert_eq!(fs::read(folder.path().join("a.yaml")).expect("there"), made);
    run(folder.path(), &["validate", "a.yaml"]).exits(0);
}

#[test]
fn a_large_body_goes_to_a_file_and_is_sent_as_curl_sends_it() {
    let folder = folder();
    let text = "lörem ipsum & {dolor} ".repeat(300);
    let json = format!(r#"{{"note":"{}"}}"#, "x".repeat(5000));
    let recorder = Recorder::start(request);
    let port = recorder.address.port();
    let script = format!(
        "curl http://127.0.0.1:{port}/a -H 'Content-Type: text/plain' --data-raw '{text}'\n\
         curl http://127.0.0.1:{port}/b --json '{json}'\n\
         curl http://127.0.0.1:{port}/c --json '{json}'\n"
    );
    shell(folder.path(), &script);
    let sent = recorder.heard();
    assert_eq!(sent.len(), 3);
    let made = imported(folder.path(), &script, &[]);
    assert_eq!(made.matches("body_file: made.bodies/").count(), 3, "{made}");
    assert!(made.len() < 2000, "{made}");
    // Equal bodies share a file.
    let files = fs::read_dir(folder.path().join("made.bodies")).expect("a folder");
    assert_eq!(files.count(), 2);
    assert_eq!(recorder.heard(), sent);
}
