//! What each expectation has seen of a response, for people who debug.

use super::{Check, Expectation};
use crate::base::Nanos;
use crate::engine::compiled::quoted::quoted;
use crate::result::SeenCheck;
use crate::transport::TransportError;
use crate::value::Response;

impl Check {
    /// Returns every expectation except that of the time, with what it has seen of a response;
    /// compare [`Check::response`].
    pub(crate) fn seen(
        &self,
        response: &Response<'_>,
        size: u64,
        broken: Option<&TransportError>,
    ) -> Vec<SeenCheck> {
        let judged = self.response(response, size, broken);
        let seen = |wanted: &Expectation| match broken {
            Some(error) if wanted.needs_body() => error.message.clone(),
            _ => wanted.seen(response, size),
        };
        self.rules
            .iter()
            .zip(judged.passed)
            .map(|(rule, passed)| SeenCheck {
                name: rule.wanted.in_full(&rule.name),
                passed,
                seen: seen(&rule.wanted),
            })
            .collect()
    }

    /// Returns the expectation of the time, if there is one.
    pub(crate) fn seen_time(&self, response: Nanos) -> Option<SeenCheck> {
        self.max_response.map(|most| SeenCheck {
            name: format!("max_response {most}"),
            passed: response <= most,
            seen: response.to_string(),
        })
    }
}

impl Expectation {
    /// Returns a name that says all that is expected, unlike the one in results.
    fn in_full(&self, name: &str) -> String {
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

    fn seen(&self, response: &Response<'_>, size: u64) -> String {
        match self {
            Self::Status(_) => response.status.to_string(),
            Self::Header(name, _) => response
                .header(name)
                .map_or_else(|| "none".into(), |seen| quoted(&seen)),
            Self::Size(..) => format!("{size} B"),
            Self::Rows(..) => response.rows.unwrap_or(0).to_string(),
            Self::Contains(_) | Self::Matches(_) | Self::Equals(_) => {
                response.text().map_or_else(str::to_owned, quoted)
            }
            Self::Json(json) => json.seen(response),
        }
    }
}
