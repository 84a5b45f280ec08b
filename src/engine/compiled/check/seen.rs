//! What each expectation has seen of a response, for people who debug.

use super::Check;
use super::expectation::Expectation;
use crate::base::{Nanos, status};
use crate::engine::compiled::condition::Observed;
use crate::engine::compiled::quoted::quoted;
use crate::result::SeenCheck;
use crate::transport::TransportError;
use crate::value::Response;

impl Check {
    /// Returns every expectation that needs neither the time nor values of the iteration, with what it has seen of a response;
    /// compare [`Check::response`].
    pub(crate) fn seen(
        &self,
        response: &Response<'_>,
        size: u64,
        broken: Option<&TransportError>,
    ) -> Vec<SeenCheck> {
        let mut passed = self.response(response, size, broken).passed.into_iter();
        let failing = self.failing.as_ref().map(|failing| SeenCheck {
            name: failing.name(),
            passed: passed.next().unwrap_or(false),
            seen: status::name(response.status).into_owned(),
        });
        let seen = |wanted: &Expectation| match broken {
            Some(error) if wanted.needs_body() => error.message.clone(),
            _ => wanted.seen(response, size),
        };
        let rules = self.rules.iter().zip(passed);
        let rules = rules.map(|(rule, passed)| SeenCheck {
            name: rule.wanted.in_full(&rule.name),
            passed,
            seen: seen(&rule.wanted),
        });
        failing.into_iter().chain(rules).collect()
    }

    /// Returns what the expectations that need no response have seen of an operation that has had
    /// none; compare [`Check::end`].
    pub(crate) fn seen_end<'o>(
        &self,
        observed: impl FnOnce() -> Option<Observed<'o, 'o>>,
        result: &Result<(), TransportError>,
    ) -> Vec<SeenCheck> {
        let is_expected = |kind| self.failing.as_ref().is_some_and(|own| own.expects(kind));
        let mut seen = Vec::new();
        if let Some(failing) = &self.failing {
            seen.push(SeenCheck {
                name: failing.name(),
                passed: result.as_ref().is_err_and(|error| is_expected(error.kind)),
                seen: match result {
                    Ok(()) => "success".into(),
                    Err(error) => error.kind.name().into(),
                },
            });
        }
        let is_good = match result {
            Ok(()) => self.failing.is_none(),
            Err(error) => is_expected(error.kind),
        };
        if let (true, Some(condition)) = (is_good, self.condition())
            && let Some(observed) = observed()
        {
            seen.push(SeenCheck {
                name: condition.name(),
                passed: condition.judge(&observed).is_ok(),
                seen: condition.seen(&observed),
            });
        }
        seen
    }

    /// Returns the expectations of the times.
    pub(crate) fn seen_times(&self, response: Nanos, first: Option<Nanos>) -> Vec<SeenCheck> {
        let seen = |name: &str, most: Option<Nanos>, time: Option<Nanos>| {
            most.map(|most| SeenCheck {
                name: format!("{name} {most}"),
                passed: time.is_some_and(|time| time <= most),
                seen: time.map_or_else(|| "none".into(), |time| time.to_string()),
            })
        };
        let first = seen("stream max_first", self.max_first, first);
        let all = seen("max_response", self.max_response, Some(response));
        first.into_iter().chain(all).collect()
    }
}

impl Expectation {
    /// Returns a name that says all that is expected, unlike the one in results.
    pub(super) fn in_full(&self, name: &str) -> String {
        match self {
            Self::Header(_, wanted) => format!("{name} {}", quoted(wanted)),
            Self::Size(least, most) => {
                let least = least.map(|least| format!(" at least {least}"));
                let most = most.map(|most| format!(" at most {most}"));
                let ends: String = least.into_iter().chain(most).collect();
                format!("{name}{ends}")
            }
            Self::Rows(least, most) => {
                let most = most.map(|most| format!(" at most {most}"));
                format!("{name} at least {least}{}", most.unwrap_or_default())
            }
            _ => name.to_owned(),
        }
    }

    pub(super) fn seen(&self, response: &Response<'_>, size: u64) -> String {
        let stream = response.stream.unwrap_or_default();
        match self {
            Self::Status(_) => status::name(response.status).into_owned(),
            Self::Header(name, _) => response
                .header(name)
                .map_or_else(|| "none".into(), |seen| quoted(&seen)),
            Self::Size(..) => format!("{size} B"),
            Self::Rows(..) => response.rows.unwrap_or(0).to_string(),
            Self::Contains(_) | Self::NotContains(_) | Self::Matches(_) | Self::Equals(_) => {
                response.text().map_or_else(str::to_owned, quoted)
            }
            Self::Json(json) => json.seen(response),
            Self::JsonEquals(place, _) => place.seen(response),
            Self::MinEvents(_) => stream.events.to_string(),
            Self::MaxGap(_) => stream.max_gap.to_string(),
            Self::MaxUnit(_) => stream
                .time_per_unit
                .map_or_else(|| "none".into(), |time| time.to_string()),
        }
    }
}
