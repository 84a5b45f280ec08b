//! [`Condition`]: a condition on a response, compiled once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::quoted::quoted;
use crate::base::{Nanos, status};
use crate::metrics::FailureKind;
use crate::plan::{RESPONSE_VALUES, ResponseCondition, Source};
use crate::transport::TransportError;
use crate::value::{Expression, Extract, Facts, Names, Response, Scope, Value, ValueError};

/// A condition on a response: an expression over the response and the values of the iteration.
pub(crate) struct Condition {
    wanted: ResponseCondition,
    expression: Expression,
    document: Extract,
}

/// What a condition looks at.
pub(crate) struct Observed<'o, 'r> {
    /// The response, unless the operation has none.
    pub response: Option<&'o Response<'r>>,
    /// completed − intended.
    pub time: Nanos,
    /// The values of the iteration.
    pub scope: &'o Scope,
    /// What functions depend on.
    pub facts: Arc<Facts>,
}

impl Condition {
    /// Compiles a condition over these names and those of a response.
    ///
    /// # Errors
    /// If the expression is invalid; validation of the scenario reports that first.
    pub(super) fn new(wanted: &ResponseCondition, names: &Names) -> Result<Self, ValueError> {
        Ok(Self {
            expression: Expression::compile(&wanted.text, &names.with(&RESPONSE_VALUES))?,
            document: Extract::compile(&Source::JsonPath("$".into()))?,
            wanted: wanted.clone(),
        })
    }

    /// Returns the name that results show.
    pub(crate) fn name(&self) -> String {
        format!("when {}", self.wanted.text)
    }

    /// Returns whether it decides which statuses are good.
    pub(super) fn judges_status(&self) -> bool {
        self.wanted.uses("status")
    }

    /// Judges a response.
    ///
    /// # Errors
    /// What it has seen, if it does not hold; or why it cannot be evaluated.
    pub(crate) fn judge(&self, observed: &Observed<'_, '_>) -> Result<(), TransportError> {
        let mut why = None;
        let values = RESPONSE_VALUES.map(|name| {
            if !self.wanted.uses(name) {
                return Value::UNDEFINED;
            }
            self.value(name, observed).unwrap_or_else(|reason| {
                why = Some(reason);
                Value::UNDEFINED
            })
        });
        let scope = observed.scope.with(values);
        let holds = self.expression.holds_if_set(&scope, &observed.facts);
        let message = match (holds, why) {
            (Ok(Some(true)), _) => return Ok(()),
            (Ok(Some(false)), _) => format!("it does not hold: {}", self.seen(observed)),
            (_, Some(why)) => why,
            (Ok(None), None) => format!("it has no value: {}", self.seen(observed)),
            (Err(error), None) => format!("{}: {}", error.0, self.seen(observed)),
        };
        Err(TransportError {
            kind: FailureKind::Check,
            message: format!("when {}: {message}", quoted(&self.wanted.text)),
        })
    }

    /// Returns a value of the response.
    ///
    /// # Errors
    /// Why the body cannot be read.
    fn value(&self, name: &str, observed: &Observed<'_, '_>) -> Result<Value, String> {
        let Some(response) = observed.response.filter(|_| name != "response_ms") else {
            return Ok(Value::from(observed.time.as_millis_f64()));
        };
        Ok(match name {
            "status" if status::is_of_grpc(response.status) => {
                Value::from(&*status::name(response.status))
            }
            "status" => Value::from(response.status),
            "headers" => {
                let named = response.headers.keys().filter_map(|name| {
                    let value = response.header(name.as_str())?;
                    Some((name.to_string(), Value::from(&*value)))
                });
                Value::from(named.collect::<BTreeMap<_, _>>())
            }
            "body" => Value::from(response.text()?),
            _ => self.document.from(response)?.unwrap_or(Value::UNDEFINED),
        })
    }

    /// Returns what it looks at, for a message.
    pub(crate) fn seen(&self, observed: &Observed<'_, '_>) -> String {
        let parts = RESPONSE_VALUES.iter().filter(|name| self.wanted.uses(name));
        let parts = parts.map(|name| match (*name, observed.response) {
            ("body" | "json", Some(response)) => {
                let body = response.text().map_or_else(str::to_owned, quoted);
                format!("{name} {body}")
            }
            ("headers", Some(response)) => {
                let names: Vec<&str> = response.headers.keys().map(|name| name.as_str()).collect();
                format!("headers {}", quoted(&names.join(", ")))
            }
            (name, _) => match self.value(name, observed) {
                Ok(value) => format!("{name} {value}"),
                Err(why) => why,
            },
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}
