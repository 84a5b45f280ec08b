//! [`Cookies`]: which cookies of requests come from recorded responses, and which do not.

use std::collections::HashMap;

use super::select::{Kept, counted};
use crate::import::credentials::Credentials;
use crate::import::note::{Note, Place};
use crate::import::template::literal;

/// The cookies of a recording. Those that a kept response has set are left to the virtual user, who
/// keeps the cookies it receives.
#[derive(Debug, Default)]
pub(super) struct Cookies {
    /// The names that responses have set.
    received: HashMap<String, ()>,
    /// The others, with the template of the value that each was sent with first.
    own: HashMap<String, String>,
    /// The names of the others, in their order.
    names: Vec<String>,
}

impl Cookies {
    /// Returns the `cookie` header that a step has to say, as a template.
    pub(super) fn sent(
        &mut self,
        kept: &Kept<'_>,
        keep: bool,
        credentials: &mut Credentials,
    ) -> Option<String> {
        let lines = kept
            .recorded
            .headers
            .iter()
            .filter(|(name, _)| name == "cookie");
        let mut own = Vec::new();
        for pair in lines.flat_map(|(_, value)| value.split(';')) {
            let (name, value) = pair.trim().split_once('=').unwrap_or((pair.trim(), ""));
            let is_good = !name.is_empty() && !pair.contains(char::is_control);
            if !is_good || self.received.contains_key(name) {
                continue;
            }
            if !self.own.contains_key(name) {
                let template = if keep {
                    literal(value)
                } else {
                    credentials.hide(name, &literal(value))
                };
                self.own.insert(name.to_owned(), template);
                self.names.push(name.to_owned());
            }
            own.push(format!("{}={}", literal(name), self.own[name]));
        }
        (!own.is_empty()).then(|| own.join("; "))
    }

    /// Takes the cookies that a response sets.
    pub(super) fn receive(&mut self, kept: &Kept<'_>) {
        let response = kept.recorded.response.iter();
        for (_, value) in response
            .flat_map(|response| &response.headers)
            .filter(|(name, _)| name == "set-cookie")
        {
            // A recorder may join several lines of a name.
            for line in value.lines() {
                let pair = line.split(';').next().unwrap_or_default();
                if let Some((name, _)) = pair.split_once('=') {
                    self.received.insert(name.trim().to_owned(), ());
                }
            }
        }
    }

    /// Says which cookies were there before.
    pub(super) fn note(&self, keep: bool) -> Option<Note> {
        let names = self.names.as_slice();
        if names.is_empty() {
            return None;
        }
        let count = counted(names.len(), "cookie", "cookies");
        let whence = if keep {
            "and are written as they were"
        } else {
            "and come from the environment: --keep-cookies writes them as they were"
        };
        let names: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
        let names = names.join(", ").replace(char::is_control, " ");
        Some(Note {
            place: Place::Part("recording".into()),
            message: format!(
                "{count} ({names}) that no recorded response has set were sent, {whence}"
            ),
        })
    }
}
