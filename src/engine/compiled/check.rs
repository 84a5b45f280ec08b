//! [`Check`]: what a scenario expects of a response, compiled once.

mod expectation;
mod expected;
pub(crate) mod expected_value;
mod failure;
pub(crate) mod json;
mod seen;

use self::expectation::{Expectation, of_body, of_stream, status, words};
use self::expected::Failing;
use self::expected_value::ExpectedValue;
use self::failure::failed;
use self::json::Json;
use super::condition::{Condition, Observed};
use crate::base::Nanos;
use crate::plan::{Expect, StatusRule};
use crate::transport::TransportError;
use crate::value::{Names, Response, ValueError};

/// The expectations for an operation's responses.
pub struct Check {
    /// Whether the scenario specifies any expectation.
    is_written: bool,
    /// The failures that it is expected to end with, if it is.
    failing: Option<Box<Failing>>,
    rules: Vec<Rule>,
    /// The values that are only known during the run.
    values: Vec<ExpectedValue>,
    /// The condition that must hold.
    condition: Option<Box<Condition>>,
    /// Whether expectations that do not hold are only counted.
    is_soft: bool,
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

/// The verdict on a response.
pub struct Judged {
    /// Whether each evaluated expectation held, in order.
    pub passed: Vec<bool>,
    /// The first expectation that does not hold, with the actual value.
    pub failure: Option<TransportError>,
    /// Whether expectations that do not hold are only counted.
    is_soft: bool,
}

impl Check {
    /// Compiles expectations.
    ///
    /// # Errors
    /// If a regular expression, a JSONPath query or a condition is invalid; validation of the scenario
    /// reports these first.
    pub fn new(expect: &Expect, names: &Names) -> Result<Self, ValueError> {
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
            for (name, wanted) in of_body(body)? {
                rule(name, wanted);
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
        let values = expect.values.iter();
        let values = values.map(|wanted| ExpectedValue::new(wanted, names));
        let condition = expect.when.as_ref();
        let condition = condition.map(|wanted| Condition::new(wanted, names));
        let values: Vec<ExpectedValue> = values.collect::<Result<_, _>>()?;
        let times = [expect.max_response, stream.max_first];
        Ok(Self {
            is_written: !rules.is_empty()
                || !values.is_empty()
                || times.iter().any(Option::is_some)
                || condition.is_some()
                || expect.fail.is_some(),
            is_soft: expect.soft,
            failing: expect.fail.clone().map(|own| Failing(own).into()),
            rules,
            values,
            condition: condition.transpose()?.map(Box::new),
            max_response: expect.max_response,
            max_first: stream.max_first,
        })
    }

    /// Returns the names of the expectations, in the order of their outcomes. A failure that is
    /// expected and the times can be judged without a response, so that nothing else comes before
    /// them if there may be none.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.rules.iter().map(|rule| rule.name.clone()).collect();
        names.extend(self.values.iter().map(|own| own.name().to_owned()));
        names.extend(self.condition.as_ref().map(|own| own.name()));
        let times = self.times().map(|(name, most)| format!("{name} {most}"));
        match &self.failing {
            None => names.extend(times),
            Some(failing) => {
                let first = std::iter::once(failing.name()).chain(times);
                names.splice(0..0, first.collect::<Vec<_>>());
            }
        }
        names
    }

    /// Returns whether the scenario specifies any expectation.
    pub const fn is_written(&self) -> bool {
        self.is_written
    }

    /// Returns whether expectations that do not hold are only counted.
    pub(crate) const fn is_soft(&self) -> bool {
        self.is_soft
    }

    /// Returns the values that are only known during the run.
    pub(crate) fn values(&self) -> &[ExpectedValue] {
        &self.values
    }

    /// Returns the condition that must hold, if there is one.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.condition.as_deref()
    }

    /// Checks a response against every expectation except its time and those that need the values of
    /// the iteration. `size` is the size of its body;
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
            is_soft: self.is_soft,
        };
        if let Some(failing) = &self.failing {
            judged.note(failing.judge(response));
        } else if !self.mentions_status() {
            // Judged all the same, but then it is not a check of its own.
            judged.failure = Self::unwritten(response).err();
        }
        for rule in &self.rules {
            let verdict = match broken {
                Some(error) if rule.wanted.needs_body() => Err(TransportError {
                    kind: error.kind,
                    message: error.message.clone(),
                }),
                _ => rule.wanted.judge(response, size),
            };
            judged.note(verdict);
        }
        judged
    }

    /// Checks a response of which the scenario expects nothing: its status must be good.
    ///
    /// # Errors
    /// If it is not.
    pub fn unwritten(response: &Response<'_>) -> Result<(), TransportError> {
        status(&[], response)
    }

    /// Returns whether the scenario says which statuses are good.
    fn mentions_status(&self) -> bool {
        let is_status = |rule: &Rule| matches!(rule.wanted, Expectation::Status(_));
        self.rules.first().is_some_and(is_status)
            || self.condition().is_some_and(Condition::judges_status)
    }

    /// Judges how an operation has ended: a failure that is expected is good, and success is not if a
    /// failure is expected. `observed` is what the condition looks at, if the operation has no response.
    ///
    /// # Errors
    /// Why it has failed.
    pub(crate) fn end<'o>(
        &self,
        observed: impl FnOnce() -> Option<Observed<'o, 'o>>,
        passed: &mut Option<Vec<bool>>,
        result: Result<(), TransportError>,
    ) -> Result<(), TransportError> {
        let mut result = result;
        if let Some(failing) = &self.failing {
            match &result {
                Err(error) if failing.expects(error.kind) => {
                    *passed = Some(vec![true]);
                    result = Ok(());
                }
                Ok(()) if passed.is_none() => {
                    *passed = Some(vec![false]);
                    result = failing.succeeded();
                }
                _ => {}
            }
        }
        if let (Ok(()), Some(condition)) = (&result, self.condition())
            && let Some(observed) = observed()
        {
            let verdict = condition.judge(&observed);
            passed.get_or_insert_default().push(verdict.is_ok());
            if !self.is_soft {
                result = verdict;
            }
        }
        result
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
        let mut place = self.failing.is_some().then_some(1);
        let mut judge = |most: Option<Nanos>, time: Option<Nanos>, what: &str| {
            let Some(most) = most else { return };
            let in_time = time.is_some_and(|time| time <= most);
            let passed = passed.get_or_insert_default();
            passed.insert(place.unwrap_or(passed.len()), in_time);
            place = place.map(|place| place + 1);
            if result.is_ok() && !in_time && !self.is_soft {
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

impl Judged {
    /// Adds the verdict of an expectation.
    pub(crate) fn note(&mut self, verdict: Result<(), TransportError>) {
        self.passed.push(verdict.is_ok());
        if self.failure.is_none() && !self.is_soft {
            self.failure = verdict.err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Size;
    use crate::metrics::FailureKind;
    use crate::plan::{BodyRule, JsonRule};
    use http::HeaderMap;

    fn check(expect: Expect) -> Check {
        Check::new(&expect, &Names::default()).expect("good patterns")
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
        let names = check.names();
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
