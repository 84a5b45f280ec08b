//! [`Check`]: what a scenario expects of a response, compiled once.

use http::HeaderMap;
use regex::bytes::Regex;

use crate::base::Nanos;
use crate::metrics::FailureKind;
use crate::plan::{BodyRule, Expect, StatusRule};
use crate::transport::TransportError;

/// Characters of a seen value that a message shows.
const SHOWN: usize = 60;

/// What is expected of a response.
#[derive(Clone, Debug)]
pub struct Check {
    expect: Expect,
    matches: Option<Regex>,
}

impl Check {
    /// Compiles expectations.
    ///
    /// # Errors
    /// When a regular expression is none; the scenario's validation finds these first.
    pub fn new(expect: &Expect) -> Result<Self, regex::Error> {
        let pattern = expect.body.as_ref().and_then(|body| body.matches.as_deref());
        Ok(Self { matches: pattern.map(Regex::new).transpose()?, expect: expect.clone() })
    }

    /// Whether the body has to be kept.
    pub const fn needs_body(&self) -> bool {
        self.expect.body.is_some()
    }

    /// Judges a response; `size` is that of its body, `body` the body where it was kept.
    ///
    /// # Errors
    /// The first expectation that does not hold, with what was seen.
    pub fn response(&self, status: u16, headers: &HeaderMap, size: u64, body: &[u8]) -> Result<(), TransportError> {
        if !self.expect.accepts(status) {
            let wanted = words(&self.expect.status);
            return Err(TransportError { kind: FailureKind::Status, message: format!("status {status}, expected {wanted}") });
        }
        for (name, wanted) in &self.expect.headers {
            let seen = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
            if seen.as_deref() != Some(wanted.as_str()) {
                let seen = seen.map_or_else(|| "none".into(), |seen| quoted(&seen));
                return failed(format!("header {name}: expected {}, seen {seen}", quoted(wanted)));
            }
        }
        if let Some(least) = self.expect.min_size.filter(|least| size < least.0) {
            return failed(format!("size: expected at least {least}, seen {size} B"));
        }
        if let Some(most) = self.expect.max_size.filter(|most| size > most.0) {
            return failed(format!("size: expected at most {most}, seen {size} B"));
        }
        self.expect.body.as_ref().map_or(Ok(()), |rule| self.body(rule, body))
    }

    fn body(&self, rule: &BodyRule, body: &[u8]) -> Result<(), TransportError> {
        let text = String::from_utf8_lossy(body);
        if let Some(wanted) = rule.contains.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
            return failed(format!("body: expected to contain {}, seen {}", quoted(wanted), quoted(&text)));
        }
        if let Some(wanted) = self.matches.as_ref().filter(|wanted| !wanted.is_match(body)) {
            return failed(format!("body: expected to match {}, seen {}", quoted(wanted.as_str()), quoted(&text)));
        }
        if let Some(wanted) = rule.equals.as_ref().filter(|wanted| text != wanted.as_str()) {
            return failed(format!("body: expected {}, seen {}", quoted(wanted), quoted(&text)));
        }
        Ok(())
    }

    /// Judges how long a good operation took.
    ///
    /// # Errors
    /// When it took too long.
    pub fn time(&self, response: Nanos) -> Result<(), TransportError> {
        match self.expect.max_response.filter(|most| response > *most) {
            Some(most) => failed(format!("response time: expected at most {most}")),
            None => Ok(()),
        }
    }
}

fn failed(message: String) -> Result<(), TransportError> {
    Err(TransportError { kind: FailureKind::Check, message })
}

/// A value as a message shows it: bounded, and with nothing in it that a terminal would obey.
fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

fn words(rules: &[StatusRule]) -> String {
    if rules.is_empty() {
        return "2xx or 3xx".into();
    }
    let word = |rule: &StatusRule| match rule {
        StatusRule::Code(code) => code.to_string(),
        StatusRule::Class(class) => format!("{class}xx"),
    };
    rules.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Size;

    fn check(expect: Expect) -> Check {
        Check::new(&expect).expect("good patterns")
    }

    fn verdict(check: &Check, status: u16, body: &str) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert("x-cache", "hit".parse().expect("a value"));
        check.response(status, &headers, body.len() as u64, body.as_bytes()).map_err(|e| format!("{}: {}", e.kind, e.message))
    }

    #[test]
    fn every_expectation_says_what_it_wanted_and_what_it_saw() {
        let status = check(Expect { status: vec![StatusRule::Class(2), StatusRule::Code(404)], ..Expect::default() });
        assert_eq!(verdict(&status, 404, ""), Ok(()));
        assert_eq!(verdict(&status, 500, ""), Err("status: status 500, expected 2xx, 404".into()));
        let header = |wanted: &str| check(Expect { headers: vec![("x-cache".into(), wanted.into())], ..Expect::default() });
        assert_eq!(verdict(&header("hit"), 200, ""), Ok(()));
        assert_eq!(verdict(&header("miss"), 200, ""), Err("check: header x-cache: expected \"miss\", seen \"hit\"".into()));
        let size = check(Expect { min_size: Some(Size(2)), max_size: Some(Size(3)), ..Expect::default() });
        assert_eq!(verdict(&size, 200, "ab"), Ok(()));
        assert!(verdict(&size, 200, "a").is_err() && verdict(&size, 200, "abcd").is_err());
        let body = |rule| check(Expect { body: Some(rule), ..Expect::default() });
        let contains = body(BodyRule { contains: Some("needle".into()), ..BodyRule::default() });
        assert_eq!(verdict(&contains, 200, "a needle in it"), Ok(()));
        assert!(
            verdict(&contains, 200, "\u{1b}[31mhay").expect_err("no needle").contains("\\u{1b}"),
            "control characters are shown as such"
        );
        let matches = body(BodyRule { matches: Some("^a+$".into()), ..BodyRule::default() });
        assert_eq!(verdict(&matches, 200, "aaa"), Ok(()));
        assert!(verdict(&matches, 200, "b").is_err());
        let long = body(BodyRule { equals: Some("x".into()), ..BodyRule::default() });
        assert!(verdict(&long, 200, &"y".repeat(10_000)).expect_err("not equal").len() < 200, "messages are bounded");
    }
}
