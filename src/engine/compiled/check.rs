//! [`Check`]: what a scenario expects of a response, compiled once.

mod failure;
pub(crate) mod json;
mod seen;

use http::header::SET_COOKIE;
use regex::Regex;

use self::failure::failed;
use self::json::Json;
use super::quoted::quoted;
use crate::base::status::{GRPC_OK, is_of_grpc, name};
use crate::base::{Nanos, Size};
use crate::metrics::FailureKind;
use crate::plan::{Expect, StatusRule, StreamRule};
use crate::transport::TransportError;
use crate::transport::grpc::message_text;
use crate::value::{Response, ValueError};

/// The expectations for an operation's responses.
pub struct Check {
    rules: Vec<Rule>,
    /// The longest acceptable response time.
    max_response: Option<Nanos>,
    /// The longest acceptable time to the first event of a stream.
    max_first: Option<Nanos>,
}

/// An expectation written in the scenario, with the name that results show.
struct Rule {
    name: String,
    wanted: Expectation,
}

enum Expectation {
    Status(Vec<StatusRule>),
    Header(String, String),
    Size(Option<Size>, Option<Size>),
    Rows(u64, Option<u64>),
    Contains(String),
    Matches(Regex),
    Equals(String),
    Json(Box<Json>),
    MinEvents(u64),
    MaxGap(Nanos),
    MaxUnit(Nanos),
}

/// The verdict on a response.
pub struct Judged {
    /// Whether each evaluated expectation held, in order.
    pub passed: Vec<bool>,
    /// The first expectation that does not hold, with the actual value.
    pub failure: Option<TransportError>,
}

impl Check {
    /// Compiles expectations.
    ///
    /// # Errors
    /// If a regular expression or a JSONPath query is invalid; validation of the scenario reports
    /// these first.
    pub fn new(expect: &Expect) -> Result<Self, ValueError> {
        let mut rules = Vec::new();
        let mut rule = |name: String, wanted| rules.push(Rule { name, wanted });
        if !expect.status.is_empty() {
            let of_grpc = StatusRule::are_of_grpc(&expect.status);
            let key = if of_grpc { "grpc_status" } else { "status" };
            rule(
                format!("{key} {}", words(&expect.status)),
                Expectation::Status(expect.status.clone()),
            );
        }
        for (name, wanted) in &expect.headers {
            rule(
                format!("header {name}"),
                Expectation::Header(name.clone(), wanted.clone()),
            );
        }
        if expect.min_size.is_some() || expect.max_size.is_some() {
            rule(
                "size".into(),
                Expectation::Size(expect.min_size, expect.max_size),
            );
        }
        if expect.min_rows.is_some() || expect.max_rows.is_some() {
            rule(
                "rows".into(),
                Expectation::Rows(expect.min_rows.unwrap_or(0), expect.max_rows),
            );
        }
        if let Some(body) = &expect.body {
            if let Some(text) = &body.contains {
                rule(
                    format!("body contains {}", quoted(text)),
                    Expectation::Contains(text.clone()),
                );
            }
            if let Some(text) = &body.matches {
                let pattern = Regex::new(text).map_err(|e| ValueError(e.to_string()))?;
                rule(
                    format!("body matches {}", quoted(text)),
                    Expectation::Matches(pattern),
                );
            }
            if let Some(text) = &body.equals {
                rule(
                    format!("body equals {}", quoted(text)),
                    Expectation::Equals(text.clone()),
                );
            }
        }
        for wanted in &expect.json {
            let json = Json::new(wanted)?;
            rule(json.name(), Expectation::Json(Box::new(json)));
        }
        let stream = expect.stream.unwrap_or_default();
        for (name, wanted) in of_stream(stream) {
            rule(name, wanted);
        }
        Ok(Self {
            rules,
            max_response: expect.max_response,
            max_first: stream.max_first,
        })
    }

    /// Returns the names of the expectations, in the order in which they are evaluated.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let rules = self.rules.iter().map(|rule| rule.name.clone());
        rules.chain(self.times().map(|(name, most)| format!("{name} {most}")))
    }

    /// Returns whether the scenario specifies any expectation.
    pub const fn is_written(&self) -> bool {
        !self.rules.is_empty() || self.max_response.is_some() || self.max_first.is_some()
    }

    /// Checks a response against every expectation except its time. `size` is the size of its body;
    /// `broken` says why a required body is missing.
    pub fn response(
        &self,
        response: &Response<'_>,
        size: u64,
        broken: Option<&TransportError>,
    ) -> Judged {
        let mut judged = Judged {
            passed: Vec::new(),
            failure: None,
        };
        // The status is judged even if the scenario does not mention it, but then it is not a check
        // of its own.
        if !matches!(
            self.rules.first(),
            Some(Rule {
                wanted: Expectation::Status(_),
                ..
            })
        ) {
            judged.failure = status(&[], response).err();
        }
        for rule in &self.rules {
            let verdict = match broken {
                Some(error) if rule.wanted.needs_body() => Err(TransportError {
                    kind: error.kind,
                    message: error.message.clone(),
                }),
                _ => rule.wanted.judge(response, size),
            };
            judged.passed.push(verdict.is_ok());
            judged.failure = judged.failure.or(verdict.err());
        }
        judged
    }

    /// Returns the names and the limits of the times.
    fn times(&self) -> impl Iterator<Item = (&'static str, Nanos)> {
        let times = [
            ("stream max_first", self.max_first),
            ("max_response", self.max_response),
        ];
        times
            .into_iter()
            .filter_map(|(name, most)| Some((name, most?)))
    }

    /// Judges the times of an operation that succeeded or that had a response to judge: its response
    /// time, and the time to the `first` counted event of its stream. Both begin when it was intended.
    ///
    /// # Errors
    /// The failure that the operation already had, or that it took too long.
    pub fn time(
        &self,
        response: Nanos,
        first: impl FnOnce() -> Option<Nanos>,
        passed: &mut Option<Vec<bool>>,
        result: Result<(), TransportError>,
    ) -> Result<(), TransportError> {
        let is_judged = self.max_response.is_some() || self.max_first.is_some();
        if !is_judged || (result.is_err() && passed.is_none()) {
            return result;
        }
        let mut result = result;
        let mut judge = |most: Option<Nanos>, time: Option<Nanos>, what: &str| {
            let Some(most) = most else { return };
            let in_time = time.is_some_and(|time| time <= most);
            passed.get_or_insert_default().push(in_time);
            if result.is_ok() && !in_time {
                result = failed(format!("{what}: expected at most {most}"));
            }
        };
        if self.max_first.is_some() {
            judge(self.max_first, first(), "first event of the stream");
        }
        judge(self.max_response, Some(response), "response time");
        result
    }
}

/// Returns the expectations for the events of a stream that need no time of the operation.
fn of_stream(rule: StreamRule) -> impl Iterator<Item = (String, Expectation)> {
    let named = |name: String, wanted| (format!("stream {name}"), wanted);
    let rules = [
        rule.min_events
            .map(|least| named(format!("min_events {least}"), Expectation::MinEvents(least))),
        rule.max_gap
            .map(|most| named(format!("max_gap {most}"), Expectation::MaxGap(most))),
        rule.max_unit
            .map(|most| named(format!("max_unit {most}"), Expectation::MaxUnit(most))),
    ];
    rules.into_iter().flatten()
}

impl Expectation {
    const fn needs_body(&self) -> bool {
        matches!(
            self,
            Self::Contains(_) | Self::Matches(_) | Self::Equals(_) | Self::Json(_)
        )
    }

    fn judge(&self, response: &Response<'_>, size: u64) -> Result<(), TransportError> {
        let body = |holds: &dyn Fn(&str) -> bool, wanted: &str, what: &str| match response.text() {
            Ok(text) if holds(text) => Ok(()),
            Ok(text) => failed(format!(
                "body: expected {wanted}{}, seen {}",
                quoted(what),
                quoted(text)
            )),
            Err(why) => failed(format!(
                "body: expected {wanted}{}, but {why}",
                quoted(what)
            )),
        };
        let stream = response.stream.unwrap_or_default();
        match self {
            Self::Status(rules) => status(rules, response),
            Self::Header(name, wanted) => header(response, name, wanted),
            Self::Size(Some(least), _) if size < least.0 => {
                failed(format!("size: expected at least {least}, seen {size} B"))
            }
            Self::Size(_, Some(most)) if size > most.0 => {
                failed(format!("size: expected at most {most}, seen {size} B"))
            }
            Self::Size(..) => Ok(()),
            Self::Rows(least, most) => rows(*least, *most, response.rows.unwrap_or(0)),
            Self::Contains(wanted) => body(
                &|text| text.contains(wanted.as_str()),
                "to contain ",
                wanted,
            ),
            Self::Matches(wanted) => {
                body(&|text| wanted.is_match(text), "to match ", wanted.as_str())
            }
            Self::Equals(wanted) => body(&|text| text == wanted, "", wanted),
            Self::Json(json) => json.judge(response),
            Self::MinEvents(least) if stream.events < *least => failed(format!(
                "events of the stream: expected at least {least}, seen {}",
                stream.events
            )),
            Self::MaxGap(most) if stream.max_gap > *most => failed(format!(
                "gap between events: expected at most {most}, seen {}",
                stream.max_gap
            )),
            Self::MaxUnit(most) => match stream.time_per_unit.filter(|time| time > most) {
                Some(time) => failed(format!(
                    "time per unit: expected at most {most}, seen {time}"
                )),
                None => Ok(()),
            },
            Self::MinEvents(_) | Self::MaxGap(_) => Ok(()),
        }
    }
}

fn status(rules: &[StatusRule], response: &Response<'_>) -> Result<(), TransportError> {
    let seen = response.status;
    let good = if rules.is_empty() {
        (200..400).contains(&seen) || seen == GRPC_OK
    } else {
        rules.iter().any(|rule| rule.fits(seen))
    };
    if good {
        return Ok(());
    }
    if !is_of_grpc(seen) {
        return Err(TransportError {
            kind: FailureKind::Status,
            message: format!("status {seen}, expected {}", words(rules)),
        });
    }
    let text = response.headers.get("grpc-message");
    let text = text.map(|text| message_text(text.as_bytes()));
    let text = text.filter(|text| !text.is_empty());
    let wanted = if rules.is_empty() {
        name(GRPC_OK).into_owned()
    } else {
        words(rules)
    };
    let said = text.map_or_else(String::new, |text| format!(": {}", quoted(&text)));
    Err(TransportError {
        kind: FailureKind::Grpc,
        message: format!("{}, expected {wanted}{said}", name(seen)),
    })
}

fn rows(least: u64, most: Option<u64>, seen: u64) -> Result<(), TransportError> {
    if seen < least {
        return failed(format!("rows: expected at least {least}, seen {seen}"));
    }
    match most.filter(|most| seen > *most) {
        Some(most) => failed(format!("rows: expected at most {most}, seen {seen}")),
        None => Ok(()),
    }
}

fn header(response: &Response<'_>, name: &str, wanted: &str) -> Result<(), TransportError> {
    let seen = response.header(name);
    // A cookie is one whole header line.
    let is_cookie = name.eq_ignore_ascii_case(SET_COOKIE.as_str());
    if seen.as_deref() == Some(wanted)
        || is_cookie && response.header_lines(name).any(|line| line == wanted)
    {
        return Ok(());
    }
    let seen = seen.map_or_else(|| "none".into(), |seen| quoted(&seen));
    failed(format!(
        "header {name}: expected {}, seen {seen}",
        quoted(wanted)
    ))
}

fn words(rules: &[StatusRule]) -> String {
    if rules.is_empty() {
        return "2xx or 3xx".into();
    }
    let word = |rule: &StatusRule| match rule {
        StatusRule::Code(code) => name(*code).into_owned(),
        StatusRule::Class(class) => format!("{class}xx"),
    };
    rules.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{BodyRule, JsonRule};
    use http::HeaderMap;

    fn check(expect: Expect) -> Check {
        Check::new(&expect).expect("good patterns")
    }

    fn judged(check: &Check, status: u16, body: &str) -> Judged {
        let mut headers = HeaderMap::new();
        headers.insert("x-cache", "hit".parse().expect("a value"));
        for (name, value) in [
            ("vary", "Accept"),
            ("vary", "Origin"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ] {
            headers.append(name, value.parse().expect("a value"));
        }
        check.response(
            &Response::new(status, &headers, body.as_bytes()),
            body.len() as u64,
            None,
        )
    }

    fn verdict(check: &Check, status: u16, body: &str) -> Result<(), String> {
        judged(check, status, body)
            .failure
            .map_or(Ok(()), |e| Err(format!("{}: {}", e.kind, e.message)))
    }

    #[test]
    fn expectations_of_a_head_say_what_they_wanted_and_what_they_saw() {
        let status = check(Expect {
            status: vec![StatusRule::Class(2), StatusRule::Code(404)],
            ..Expect::default()
        });
        assert_eq!(verdict(&status, 404, ""), Ok(()));
        assert_eq!(
            verdict(&status, 500, ""),
            Err("status: status 500, expected 2xx, 404".into())
        );
        let none = check(Expect::default());
        assert_eq!(
            verdict(&none, 500, ""),
            Err("status: status 500, expected 2xx or 3xx".into())
        );
        assert!(
            judged(&none, 500, "").passed.is_empty(),
            "nothing was written"
        );
        let header = |wanted: &str| {
            check(Expect {
                headers: vec![("x-cache".into(), wanted.into())],
                ..Expect::default()
            })
        };
        assert_eq!(verdict(&header("hit"), 200, ""), Ok(()));
        assert_eq!(
            verdict(&header("miss"), 200, ""),
            Err("check: header x-cache: expected \"miss\", seen \"hit\"".into())
        );
        let of = |name: &str, wanted: &str| {
            check(Expect {
                headers: vec![(name.into(), wanted.into())],
                ..Expect::default()
            })
        };
        assert_eq!(
            verdict(&of("vary", "Accept, Origin"), 200, ""),
            Ok(()),
            "two lines are one list"
        );
        assert_eq!(
            verdict(&of("vary", "Accept"), 200, ""),
            Err("check: header vary: expected \"Accept\", seen \"Accept, Origin\"".into())
        );
        assert!(
            verdict(&of("set-cookie", "a=1"), 200, "").is_ok()
                && verdict(&of("set-cookie", "b=2"), 200, "").is_ok()
        );
        assert!(
            verdict(&of("set-cookie", "a=1, b=2"), 200, "").is_err(),
            "cookies are not a list"
        );
    }

    #[test]
    fn expectations_of_a_body_say_what_they_wanted_and_what_they_saw() {
        let size = check(Expect {
            min_size: Some(Size(2)),
            max_size: Some(Size(3)),
            ..Expect::default()
        });
        assert_eq!(verdict(&size, 200, "ab"), Ok(()));
        assert!(verdict(&size, 200, "a").is_err() && verdict(&size, 200, "abcd").is_err());
        let body = |rule| {
            check(Expect {
                body: Some(rule),
                ..Expect::default()
            })
        };
        let contains = body(BodyRule {
            contains: Some("needle".into()),
            ..BodyRule::default()
        });
        assert_eq!(verdict(&contains, 200, "a needle in it"), Ok(()));
        assert!(
            verdict(&contains, 200, "\u{1b}[31mhay")
                .expect_err("no needle")
                .contains("\\u{1b}"),
            "control characters are shown as such"
        );
        let matches = body(BodyRule {
            matches: Some("^a+$".into()),
            ..BodyRule::default()
        });
        assert_eq!(verdict(&matches, 200, "aaa"), Ok(()));
        assert!(verdict(&matches, 200, "b").is_err());
        let long = body(BodyRule {
            equals: Some("x".into()),
            ..BodyRule::default()
        });
        assert!(
            verdict(&long, 200, &"y".repeat(10_000))
                .expect_err("not equal")
                .len()
                < 200,
            "messages are bounded"
        );
    }

    #[test]
    fn all_expectations_are_judged_and_the_first_that_fails_speaks() {
        let check = check(Expect {
            status: vec![StatusRule::Code(200)],
            headers: vec![("x-cache".into(), "miss".into())],
            body: Some(BodyRule {
                contains: Some("a".into()),
                ..BodyRule::default()
            }),
            json: vec![JsonRule {
                path: "$.a".into(),
                ..JsonRule::default()
            }],
            max_response: Some(Nanos::from_millis(500)),
            ..Expect::default()
        });
        let names: Vec<String> = check.names().collect();
        assert_eq!(
            names,
            [
                "status 200",
                "header x-cache",
                "body contains \"a\"",
                "json $.a",
                "max_response 500ms"
            ]
        );
        let seen = judged(&check, 200, "{\"a\": 1}");
        assert_eq!(seen.passed, [true, false, true, true]);
        let mut passed = Some(seen.passed);
        let late = check.time(
            Nanos::from_secs(1),
            || None,
            &mut passed,
            Err(seen.failure.expect("a header")),
        );
        assert!(
            late.is_err_and(|e| e.message.starts_with("header x-cache")),
            "the first"
        );
        assert_eq!(passed, Some(vec![true, false, true, true, false]));
        assert_eq!(judged(&check, 500, "").passed, [false, false, false, false]);
        let gone = || {
            Err(TransportError {
                kind: FailureKind::Reset,
                message: "gone".into(),
            })
        };
        let mut none = None;
        assert!(
            check.time(Nanos::ZERO, || None, &mut none, gone()).is_err() && none.is_none(),
            "no response, nothing judged"
        );
    }
}
