//! [`Expect`]: what assertions say of a response, put together.

use super::statuses::Statuses;
use crate::import::yaml::Yaml;

/// What is expected of a response.
#[derive(Debug, Default)]
pub(super) struct Expect {
    /// The statuses, if an assertion speaks of them.
    pub statuses: Option<Statuses>,
    /// Whether a status that is an error is good, too.
    pub ignores_status: bool,
    /// The keys of `body`.
    pub body: Vec<(String, Yaml)>,
    /// Expressions that must be true.
    pub conditions: Vec<String>,
    /// The keys of `json`.
    pub json: Vec<(String, Yaml)>,
    /// The keys of `size`.
    pub size: Vec<(String, Yaml)>,
    /// The longest response time.
    pub max_response: Option<String>,
}

impl Expect {
    /// Adds a key of `body`, and returns whether it was free.
    pub(super) fn add_body(&mut self, key: &str, value: Yaml) -> bool {
        let is_free = self.body.iter().all(|(known, _)| known != key);
        if is_free {
            self.body.push((key.to_owned(), value));
        }
        is_free
    }
}
